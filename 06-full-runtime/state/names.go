package state

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// WriteNames makes the files by which the container turns names into addresses: the
// host's, with the container's own name added. They are to be mounted over the
// image's. It returns their paths, by their paths in the container.
func (c *Container) WriteNames(hostname string) (map[string]string, error) {
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
	paths := map[string]string{}
	for _, file := range []struct {
		name    string
		content []byte
	}{
		{"hosts", hosts},
		{"hostname", []byte(hostname + "\n")},
		{"resolv.conf", resolv},
	} {
		path, err := c.writeFile(file.name, file.content)
		if err != nil {
			return nil, err
		}
		paths["/etc/"+file.name] = path
	}
	return paths, nil
}

// hostFile reads a file of the host, which may lack it.
func hostFile(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return content, err
}
