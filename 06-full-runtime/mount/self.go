package mount

import (
	"fmt"

	"example.com/container-go/06-full-runtime/explain"
	"example.com/container-go/06-full-runtime/mount/self"
)

// ProtectedSelf returns a path to the running program by which nobody can change the
// program, see package self. The path is valid as long as this process lives.
func ProtectedSelf() (string, error) {
	path, err := self.ReadOnly()
	err = explain.Step(err, "this program, read-only: the container must not reach our file", "fsmount", "overlay -o ro,lowerdir=/proc/self/exe/..")
	if err == nil {
		return path, nil
	}
	return SealedSelf()
}

// SealedSelf does the same where there can be no overlayfs. The path is that of a sealed
// copy in memory, which takes longer.
func SealedSelf() (string, error) {
	memory, err := sealedCopy()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("/proc/self/fd/%d", memory), nil
}
