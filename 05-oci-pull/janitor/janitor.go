// Package janitor cleans up after this process, whatever ends it.
//
// An error or a signal gives a program time to clean up, SIGKILL does not. So
// there is a second process, this program started once more, that waits for the
// end of a connection. The kernel closes our end of it when we die, however we do,
// and then the janitor does what is left to do.
package janitor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Serve ends this process with a janitor's duty if it was started to do that. It
// is to be called by an init function, before the packages of the program that come
// later are initialised: a janitor needs none of them.
func Serve(name string, duty func(argument string)) {
	if os.Args[0] != name || len(os.Args) != 2 {
		return
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	duty(os.Args[1])
	os.Exit(0)
}

// Janitor is a janitor at work.
type Janitor struct {
	cmd   *exec.Cmd
	alive *os.File // the connection that tells it that we are
}

// Hire starts a janitor, which inherits the files as descriptors 3 and up, and
// returns its answer. A key like Ctrl-C can hit it between its fork and the
// setsid that takes it out of the terminal's reach: then there is no answer, and
// another one is hired.
func Hire(duty, argument string, files ...*os.File) (j *Janitor, answer string, err error) {
	for range 3 {
		if j, err = Start(duty, argument, files...); err != nil {
			return nil, "", err
		}
		if answer, err = j.reply(); err == nil {
			return j, answer, nil
		}
		j.Dismiss()
		if !errors.Is(err, io.EOF) {
			break
		}
	}
	return nil, "", err
}

// Start starts a janitor and does not wait for an answer. What it is to remove must be
// made after Start returns, and be in its argument.
func Start(duty, argument string, files ...*os.File) (*Janitor, error) {
	cmd := exec.Command("/proc/self/exe", argument)
	cmd.Args[0] = duty
	cmd.Dir = "/"
	cmd.ExtraFiles = files
	// A session of its own keeps it out of reach of the terminal, and of whoever
	// kills our process group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("start the janitor: socketpair: %w", err)
	}
	alive, stdin := os.NewFile(uintptr(fds[0]), "janitor"), os.NewFile(uintptr(fds[1]), "stdin")
	defer stdin.Close()
	cmd.Stdin = stdin
	if err := cmd.Start(); err != nil {
		alive.Close()
		return nil, fmt.Errorf("start the janitor: %w", err)
	}
	return &Janitor{cmd, alive}, nil
}

// Dismiss ends the janitor, after it has done its duty.
func (j *Janitor) Dismiss() {
	j.alive.Close()
	_ = j.cmd.Wait()
}

// Leave dismisses the janitor and does not wait for its end. It is for a process that
// is about to end itself and has left nothing to do.
func (j *Janitor) Leave() { j.alive.Close() }

// reply waits for the janitor's answer to being started.
func (j *Janitor) reply() (string, error) {
	message := make([]byte, 8<<10)
	n, err := j.alive.Read(message)
	if err != nil {
		return "", fmt.Errorf("hear from the janitor: %w", err)
	}
	if message[0] == failed {
		return "", errors.New(string(message[1:n]))
	}
	return string(message[1:n]), nil
}

// What an answer begins with.
const (
	done   = 0
	failed = 1
)

// Answer is what a janitor has to tell to begin with. If nobody hears it, Outlive
// will know.
func Answer(text string, err error) {
	message := append([]byte{done}, text...)
	if err != nil {
		message = append([]byte{failed}, err.Error()...)
	}
	_ = unix.Send(0, message, unix.MSG_NOSIGNAL)
}

// Entrust sends the janitor a pidfd: what it refers to is to be killed if we die.
func (j *Janitor) Entrust(pidfd int) error {
	if err := unix.Sendmsg(int(j.alive.Fd()), []byte{0}, unix.UnixRights(pidfd), nil, 0); err != nil {
		return fmt.Errorf("send a pidfd to the janitor: %w", err)
	}
	return nil
}

// Outlive returns, in a janitor, when the process that started it is dead or has
// dismissed it, and those entrusted to it are killed.
func Outlive() {
	var pidfds []int
	data, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	for {
		n, oobn, _, _, err := unix.Recvmsg(0, data, oob, unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			break
		}
		messages, _ := unix.ParseSocketControlMessage(oob[:oobn])
		for i := range messages {
			fds, _ := unix.ParseUnixRights(&messages[i])
			pidfds = append(pidfds, fds...)
		}
	}
	for _, fd := range pidfds {
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	}
}
