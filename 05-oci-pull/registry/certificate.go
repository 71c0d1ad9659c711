package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"example.com/container-go/05-oci-pull/printable"
)

// isCertificate reports whether TLS failed because of the certificate.
func isCertificate(err error) bool {
	return errors.As(err, new(*tls.CertificateVerificationError))
}

// isNoTLS reports whether what answered does not speak TLS.
func isNoTLS(err error) bool {
	return errors.As(err, new(tls.RecordHeaderError)) || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

// certificate says what is wrong with a host's certificate, and what to do.
func certificate(host string, err error, now time.Time) (text, hint string) {
	const day = "2006-01-02"
	invalid, other := new(x509.CertificateInvalidError), new(x509.HostnameError)
	unknown := new(x509.UnknownAuthorityError)
	switch {
	case isNoTLS(err):
		return host + " does not speak TLS", "if it is a mirror without TLS: --mirror http://HOST"
	case errors.As(err, invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		from, to := invalid.Cert.NotBefore, invalid.Cert.NotAfter
		text = fmt.Sprintf("%s has a certificate for %s to %s, and this machine's clock says %s", host, from.Format(day), to.Format(day), now.Format(day))
		return text, "if the clock is wrong, as after a pause of a VM, set it: sudo date -s 'YYYY-MM-DD HH:MM'"
	case errors.As(err, other) && other.Certificate != nil:
		names := other.Certificate.DNSNames
		for _, ip := range other.Certificate.IPAddresses {
			names = append(names, ip.String())
		}
		return fmt.Sprintf("%s has a certificate for other names: %s", host, printable.List(names)), "somebody else may be answering: check the name, the proxy and the network"
	case errors.As(err, unknown):
		hint = "a classroom or a proxy with a CA of its own: SSL_CERT_FILE=FILE.pem, or install it with update-ca-certificates"
		if file := os.Getenv("SSL_CERT_FILE"); file != "" {
			if _, err := os.ReadFile(file); err != nil {
				hint = "SSL_CERT_FILE cannot be read: " + err.Error()
			} else {
				hint = "SSL_CERT_FILE is " + file + ": is it the CA of this host, in PEM form?"
			}
		}
		return host + " has a certificate by an authority that this machine does not know", hint
	}
	return fmt.Sprintf("%s has a certificate that does not hold: %s", host, oneLine(err)), ""
}
