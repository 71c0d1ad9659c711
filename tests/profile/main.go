// Program profile generates lesson 6's seccomp rules from Docker's default profile, the
// Go module github.com/moby/profiles/seccomp. Lesson 6 links only its output: run
// go generate in 06-full-runtime/seccomp.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("output", ".", "write the files to `DIR`")
	flag.Parse()
	files, err := generate()
	for name, content := range files {
		if err == nil {
			err = os.WriteFile(filepath.Join(*dir, name), content, 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		os.Exit(1)
	}
}
