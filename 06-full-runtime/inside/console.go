package inside

import (
	"fmt"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/explain"
	"example.com/container-go/06-full-runtime/mount"
)

// openConsole is the container's side: a terminal out of its own devpts becomes
// its stdin, stdout, stderr, its controlling terminal, and /dev/console. The
// other side goes to the parent through a socket.
func (p *pid1) openConsole() error {
	if !p.Terminal {
		return nil
	}
	ours, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /dev/ptmx: %w", err)
	}
	defer unix.Close(ours)
	number, err := unix.IoctlGetInt(ours, unix.TIOCGPTN)
	if err != nil {
		return fmt.Errorf("ioctl TIOCGPTN /dev/ptmx: %w", err)
	}
	if err := unix.IoctlSetPointerInt(ours, unix.TIOCSPTLCK, 0); err != nil {
		return fmt.Errorf("ioctl TIOCSPTLCK /dev/ptmx: %w", err)
	}
	name := fmt.Sprintf("/dev/pts/%d", number)
	tty, err := unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	if err := explain.Step(unix.Fchown(tty, p.user.Uid, -1), "a terminal belongs to its user", "fchown", "%s %d", name, p.user.Uid); err != nil {
		return err
	}
	if p.Size != nil {
		if err := unix.IoctlSetWinsize(tty, unix.TIOCSWINSZ, p.Size); err != nil {
			return fmt.Errorf("ioctl TIOCSWINSZ %s: %w", name, err)
		}
	}
	console, err := mount.Bind("the same terminal under a name that programs know", name)
	if err != nil {
		return err
	}
	// It may be there, if --volume has put another /dev over ours.
	if exists, err := makeTarget("/dev/console", true); err != nil {
		return fmt.Errorf("mount %s: %w", name, err)
	} else if err := console.Attach(exists); err != nil {
		return err
	}
	err = unix.Sendmsg(int(p.parent.Fd()), []byte{0}, unix.UnixRights(ours), nil, 0)
	if err := explain.Step(err, "the other side of the terminal, for the runtime", "sendmsg", "SCM_RIGHTS /dev/ptmx"); err != nil {
		return err
	}
	// Only the leader of a session that has no terminal yet can acquire one, and
	// that we are.
	if err := explain.Step(unix.IoctlSetInt(tty, unix.TIOCSCTTY, 0), "our session's terminal: its keys make our signals", "ioctl", "TIOCSCTTY %s", name); err != nil {
		return err
	}
	for fd := range 3 {
		if err := unix.Dup3(tty, fd, 0); err != nil {
			return fmt.Errorf("dup3 %s: %w", name, err)
		}
	}
	return nil
}
