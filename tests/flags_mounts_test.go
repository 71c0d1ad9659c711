package tests

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"example.com/container-go/tests/harness"
)

// Each option of a volume that docker run has is obeyed or, where it means nothing
// here, accepted, alone and together with others.
func TestFlagVolumeOptions(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		shared := c.Dir()
		if err := os.Chmod(shared, 0o777); err != nil {
			t.Fatal(err)
		}
		options := strings.Fields("ro rw z Z cached delegated consistent private rprivate slave rslave nocopy ro,z rw,Z,cached ro,rslave,delegated slave,z private,ro,Z,nocopy")
		cmd := with(c, nil, "sh", "-c", `for dir in /v/*; do touch $dir/file 2>/dev/null && echo rw || echo ro; done`)
		var want []string
		for i, o := range options {
			cmd.Flags = append(cmd.Flags, "-v", fmt.Sprintf("%s:/v/%03d:%s", shared, i, o))
			if slices.Contains(strings.Split(o, ","), "ro") {
				want = append(want, "ro")
			} else {
				want = append(want, "rw")
			}
		}
		if got := strings.Fields(cmd.Run().Output()); !slices.Equal(got, want) {
			t.Errorf("volumes with the options\n%q are\n%q, want\n%q", options, got, want)
		}
	})
}

// What cannot be done is refused before anything else happens, with the reason.
func TestFlagMountsRefused(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		for _, test := range []struct{ options, why string }{
			{"shared", "on the host"}, {"rshared", "on the host"}, {"ro,rshared", "on the host"}, {"U", "owner"}, {"z,U", "owner"},
			{"unknown", `"unknown"`}, {"ro,unknown", `"unknown"`}, {"RO", `"RO"`}, {"exec", `"exec"`},
			{"", "SRC:DST"}, {"ro,", `""`}, {"ro:z", "SRC:DST"},
			{"ro,rw", "ro and rw"}, {"z,Z", "z and Z"}, {"slave,private", "slave and private"}, {"cached,consistent", "cached and consistent"},
		} {
			if r := with(c, []string{"-v", "/tmp:/x:" + test.options}, "true").Run().Want(125); !strings.Contains(r.Stderr, test.why) {
				t.Errorf("the error should say %q of -v SRC:DST:%s\n%s", test.why, test.options, r)
			}
		}
		for _, flags := range [][]string{{"-v/tmp:/x", "-v/etc:/x/"}, {"-v/tmp:/x", "--tmpfs=/x"}, {"--tmpfs=/x", "-v/tmp:/x:ro"}} {
			if r := with(c, flags, "true").Run().Want(125); !strings.Contains(r.Stderr, "two mounts have the target /x") {
				t.Errorf("%q: of two mounts on one target the error should name the target\n%s", flags, r)
			}
		}
	}, harness.User)
}

// A volume goes over whatever the image or another volume has in its place.
func TestFlagVolumeOver(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		outer, inner := c.Dir(), c.Dir()
		for dir, text := range map[string]string{outer: "outer", inner: "inner"} {
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(dir, "file"), text+"\n")
		}
		if err := os.Symlink(inner, filepath.Join(outer, "link")); err != nil {
			t.Fatal(err)
		}
		ref := labWith(t, c, v1.Config{}, file("text", "the image's\n"), directory("dir"),
			entry{tar.Header{Name: "away", Typeflag: tar.TypeSymlink, Linkname: "dir/./../text", Mode: 0o777}, ""},
			entry{tar.Header{Name: "dangling", Typeflag: tar.TypeSymlink, Linkname: "../../nowhere/file", Mode: 0o777}, ""})
		cmd := fromImage(c, ref, "cat", "/text", "/nowhere/file", "/linked/file", "/outer/file", "/outer/made/below/file", "/outer/file2", "/null")
		cmd.Flags = append(cmd.Flags, "-v", inner+":/outer/made/below", "-v", inner+"/file:/away", "-v", inner+"/file:/dangling",
			"-v", outer+":/outer", "-v", outer+"/link:/linked", "-v", inner+"/file:/outer/file2", "-v/dev/null:/null", "-v/dev/null:/null")
		if got, want := cmd.Run().Output(), "inner\ninner\ninner\nouter\ninner\ninner"; got != want {
			t.Errorf("printed %q, want %q", got, want)
		}
		if c.Identity.Name == harness.RootUserNS {
			return // its root may not make anything in a directory of the machine's root
		}
		r := with(c, []string{"-v", outer + ":/outer:ro", "-v", inner + ":/outer/new"}, "true").Run().Want(125)
		if !strings.Contains(r.Stderr, "/outer/new") || !strings.Contains(r.Stderr, "read-only") {
			t.Errorf("a volume that has no place in a read-only one should be named\n%s", r)
		}
	})
}

// A volume with slave shows what the host mounts there later, and others do not.
// Nothing of the container appears on the host.
func TestFlagVolumeSlave(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		tree, dir := c.SharedTree(), c.Dir()
		if err := os.Mkdir(filepath.Join(dir, "later"), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := with(c, []string{"-v", dir + ":/slave:rslave", "-v", dir + ":/private"}, "sh", "-c",
			`echo ready; read line; for dir in /slave /private; do test -e $dir/later/file && echo $dir has it; done; true`)
		tree.Enter(cmd)
		p, release := cmd.StartHeld()
		p.Await("ready")
		tree.Unchanged(t, "while the command runs")
		tree.Run(t, "mount -t tmpfs later "+dir+"/later && touch "+dir+"/later/file")
		release()
		out := p.Wait().Want(0).Stdout
		tree.Run(t, "umount "+dir+"/later")
		if want := "ready\n/slave has it\n"; out != want {
			t.Errorf("of what the host mounted later the container printed %q, want %q", out, want)
		}
	}, harness.Root, harness.User)
}

// Root may not look into another user's FUSE filesystem, but may show it to that user
// in a container.
func TestFlagVolumeFUSE(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		dev, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
		if err != nil {
			harness.Skip(t, err.Error(), "modprobe fuse")
		}
		defer dev.Close()
		dir := c.Dir()
		if err := unix.Mount("user's", dir, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40755,user_id=4321,group_id=4321", dev.Fd())); err != nil {
			t.Fatal(err)
		}
		defer unix.Unmount(dir, unix.MNT_DETACH)
		r := with(c, []string{"-v", dir + ":/fuse", "-v", dir + ":/ro:ro"}, "sh", "-c", `grep -c " /\(fuse\|ro\) fuse " /proc/mounts; ls /fuse`).Run()
		if r.Stdout != "2\n" || !strings.Contains(r.Stderr, "denied") {
			t.Errorf("the container should have the filesystem twice, and its root not see into it\n%s", r)
		}
	}, harness.Root, harness.RootUserNS)
}

// A tmpfs has the options of mount(8), and what they do not say is that of the
// directory it covers.
func TestFlagTmpfsOptions(t *testing.T) {
	harness.Only(t, runtime6, func(t *testing.T, c *harness.Case) {
		many := c.Identity.Name != harness.User // ids
		var owned int
		if many {
			owned = 1234
		}
		ref := labWith(t, c, v1.Config{}, entry{tar.Header{Name: "covered", Typeflag: tar.TypeDir, Mode: 0o2751, Uid: owned, Gid: owned}, ""})
		const plain = "rw,nosuid,nodev,noexec,relatime"
		type test struct{ options, want, ls string } // of /proc/mounts, and of ls -ldn
		tests := []test{
			{"", plain, "drwxrwxrwt 0 0"},
			{"defaults", plain, ""}, {"relatime", plain, ""}, {"atime", plain, ""}, {"norelatime", plain, ""}, {"nostrictatime", plain, ""},
			{"diratime", plain, ""}, {"async", plain, ""}, {"noexec,nosuid,nodev,rw", plain, ""}, {"rprivate,rslave,private,slave", plain, ""},
			{"nofail,noauto,auto,nouser,x-what=ever", plain, ""}, {"noatime,relatime", plain, ""}, {"ro,rw", plain, ""}, {"noexec,exec,noexec", plain, ""},
			{"strictatime", "rw,nosuid,nodev,noexec", ""}, {"noatime,strictatime", "rw,nosuid,nodev,noexec", ""},
			{"noatime", "rw,nosuid,nodev,noexec,noatime", ""}, {"nodiratime", "rw,nosuid,nodev,noexec,nodiratime,relatime", ""},
			{"sync", "rw,sync,nosuid,nodev,noexec,relatime", ""}, {"dirsync,ro", "ro,dirsync,nosuid,nodev,noexec,relatime", ""},
			{"exec", "rw,nosuid,nodev,relatime", ""}, {"suid,dev,exec", "rw,relatime", ""},
			{"size=2m,nr_inodes=50", plain + ",size=2048k,nr_inodes=50", ""}, {"mode=0750", plain + ",mode=750", "drwxr-x--- 0 0"},
			{"defaults,,noatime,size=1m,mode=700,exec", "rw,nosuid,nodev,noatime,size=1024k,mode=700", "drwx------ 0 0"},
		}
		if many {
			tests = append(tests, test{"uid=5,gid=6,mode=500", "", "dr-x------ 5 6"})
		}
		script := `grep " /t/" /proc/mounts | while read what where type options rest; do echo $options; done; for dir in /t/* /covered /covered/below; do ls -ldn $dir; done | while read mode links uid gid rest; do echo $mode $uid $gid; done`
		cmd := fromImage(c, ref, "sh", "-c", script)
		cmd.Flags = append(cmd.Flags, "--tmpfs=/covered", "--tmpfs=/covered/below:mode=711")
		for i, test := range tests {
			cmd.Flags = append(cmd.Flags, "--tmpfs", fmt.Sprintf("/t/%03d:%s", i, test.options))
		}
		lines := strings.Split(cmd.Run().Output(), "\n")
		if len(lines) != 2*len(tests)+2 {
			t.Fatalf("want 2 lines for each of %d tmpfs, and 2 more:\n%q", len(tests), lines)
		}
		for i, test := range tests {
			// In a user namespace or on arm64, the kernel may add to what we asked for.
			if got := lines[i]; test.want != "" && !hasAll(got, test.want) {
				t.Errorf("--tmpfs /t:%s is mounted with %s, want %s", test.options, got, test.want)
			}
			if got := lines[len(tests)+i]; test.ls != "" && got != test.ls {
				t.Errorf("--tmpfs /t:%s has the mode and owner %s, want %s", test.options, got, test.ls)
			}
		}
		want := []string{fmt.Sprintf("drwxr-s--x %d %d", owned, owned), "drwx--x--x 0 0"}
		if got := lines[2*len(tests):]; !slices.Equal(got, want) {
			t.Errorf("the tmpfs over a directory of the image, and one below it, have the mode and owner %q, want %q", got, want)
		}
		for _, options := range []string{"what", "size=lots", "shared", "mode"} {
			if r := with(c, []string{"--tmpfs=/x:" + options}, "true").Run().Want(125); !strings.Contains(r.Stderr, options+": invalid argument") {
				t.Errorf("the error should name the option %s\n%s", options, r)
			}
		}
	})
}

// hasAll reports whether a mount has the wanted options, and no other flags of mount(2).
func hasAll(got, want string) bool {
	have := strings.Split(got, ",")
	for _, flag := range strings.Fields("ro sync dirsync nosuid nodev noexec noatime nodiratime relatime") {
		if slices.Contains(have, flag) != slices.Contains(strings.Split(want, ","), flag) {
			return false
		}
	}
	return !slices.ContainsFunc(strings.Split(want, ","), func(o string) bool { return !slices.Contains(have, o) })
}
