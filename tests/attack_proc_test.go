package tests

import (
	"slices"
	"strings"
	"testing"

	"example.com/container-go/tests/harness"
)

// Docker's masked and read-only paths, as far as /proc has them.
var (
	maskedPaths = []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
	}
	readOnlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

// What /proc shows of the machine is covered, and what acts on the machine is
// read-only. root cannot take a cover away.
func TestAttackProcPaths(t *testing.T) {
	script := `
for path in ` + strings.Join(maskedPaths, " ") + `; do
	[ -d $path ] && shown=$(ls -A $path) || shown=$(cat $path 2>/dev/null)
	[ -z "$shown" ] || echo "$path can be read"
	[ -e $path ] && umount $path 2>/dev/null && echo "$path can be uncovered"
done
for path in ` + strings.Join(readOnlyPaths, " ") + `; do
	[ -e $path ] && mount -o remount,bind,rw $path 2>/dev/null && echo "$path can be remounted"
done
cat /proc/self/mountinfo`
	var want []string
	for _, path := range slices.Concat(maskedPaths, readOnlyPaths) {
		if exists(path) {
			want = append(want, path)
		}
	}
	slices.Sort(want)
	covered := func(mountinfo string) (paths []string) {
		for line := range strings.Lines(mountinfo) {
			if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], "/proc/") {
				paths = append(paths, fields[4])
				if slices.Contains(readOnlyPaths, fields[4]) && !strings.HasPrefix(fields[5], "ro,") {
					t.Errorf("%s can be written to: %s", fields[4], line)
				}
			}
		}
		slices.Sort(paths)
		return paths
	}
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		out := c.Run("sh", "-c", script).Output()
		if strings.Contains(out, " can be ") {
			t.Errorf("root in the container gets through the covers of /proc:\n%s", out)
		}
		if got := covered(out); !slices.Equal(got, want) {
			t.Errorf("of /proc these are covered: %q, and these should be: %q", got, want)
		}
		// Without the wall nothing is covered.
		if got := covered(with(c, []string{"--security-opt=systempaths=unconfined"}, "cat", "/proc/self/mountinfo").Run().Output()); len(got) > 0 {
			t.Errorf("with systempaths=unconfined these are covered all the same: %q", got)
		}
	})
}

// Without the wall, root in a container of root's writes where only the machine's root
// may.
func TestAttackProcSys(t *testing.T) {
	const attack = "echo other 2>/dev/null >/proc/sys/kernel/hostname; hostname"
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		if got := c.Run("sh", "-c", attack).Output(); got != "shadman-lab" {
			t.Errorf("by way of /proc/sys, root has named the container %q", got)
		}
		if got := with(c, []string{"--security-opt=systempaths=unconfined"}, "sh", "-c", attack).Run().Output(); got != "other" {
			t.Errorf("the attack proves nothing: without the wall it should name the container other, and not %q", got)
		}
	}, harness.Root)
}
