package tests

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"example.com/container-go/tests/harness"
)

// With --init, PID 1 is the runtime's own program, which runs on the host the next
// time somebody starts it. The container must not be able to change it by way of
// /proc/1/exe (CVE-2019-5736), whoever its root is on the host. With the default
// capabilities the container cannot even open that file, so this attack has them all.
func TestAttackProgram(t *testing.T) {
	// Before Linux 6.15, an ordinary user's PID 1 is a sealed copy in memory, which no
	// longer has to do with the file. Else the refusal must be that of a read-only mount:
	// that the program is busy while it runs (ETXTBSY) would be no protection: it is
	// not busy for ever.
	const script = `
exe=/proc/1/exe
refused() {
	case $(readlink $exe):$1 in
	/memfd:*:*"Permission denied"* | /memfd:*:*"Text file busy"*) ;;
	*"Read-only file system"*) ;;
	*) echo "not refused as read-only: $1, of $(readlink $exe)" ;;
	esac
}
refused "$( (: >$exe) 2>&1)"
refused "$( (echo changed >>$exe) 2>&1)"
mount -o remount,bind,rw $exe 2>/dev/null && echo "remounted $exe"
mount -o remount,rw $exe 2>/dev/null && echo "remounted the filesystem of $exe"
head -c 4 /proc/1/exe`
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		before, err := os.ReadFile(c.Program.Path)
		if err != nil {
			t.Fatal(err)
		}
		r := with(c, []string{"--init", "--cap-add=ALL"}, "sh", "-c", script).Run()
		if got := r.Output(); got != "\x7fELF" {
			t.Errorf("the container can read PID 1's program, and must not change it; it printed %q\n%s", got, r)
		}
		// The command may be the program itself, under whatever name.
		if r := with(c, nil, "/proc/self/exe", "--help").Run(); !strings.Contains(r.Stdout, "Usage") {
			t.Errorf("/proc/self/exe as the command should be the runtime's program, which prints its usage\n%s", r)
		}
		after, err := os.ReadFile(c.Program.Path)
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("the container has changed the program on the host: %d bytes before, %d after, %v", len(before), len(after), err)
		}
	})
}
