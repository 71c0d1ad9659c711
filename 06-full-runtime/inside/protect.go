package inside

import (
	"fmt"
	"os"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/mount"
	"example.com/container-go/06-full-runtime/mount/self"
)

// An ordinary user's runtime may not mount, so it cannot protect the program that it
// starts. PID 1 does so before anything of the container runs, see package self. This
// function is reached only where that has failed.
func init() {
	if os.Args[0] != config.ChildName || os.Getenv(self.Variable) == "" {
		return
	}
	path, err := mount.SealedSelf()
	if err == nil {
		err = self.Exec(path, config.ChildName)
	}
	fmt.Fprintf(os.Stderr, "container: start PID 1 from a protected program: %v\n", err)
	os.Exit(config.StatusFailed)
}
