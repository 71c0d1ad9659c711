package container

import (
	"os"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/mount"
	"example.com/container-go/06-full-runtime/mount/self"
)

// program returns the path of what the child is started from, and its environment. It
// is this program, which the container must not be able to change. We protect it if we
// may mount. Otherwise PID 1 does, in its own mount namespace.
func program() (path string, env []string, err error) {
	// One processor: see config.MinPids. Else Go's runtime keeps its cgroup's files open.
	env = []string{"GOMAXPROCS=1", "GODEBUG=containermaxprocs=0,updatemaxprocs=0"}
	if os.Geteuid() != 0 {
		return "/proc/self/exe", append(env, self.Variable+"="+config.ChildName), nil
	}
	path, err = mount.ProtectedSelf()
	return path, env, err
}
