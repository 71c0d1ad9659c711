package inside

import (
	"fmt"
	"os"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/mount"
	"example.com/container-go/06-full-runtime/mount/self"
)

// protect starts the program once more, from a copy that the container cannot change. An
// ordinary user's runtime may not mount, so PID 1 must protect the program before
// anything of the container runs, see package self. The copy is for kernels where that
// has failed.
func protect() {
	if os.Getenv(self.Variable) == "" {
		return
	}
	path, err := mount.SealedSelf()
	if err == nil {
		err = self.Exec(path, config.ChildName)
	}
	fmt.Fprintf(os.Stderr, "container: start PID 1 from a protected program: %v\n", err)
	os.Exit(config.StatusFailed)
}
