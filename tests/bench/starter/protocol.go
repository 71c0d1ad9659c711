// Package starter starts the measured programs from a small process.
//
// The kernel counts the memory of the process that forked among a program's own
// peak, because Go's fork shares the parent's memory until the exec. The benchmark
// holds images of hundreds of megabytes, so it must not be that parent. Its own
// program, started again under another name, becomes the parent before the packages
// of the benchmark are initialized.
//
// The starter also inherits every process that its programs leave behind. It waits
// for them between two runs, and ends them when the benchmark ends, for whatever
// reason.
package starter

import "time"

// Command is a program to start.
type Command struct {
	Path string   // of the program; Args[0] if it is empty
	Args []string // with the name of the program
	Env  []string
	ID   int // the user and group that the program runs as
}

// Result is one program's end.
type Result struct {
	Wall   time.Duration // from before the fork to after the wait
	CPU    time.Duration // user and system time, of all processes that were waited for
	Peak   int64         // bytes of memory that the largest of these processes had
	Status int           // as a shell has it in $?
	Output string        // stdout and stderr
}

// An action is what the starter is asked to do.
type action string

const (
	run     action = "run"     // start the commands at once and wait for all of them
	hold    action = "hold"    // start them with an open stdin, and wait for a line from each
	release action = "release" // close their stdin and wait for them
)

type request struct {
	Action   action
	Commands []Command
}

type reply struct {
	Results []Result
	Wall    time.Duration // from the first start to the last end
	Error   string
}
