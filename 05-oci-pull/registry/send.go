package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
)

// A request is what we ask for, wherever redirects lead.
type request struct {
	what       string // for the user
	path       string // below /v2/NAME/
	accept     string
	offset     int64 // the first byte wanted
	isManifest bool

	// Of a token server:
	realm  *url.URL
	secret string     // the Authorization header
	form   url.Values // is posted
}

// An answer is a response, and who gave it.
type answer struct {
	*http.Response
	host      string
	elsewhere bool // it is not the registry
}

// once asks once, and follows redirects.
func (r *Repository) once(ctx context.Context, q request) (*answer, error) {
	u := q.realm
	if u == nil {
		u = r.url(q.path)
	}
	for n := 0; ; n++ {
		a, err := r.hop(ctx, q, u)
		if err != nil || !isRedirect(a.StatusCode) {
			return a, err
		}
		r.message(a)
		to, err := redirected(u, a.Response)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %s %w", q.what, u.Host, err)
		case n == maxRedirects:
			return nil, fmt.Errorf("%s: %s redirects for the %dth time, to %s: we follow %d times", q.what, u.Host, n+1, to.Host, n)
		case q.form != nil:
			return nil, fmt.Errorf("%s: %s redirects to %s, and our credentials are not for others", q.what, u.Host, to.Host)
		}
		u = to
	}
}

// hop asks one host. If it wants us to log in, we do, once.
func (r *Repository) hop(ctx context.Context, q request, u *url.URL) (*answer, error) {
	if q.realm != nil {
		secret := ""
		if origin(u) == origin(q.realm) {
			secret = q.secret
		}
		return r.send(ctx, q, u, secret)
	}
	known := r.known(u)
	a, err := r.send(ctx, q, u, known)
	if err != nil || a.StatusCode != http.StatusUnauthorized {
		return a, err
	}
	offered := challenges(a.Header.Values("WWW-Authenticate"))
	if loggedIn, err := r.logIn(ctx, u, offered, known); err != nil || !loggedIn {
		if err != nil {
			a.Body.Close()
			a = nil
		}
		return a, err
	}
	r.message(a)
	return r.send(ctx, q, u, r.known(u))
}

// send sends one request and waits for its answer to begin.
func (r *Repository) send(ctx context.Context, q request, u *url.URL, secret string) (*answer, error) {
	registry := r.url("")
	elsewhere := origin(u) != origin(registry)
	r.mu.Lock()
	ctx = context.WithValue(ctx, hopKey{}, hop{elsewhere, r.private})
	r.mu.Unlock()
	if !elsewhere {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) { r.remember(info.Conn) },
		})
	}
	method, form := http.MethodGet, ""
	if q.form != nil {
		method, form = http.MethodPost, q.form.Encode()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(form))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	if form == "" {
		req.Body, req.GetBody, req.ContentLength = http.NoBody, nil, 0
	} else {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("User-Agent", "container-go")
	req.Header.Set("Accept-Encoding", "identity")
	for key, value := range map[string]string{"Accept": q.accept, "Authorization": secret} {
		if value != "" {
			req.Header.Set(key, value)
		}
	}
	if q.offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", q.offset))
	}
	w := &watched{r: r, host: u.Host, ctx: ctx, cancel: cancel}
	stop := w.await(r.Patience.Answer)
	resp, err := r.client.RoundTrip(req)
	stop()
	if err != nil {
		err = &connError{u.Host, w.cause(err)}
		cancel(nil)
		return nil, err
	}
	w.body, resp.Body = resp.Body, w
	return &answer{resp, u.Host, elsewhere}, nil
}
