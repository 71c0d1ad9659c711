// Doctor answers the question that a failing lesson raises first: is it my
// machine, or my code?
//
//	go run ./tests/doctor
//	go run -exec sudo ./tests/doctor    # the same question for root
//
// It tries what the lessons need, rather than believing what files say: it makes
// each namespace and mounts in it, maps ids, stacks an overlay, runs a program
// in memory. It needs no rights, changes nothing and leaves nothing behind. The
// exit status is 0 if everything is there that the six lessons need without a
// network, with --image=lab.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// checks are all that is asked, in the order of the answers.
var checks = []check{
	{"kernel", kernel},
	{"rules", rules},
	{"user namespace", userNamespace},
	{"mount namespace", mountNamespace},
	{"uts namespace", utsNamespace},
	{"pid namespace", pidNamespace},
	{"ipc namespace", ipcNamespace},
	{"cgroup namespace", cgroupNamespace},
	{"net namespace", netNamespace},
	{"unshare", unshareCommand},
	{"sudo", sudoCommand},
	{"lab image", labImage},
	{"program in memory", memory},
	{"subordinate ids", subordinateIDs},
	{"overlay", overlay},
	{"cgroups", cgroups},
	{"go", goCommand},
	{"go modules", goModules},
	{"terminal", terminal},
	{"temporary files", temporaryFiles},
	{"image store", imageStore},
	{"registry", registry},
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == probeFlag {
		os.Exit(probe(os.Args[2], os.Args[3:]))
	}
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "usage: go run ./tests/doctor")
		os.Exit(2)
	}
	// Ctrl-C ends the checks that run, and they clean up as ever.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := newPatient(ctx)
	fmt.Println(p.introduction())
	fmt.Println()

	// They wait more than they work, so they are all made at once.
	answers := make([]chan finding, len(checks))
	for i, c := range checks {
		answers[i] = make(chan finding, 1)
		go func() { answers[i] <- c.run(p) }()
	}
	count := map[verdict]int{}
	for i, c := range checks {
		f := <-answers[i]
		count[f.verdict]++
		f.mend = p.asRoot(f.mend)
		fmt.Print(f.format(c.name))
	}
	fmt.Println()
	fmt.Println(summary(count))
	if ctx.Err() != nil {
		os.Exit(130)
	}
	if count[missing] > 0 {
		os.Exit(1)
	}
}

func summary(count map[verdict]int) string {
	var lines []string
	if n := count[missing]; n > 0 {
		lines = append(lines, fmt.Sprintf("It is the machine: %s missing that the lessons need.", things(n, "is", "are")))
	} else {
		lines = append(lines, "Everything that the six lessons need is here, without a network: --image=lab.",
			"If a test of the unchanged lessons fails all the same, it is not for want of any of this.")
	}
	if n := count[limited]; n > 0 {
		lines = append(lines, fmt.Sprintf("%s limited, as told above.", things(n, "is", "are")))
	}
	return strings.Join(lines, "\n")
}

func things(n int, one, many string) string {
	if n == 1 {
		return "1 thing " + one
	}
	return fmt.Sprintf("%d things %s", n, many)
}
