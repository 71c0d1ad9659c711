package state

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// startTime is when a process was started: the boot, and clock ticks since. With it a
// number stands for one process and not for whoever has it next (proc_pid_stat(5)).
func startTime(pid int) (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	path := fmt.Sprintf("/proc/%d/stat", pid)
	stat, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	// PID (NAME) STATE ..., where NAME may hold anything.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	const start = 22 - 3
	if len(fields) <= start {
		return "", fmt.Errorf("parse %s: too short", path)
	}
	return strings.TrimSpace(string(boot)) + " " + fields[start], nil
}

// killPID1 kills a container's first process, and with it all the others
// (pid_namespaces(7)), if it is still that one.
func killPID1(note string) {
	content, _ := os.ReadFile(note)
	number, started, _ := strings.Cut(string(content), " ")
	pid, err := strconv.Atoi(number)
	if err != nil {
		return
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if now, err := startTime(pid); err == nil && now == started {
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		// It is readable when the process, and all that it took along, is dead.
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 2000)
	}
}
