package harness

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Tree is a mount tree in a mount namespace of its own.
type Tree struct {
	c      *Case
	holder int // a process in it
	before []string
}

// SharedTree makes a mount tree that is shared, as systemd makes the host's: a
// mount in a copy of it appears in the original as well, unless the copy is made
// private first.
func (c *Case) SharedTree() *Tree {
	c.t.Helper()
	argv := []string{"unshare", "-m", "--propagation", "shared"}
	if c.Identity.IsUser() {
		argv = append(argv, "-r")
	}
	cmd := exec.Command(argv[0], append(argv[1:], "sh", "-c", "echo ready; read forever")...)
	cmd.SysProcAttr = c.Identity.attr()
	cmd.Dir = "/"
	stdin, err := cmd.StdinPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	stderr := new(bytes.Buffer)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	if _, err := fmt.Fscanln(stdout, new(string)); err != nil {
		Skip(c.t, "cannot make a shared mount tree: "+stderr.String(), "install util-linux's unshare")
	}
	tree := &Tree{c: c, holder: cmd.Process.Pid}
	if tree.before, err = mounts(fmt.Sprint(tree.holder)); err != nil {
		c.t.Fatal(err)
	}
	if !slices.ContainsFunc(tree.before, func(line string) bool {
		return mountPoint(line) == "/" && strings.Contains(line, " shared:")
	}) {
		c.t.Fatalf("the mount tree is not shared:\n%s", strings.Join(tree.before, "\n"))
	}
	return tree
}

// Enter has a command run in the tree.
func (tree *Tree) Enter(cmd *Command) {
	cmd.Under = []string{"nsenter", "-t", fmt.Sprint(tree.holder), "-m"}
	if tree.c.Identity.IsUser() {
		// The tree's user namespace takes the place of `unshare -r`.
		cmd.Under = append(cmd.Under, "-U", "--preserve-credentials")
		cmd.Plain = true
	}
}

// Unchanged fails the test if the tree is not what it was at first.
func (tree *Tree) Unchanged(t *testing.T, when string) {
	t.Helper()
	now, err := mounts(fmt.Sprint(tree.holder))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range slices.Concat(missing(tree.before, now), missing(now, tree.before)) {
		t.Errorf("%s, the host's shared mount tree has changed: %s\n"+
			"either the container is in the host's mount namespace (CLONE_NEWNS), or in a copy of it, and the copy of a shared mount is shared with the original: before the first mount that takes mount(2) with MS_REC|MS_PRIVATE on /, which Go does for Unshareflags: CLONE_NEWNS, not for Cloneflags", when, line)
	}
}

// Exists tells whether a path exists in the tree.
func (tree *Tree) Exists(path string) bool {
	_, err := os.Lstat(fmt.Sprintf("/proc/%d/root%s", tree.holder, path))
	return err == nil
}

// Run runs a line of shell in the tree, as the host would.
func (tree *Tree) Run(t *testing.T, line string) {
	t.Helper()
	enter := tree.c.Command()
	tree.Enter(enter)
	x := exec.Command(enter.Under[0], append(enter.Under[1:], "sh", "-c", line)...)
	x.SysProcAttr, x.Dir = tree.c.Identity.attr(), "/"
	if output, err := x.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, output)
	}
}
