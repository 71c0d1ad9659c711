package starter

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Starter is a starter at work.
type Starter struct {
	cmd        *exec.Cmd
	connection net.Conn
	encoder    *json.Encoder
	decoder    *json.Decoder
}

// New starts a starter. When it ends, it removes the directory dir, the mounts below
// it, and the control groups that match a pattern.
func New(dir, groups string) (*Starter, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socketpair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "starter"), os.NewFile(uintptr(fds[1]), "benchmark")
	defer ours.Close()
	defer theirs.Close()
	connection, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/proc/self/exe", dir, groups)
	cmd.Args[0] = duty
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stderr = theirs, os.Stderr
	// Ctrl-C reaches the benchmark alone, which then ends the starter.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		connection.Close()
		return nil, err
	}
	return &Starter{cmd, connection, json.NewEncoder(connection), json.NewDecoder(connection)}, nil
}

// Run starts the commands at once and waits for all of them.
func (s *Starter) Run(commands ...Command) ([]Result, time.Duration, error) {
	return s.ask(request{run, commands})
}

// Hold starts commands that must print a line and then read their stdin until it
// ends. It returns when all of them have printed.
func (s *Starter) Hold(commands ...Command) error {
	_, _, err := s.ask(request{hold, commands})
	return err
}

// Release ends the commands that are being held.
func (s *Starter) Release() error {
	_, _, err := s.ask(request{Action: release})
	return err
}

func (s *Starter) ask(r request) ([]Result, time.Duration, error) {
	if err := s.encoder.Encode(r); err != nil {
		return nil, 0, err
	}
	var answer reply
	if err := s.decoder.Decode(&answer); err != nil {
		return nil, 0, fmt.Errorf("the starter ended: %w", err)
	}
	if answer.Error != "" {
		return nil, 0, errors.New(answer.Error)
	}
	return answer.Results, answer.Wall, nil
}

// Stop makes the starter end all of its programs and remove what they left. A Run in
// progress fails. Stop returns at once; Wait returns when the starter has ended.
func (s *Starter) Stop() { s.connection.Close() }

// Wait waits for the end of a starter that was stopped.
func (s *Starter) Wait() error { return s.cmd.Wait() }
