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
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"example.com/container-go/06-full-runtime/store"
	"example.com/container-go/06-full-runtime/userns"
)

// unpackerName is argv[0] of the child process that unpacks.
const unpackerName = "container-go-unpack"

// A job is what the child unpacks.
type job struct {
	Dir     string   // has work, for overlayfs, and root, to mount on
	Flat    bool     // all layers go into one tree
	Lower   []string // the trees of the layers below, lowest first
	Trees   []string // where the layers go, lowest first
	LeftOut []string // of the layers below
	User    bool     // overlayfs keeps its notes in user.* attributes
	// MaxBytes bounds the contents of all files.
	MaxBytes int64
	MoreIDs  [2]userns.Line
}

// A result is what the child answers after each layer.
type result struct {
	LeftOut []string
	Failed  string
	Lack    *userns.Lack // why, if an owner is an id that the child does not have
}

// An unpacker is our end of the child. It has a mount namespace of its own, where the
// overlays are mounted, and the ids of the store. A layer at a time goes down its
// input, in chunks as HTTP has them, so that the end of a layer is told from that of
// the stream.
type unpacker struct {
	*userns.Child
	to   *bufio.Writer
	from *json.Decoder
	last result // of the last layer
}

func startUnpacker(ctx context.Context, s *store.Store, pull *store.Pull, maxBytes int64) (*unpacker, error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args[0] = unpackerName
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	// The lock is held until the child is gone too: it writes for a moment longer than
	// we live, if we are killed.
	cmd.ExtraFiles = []*os.File{pull.Lock}
	child, err := userns.Start(cmd, s.Map)
	if err != nil {
		return nil, err
	}
	u := &unpacker{Child: child, to: bufio.NewWriterSize(child.Input, 256<<10), from: json.NewDecoder(child.Output)}
	what := job{pull.Dir, pull.Flat, pull.Below, pull.Trees, pull.LeftOut, s.InUserNS(), maxBytes, s.Map.Lines()}
	// Not JSON, which would change paths that are not UTF-8.
	if err := gob.NewEncoder(u.to).Encode(what); err != nil {
		return nil, errors.Join(err, u.Wait())
	}
	return u, nil
}

// Apply unpacks the next layer.
func (u *unpacker) Apply(ctx context.Context, stream io.Reader) error {
	chunks := httputil.NewChunkedWriter(u.to)
	_, err := io.Copy(chunks, stream)
	if err == nil {
		err = errors.Join(chunks.Close(), u.to.Flush())
	}
	if err != nil && !errors.Is(err, unix.EPIPE) {
		return err
	}
	u.last = result{}
	if err := u.from.Decode(&u.last); err != nil {
		if said := u.Wait(); said != nil {
			err = said // what the child died of
		}
		return err
	}
	if lack := u.last.Lack; lack != nil {
		return fmt.Errorf("%s: %w", u.last.Failed, lack)
	}
	if u.last.Failed != "" {
		return errors.New(u.last.Failed)
	}
	return nil
}
