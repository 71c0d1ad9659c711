package harness

import (
	"strings"
	"sync"
	"time"
)

// Output collects what a program prints while it runs.
type Output struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{} // closed, and made anew, when there is more
}

func newOutput() *Output { return &Output{more: make(chan struct{})} }

func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.more)
	o.more = make(chan struct{})
	return o.text.Write(p)
}

// String is what was printed so far.
func (o *Output) String() string {
	text, _ := o.read()
	return text
}

func (o *Output) read() (string, chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.more
}

// await waits for a text at or after an offset, until the program has ended.
func (o *Output) await(text string, from int, ended <-chan struct{}) bool {
	timeout := time.After(*patience)
	for {
		have, more := o.read()
		if strings.Contains(have[from:], text) {
			return true
		}
		select {
		case <-more:
		case <-ended:
			have, _ := o.read()
			return strings.Contains(have[from:], text)
		case <-timeout:
			return false
		}
	}
}
