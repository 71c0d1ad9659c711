package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// An authFile is Docker's config.json or podman's auth.json.
type authFile struct {
	path    string
	Auths   map[string]auth   `json:"auths"`
	Store   string            `json:"credsStore"`
	Helpers map[string]string `json:"credHelpers"`
}

// auth is the entry for a registry.
type auth struct {
	Auth     string `json:"auth"` // user:password in base64
	User     string `json:"username"`
	Password string `json:"password"`
	Refresh  string `json:"identitytoken"`
	Bearer   string `json:"registrytoken"`
}

// maxAuthFile bounds a file with credentials, in bytes.
const maxAuthFile = 1 << 20

func readAuthFile(path string) (*authFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxAuthFile+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxAuthFile {
		return nil, fmt.Errorf("%s has more than %d KiB", path, maxAuthFile>>10)
	}
	return parseAuthFile(path, raw)
}

func parseAuthFile(path string, raw []byte) (*authFile, error) {
	f := &authFile{path: path}
	if len(strings.TrimSpace(string(raw))) == 0 {
		return f, nil // as podman leaves it
	}
	if err := json.Unmarshal(raw, f); err != nil {
		return nil, fmt.Errorf("%s is not a file with credentials: repair or remove it: %s", path, oneLine(err))
	}
	return f, nil
}

// find looks for the first of the keys. A helper for one registry counts more than
// the one for all, and that more than what is in the file.
func (f *authFile) find(ctx context.Context, keys []string, patience time.Duration) (login, error) {
	host := keys[len(keys)-1]
	server := host
	for _, key := range keys {
		if strings.HasPrefix(key, "https://") && strings.HasSuffix(key, "/v1/") {
			server = key // which is how Docker calls its own
		}
	}
	helper := f.Store
	for _, key := range keys {
		if own, ok := f.Helpers[key]; ok {
			helper, server = own, key
			break
		}
	}
	var trouble error
	if helper != "" {
		l, err := askHelper(ctx, helper, server, patience)
		if !l.isEmpty() {
			return l, nil
		}
		if err != nil {
			trouble = fmt.Errorf("%s names the credential helper %s: %w", f.path, helper, err)
		}
	}
	for _, key := range keys {
		for name, entry := range f.Auths {
			if name != key && trimURL(name) != trimURL(key) {
				continue
			}
			l, err := entry.login()
			if !l.isEmpty() {
				return l, nil
			}
			if err != nil && trouble == nil {
				trouble = fmt.Errorf("%s: the entry for %s %w", f.path, key, err)
			}
		}
	}
	return login{}, trouble
}

// trimURL takes from a name what Docker's older versions have written around the host.
func trimURL(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "https://"), "http://")
	for _, end := range []string{"/", "/v1", "/v2"} {
		name = strings.TrimSuffix(name, end)
	}
	return name
}

func (a auth) login() (login, error) {
	l := login{user: a.User, password: a.Password, refresh: a.Refresh, bearer: a.Bearer}
	if a.Auth == "" {
		return l, nil
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(a.Auth))
	user, password, found := strings.Cut(strings.TrimRight(string(raw), "\x00"), ":")
	if err != nil || !found || user == "" {
		return l, fmt.Errorf("is not a name and a password in base64: log in again")
	}
	l.user, l.password = user, password
	return l, nil
}
