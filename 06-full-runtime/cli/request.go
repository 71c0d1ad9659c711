// Package cli is the command line: it turns flags into one Request, and prints what
// --images and --prune find.
package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"example.com/container-go/05-oci-pull/image"
	"example.com/container-go/05-oci-pull/printable"
	"example.com/container-go/06-full-runtime/cgroup"
	"example.com/container-go/06-full-runtime/config"
)

// Request is what the command line asks for. A pointer is nil where the image is
// to decide.
type Request struct {
	Ref     string
	Options image.Options
	Store   string // directory
	Pull    string // missing, always or never

	Images  bool   // list them, and run nothing
	Prune   string // unused or all: remove that, and run nothing
	Explain bool

	UserNS       bool
	Hostname     string
	Env          []string
	WorkDir      string
	User         string
	Entrypoint   *string
	ReadOnly     bool
	Init         bool
	Terminal     bool
	Network      string // host or none
	Mounts       []config.Mount
	Limits       cgroup.Limits
	Capabilities uint64
	Security
	Args []string
}

// Parse understands the command line. It returns nil after --help.
func Parse(args []string) (*Request, error) {
	r, err := parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		return nil, nil
	}
	if err != nil {
		return nil, &config.Failure{Name: "parse the command line", Err: err}
	}
	return r, nil
}

// Say tells the user something. Stdout is for the command alone.
func Say(text string) { fmt.Fprintln(os.Stderr, "06-full-runtime: "+printable.Text(text)) }

// AtTerminal reports whether stdin, stdout and stderr are all terminals. If one is
// not, the three must be kept apart.
func AtTerminal() bool {
	return term.IsTerminal(0) && term.IsTerminal(1) && term.IsTerminal(2)
}

// SayUserNS says which user namespace the container gets, and why it has one id if it
// has only one.
func (r *Request) SayUserNS(single string) {
	remark := ""
	if single != "" {
		remark = "with no user but root, as " + single
	}
	switch {
	case os.Geteuid() != 0 && !r.UserNS && remark != "":
		Say("not root: using a user namespace (--userns), " + remark)
	case os.Geteuid() != 0 && !r.UserNS:
		Say("not root: using a user namespace (--userns)")
	case remark != "":
		Say("--userns: " + remark)
	}
}
