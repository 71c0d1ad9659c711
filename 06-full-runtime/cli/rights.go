package cli

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/moby/sys/capability"

	"example.com/container-go/06-full-runtime/config"
)

// Lacking returns what a command that has failed was perhaps not allowed to do, as a
// step for package advice, or nil. The command itself says no more than "permission
// denied".
func Lacking(c config.Config, status int) error {
	if status == 0 || status >= config.StatusFailed || len(c.Args) == 0 {
		return nil
	}
	words := wordsOf(c.Args)
	has := func(right capability.Cap) bool { return c.Capabilities&(1<<right) != 0 }
	ownNetwork := !c.UserNS || c.NoNetwork // where our rights count
	switch {
	case slices.ContainsFunc(words, func(w string) bool { return w == "ping" || w == "ping6" }):
		if (!has(capability.CAP_NET_RAW) || !ownNetwork) && !pingAllowed(c) {
			return lacking("open a raw socket")
		}
	case slices.Contains(words, "mknod") && !slices.Contains(words, "p"): // of a FIFO
		if !has(capability.CAP_MKNOD) || c.UserNS {
			return lacking("make a device")
		}
	default:
		root := slices.Contains([]string{"", "0", "root"}, strings.Split(c.User, ":")[0])
		if lowPort(words) && !(root && has(capability.CAP_NET_BIND_SERVICE) && ownNetwork) {
			return lacking("listen on a low port")
		}
	}
	return nil
}

func lacking(step string) error {
	return &config.Failure{Name: step, Err: errors.New(step)}
}

// wordsOf are the words of a command, and of what it tells a shell to do.
func wordsOf(args []string) []string {
	words := append([]string{path.Base(args[0])}, args[1:]...)
	if strings.HasSuffix(words[0], "sh") {
		words = strings.FieldsFunc(strings.Join(args, " "), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(";&|()'\"", r) })
		for i := range words {
			words[i] = path.Base(words[i])
		}
	}
	return words
}

// pingAllowed reports whether every user may ping (icmp(7)).
func pingAllowed(c config.Config) bool {
	content, err := os.ReadFile("/proc/sys/net/ipv4/ping_group_range")
	var first, last int64
	_, scanErr := fmt.Sscan(string(content), &first, &last)
	return err == nil && scanErr == nil && !c.NoNetwork && first <= last
}

// servers listen on port 80 without being told to.
const servers = " nginx httpd httpd-foreground apache2 apache2-foreground lighttpd caddy "

// lowPort reports whether a word is or ends with the number of a port that not every
// user may listen on, like 80, :80 or --port=80 (ip(7)), or is a server.
func lowPort(words []string) bool {
	lowest := int64(1024)
	if content, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start"); err == nil {
		if n, err := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 32); err == nil {
			lowest = n
		}
	}
	return slices.ContainsFunc(words, func(word string) bool {
		if strings.Contains(servers, " "+word+" ") {
			return lowest > 80
		}
		word = strings.TrimPrefix(word, "-p")
		n, err := strconv.ParseInt(word[strings.LastIndexAny(word, ":=")+1:], 10, 32)
		return err == nil && 0 < n && n < lowest
	})
}
