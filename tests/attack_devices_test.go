package tests

import (
	"archive/tar"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"example.com/container-go/tests/harness"
)

// A device node that comes with an image or lies in a volume does not open the
// machine's device. Those in /dev do.
func TestAttackDeviceNodes(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		node := entry{tar.Header{Name: "node", Typeflag: tar.TypeChar, Mode: 0o666, Devmajor: 1, Devminor: 5}, ""}
		volume := c.Dir()
		if err := unix.Mknod(filepath.Join(volume, "node"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))); err != nil {
			t.Fatal("mknod: ", err)
		}
		cmd := fromImage(c, labWith(t, c, v1.Config{}, node), "sh", "-c",
			`for node in /node /volume/node /dev/zero; do head -c 1 $node >/dev/null 2>&1 && echo "$node opens"; done; true`)
		cmd.Flags = append(cmd.Flags, "-v", volume+":/volume")
		if got := cmd.Run().Output(); got != "/dev/zero opens" {
			t.Errorf("of the nodes of /dev/zero's device, that in /dev should open, and no other. The attack prints %q", got)
		}
	}, harness.Root)
}
