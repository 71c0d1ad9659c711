package tests

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// netns is a network namespace. It has no name that could be left behind: it
// lives as long as the process that holds it.
type netns struct {
	t   *testing.T
	pid int
}

func newNetns(t *testing.T) *netns {
	t.Helper()
	holder := exec.Command("unshare", "-n", "sh", "-c", "ip link set lo up && echo ready && read line")
	holder.Stderr = os.Stderr
	stdin, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = holder.Wait()
	})
	if ready, err := io.ReadAll(io.LimitReader(stdout, 5)); string(ready) != "ready" {
		t.Fatalf("a network namespace: %q %v", ready, err)
	}
	return &netns{t, holder.Process.Pid}
}

// enter is the command line that runs a command in the namespace.
func (n *netns) enter(command ...string) []string {
	return append([]string{"nsenter", "-t", fmt.Sprint(n.pid), "-n"}, command...)
}

func (n *netns) run(command ...string) {
	n.t.Helper()
	argv := n.enter(command...)
	if output, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, output)
	}
}

// cable joins two namespaces, each of which then reaches one address in the
// other and nothing else: there is no route to anywhere.
func cable(a *netns, addressA string, b *netns, addressB string) {
	a.t.Helper()
	nameA, nameB := fmt.Sprint("to-", b.pid), fmt.Sprint("to-", a.pid)
	a.run("ip", "link", "add", nameA, "type", "veth", "peer", "name", nameB, "netns", fmt.Sprint(b.pid))
	for _, end := range []struct {
		n               *netns
		name, own, peer string
	}{{a, nameA, addressA, addressB}, {b, nameB, addressB, addressA}} {
		end.n.run("ip", "address", "add", end.own, "peer", end.peer, "dev", end.name)
		end.n.run("ip", "link", "set", end.name, "up")
	}
}

// dial connects from within the namespace. A socket belongs for ever to the
// namespace that the thread was in that made it.
func (n *netns) dial(ctx context.Context, network, address string) (net.Conn, error) {
	inside, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", n.pid))
	if err != nil {
		return nil, err
	}
	defer inside.Close()
	runtime.LockOSThread()
	outside, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	defer outside.Close()
	if err := unix.Setns(int(inside.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("setns: %w", err)
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	// If it cannot go back, the thread ends with this goroutine, as it is locked.
	if back := unix.Setns(int(outside.Fd()), unix.CLONE_NEWNET); back != nil {
		return conn, back
	}
	runtime.UnlockOSThread()
	return conn, err
}
