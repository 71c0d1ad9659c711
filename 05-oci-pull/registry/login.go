package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
)

// A login is the user's credentials for a registry, as `docker login` or `podman
// login` left them. The zero value has none.
type login struct {
	user, password string
	refresh        string // instead of them: a token for getting tokens
	bearer         string // or the token itself

	from    string // the file
	trouble string // why there may be others that we could not get
}

func (l login) isEmpty() bool { return l.user == "" && l.refresh == "" && l.bearer == "" }

// hint says what to do when the registry refuses us.
func (l login) hint(host string) string {
	switch {
	case l.trouble != "":
		return "if it is private, its credentials are missing: " + l.trouble
	case l.isEmpty():
		return fmt.Sprintf("there is no such image, or it is private: see `docker login %s`", host)
	}
	return fmt.Sprintf("there is no such image, or the credentials in %s are not for it: see `docker login %s`", l.from, host)
}

// findLogin looks for credentials where Docker and podman keep them. A file or a
// helper that does not work is no reason to fail: most images need no credentials.
// The user is told in a line.
func (r *Repository) findLogin(ctx context.Context) login {
	var trouble string
	for _, path := range authFiles() {
		f, err := readAuthFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var l login
		if err == nil {
			l, err = f.find(ctx, r.keys(), r.Patience.Helper)
		}
		if !l.isEmpty() {
			l.from = path
			return l
		}
		if err != nil && trouble == "" {
			trouble = err.Error()
		}
	}
	if trouble != "" && ctx.Err() == nil {
		r.Log(trouble + ": going on without credentials")
	}
	return login{trouble: trouble}
}

// authFiles are the files that may have credentials, in order.
func authFiles() (paths []string) {
	home, _ := os.UserHomeDir()
	add := func(dir string, path ...string) {
		if dir != "" {
			paths = append(paths, filepath.Join(append([]string{dir}, path...)...))
		}
	}
	add(os.Getenv("REGISTRY_AUTH_FILE"))
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		add(dir, "config.json")
	} else {
		add(home, ".docker", "config.json")
	}
	add(os.Getenv("XDG_RUNTIME_DIR"), "containers", "auth.json")
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		add(dir, "containers", "auth.json")
	} else {
		add(home, ".config", "containers", "auth.json")
	}
	return paths
}

// keys are the names that credentials for this repository may have in a file, the
// most exact one first: podman knows some for a part of a registry.
func (r *Repository) keys() (keys []string) {
	host := r.host
	hosts := []string{host}
	if host == name.DefaultRegistry {
		hosts = []string{"https://index.docker.io/v1/", "docker.io", host, "registry-1.docker.io"}
	}
	for path := r.name.RepositoryStr(); path != "." && path != "/"; path = filepath.Dir(path) {
		for _, host := range hosts {
			keys = append(keys, host+"/"+path)
		}
	}
	return append(keys, hosts...)
}
