package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// rooms says which packages of this project each package may import. The main package
// may import every room.
var rooms = map[string]string{
	"cli":        "config store state cgroup 05/image 05/printable",
	"fetch":      "store userns mount 05/image 05/pull 05/progress 05/unpack",
	"store":      "userns mount 05/unpack",
	"state":      "store userns cgroup 05/janitor",
	"cgroup":     "config explain",
	"container":  "config mount mount/self userns explain 05/janitor",
	"inside":     "config mount mount/self userns explain advice 05/printable",
	"userns":     "explain",
	"mount":      "explain mount/self",
	"mount/self": "",
	"config":     "",
	"explain":    "05/printable",
	"seccomp":    "",
	"advice":     "",
}

func TestRooms(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command here to list the packages with")
	}
	output, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{range .Imports}} {{.}}{{end}}`, "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, output)
	}
	short := strings.NewReplacer("example.com/container-go/06-full-runtime/", "", "example.com/container-go/05-oci-pull/", "05/")
	seen := 0
	for line := range strings.Lines(string(output)) {
		room, imports, _ := strings.Cut(short.Replace(strings.TrimSpace(line)), ":")
		if strings.Contains(room, "container-go") { // main
			continue
		}
		seen++
		allowed, ok := rooms[room]
		if !ok {
			t.Errorf("package %s is not in the table of rooms", room)
		}
		for _, imported := range strings.Fields(imports) {
			_, isRoom := rooms[imported]
			ours := isRoom || strings.HasPrefix(imported, "05/") || strings.HasPrefix(imported, "example.com/")
			if ours && !slices.Contains(strings.Fields(allowed), imported) {
				t.Errorf("package %s imports %s, which the table of rooms does not allow", room, imported)
			}
		}
	}
	if seen != len(rooms) {
		t.Errorf("go list found %d packages, the table has %d", seen, len(rooms))
	}
}
