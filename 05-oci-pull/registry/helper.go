package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"example.com/container-go/05-oci-pull/printable"
)

// askHelper gets credentials from a program that keeps them, docker-credential-NAME.
// See https://github.com/docker/docker-credential-helpers
func askHelper(ctx context.Context, name, server string, patience time.Duration) (login, error) {
	program := "docker-credential-" + name
	if strings.ContainsAny(name, "/\x00") {
		return login{}, errors.New("which is not a name")
	}
	if _, err := exec.LookPath(program); err != nil {
		return login{}, fmt.Errorf("%s is not installed: install it, or take the helper out of the file and log in again", program)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("%s does not answer within %v", program, patience))
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "get")
	cmd.Stdin = strings.NewReader(server)
	answer, complaint := &bounded{}, &bounded{}
	cmd.Stdout, cmd.Stderr = answer, complaint
	// A helper may be a script, whose children must not be left behind either.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return login{}, context.Cause(ctx)
	}
	if err != nil {
		said := strings.TrimSpace(answer.String() + complaint.String())
		if strings.Contains(said, "credentials not found") {
			return login{}, nil
		}
		if said != "" {
			said = ": " + printable.Line(strings.SplitN(said, "\n", 2)[0])
		}
		return login{}, fmt.Errorf("%s fails: %w%s", program, err, said)
	}
	var got struct{ Username, Secret string }
	if err := json.Unmarshal(answer.Bytes(), &got); err != nil {
		return login{}, fmt.Errorf("%s answers with something else than JSON", program)
	}
	if got.Username == "<token>" {
		return login{refresh: got.Secret}, nil
	}
	return login{user: got.Username, password: got.Secret}, nil
}

// bounded keeps the beginning of what a program writes.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if room := maxToken - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}
