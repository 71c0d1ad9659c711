package janitor

import (
	"fmt"
	"os"

	"golang.org/x/term"
)

const terminalDuty = "container-go-janitor-terminal"

func init() { Serve(terminalDuty, keepTerminal) }

// Terminal is a terminal in raw mode: it hands over every key as it is, and
// leaves echo and Ctrl-C to another terminal.
type Terminal struct {
	file    *os.File
	state   *term.State
	janitor *Janitor
}

// MakeRaw puts a terminal into raw mode until Restore, or this process's end.
func MakeRaw(file *os.File) (*Terminal, error) {
	state, err := term.GetState(int(file.Fd()))
	if err != nil {
		return nil, fmt.Errorf("get the terminal's mode: %w", err)
	}
	// The janitor answers when it has noted the mode, which may change then.
	j, _, err := Hire(terminalDuty, "", file)
	if err != nil {
		return nil, err
	}
	t := &Terminal{file, state, j}
	if err := t.Raw(); err != nil {
		t.Restore()
		return nil, err
	}
	return t, nil
}

// Raw sets raw mode again, after somebody else has set another one.
func (t *Terminal) Raw() error {
	if _, err := term.MakeRaw(int(t.file.Fd())); err != nil {
		return fmt.Errorf("set the terminal to raw mode: %w", err)
	}
	return nil
}

// Restore gives the terminal its old mode.
func (t *Terminal) Restore() {
	_ = term.Restore(int(t.file.Fd()), t.state)
	t.janitor.Dismiss()
}

// keepTerminal is the janitor's duty for a Terminal.
func keepTerminal(string) {
	state, err := term.GetState(3)
	Answer("", err)
	if err != nil {
		return
	}
	Outlive()
	_ = term.Restore(3, state)
}
