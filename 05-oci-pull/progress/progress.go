// Package progress shows how far a transfer has come: bars on a terminal, a line
// at the end of each transfer elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"

	"github.com/cheggaaa/pb/v3"
	"golang.org/x/sys/unix"
)

// template is a bar's line, in the words of package pb.
const template = `{{string . "label"}} {{bar . "[" "=" ">" " " "]"}} {{counters . }} {{speed . "%s/s" " "}}`

// Display is where transfers are shown.
type Display struct {
	out      *os.File
	terminal bool
}

// New makes a display on out, which is usually os.Stderr.
func New(out *os.File) *Display {
	_, err := unix.IoctlGetTermios(int(out.Fd()), unix.TCGETS)
	return &Display{out: out, terminal: err == nil}
}

// Bar is one transfer on a display.
type Bar struct {
	display *Display
	label   string
	size    int64
	bar     *pb.ProgressBar // nil when not on a terminal
}

// Start begins a transfer of size bytes. One must finish before the next starts.
func (d *Display) Start(label string, size int64) *Bar {
	b := &Bar{display: d, label: label, size: size}
	if d.terminal {
		b.bar = pb.New64(size).SetTemplateString(template).SetWriter(d.out)
		b.bar.Set("label", label).Set(pb.Bytes, true).SetMaxWidth(100)
		b.bar.Start()
	}
	return b
}

// Reader counts what is read through it.
func (b *Bar) Reader(r io.Reader) io.Reader {
	if b.bar == nil {
		return r
	}
	return b.bar.NewProxyReader(r)
}

// Finish ends the transfer. Only a complete one gets its plain line.
func (b *Bar) Finish(complete bool) {
	switch {
	case b.bar != nil:
		b.bar.Finish()
	case complete:
		fmt.Fprintf(b.display.out, "%s %.1f MB\n", b.label, float64(b.size)/1e6)
	}
}
