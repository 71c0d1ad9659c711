package explain

import (
	"time"

	"golang.org/x/sys/unix"
)

// Start is when this process executed its program, on CLOCK_MONOTONIC. The kernel
// tells it in hundredths of a second only (proc_pid_stat(5)). Until main begins, a
// program does not wait, so it has used as much processor time as has passed.
func Start() time.Duration {
	return read(unix.CLOCK_MONOTONIC) - read(unix.CLOCK_PROCESS_CPUTIME_ID)
}

func read(clock int32) time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(clock, &t) // both clocks exist since Linux 2.6.12
	return time.Duration(t.Nano())
}
