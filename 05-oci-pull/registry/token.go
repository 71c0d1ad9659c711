package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"example.com/container-go/05-oci-pull/printable"
)

// maxToken bounds a token server's answer, in bytes.
const maxToken = 64 << 10

// known is the Authorization header for a host, if we have logged in there.
func (r *Repository) known(u *url.URL) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.logins[origin(u)]
}

// logIn does what one of the challenges wants, after an answer with status 401 to a
// request with the header used: there was none, or its token has expired. The user's
// credentials are for the registry, and for the token server that the registry names.
// Another host, where a redirect led, gets none. Its token server may give tokens to
// anybody.
func (r *Repository) logIn(ctx context.Context, u *url.URL, offered []challenge, used string) (bool, error) {
	r.loggingIn.Lock()
	defer r.loggingIn.Unlock()
	if r.known(u) != used {
		return true, nil // another request was faster
	}
	own := login{}
	if origin(u) == origin(r.url("")) {
		own = r.login()
	}
	header := ""
	var failed error
	for _, c := range offered {
		switch {
		case header != "":
		case c.scheme == "bearer" && own.bearer != "":
			header = "Bearer " + own.bearer
		case c.scheme == "bearer" && failed == nil:
			var token string
			if token, failed = r.token(ctx, u, c, own); failed == nil {
				header = "Bearer " + token
			}
		}
	}
	for _, c := range offered {
		if header == "" && c.scheme == "basic" && own.user != "" {
			header = own.basic()
		}
	}
	if header == "" || header == used {
		return false, failed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logins[origin(u)] = header
	return true, nil
}

func (l login) basic() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(l.user+":"+l.password))
}

// token asks the token server that a challenge names, the realm.
// See https://distribution.github.io/distribution/spec/auth/token/
func (r *Repository) token(ctx context.Context, u *url.URL, c challenge, own login) (string, error) {
	realm, err := url.Parse(c.params["realm"])
	if err == nil {
		err = checkURL(realm, u.Scheme)
	}
	if err != nil {
		return "", fmt.Errorf("%s names a token server that we do not ask, %s: %w", u.Host, printable.Line(c.params["realm"]), err)
	}
	scope := c.params["scope"]
	if scope == "" {
		scope = "repository:" + r.name.RepositoryStr() + ":pull"
	}
	query := realm.Query()
	query.Set("scope", scope)
	if service := c.params["service"]; service != "" {
		query.Set("service", service)
	}
	q := request{what: "a token for " + r.host, realm: realm}
	if own.refresh != "" {
		raw, err := r.exchange(ctx, q, query, own.refresh)
		if !isStatus(err, http.StatusNotFound) && !isStatus(err, http.StatusMethodNotAllowed) {
			return raw, err
		}
	}
	if own.user != "" {
		q.secret = own.basic()
	}
	with := *realm
	with.RawQuery = query.Encode()
	q.realm = &with
	return r.askForToken(ctx, q)
}

// exchange gets a token for the one that `docker login` left instead of a password,
// by a POST request. Not all token servers know it.
func (r *Repository) exchange(ctx context.Context, q request, query url.Values, refresh string) (string, error) {
	query.Set("client_id", "container-go")
	query.Set("grant_type", "refresh_token")
	query.Set("refresh_token", refresh)
	q.form = query
	return r.askForToken(ctx, q)
}

func (r *Repository) askForToken(ctx context.Context, q request) (string, error) {
	raw, _, err := r.read(ctx, q, maxToken)
	if err != nil {
		return "", err
	}
	var got struct {
		Token  string `json:"token"`
		Access string `json:"access_token"`
	}
	if len(raw) > maxToken {
		return "", fmt.Errorf("%s: %s answers with more than %d KiB", q.what, q.realm.Host, maxToken>>10)
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		return "", fmt.Errorf("%s: %s answers with something else than JSON", q.what, q.realm.Host)
	}
	if got.Token == "" {
		got.Token = got.Access
	}
	if got.Token == "" || strings.ContainsFunc(got.Token, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return "", fmt.Errorf("%s: %s answers without a token", q.what, q.realm.Host)
	}
	return got.Token, nil
}
