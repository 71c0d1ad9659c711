package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
)

// A blob may be on another host, which never sees the user's credentials.
func TestRedirects(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { give(w, r) })
	f := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+"/blob?signature=1", http.StatusTemporaryRedirect)
	})
	f.logins[origin(f.url(""))] = "Bearer secret"
	f.speaksPlain(errors.New("server gave HTTP response to HTTPS client"))
	f.logins[origin(f.url(""))] = "Bearer secret"
	f.wantBlob(t)
	if f.secrets() != "Bearer secret" || elsewhere.secrets() != "" {
		t.Errorf("the registry got %q, the other host %q: the secret is for the registry alone", f.secrets(), elsewhere.secrets())
	}
	relative := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 0 {
			w.Header().Set("Location", "../other")
			w.WriteHeader(http.StatusMovedPermanently)
			return
		}
		give(w, r)
	})
	relative.wantBlob(t)
}

// A signed address that expires during the pull is asked for anew.
func TestSignedAddressesExpire(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	elsewhere := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if seen[r.URL.RawQuery] {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		seen[r.URL.RawQuery] = true
		giveUntil(w, r, min(len(content), len(seen)*40_000))
	})
	f := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, fmt.Sprintf("%s/blob?signature=%d", elsewhere.URL, n/2), http.StatusTemporaryRedirect)
	})
	f.wantBlob(t)
}

// A chain of redirects ends, and so does a loop; each error says where it led.
func TestRedirectsEnd(t *testing.T) {
	t.Parallel()
	for _, hops := range []int{maxRedirects, maxRedirects + 1} {
		f := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
			if n == hops {
				give(w, r)
			} else {
				http.Redirect(w, r, fmt.Sprintf("/%d", n), http.StatusFound)
			}
		})
		if hops == maxRedirects {
			f.wantBlob(t)
		} else {
			f.wantError(t, "blob sha256:", f.host(), "redirects")
		}
	}
	loop := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	})
	loop.wantError(t, "blob sha256:", loop.host(), "redirects")
	for to, want := range map[string]string{
		"":                   "without saying where",
		"file:///etc/passwd": "neither http nor https",
		"http:///blob":       "names no host",
		"http://h\u00e9/":    "not ASCII",
		"http://%zz/":        "not a URL",
	} {
		f := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.Header()["Location"] = []string{to}
			w.WriteHeader(http.StatusFound)
		})
		f.wantError(t, want)
	}
	plain := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { give(w, r) })
	secure := serveTLS(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL, http.StatusFound)
	})
	secure.wantError(t, "https may not become http")
	if plain.asked() != 0 {
		t.Error("a redirect from https to http was followed")
	}
}

// A registry on a public address may not send us to private ones. A school's registry
// may, but not to what clouds have on link-local addresses.
func TestPrivateAddresses(t *testing.T) {
	for address, want := range map[string][2]bool{ // from a public registry, from a private one
		"93.184.215.14:443":    {true, true},
		"10.1.2.3:443":         {false, true},
		"127.0.0.1:80":         {false, true},
		"[::1]:80":             {false, true},
		"192.168.1.1:80":       {false, true},
		"100.64.0.1:80":        {false, true},
		"[fd00::1]:80":         {false, true},
		"[::ffff:10.0.0.1]:80": {false, true},
		"0.0.0.0:80":           {false, true},
		"169.254.169.254:80":   {false, false},
		"[fe80::1]:80":         {false, false},
	} {
		for i, private := range []bool{false, true} {
			ctx := context.WithValue(t.Context(), hopKey{}, hop{elsewhere: true, private: private})
			if err := allowAddress(ctx, "tcp", address, nil); (err == nil) != want[i] {
				t.Errorf("a redirect to %s by a registry that is private: %v: %v", address, private, err)
			}
		}
		if err := allowAddress(context.WithValue(t.Context(), hopKey{}, hop{}), "tcp", address, nil); err != nil {
			t.Errorf("the registry itself is at %s: %v", address, err)
		}
	}
}
