package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"example.com/container-go/06-full-runtime/container"
	"example.com/container-go/06-full-runtime/store"
)

// nameFiles makes the files with which the container turns names into addresses:
// the host's, as it has the host's network, with its own name added. They are
// mounted over the image's, and unless its root is read-only the container may change
// its copies.
func nameFiles(own *store.Container, hostname string, readOnly bool) ([]container.Mount, error) {
	hosts, err := hostFile("/etc/hosts")
	if err != nil {
		return nil, err
	}
	if len(hosts) == 0 {
		hosts = []byte("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	}
	if !bytes.HasSuffix(hosts, []byte("\n")) {
		hosts = append(hosts, '\n')
	}
	hosts = fmt.Appendf(hosts, "127.0.1.1\t%s\n", hostname)
	resolv, err := hostFile("/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
	var mounts []container.Mount
	for _, file := range []struct {
		name    string
		content []byte
	}{
		{"hosts", hosts},
		{"hostname", []byte(hostname + "\n")},
		{"resolv.conf", resolv},
	} {
		path, err := own.WriteFile(file.name, file.content)
		if err != nil {
			return nil, err
		}
		mounts = append(mounts, container.Mount{Source: path, Target: "/etc/" + file.name, ReadOnly: readOnly})
	}
	return mounts, nil
}

// hostFile reads a file of the host, which may lack it.
func hostFile(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return content, err
}
