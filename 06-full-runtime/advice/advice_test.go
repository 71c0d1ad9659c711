package advice

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// failure is an error with the name of its step.
type failure struct {
	step string
	err  error
}

func (f *failure) Error() string { return f.step + ": " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }
func (f *failure) Step() string  { return f.step }

func TestFor(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string // part of the hint; "" is none
	}{
		{&failure{"pivot_root", syscall.EINVAL}, "initramfs"},
		{&failure{"pivot_root", syscall.EPERM}, ""},
		{&failure{"clone", syscall.EPERM}, "--userns"},
		{&failure{"setuid", syscall.EINVAL}, "subordinate ids"},
		{fmt.Errorf("wrapped: %w", &failure{"mount overlay", syscall.ENODEV}), "modprobe overlay"},
		{&failure{"find cgroups", errors.New("none")}, "mount -t cgroup2"},
		{&failure{"find cgroup2", errors.New("only v1")}, "systemd.unified_cgroup_hierarchy=1"},
		{&failure{"find cgroup controller", errors.New("no pids")}, "cgroup_disable="},
		{&failure{"find delegated controller", errors.New("no io")}, "Delegate="},
		{&failure{"find delegated cgroup", syscall.EROFS}, "read-only"},
		{&failure{"find delegated cgroup", syscall.EACCES}, "systemd-run --user --scope -p Delegate=yes"},
		{&failure{"find cgroup below our own", syscall.EACCES}, "has processes in it"},
		{&failure{"enable controllers", syscall.EBUSY}, "has processes in it"},
		{&failure{"make the store", syscall.EROFS}, "--store DIR"},
		// The inner step says more than the outer one.
		{&failure{"parse the command line", &failure{"parse a volume", errors.New("x")}}, "named volumes"},
		{&failure{"parse the command line", errors.New("x")}, "--help"},
		{errors.New("of no step"), ""},
	} {
		got := For(test.err, false)
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%v: the hint is %q, want %q", test.err, got, test.want)
		}
		if strings.Contains(got, "\n") {
			t.Errorf("%v: the hint has more than one line: %q", test.err, got)
		}
	}
}
