// Package config has what the parent and PID 1 agree on: the Config of a container,
// the one message that carries it, and the statuses by which both report a failure.
package config

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Config describes a container, as PID 1 needs to know it.
type Config struct {
	Dir          string   // on the host: holds upper, work and root, see package state
	Layers       []string // directories on the host, lowest first; together they are "/"
	UserNS       bool     // in a user namespace, whose root has no rights over the host
	MoreIDs      [2]IDLine
	Hostname     string
	Args         []string // the command and its arguments
	Env          []string // KEY=VALUE, or KEY alone to unset it; the last one counts; defaults fill what is missing
	WorkDir      string   // is made if it does not exist; "" is "/"
	User         string   // NAME|UID[:GROUP|GID], as an image has it; "" is root
	Mounts       []Mount
	NoNetwork    bool   // in a network namespace with nothing but lo
	ReadOnly     bool   // "/" cannot be written to
	Terminal     bool   // gets a terminal of its own, instead of our stdin, stdout and stderr
	Init         bool   // PID 1 is our init, and the command its child
	Capabilities uint64 // what programs may have: bit N is capability N of capabilities(7)
	Filter       []byte // what system calls they may make, from package seccomp; nil is all
	NoNewPrivs   bool   // no program is setuid, or has capabilities from its file
	Unmasked     bool   // /proc shows all of the machine
	Explain      bool   // print each step on stderr
}

// Mount is a mount that the user asks for, a file or a directory of the host, or a
// tmpfs; or one that the image asks for, of a directory of its own.
type Mount struct {
	Source   string // absolute path on the host; "" for a tmpfs and for package inside's own files
	Target   string // absolute path in the container; is made if it does not exist
	ReadOnly bool
	Slave    bool     // what the host mounts below Source later appears in the container
	Tmpfs    bool     // instead of Source
	Options  []string // of the tmpfs, as for mount(8)
	Own      bool     // Target itself is mounted there, which keeps it writable in a read-only root
}

// IDLine is the beginning of a line that would give the container more user ids, or
// group ids: see userns.Line.
type IDLine struct {
	File, Prefix string
	Has          int
}

// Message is what the parent sends to PID 1, as a gob: JSON would change arguments
// and paths that are not UTF-8.
type Message struct {
	Config
	Size       *unix.Winsize     // of the caller's terminal; nil if there is none
	Namespaces map[string]string // the host's, for explain.CompareNamespaces
	Start      time.Duration     // of the run, for explain.To
}

// Ready follows the Message when the parent can pass signals on to the command.
const Ready = true

// ChildName is argv[0] of PID 1's half. Its arguments show nothing of the Config,
// because every user of the host can read them.
const ChildName = "container-init"

// MinPids is how many processes and threads a cgroup must allow. PID 1 has four to
// six threads until its execve, and a few more on a machine with many processors.
const MinPids = 8

// LastSignal is the highest real-time signal. C libraries keep the first three for
// themselves, 32 to 34, and Go does not pass those on.
const LastSignal = syscall.Signal(64)

// The exit statuses of `docker run` that are not the command's own.
const (
	StatusFailed   = 125 // the container could not be made
	StatusCannot   = 126 // the command exists, but cannot be run
	StatusNotFound = 127 // the command does not exist
	StatusSignal   = 128 // plus the number of the signal that ended the command
)
