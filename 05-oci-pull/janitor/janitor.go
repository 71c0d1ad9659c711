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

// The janitor's names, as which it is started, say what it is to do.
var duties = map[string]func(argument string){
	"container-go-janitor-dir":      keepDir,
	"container-go-janitor-terminal": keepTerminal,
}

// The janitor's work begins, and ends, before the packages of the program that
// come later are initialised: it needs none of them.
func init() {
	duty, ok := duties[os.Args[0]]
	if !ok || len(os.Args) != 2 {
		return
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	duty(os.Args[1])
	os.Exit(0)
}

// janitor is a janitor at work.
type janitor struct {
	cmd   *exec.Cmd
	alive *os.File // the connection that tells it that we are
}

// hire starts a janitor, which inherits the files as descriptors 3 and up, and
// returns its answer. A key like Ctrl-C can hit it between its fork and the
// setsid that takes it out of the terminal's reach: then there is no answer, and
// another one is hired.
func hire(duty, argument string, files ...*os.File) (j *janitor, answer string, err error) {
	for range 3 {
		if j, err = start(duty, argument, files...); err != nil {
			return nil, "", err
		}
		if answer, err = j.reply(); err == nil {
			return j, answer, nil
		}
		j.dismiss()
		if !errors.Is(err, io.EOF) {
			break
		}
	}
	return nil, "", err
}

func start(duty, argument string, files ...*os.File) (*janitor, error) {
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
	return &janitor{cmd, alive}, nil
}

// dismiss ends the janitor, after it has done its duty.
func (j *janitor) dismiss() {
	j.alive.Close()
	_ = j.cmd.Wait()
}

// reply waits for the janitor's answer to being started.
func (j *janitor) reply() (string, error) {
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

// answer is the janitor's side of reply. If nobody hears it, outlive will know.
func answer(text string, err error) {
	message := append([]byte{done}, text...)
	if err != nil {
		message = append([]byte{failed}, err.Error()...)
	}
	_ = unix.Send(0, message, unix.MSG_NOSIGNAL)
}

// entrust sends the janitor a pidfd: what it refers to is to be killed if we die.
func (j *janitor) entrust(pidfd int) error {
	if err := unix.Sendmsg(int(j.alive.Fd()), []byte{0}, unix.UnixRights(pidfd), nil, 0); err != nil {
		return fmt.Errorf("send a pidfd to the janitor: %w", err)
	}
	return nil
}

// outlive returns when the process that started the janitor is dead or has
// dismissed it, and those entrusted to it are killed.
func outlive() {
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
