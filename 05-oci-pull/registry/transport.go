package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// maxHeader bounds the header of an answer, in bytes.
const maxHeader = 128 << 10

// newTransport sends single requests. It obeys HTTPS_PROXY and NO_PROXY; redirects and
// credentials are our affair. It does not uncompress: a digest is that of the bytes as
// they are stored.
func newTransport(r *Repository) *http.Transport {
	dialer := &net.Dialer{Timeout: r.Patience.Dial, KeepAlive: 30 * time.Second, ControlContext: allowAddress}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    r.Patience.Dial,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
		OnProxyConnectResponse: func(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
			if answer.StatusCode != http.StatusOK {
				return &proxyError{proxy.Host, answer.StatusCode}
			}
			return nil
		},
	}
}

// proxyError is a proxy's refusal to connect us.
type proxyError struct {
	host   string
	status int
}

func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy %s says %d %s", e.host, e.status, http.StatusText(e.status))
}

// A hop is one request of a chain of redirects. The dialer finds it in the context.
type hop struct {
	elsewhere bool // not to the registry itself
	private   bool // may go to private addresses
}

type hopKey struct{}

var errPrivate = errors.New("is a private address, which a registry on a public one may not send us to")

// allowAddress refuses a connection before it is made. A stranger's registry could
// otherwise have us ask inside the network that we are in. It looks at the address
// that a name has led to, not at the name.
func allowAddress(ctx context.Context, _, address string, _ syscall.RawConn) error {
	h, _ := ctx.Value(hopKey{}).(hop)
	if !h.elsewhere {
		return nil
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	// Link-local addresses have the metadata services of clouds.
	if addr := to.Addr().Unmap(); isPrivate(addr) && (!h.private || addr.IsLinkLocalUnicast()) {
		return fmt.Errorf("%s %w", addr, errPrivate)
	}
	return nil
}

func isPrivate(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() || a.IsUnspecified() ||
		carrier.Contains(a)
}

// carrier is the range of carrier-grade NAT (RFC 6598), which overlay networks use.
var carrier = netip.MustParsePrefix("100.64.0.0/10")

// remember notes where the registry is. A proxy's address stands for that of all hosts.
func (r *Repository) remember(conn net.Conn) {
	to, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reached, r.private = true, err == nil && isPrivate(to.Addr().Unmap())
}
