package uncompress

import (
	"bytes"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func gz(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

func zs(text string, options ...zstd.EOption) string {
	w, _ := zstd.NewWriter(nil, options...)
	defer w.Close()
	return string(w.EncodeAll([]byte(text), nil))
}

func read(stream string) (string, error) {
	r, err := Reader(iotest.OneByteReader(strings.NewReader(stream)))
	if err != nil {
		return "", err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	return string(content), err
}

const skipped = "\x5a\x2a\x4d\x18\x03\x00\x00\x00xyz"

func TestStreams(t *testing.T) {
	for what, stream := range map[string]string{
		"plain":                              "hello",
		"gzip":                               gz("hello"),
		"two gzip members":                   gz("hel") + gz("lo"),
		"a gzip member of nothing":           gz("") + gz("hello") + gz(""),
		"gzip and zeros":                     gz("hello") + strings.Repeat("\x00", 1000),
		"gzip and garbage":                   gz("hello") + "garbage",
		"gzip and a byte":                    gz("hello") + "\x1f",
		"zstd":                               zs("hello"),
		"two zstd frames":                    zs("hel") + zs("lo"),
		"zstd frames to skip":                skipped + zs("hel") + skipped + zs("lo") + skipped,
		"zstd and garbage":                   zs("hello") + "garbage that is no frame",
		"a zstd frame of nothing, not alone": zs("") + zs("hello"),
	} {
		if got, err := read(stream); got != "hello" || err != nil {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	for what, stream := range map[string]string{"nothing": "", "gzip of nothing": gz(""), "zstd of nothing": zs("", zstd.WithZeroFrames(true)), "only a frame to skip": skipped} {
		if got, err := read(stream); got != "" || err != nil {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	for what, stream := range map[string]string{
		"gzip, cut short":           gz("hello")[:20],
		"gzip, damaged":             strings.Replace(gz(strings.Repeat("hello", 9)), gz("x")[10:12], "\xff\xff", 1)[:15],
		"a second member cut short": gz("hello") + gz("hello")[:12],
		"zstd, cut short":           zs("hello")[:8],
		"zstd, magic only":          zs("hello")[:4],
	} {
		if got, err := read(stream); err == nil {
			t.Errorf("%s: is read as %q", what, got)
		}
	}
}

func TestBzip2(t *testing.T) {
	cmd := exec.Command("bzip2", "-c")
	cmd.Stdin = strings.NewReader("hello")
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("there is no bzip2 here: %v", err)
	}
	if got, err := read(string(out)); got != "hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestUnsupported(t *testing.T) {
	for name, magic := range map[string]string{"xz": "\xfd7zXZ\x00", "lz4": "\x04\x22\x4d\x18", "zip": "PK\x03\x04", "lzip": "LZIP"} {
		if _, err := read(magic + "..."); err == nil || !strings.Contains(err.Error(), "compressed with "+name+",") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A frame says how much memory it needs.
func TestWindows(t *testing.T) {
	// A frame header with a window descriptor (RFC 8878, 3.1.1.1.2), and a block of one
	// byte that is repeated.
	frame := func(log int) string {
		return "\x28\xb5\x2f\xfd\x00" + string([]byte{byte(log-10) << 3}) + "\x2b\x00\x00a"
	}
	if got, err := read(frame(25)); got != "aaaaa" || err != nil {
		t.Errorf("a window of 32 MiB: %q, %v", got, err)
	}
	if got, err := read(frame(26)); err == nil || !strings.Contains(err.Error(), "32 MiB") {
		t.Errorf("a window of 64 MiB: %q, %v", got, err)
	}
}

func TestStreamsNeedLittleMemory(t *testing.T) {
	zeros := strings.Repeat("\x00", 64<<20)
	for what, stream := range map[string]string{
		"gzip":                          gz(zeros),
		"zstd":                          zs(zeros),
		"zstd with the largest windows": zs(zeros, zstd.WithWindowSize(MaxWindow), zstd.WithSingleSegment(false)),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := Reader(strings.NewReader(stream))
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r)
		r.Close()
		runtime.ReadMemStats(&after)
		if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 50 || n != 64<<20 || err != nil {
			t.Errorf("%s: %d bytes, %v, and %d MiB of memory", what, n, err, used)
		}
	}
}
