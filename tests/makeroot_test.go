package tests

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"example.com/container-go/04-chroot/labfs"
	"example.com/container-go/tests/harness"
)

// makeRootfs makes a root filesystem like lesson 4's, but without device files,
// which an ordinary user may not make. It is the identity's.
func makeRootfs(t *testing.T, c *harness.Case) string {
	t.Helper()
	files, err := labfs.Plan()
	if err != nil {
		t.Fatal(err)
	}
	dir := c.Dir()
	for _, file := range files {
		path := filepath.Join(dir, file.Path)
		switch file.Mode.Type() {
		case fs.ModeDir:
			err = os.Mkdir(path, 0o755)
		case fs.ModeSymlink:
			err = os.Symlink(file.Target, path)
		case 0:
			content := file.Content
			if file.Source != "" {
				content, err = os.ReadFile(file.Source)
			}
			if err == nil {
				err = os.WriteFile(path, content, file.Mode.Perm())
			}
		default:
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		c.Identity.Give(t, path)
	}
	return dir
}
