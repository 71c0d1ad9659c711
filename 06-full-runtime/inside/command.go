package inside

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/explain"
)

// commandError says that the container is fine but its command is not.
type commandError struct {
	status int
	err    error
}

func (e *commandError) Error() string { return e.err.Error() }
func (e *commandError) Unwrap() error { return e.err }

// environment is the image's, completed as docker run does.
func environment(c config.Config, home string) []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOSTNAME=" + c.Hostname,
		"HOME=" + home,
	}
	if c.Terminal {
		env = append(env, "TERM=xterm")
	}
	for _, kv := range c.Env {
		key, _, hasValue := strings.Cut(kv, "=")
		env = slices.DeleteFunc(env, func(have string) bool { return strings.HasPrefix(have, key+"=") })
		if hasValue {
			env = append(env, kv)
		}
	}
	return env
}

// execCommand puts the command in our place. It returns only with an error.
func execCommand(args, env []string) error {
	path, err := findCommand(args, env)
	if err != nil {
		return err
	}
	_ = explain.Step(nil, "the command in our place: the same process, still PID 1", "execve", "%s %q", path, args)
	return commandFailed(args, syscall.Exec(path, args, env))
}

// findCommand searches the container's PATH.
func findCommand(args, env []string) (path string, err error) {
	os.Clearenv()
	for _, kv := range env {
		if key, value, _ := strings.Cut(kv, "="); key == "PATH" {
			os.Setenv(key, value)
		}
	}
	path, err = exec.LookPath(args[0])
	if err == nil || errors.Is(err, exec.ErrDot) {
		return path, nil
	}
	if lookup := new(exec.Error); errors.As(err, &lookup) {
		err = lookup.Err // without the name, which is added again
	}
	return "", commandFailed(args, err)
}

// commandFailed gives the reason why a command does not run docker run's status.
func commandFailed(args []string, err error) error {
	failed := &explain.Error{Call: "exec", Args: args[0], Err: err}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return &commandError{config.StatusNotFound, &notFound{failed, args}}
	}
	return &commandError{config.StatusCannot, failed}
}

// notFound is the error of a command that the image does not have.
type notFound struct {
	error
	args []string
}

func (e *notFound) Unwrap() error { return e.error }

// Step and Command are for package advice.
func (e *notFound) Step() string      { return "find the command" }
func (e *notFound) Command() []string { return e.args }
