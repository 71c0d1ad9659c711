package fetch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"

	"example.com/container-go/05-oci-pull/pull"
	"example.com/container-go/05-oci-pull/unpack"
	"example.com/container-go/06-full-runtime/store"
	"example.com/container-go/06-full-runtime/userns"
)

// target is where a layer is unpacked.
type target interface {
	pull.Target
	Info() (store.LayerInfo, error) // after Apply, without the size
	Close() error
}

// The names of overlayfs's mark for an opaque directory: only root of the initial
// user namespace may set trusted attributes.
const (
	opaque       = "trusted.overlay.opaque"
	opaqueUserNS = "user.overlay.opaque"
)

// newTarget is a directory of the store. Owners are those of the store's id map, and
// in a user namespace with several ids it takes a process in there to give files to
// them.
func newTarget(s *store.Store, tree string) (target, error) {
	if !s.Map.None() && !s.Map.Single() {
		return &inUserNS{ids: s.Map, tree: tree}, nil
	}
	options := unpack.Options{Owners: s.Map.None() && unpack.PreservesOwners(), Overlay: opaqueUserNS}
	if s.Map.None() && userns.Initial() {
		options.Overlay = opaque
	}
	rootfs, err := unpack.Open(tree, options)
	return direct{rootfs}, err
}

// direct unpacks in this process.
type direct struct{ *unpack.Rootfs }

func (d direct) Info() (info store.LayerInfo, err error) {
	info.Directories, err = d.Directories()
	return info, err
}

// inUserNS unpacks in a child process that is root of a user namespace.
type inUserNS struct {
	ids  userns.Map
	tree string
	info store.LayerInfo
}

const unpackerName = "container-go-unpack"

func (u *inUserNS) Apply(ctx context.Context, stream io.Reader) error {
	tree, err := os.Open(u.tree)
	if err != nil {
		return err
	}
	defer tree.Close()
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args[0] = unpackerName
	cmd.ExtraFiles = []*os.File{tree}
	output, err := userns.Run(cmd, u.ids, stream)
	if err == nil {
		err = json.Unmarshal(output, &u.info)
	}
	return err
}

func (u *inUserNS) Info() (store.LayerInfo, error) { return u.info, nil }
func (u *inUserNS) Close() error                   { return nil }

func init() {
	if os.Args[0] != unpackerName {
		return
	}
	info, err := unpackHere(os.Stdin)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(info)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// unpackHere is the child's half. Its descriptor 3 is the tree.
func unpackHere(stream io.Reader) (info store.LayerInfo, err error) {
	// Until there is something to read, the namespace may have no ids yet.
	first := make([]byte, 1)
	n, err := io.ReadFull(stream, first)
	if err != nil && err != io.EOF {
		return info, err
	}
	if err := userns.BecomeRoot(); err != nil {
		return info, err
	}
	rootfs, err := unpack.Open("/proc/self/fd/3", unpack.Options{Owners: true, Overlay: opaqueUserNS})
	if err != nil {
		return info, err
	}
	defer rootfs.Close()
	stream = io.MultiReader(bytes.NewReader(first[:n]), stream)
	if err := rootfs.Apply(context.Background(), stream); err != nil {
		return info, err
	}
	return direct{rootfs}.Info()
}
