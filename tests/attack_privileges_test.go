package tests

import (
	"archive/tar"
	"os"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/tests/harness"
)

// An image's setuid program makes a user root in the container, as su and sudo need it.
// With no-new-privileges it does not.
func TestAttackSetuidProgram(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		program, err := os.ReadFile(harness.Build(t, "tests/calls", "CGO_ENABLED=0"))
		if err != nil {
			t.Fatal(err)
		}
		ref := labWith(t, c, v1.Config{User: "1000"}, entry{tar.Header{Name: "setuid", Mode: 0o4755}, string(program)})
		for _, test := range []struct {
			flags []string
			want  string
		}{
			{nil, "user 0"}, // without the wall, the attack succeeds
			{[]string{"--security-opt=no-new-privileges=false"}, "user 0"},
			{[]string{"--security-opt=no-new-privileges"}, "user 1000"},
			{[]string{"--security-opt", "no-new-privileges:true", "--init"}, "user 1000"},
		} {
			cmd := fromImage(c, ref, "/setuid", "user")
			cmd.Flags = append(cmd.Flags, test.flags...)
			if got := cmd.Run().Output(); got != test.want {
				t.Errorf("with %q, root's setuid program that user 1000 starts runs as %q, and should as %q", test.flags, got, test.want)
			}
		}
	}, harness.Root, harness.RootUserNS, harness.UserSubIDs)
}
