// Lesson 6: the full runtime.
//
// All the lessons together: pull an image (lesson 5), clone a child into new
// namespaces (1, 2, 3), enter the image's root filesystem (4) and run its
// command. Start reading at run in run.go, go on in container/pid1.go.
//
//	go run ./06-full-runtime --image=lab          # a shell, without a network
//	go run ./06-full-runtime                      # a shell in alpine:latest
//	go run ./06-full-runtime --image=debian ls /  # one command
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"example.com/container-go/06-full-runtime/container"
)

func main() {
	r, err := parse(os.Args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		return
	}
	if err != nil {
		say(err.Error() + "\nsee --help")
		os.Exit(container.StatusFailed)
	}
	do := run
	if r.images || r.prune != "" {
		do = keepHouse
	}
	status, err := do(r)
	if err != nil {
		say(err.Error())
	}
	os.Exit(status)
}

// say tells the user something. Stdout is for the command alone.
func say(text string) { fmt.Fprintln(os.Stderr, "06-full-runtime: "+text) }
