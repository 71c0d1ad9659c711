package advice

import (
	"errors"
	"strings"
	"unicode"
)

// imageInstead is for a command line as one types it to docker, with the image in the
// place of the command.
func imageInstead(err error, _ bool) string {
	var at interface{ Command() []string }
	if !errors.As(err, &at) {
		return ""
	}
	args := at.Command()
	if len(args) > 1 && args[0] == "run" {
		args = args[1:]
	}
	if !isImage(args[0]) {
		return ""
	}
	line := "--image=" + strings.Join(args, " ")
	if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune("'\"\\$`*?;&|<>(){}#~!", r) }) {
		line = "--image=" + args[0] + " COMMAND"
	}
	return "is " + args[0] + " an image? 06-full-runtime " + line
}

// isImage reports whether a word could be the name of an image.
func isImage(word string) bool {
	if word == "" || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789", rune(word[0])) {
		return false
	}
	return !strings.ContainsFunc(word, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-/:@", r)
	})
}

// rawSocket is for ping and the like. On the host's network, a right in a user namespace
// does not count.
func rawSocket(_ error, userNS bool) string {
	if userNS {
		return "if it may not open its socket: allow ping for every user: sudo sysctl net.ipv4.ping_group_range='0 2147483647'"
	}
	return "if it may not open its socket: --cap-add=NET_RAW"
}

func device(_ error, userNS bool) string {
	if userNS {
		return "nobody may make a device in a user namespace: as root without --userns, --cap-add=MKNOD"
	}
	return "if it may not make a device: --cap-add=MKNOD"
}
