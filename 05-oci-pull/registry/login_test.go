package registry

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
)

// guarded is a registry that wants a token, which its token server gives.
func guarded(t *testing.T, challenge func(realm string) []string, token func(n int, w http.ResponseWriter, r *http.Request)) (f, server *fake) {
	server = serve(t, token)
	f = serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer good" {
			give(w, r)
			return
		}
		for _, c := range challenge(server.URL + "/token") {
			w.Header().Add("WWW-Authenticate", c)
		}
		w.WriteHeader(http.StatusUnauthorized)
	})
	return f, server
}

func bearer(realm string) []string {
	return []string{fmt.Sprintf(`Bearer realm="%s",service="registry",scope="repository:app:pull"`, realm)}
}

func says(text string) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

// Registries name their token servers in many ways, which all lead to a token.
func TestTokens(t *testing.T) {
	t.Parallel()
	for what, challenge := range map[string]func(string) []string{
		"one challenge":           bearer,
		"a second one before it":  func(realm string) []string { return []string{`Basic realm="x", ` + bearer(realm)[0]} },
		"a second one after it":   func(realm string) []string { return []string{bearer(realm)[0] + `, Basic realm="x"`} },
		"a header for each":       func(realm string) []string { return []string{`Basic realm="x"`, "Negotiate", bearer(realm)[0]} },
		"other capitals and gaps": func(realm string) []string { return []string{`bEaReR  Realm = "` + realm + `" , service=registry`} },
		"a comma in quotes": func(realm string) []string {
			return []string{`Bearer scope="repository:app:pull,push",realm="` + realm + `"`}
		},
		"no scope": func(realm string) []string { return []string{`Bearer realm="` + realm + `"`} },
	} {
		for _, answer := range []string{`{"token":"good"}`, `{"access_token":"good","expires_in":1}`, `{"token":"","access_token":"good"}`} {
			f, server := guarded(t, challenge, says(answer))
			f.wantBlob(t)
			if scope := server.requests[0].URL.Query().Get("scope"); t.Failed() || !strings.HasPrefix(scope, "repository:app:pull") {
				t.Errorf("%s: the token server was asked for %q", what, scope)
			}
		}
	}
}

// A token that expires during a pull is renewed. One that never holds is no loop.
func TestTokensExpire(t *testing.T) {
	t.Parallel()
	server := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"token":"t%d"}`, n) })
	valid := "Bearer t0"
	f := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != valid {
			w.Header().Set("WWW-Authenticate", bearer(server.URL)[0])
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if valid == "Bearer t0" {
			valid = "Bearer t1"
			giveUntil(w, r, 50_000)
		}
		give(w, r)
	})
	f.wantBlob(t)
	if server.asked() != 2 {
		t.Errorf("the token server was asked %d times, want twice", server.asked())
	}
	never, server := guarded(t, bearer, says(`{"token":"bad"}`))
	never.wantError(t, "401", never.host(), "docker login")
	if never.asked() > 4 || server.asked() > 4 {
		t.Errorf("a registry that takes no token was asked %d times, its token server %d times", never.asked(), server.asked())
	}
}

// A token server that refuses, or that answers nonsense, is named.
func TestTokensRefused(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"":                 "JSON",
		"{}":               "without a token",
		`{"token":1}`:      "JSON",
		`{"token":"a\nb"}`: "without a token",
		"<html>\x1b[2J":    "JSON",
		`{"token":"` + strings.Repeat("x", maxToken): "more than 64 KiB",
	} {
		f, server := guarded(t, bearer, says(answer))
		f.wantError(t, server.host(), want)
	}
	f, server := guarded(t, bearer, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"details":"no such\u001b[31m user"}`)
	})
	f.wantError(t, server.host(), "403", `\x1b`, "docker login")
	for realm, want := range map[string]string{
		"":                    "neither http nor https",
		"file:///etc/passwd":  "neither http nor https",
		"http://%zz/":         "do not ask",
		"http://169.254.9.9/": "private address",
	} {
		f, _ := guarded(t, func(string) []string { return bearer(realm) }, says(""))
		f.wantError(t, want)
	}
	plain := serve(t, says(`{"token":"good"}`))
	secure := serveTLS(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", bearer(plain.URL)[0])
		w.WriteHeader(http.StatusUnauthorized)
	})
	secure.wantError(t, "https may not become http")
	if plain.asked() != 0 {
		t.Error("a token was asked for without TLS")
	}
}

// authFile makes the only file with credentials, and a registry that needs them.
func withAuthFile(t *testing.T, path, text string) (f, server *fake) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("PATH", home+":"+os.Getenv("PATH"))
	path = filepath.Join(home, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	// The file must name the registry before there is one.
	server = serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user == "ann" && password == "secret" {
			fmt.Fprint(w, `{"token":"good"}`)
		} else if r.Method == http.MethodPost && r.FormValue("refresh_token") == "secret" {
			fmt.Fprint(w, `{"access_token":"good"}`)
		} else {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	host := ""
	handler := func(_ int, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer good" {
			give(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", bearer(server.URL)[0])
		w.WriteHeader(http.StatusUnauthorized)
	}
	f = serve(t, handler)
	host = f.host()
	auth := base64.StdEncoding.EncodeToString([]byte("ann:secret"))
	text = strings.NewReplacer("HOST", host, "AUTH", auth).Replace(text)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return reopened(t, f), server
}

// reopened reads the files with credentials anew.
func reopened(t *testing.T, f *fake) *fake {
	repository, err := name.NewRepository(f.host() + "/app")
	if err != nil {
		t.Fatal(err)
	}
	f.login() // which tells what is wrong
	f.Repository.Close()
	f.logged = nil
	f.Repository = Open(t.Context(), repository, f.Options)
	return f
}

// Credentials are found where docker and podman have put them.
func TestCredentials(t *testing.T) {
	for what, file := range map[string][2]string{
		"docker's":              {".docker/config.json", `{"auths":{"HOST":{"auth":"AUTH"}}}`},
		"docker's older ones":   {".docker/config.json", `{"auths":{"https://HOST/v1/":{"auth":"AUTH"}}}`},
		"a name and a password": {".docker/config.json", `{"auths":{"HOST":{"username":"ann","password":"secret"}}}`},
		"a token for tokens":    {".docker/config.json", `{"auths":{"HOST":{"identitytoken":"secret"}}}`},
		"a token":               {".docker/config.json", `{"auths":{"HOST":{"registrytoken":"good"}}}`},
		"podman's":              {".config/containers/auth.json", `{"auths":{"HOST":{"auth":"AUTH"}}}`},
		"podman's, for a part":  {".config/containers/auth.json", `{"auths":{"HOST":{"auth":"YTpi"},"HOST/app":{"auth":"AUTH"}}}`},
	} {
		f, server := withAuthFile(t, file[0], file[1])
		f.wantBlob(t)
		if t.Failed() {
			t.Fatalf("%s: the token server got %q", what, server.secrets())
		}
		if f.log() != "" {
			t.Errorf("%s: the user should be told nothing, and was told %q", what, f.log())
		}
		if strings.Contains(f.secrets(), "Basic") {
			t.Errorf("%s: the registry wanted a token, and got the password too", what)
		}
	}
}

// A file or a helper that does not work is told in one line. A public image comes all
// the same; for a private one the error says what to do.
func TestCredentialsAreMissing(t *testing.T) {
	const helper = ".docker/config.json"
	for what, c := range map[string]struct{ path, text, script, want string }{
		"no helper":         {helper, `{"credsStore":"desktop.exe"}`, "", "docker-credential-desktop.exe is not installed"},
		"no helper for one": {helper, `{"credHelpers":{"HOST":"gone"}}`, "", "docker-credential-gone is not installed"},
		"a broken helper":   {helper, `{"credsStore":"test"}`, "echo 'no\x1b[31m keyring' >&2; exit 1", `no\x1b[31m keyring`},
		"a silent helper":   {helper, `{"credsStore":"test"}`, "sleep 100 & wait", "does not answer within"},
		"nonsense by one":   {helper, `{"credsStore":"test"}`, "echo hello", "something else than JSON"},
		"a helper by path":  {helper, `{"credsStore":"../../bin/sh"}`, "", "not a name"},
		"no JSON":           {helper, `{"auths":`, "", "not a file with credentials"},
		"another type":      {helper, `{"auths":[]}`, "", "not a file with credentials"},
		"no base64":         {helper, `{"auths":{"HOST":{"auth":"%%%"}}}`, "", "log in again"},
		"podman's no JSON":  {".config/containers/auth.json", "\x00", "", "not a file with credentials"},
		"too large":         {helper, strings.Repeat(" ", maxAuthFile+1), "", "more than 1024 KiB"},
	} {
		f, _ := withAuthFile(t, c.path, c.text)
		if c.script != "" {
			program := filepath.Join(os.Getenv("HOME"), "docker-credential-test")
			if err := os.WriteFile(program, []byte("#!/bin/sh\n"+c.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			f = reopened(t, f)
		}
		f.wantError(t, "401", "credentials are missing", c.want)
		f.wantLog(t, c.want)
		if lines := strings.Count(f.log(), "going on without"); lines != 1 {
			t.Errorf("%s: the user was told %d lines, want one:\n%s", what, lines, f.log())
		}
		public := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { give(w, r) })
		public.wantBlob(t)
	}
	f, _ := withAuthFile(t, helper, `{"credsStore":"test"}`)
	program := filepath.Join(os.Getenv("HOME"), "docker-credential-test")
	if err := os.WriteFile(program, []byte("#!/bin/sh\ncat >/dev/null; echo '{\"Username\":\"ann\",\"Secret\":\"secret\"}'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	reopened(t, f).wantBlob(t)
}
