package inside

import (
	"fmt"
	"os"
	"syscall"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/mount"
)

// An ordinary user's runtime may not mount, so it cannot protect the program that it
// starts. PID 1 of a user namespace may: it starts the program once more, from a
// read-only mount of its own, before anything of the container runs.
func init() {
	if os.Args[0] != config.UnprotectedName {
		return
	}
	path, err := mount.ProtectedSelf()
	if err == nil {
		err = syscall.Exec(path, []string{config.ChildName}, os.Environ())
	}
	fmt.Fprintf(os.Stderr, "container: start PID 1 from a protected program: %v\n", err)
	os.Exit(config.StatusFailed)
}
