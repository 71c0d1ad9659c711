package container

import (
	"os"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/mount"
)

// program returns the path of what the child is started from, and argv[0]: it is this
// program, which the container must not be able to change. We protect it if we may
// mount. Otherwise PID 1 does, in its own mount namespace, see inside/protect.go.
func program() (path, name string, err error) {
	if os.Geteuid() != 0 {
		return "/proc/self/exe", config.UnprotectedName, nil
	}
	path, err = mount.ProtectedSelf()
	return path, config.ChildName, err
}
