package registry

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"example.com/container-go/05-oci-pull/printable"
)

// maxRedirects is as long as a chain of redirects may be. We count ourselves.
const maxRedirects = 10

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// redirected is where an answer sends us.
func redirected(from *url.URL, answer *http.Response) (*url.URL, error) {
	location := answer.Header.Get("Location")
	if location == "" {
		return nil, fmt.Errorf("redirects without saying where to: %s", answer.Status[:3])
	}
	to, err := from.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("redirects to %s, which is not a URL", printable.Line(location))
	}
	if err := checkURL(to, from.Scheme); err != nil {
		return nil, fmt.Errorf("redirects to %s: %w", printable.Line(to.Redacted()), err)
	}
	return to, nil
}

// checkURL refuses an address that a stranger named if it is not one of the web, or if
// it leads from https to http. Of a name and a password in it we take no notice.
func checkURL(u *url.URL, from string) error {
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("neither http nor https")
	case u.Scheme == "http" && from == "https":
		return errors.New("https may not become http")
	case u.Hostname() == "":
		return errors.New("names no host")
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return errors.New("the host's name is not ASCII")
	}
	u.User, u.Fragment = nil, ""
	return nil
}

// origin is what one set of credentials is for: scheme, host and port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
