package inside

import (
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// enterWorkDir makes the working directory if it does not exist, and enters it.
func (p *pid1) enterWorkDir() error {
	// As for Docker, ".." takes away the name before it, whatever that leads to.
	dir := path.Clean("/" + p.WorkDir)
	err := checkPath(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.Chdir(dir)
	}
	if err != nil {
		return fmt.Errorf("working directory: %w", err)
	}
	return checkWorkDir()
}

// checkWorkDir refuses to work where our root does not lead to.
func checkWorkDir() error {
	buffer := make([]byte, unix.PathMax)
	n, err := unix.Getcwd(buffer)
	if err != nil {
		return fmt.Errorf("getcwd: %w", err)
	}
	if here := strings.TrimRight(string(buffer[:n]), "\x00"); !strings.HasPrefix(here, "/") {
		return fmt.Errorf("working directory: %s is outside of the container's root", here)
	}
	return nil
}
