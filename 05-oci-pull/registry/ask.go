package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// maxFaults is how often in a row we take a fault for one that passes.
const maxFaults = 3

// ask asks until there is an answer that is a success, or a fault that will not pass.
func (r *Repository) ask(ctx context.Context, q request) (*answer, error) {
	busy := r.Patience.Busy
	for faults := 0; ; {
		a, err := r.once(ctx, q)
		if ctx.Err() != nil {
			if err == nil {
				a.Body.Close()
			}
			return nil, context.Cause(ctx)
		}
		if err != nil && r.speaksPlain(err) {
			continue
		}
		if err == nil {
			r.spoke()
			if a.StatusCode == http.StatusOK || a.StatusCode == http.StatusPartialContent && q.offset > 0 {
				return a, nil
			}
			if a.StatusCode == http.StatusRequestedRangeNotSatisfiable && q.offset > 0 {
				a.Body.Close()
				q.offset = 0 // it has no ranges, or a blob of another size
				continue
			}
			err = r.refused(q, a)
		}
		wait := r.Patience.Pause << faults
		switch asked := r.askedToWait(a); {
		case asked > busy:
			return nil, r.explain(q, err)
		case asked > 0:
			busy -= asked
			wait = asked
			r.Log(fmt.Sprintf("%s is busy, and asks to wait: %d %s: waiting %v", a.host, a.StatusCode, http.StatusText(a.StatusCode), asked))
		case faults == maxFaults || !r.passes(a, err):
			return nil, r.explain(q, err)
		default:
			faults++
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// sleep waits, until the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// askedToWait is what a server that is busy has asked for.
func (r *Repository) askedToWait(a *answer) time.Duration {
	if a == nil || a.StatusCode != http.StatusTooManyRequests && a.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	return retryAfter(a.Header, time.Now())
}

// passes reports whether the next attempt may do better.
func (r *Repository) passes(a *answer, err error) bool {
	if a != nil {
		switch a.StatusCode {
		case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		// An address with a signature has expired: the registry gives a new one.
		return a.elsewhere && a.StatusCode >= 400 && a.StatusCode < 500
	}
	lost := new(connError)
	if !errors.As(err, &lost) || isCertificate(err) || errors.Is(err, errPrivate) || errors.As(err, new(*proxyError)) {
		return false
	}
	if dial := new(net.OpError); errors.As(err, &dial) && (dial.Op == "dial" || dial.Op == "proxyconnect") {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.reached // or there is no network, or no such host
	}
	return true
}

// spoke notes that the registry has answered in the scheme that we tried.
func (r *Repository) spoke() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.scheme == "" {
		r.scheme = "https"
	}
}

// speaksPlain notes that a registry on this machine or in a private network, where
// nothing was said of TLS, does not speak it. One that does, with a certificate that
// we do not trust, is not asked without.
func (r *Repository) speaksPlain(err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.scheme != "" || isCertificate(err) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if noTLS := isNoTLS(err) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED); !noTLS {
		return false
	}
	r.scheme = "http"
	return true
}

// read reads the whole of a small answer, up to most+1 bytes.
func (r *Repository) read(ctx context.Context, q request, most int64) (raw []byte, header http.Header, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.Patience.Document, fmt.Errorf("%s: %s takes longer than %v", q.what, r.host, r.Patience.Document))
	defer cancel()
	for faults := 0; ; faults++ {
		a, err := r.ask(ctx, q)
		if err != nil {
			return nil, nil, err
		}
		raw, err = io.ReadAll(io.LimitReader(a.Body, most+1))
		a.Body.Close()
		if err == nil {
			return raw, a.Header, nil
		}
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		if faults == maxFaults {
			return nil, nil, r.explain(q, err)
		}
		if err := sleep(ctx, r.Patience.Pause<<faults); err != nil {
			return nil, nil, err
		}
	}
}
