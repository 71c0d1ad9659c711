package starter

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// duty is the name that the benchmark's program is started under to be a starter.
const duty = "container-go-bench-starter"

func init() {
	if os.Args[0] != duty || len(os.Args) != 3 {
		return
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "starter:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve works until the benchmark closes the connection or dies.
func serve(dir, groups string) error {
	// Orphans of our programs become our children, see prctl(2).
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_CHILD_SUBREAPER: %w", err)
	}
	// The programs that we start must not inherit the connection.
	connection, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return fmt.Errorf("fcntl F_DUPFD_CLOEXEC: %w", err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	if err := unix.Dup3(int(null.Fd()), 0, 0); err != nil {
		return fmt.Errorf("dup3: %w", err)
	}
	socket := os.NewFile(uintptr(connection), "benchmark")
	requests := make(chan request)
	go func() {
		defer close(requests)
		for decoder := json.NewDecoder(socket); ; {
			var r request
			if decoder.Decode(&r) != nil {
				return
			}
			requests <- r
		}
	}()
	w := newWorker()
	encoder := json.NewEncoder(socket)
	for r := range requests {
		done := make(chan reply, 1)
		go func() { done <- w.do(r) }()
		select {
		case answer := <-done:
			_ = encoder.Encode(answer) // if it fails, requests ends
		case <-requests: // the benchmark has ended in the middle of a run
		}
	}
	w.killAll()
	return clearUp(dir, groups)
}
