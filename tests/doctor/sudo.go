package main

import (
	"os"
	"os/exec"
	"strings"
)

// sudoCommand looks for what the lessons' texts say in front of many commands. Nobody
// needs it, but whoever reads on without it should know what to say instead.
func sudoCommand(p *patient) finding {
	switch {
	case p.root() && os.Getenv("SUDO_USER") != "":
		return ok("this came by it")
	case p.root():
		return ok("not needed: leave it out, and -exec sudo")
	}
	path, err := exec.LookPath("sudo")
	if err != nil {
		return limit("not in PATH", "commands in the lessons' texts that say sudo",
			"write `unshare -r` in its place, as in go run -exec \"unshare -r\" ./01-uts hostname")
	}
	return ok("%s; where it refuses you, write `unshare -r` in its place", path)
}

// asRoot is how this user runs commands that say sudo.
func (p *patient) asRoot(commands string) string {
	plain := strings.ReplaceAll(commands, "sudo ", "")
	if p.root() || plain == commands {
		return plain
	}
	if _, err := exec.LookPath("sudo"); err != nil {
		return "as root: " + plain
	}
	return commands
}
