package fetch

import (
	"bufio"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"os"

	"golang.org/x/sys/unix"

	"example.com/container-go/05-oci-pull/unpack"
	"example.com/container-go/06-full-runtime/mount"
	"example.com/container-go/06-full-runtime/userns"
)

func init() {
	if os.Args[0] != unpackerName {
		return
	}
	if err := unpackAll(bufio.NewReaderSize(os.Stdin, 256<<10), json.NewEncoder(os.Stdout)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// unpackAll is the child's half: it unpacks each layer with lesson 5's package, into
// an overlay mounted over the layers below. The directory that the kernel writes is
// the layer.
func unpackAll(from *bufio.Reader, to *json.Encoder) error {
	// Until there is something to read, the user namespace may have no ids yet.
	w := &worker{}
	if err := gob.NewDecoder(from).Decode(&w.job); err != nil {
		return err
	}
	if err := w.open(); err != nil {
		return err
	}
	if err := userns.BecomeRoot(); err != nil {
		return err
	}
	if err := mount.MakePrivate("overlays do not appear on the host"); err != nil {
		return err
	}
	for {
		if _, err := from.Peek(1); err == io.EOF {
			return nil
		}
		layer := httputil.NewChunkedReader(from)
		if err := w.apply(layer); err != nil {
			// What is still coming is read, so that the answer can be.
			_ = to.Encode(result{Failed: err.Error(), Lack: w.lack(err)})
			_, _ = io.Copy(io.Discard, from)
			return err
		}
		if _, err := io.Copy(io.Discard, layer); err != nil {
			return err
		}
		if err := to.Encode(result{LeftOut: w.LeftOut}); err != nil {
			return err
		}
	}
}

// worker unpacks the layers of a job, one by one.
type worker struct {
	job
	lower []int // open trees of the layers so far, lowest first
	trees []int // of the others
	work  int
}

// open opens the directories as the caller: the container's root may not be able to
// reach them. Our working directory is the job's.
func (w *worker) open() (err error) {
	if err := os.Chdir(w.Dir); err != nil {
		return err
	}
	if w.lower, err = openAll(w.Lower...); err != nil {
		return err
	}
	if w.trees, err = openAll(w.Trees...); err != nil {
		return err
	}
	work, err := openAll("work")
	if err == nil {
		w.work = work[0]
	}
	return err
}

func openAll(dirs ...string) (fds []int, err error) {
	for _, dir := range dirs {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", dir, err)
		}
		fds = append(fds, fd)
	}
	return fds, nil
}

// apply unpacks the next layer.
func (w *worker) apply(layer io.Reader) error {
	tree := w.trees[0]
	if w.Flat || len(w.lower) == 0 {
		if err := w.unpack(mount.ByFD(tree), layer); err != nil || w.Flat {
			return err
		}
	} else if err := w.overlaid(tree, layer); err != nil {
		return err
	}
	w.lower, w.trees = append(w.lower, tree), w.trees[1:]
	return nil
}

// overlaid unpacks a layer over those below. The overlay is gone afterwards: a
// directory cannot be written by one overlay and be a layer of another.
func (w *worker) overlaid(tree int, layer io.Reader) error {
	if err := mount.SameAttributes(w.lower[len(w.lower)-1], tree); err != nil {
		return err
	}
	// These features make notes in a layer that only the same layers below can be read
	// with. volatile: the store syncs all layers at once.
	more := "volatile,index=off,redirect_dir=off,metacopy=off"
	if w.User {
		more = "volatile,index=off,userxattr" // which stands for the others
	}
	options, err := mount.OverlayOptions(w.lower, tree, w.work, more)
	if err != nil {
		return err
	}
	if err := unix.Mount("overlay", "root", "overlay", 0, options); err != nil {
		return fmt.Errorf("mount overlay: %w", err)
	}
	if err := w.unpack("root", layer); err != nil {
		return err
	}
	if err := unix.Unmount("root", 0); err != nil {
		return fmt.Errorf("umount2 overlay: %w", err)
	}
	return unpack.RemoveAll(mount.ByFD(w.work) + "/work") // with the mark of a volatile overlay
}

// lack tells which id of a file's owner our user namespace does not have, if that is the
// error.
func (w *worker) lack(err error) *userns.Lack {
	owner, lack := new(unpack.OwnerError), new(userns.Lack)
	if errors.As(err, &owner) && errors.As(userns.Check(owner.UID, owner.GID, w.MoreIDs), &lack) {
		return lack
	}
	return nil
}

func (w *worker) unpack(dir string, layer io.Reader) error {
	rootfs, err := unpack.Open(dir, unpack.Options{Owners: unpack.PreservesOwners(), LeftOut: w.LeftOut, MaxBytes: w.MaxBytes})
	if err != nil {
		return err
	}
	defer rootfs.Close()
	if err := rootfs.Apply(context.Background(), layer); err != nil {
		return err
	}
	w.LeftOut = rootfs.LeftOut()
	w.MaxBytes = max(w.MaxBytes-rootfs.Unpacked(), 1) // 0 would be no bound
	return nil
}
