package harness

import (
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// process is what we want to know of one, see proc_pid_stat(5).
type process struct {
	name   string
	state  string
	parent int
}

// processes reads the whole process table.
func processes() map[int]process {
	found := map[int]process{}
	entries, _ := fs.ReadDir(proc.FS(), ".")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := proc.ReadFile(e.Name() + "/stat")
		if err != nil {
			continue // it has just ended
		}
		// PID (NAME) STATE PPID …, where NAME may hold anything.
		_, rest, _ := strings.Cut(string(stat), "(")
		end := strings.LastIndex(rest, ")")
		if end < 0 {
			continue
		}
		fields := strings.Fields(rest[end+1:])
		if len(fields) < 2 {
			continue
		}
		parent, _ := strconv.Atoi(fields[1])
		found[pid] = process{rest[:end], fields[0], parent}
	}
	return found
}

// children lists our child processes, which are the programs that run and, as we
// are a subreaper, whatever was orphaned by them. The dead are buried here.
func children() map[int]string {
	found := map[int]string{}
	for pid, p := range processes() {
		if p.parent != os.Getpid() {
			continue
		}
		if p.state == "Z" {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
			continue
		}
		found[pid] = p.name
	}
	return found
}

// descendants lists a process and its children, and theirs, and so on.
func descendants(pid int, table map[int]process) []int {
	found := []int{pid}
	for i := 0; i < len(found); i++ {
		for child, p := range table {
			if p.parent == found[i] && p.state != "Z" {
				found = append(found, child)
			}
		}
	}
	return found
}

// numbersOf returns the numbers that a process has, in our PID namespace first
// and in its own last.
func numbersOf(pid int) []string {
	status, _ := proc.ReadFile(strconv.Itoa(pid) + "/status")
	for line := range strings.Lines(string(status)) {
		if numbers, ok := strings.CutPrefix(line, "NSpid:"); ok {
			return strings.Fields(numbers)
		}
	}
	return nil
}

// CommandLine is what a process was started as, a space between the arguments.
func CommandLine(pid int) string {
	arguments, _ := proc.ReadFile(strconv.Itoa(pid) + "/cmdline")
	return strings.ReplaceAll(string(arguments), "\x00", " ")
}

// Alive tells whether a process is still there, and not only as a zombie.
func Alive(pid int) bool {
	p, ok := processes()[pid]
	return ok && p.state != "Z"
}
