package inside

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// maxAccounts bounds /etc/passwd and /etc/group, which are the image's: they are read
// into memory before the container's limits matter to anybody. It is room for some ten
// thousand accounts.
const maxAccounts = 1 << 20

// readAccounts reads /etc/passwd or /etc/group, of which some fields are ids. A line
// with an id that is none is left out. The library would take it for 0, and the kernel
// a number beyond 32 bits for what is left of it, which may be root's (containerd,
// CVE-2024-40635).
func readAccounts(path string, ids ...int) (io.Reader, error) {
	content, err := readRegular(path, maxAccounts)
	if err != nil {
		return nil, err
	}
	return bytes.NewReader(keepAccounts(content, ids...)), nil
}

// keepAccounts leaves out the lines whose fields are no ids.
func keepAccounts(content []byte, ids ...int) []byte {
	kept := content[:0]
	for line := range bytes.Lines(content) {
		if isAccount(line, ids) {
			kept = append(kept, line...)
		}
	}
	return kept
}

func isAccount(line []byte, ids []int) bool {
	fields := bytes.SplitN(bytes.TrimSpace(line), []byte(":"), 5)
	for _, i := range ids {
		if i >= len(fields) {
			return false
		}
		id, err := strconv.ParseInt(string(fields[i]), 10, 64)
		if err != nil || id < 0 || id > math.MaxInt32 {
			return false
		}
	}
	return !bytes.ContainsRune(line, 0)
}

// readRegular reads a file of the image. If it is none, or a FIFO on which reading
// would wait for ever, it counts as empty.
func readRegular(path string, most int) ([]byte, error) {
	if checkPath(path) != nil {
		return nil, nil
	}
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	// The size is not asked for: that of a file in /proc is 0.
	content, err := io.ReadAll(io.LimitReader(file, int64(most)+1))
	if err != nil {
		return nil, err
	}
	if len(content) > most {
		return nil, fmt.Errorf("the image's %s has more than %d bytes", path, most)
	}
	return content, nil
}
