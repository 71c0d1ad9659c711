package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"example.com/container-go/05-oci-pull/printable"
)

// connError is an error of a connection, and no answer.
type connError struct {
	host string
	err  error
}

func (e *connError) Error() string { return "the connection to " + e.host + ": " + e.err.Error() }
func (e *connError) Unwrap() error { return e.err }

// Error is a registry's refusal, or its silence: one line that says what happened,
// and one that says what to do. It is final; the error below it is not shown, because
// asking again was tried.
type Error struct {
	Status     int // of the answer, or 0
	text, hint string
}

func (e *Error) Error() string {
	if e.hint == "" {
		return e.text
	}
	return e.text + "\n" + e.hint
}

func isStatus(err error, status int) bool {
	refused := new(Error)
	return errors.As(err, &refused) && refused.Status == status
}

// maxMessage bounds what we read of an answer that is not a success.
const maxMessage = 8 << 10

// message reads what the registry says about a failure, and closes the answer.
func (r *Repository) message(a *answer) string {
	defer a.Body.Close()
	slow := time.AfterFunc(r.Patience.Dial, func() { a.Body.Close() })
	defer slow.Stop()
	raw, _ := io.ReadAll(io.LimitReader(a.Body, maxMessage))
	var said struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
		Details string `json:"details"` // of a token server
	}
	if json.Unmarshal(raw, &said) != nil {
		return ""
	}
	var all []string
	for _, e := range said.Errors {
		if e.Message == "" {
			e.Message = e.Code
		}
		if e.Message != "" {
			all = append(all, printable.Line(e.Message))
		}
	}
	if said.Details != "" {
		all = append(all, printable.Line(said.Details))
	}
	if len(all) == 0 {
		return ""
	}
	const most = 3
	text := strings.Join(all[:min(len(all), most)], ", ")
	if more := len(all) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return ": " + text
}

// refused makes an error of an answer that is not a success.
func (r *Repository) refused(q request, a *answer) *Error {
	reason := strings.TrimSpace(fmt.Sprintf("%d %s", a.StatusCode, http.StatusText(a.StatusCode))) + r.message(a)
	what, host := q.what, a.host
	if q.isManifest {
		what = "it"
	}
	if a.elsewhere && q.realm == nil {
		host = fmt.Sprintf("%s, where %s has sent us,", a.host, r.host)
	}
	e := &Error{Status: a.StatusCode}
	switch a.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		e.text = fmt.Sprintf("%s refuses %s: %s", host, what, reason)
		if !a.elsewhere || q.realm != nil {
			e.hint = r.login().hint(r.host)
		}
	case http.StatusNotFound:
		e.text = fmt.Sprintf("%s does not have %s: %s", host, what, reason)
		e.hint = "check its name and tag"
		if q.path != "" && !q.isManifest {
			e.hint = "the image there is incomplete: use another tag, or tell its owner"
		}
	case http.StatusTooManyRequests:
		e.text = fmt.Sprintf("%s has had too many requests from this address: %s", host, reason)
		e.hint = fmt.Sprintf("wait, or `docker login %s`, or use a mirror: --mirror HOST", r.host)
	default:
		e.text = fmt.Sprintf("%s fails: %s", host, reason)
		if q.path != "" && !q.isManifest {
			e.text = fmt.Sprintf("%s fails for %s: %s", host, what, reason)
		}
		if a.StatusCode >= 500 {
			e.hint = "try again later, or use a mirror: --mirror HOST"
		}
	}
	return e
}

// explain makes an Error of what no further attempt will change.
func (r *Repository) explain(q request, err error) error {
	lost := new(connError)
	if final := new(Error); errors.As(err, &final) || !errors.As(err, &lost) {
		return err
	}
	e := &Error{hint: "without a network use --image=lab; with a mirror nearby, --mirror HOST"}
	dial, dns, proxy, silent := new(net.OpError), new(net.DNSError), new(proxyError), new(silence)
	isDial := errors.As(err, &dial) && (dial.Op == "dial" || dial.Op == "proxyconnect")
	switch {
	case errors.Is(err, errPrivate):
		e.text, e.hint = fmt.Sprintf("%s: %s has sent us to %s: %s", q.what, r.host, lost.host, oneLine(last(err))), ""
	case isCertificate(err), isNoTLS(err):
		e.text, e.hint = certificate(lost.host, err, time.Now())
	case errors.As(err, &proxy):
		e.text, e.hint = fmt.Sprintf("no connection to %s: %v", lost.host, proxy), proxyHint
	case isDial && dial.Op == "proxyconnect":
		e.text, e.hint = fmt.Sprintf("no connection to %s through the proxy: %s", lost.host, oneLine(dial.Err)), proxyHint
	case errors.As(err, &dns):
		e.text = fmt.Sprintf("no connection to %s: %s", lost.host, oneLine(dns))
	case isDial:
		e.text = fmt.Sprintf("no connection to %s: %s", lost.host, oneLine(dial))
	case errors.As(err, &silent):
		e.text, e.hint = fmt.Sprintf("%s: %v", q.what, silent), "try again later, or use a mirror: --mirror HOST"
	default:
		e.text, e.hint = fmt.Sprintf("%s: the connection to %s broke: %s", q.what, lost.host, oneLine(lost.err)), "try again, or use a mirror: --mirror HOST"
	}
	return e
}

const proxyHint = "the proxy is that of HTTPS_PROXY; hosts to be reached without one go into NO_PROXY"

// last is the innermost of an error's chain that has more to say than an errno.
func last(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil || errors.Is(errPrivate, inner) {
			return err
		}
		err = inner
	}
}

// oneLine makes a line of an error. A stranger's words may be in it.
func oneLine(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return printable.Text(line)
}

// short shortens the digest in a text.
func short(what string) string {
	name, hex, found := strings.Cut(what, ":")
	if !found || len(hex) < 12 {
		return what
	}
	return name + ":" + hex[:12]
}
