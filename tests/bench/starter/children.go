package starter

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// settle waits for processes that outlived their program, such as a janitor: their
// work must not slow down the next run. Some never end, like podman's process that
// keeps its user namespace. settle waits for such a process only once.
func (w *worker) settle() {
	for deadline := time.Now().Add(time.Second); ; time.Sleep(time.Millisecond) {
		late := w.strangers()
		if len(late) == 0 {
			return
		}
		if time.Now().After(deadline) {
			for _, pid := range late {
				w.residents[pid] = true
			}
			return
		}
	}
}

// strangers lists the children that we did not start, and reaps those that ended.
func (w *worker) strangers() []int {
	ours := map[int]bool{}
	for _, p := range w.held {
		ours[p.cmd.Process.Pid] = true
	}
	var living []int
	for _, pid := range children() {
		if ours[pid] || w.residents[pid] {
			continue
		}
		if reaped, _ := unix.Wait4(pid, nil, unix.WNOHANG, nil); reaped != pid {
			living = append(living, pid)
		}
	}
	return living
}

// children lists the children of all of our threads.
func children() []int {
	var pids []int
	files, _ := filepath.Glob("/proc/self/task/*/children")
	for _, file := range files {
		content, _ := os.ReadFile(file)
		for _, word := range strings.Fields(string(content)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// killAll ends every process that we started, and every process that these left
// behind. A process that dies leaves us its children, so it takes several rounds. The
// list of children may lack some while others are exiting (proc(5)), so that only
// wait4 knows when none is left.
func (w *worker) killAll() {
	w.starting.Lock()
	w.closed = true
	w.starting.Unlock()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		for _, pid := range children() {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		for {
			pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
			if err == unix.ECHILD {
				return
			}
			if pid <= 0 && err != unix.EINTR {
				break
			}
		}
	}
}
