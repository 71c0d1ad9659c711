package inside

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/sys/user"
)

// FuzzUser looks up arbitrary users in arbitrary files. No id comes out that the kernel
// would take for another.
func FuzzUser(f *testing.F) {
	f.Add("ann", []byte("ann:x:1001:1002::/home/ann:/bin/sh\n"), []byte("ann:x:1002:\nclub:x:1003:ann\n"))
	f.Add("big:huge", []byte("big:x:4294967296:0::/:\n"), []byte("huge:x:-4294967296:big\n"))
	f.Add("1:", []byte("a:x:ten:::\n:::\n"), []byte(":::\n"))
	f.Fuzz(func(t *testing.T, name string, passwd, group []byte) {
		u, err := lookUp(name, keepAccounts(bytes.Clone(passwd), 2, 3), keepAccounts(bytes.Clone(group), 2))
		if err != nil {
			return
		}
		for _, id := range append(u.Sgids, u.Uid, u.Gid) {
			if id < 0 || id > math.MaxInt32 {
				t.Errorf("user %q is %+v", name, u)
			}
		}
	})
}

func lookUp(name string, passwd, group []byte) (*user.ExecUser, error) {
	return user.GetExecUser(name, &user.ExecUser{Home: "/"}, bytes.NewReader(passwd), bytes.NewReader(group))
}

func TestReadRegularIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(path, make([]byte, 100), 0o644); err != nil {
		t.Fatal(err)
	}
	if content, err := readRegular(path, 100); err != nil || len(content) != 100 {
		t.Errorf("a file as large as the bound: %d bytes, %v", len(content), err)
	}
	if _, err := readRegular(path, 99); err == nil {
		t.Error("a file that is larger than the bound was read")
	}
	for _, odd := range []string{filepath.Dir(path), path + "x", "/dev/zero", "/proc/self/cwd/passwd"} {
		if content, err := readRegular(odd, 100); err != nil || len(content) > 0 {
			t.Errorf("%s: %d bytes, %v", odd, len(content), err)
		}
	}
}
