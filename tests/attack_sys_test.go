package tests

import (
	"path"
	"strings"
	"testing"

	"example.com/container-go/tests/harness"
)

// In /sys there are switches for the machine, and its cgroups. Root in the container can
// read them and not write, wherever they come from, and sees no group but its own.
func TestAttackSys(t *testing.T) {
	const attack = `
for file in /sys/kernel/rcu_expedited /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/cgroup.max.depth; do
	(: >>$file) 2>/dev/null && echo "$file can be written to"
done
mount -o remount,bind,rw /sys 2>/dev/null && echo "/sys can be remounted"
umount /sys/fs/cgroup 2>/dev/null && echo "/sys/fs/cgroup can be uncovered"
mkdir /sys/fs/cgroup/new 2>/dev/null && echo "a cgroup can be made"
for dir in /sys/firmware /sys/devices/virtual/powercap; do
	[ -z "$(ls -A $dir 2>/dev/null)" ] || echo "$dir shows something"
	umount $dir 2>/dev/null && echo "$dir can be uncovered"
done
[ -e /sys/devices/system/cpu/online ] || echo "/sys shows no processors"
[ -e /sys/fs/cgroup/cgroup.procs ] || echo "/sys/fs/cgroup is empty"
cat /proc/self/mountinfo`
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, flags := range [][]string{nil, {"--network=none"}} {
			out := with(c, flags, "sh", "-c", attack).Run().Output()
			findings, mounts := splitMounts(out)
			if len(findings) > 0 {
				t.Errorf("with %q: %s", flags, strings.Join(findings, ", "))
			}
			group := ""
			for _, m := range mounts {
				if m.point != "/sys" && !strings.HasPrefix(m.point, "/sys/") {
					continue
				}
				for _, option := range []string{"ro", "nosuid", "nodev", "noexec"} {
					if !strings.Contains(","+m.options+",", ","+option+",") {
						t.Errorf("with %q, %s should be mounted %s, and is %s", flags, m.point, option, m.options)
					}
				}
				if m.point == "/sys/fs/cgroup" { // the last one is on top
					group = m.root + " of " + m.fstype
				}
			}
			if group != "/ of cgroup2" {
				t.Errorf("with %q, /sys/fs/cgroup should show the container's own cgroup as / of cgroup2, and shows %s", flags, group)
			}
		}
		unmasked := with(c, []string{"--security-opt=systempaths=unconfined"}, "sh", "-c", attack).Run().Output()
		if exists("/sys/firmware/acpi") && !strings.Contains(unmasked, "/sys/firmware shows something") {
			t.Errorf("the attack proves nothing: with systempaths=unconfined /sys/firmware should show something\n%s", unmasked)
		}
	})
}

// Without the wall, root of a machine's container writes where the machine's root may.
func TestAttackSysOpen(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		const attack = "mount -o remount,bind,rw /sys; : >>/sys/kernel/rcu_expedited && echo open"
		if got := with(c, []string{"--cap-add=SYS_ADMIN"}, "sh", "-c", attack).Run().Output(); got != "open" {
			t.Errorf("the attack proves nothing: with /sys writable, a file should open, and this was printed: %q", got)
		}
	}, harness.Root)
}

type mountLine struct{ root, point, options, fstype string }

// splitMounts separates the lines of /proc/self/mountinfo from others.
func splitMounts(output string) (others []string, mounts []mountLine) {
	for line := range strings.Lines(output) {
		before, after, found := strings.Cut(line, " - ")
		if fields := strings.Fields(before); found && len(fields) > 5 && path.IsAbs(fields[4]) {
			mounts = append(mounts, mountLine{fields[3], fields[4], fields[5], strings.Fields(after)[0]})
		} else {
			others = append(others, strings.TrimSpace(line))
		}
	}
	return others, mounts
}
