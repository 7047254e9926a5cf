package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/concord-trust/concord/fault"
)

// Members choose where the hub sends, so that it could be made to talk to what
// only it can reach: itself, its database, the network around it, a cloud's
// metadata service. Three rules keep it from that. A URL is https to a public
// address, or, if the operator lets it, to the hub's own machine by a name that
// says so. The address is looked at again for each connection, after the name
// was resolved and before anything is sent, so that a name that changes its
// mind gains nothing. Redirects are not followed, proxies not asked, and
// nothing of the answer but its status is used or told.

// maxURL is the longest URL that is taken.
const maxURL = 2048

// reserved are the blocks of addresses, beside private, loopback, link-local
// and multicast ones, that are not the public Internet or that stand for
// addresses that may not be (IANA special-purpose registries).
var reserved = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10")

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, t := range texts {
		all = append(all, netip.MustParsePrefix(t))
	}
	return all
}

// public says that an address is of the public Internet.
func public(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// machineName says that a host is named as the machine itself.
func machineName(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Zone() == "" && a.Unmap().IsLoopback()
}

// checkURL holds a URL to the rules, and returns it as it is kept. The name is
// resolved, so that a mistake shows at once; what counts is the look at each
// connection.
func (r *Room) checkURL(ctx context.Context, text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return "", fault.New(fault.Invalid, "webhook.url", "this is no URL for a webhook; write https://HOST[:PORT]/PATH, without user, password or fragment")
	}
	host := u.Hostname()
	if machineName(host) {
		if !r.Loopback || u.Scheme != "http" && u.Scheme != "https" {
			return "", errAddress
		}
		return u.String(), nil
	}
	if u.Scheme != "https" {
		return "", fault.New(fault.Invalid, "webhook.https", "a webhook is told over https")
	}
	if a, err := netip.ParseAddr(host); err == nil {
		if !public(a) {
			return "", errAddress
		}
		return u.String(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, SendTime/2)
	defer cancel()
	resolver := r.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	found, err := resolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(found) == 0 {
		return "", fault.New(fault.Invalid, "webhook.no_address", "the hub finds no address of this host; check its name").Because(err)
	}
	for _, a := range found {
		if !public(a) {
			return "", errAddress
		}
	}
	return u.String(), nil
}

var errAddress = fault.New(fault.Forbidden, "webhook.address", "the hub sends to addresses of the public Internet only, not to private, local or reserved ones")

// clientFor is the client that may talk to a host.
func (r *Room) clientFor(host string) (*http.Client, error) {
	r.once.Do(func() {
		r.abroad = r.client(public)
		r.machine = r.client(func(a netip.Addr) bool { return a.Zone() == "" && a.Unmap().IsLoopback() })
	})
	if !machineName(host) {
		return r.abroad, nil
	}
	if !r.Loopback {
		return nil, errAddress
	}
	return r.machine, nil
}

// client connects to the addresses that may be talked to, and to no other.
func (r *Room) client(may func(netip.Addr) bool) *http.Client {
	d := &net.Dialer{Timeout: SendTime / 2, KeepAlive: -1, Resolver: r.Resolver, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !may(to.Addr()) {
			return errAddress
		}
		return nil
	}}
	return &http.Client{
		Timeout:       SendTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: d.DialContext, TLSClientConfig: &tls.Config{RootCAs: r.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: SendTime / 2, ResponseHeaderTimeout: SendTime, MaxResponseHeaderBytes: 16 << 10,
			DisableKeepAlives: true, DisableCompression: true, ForceAttemptHTTP2: true,
		},
	}
}

// why names what went wrong with a request, of a closed set: no text of the
// receiver and no address is in it.
func why(err error) string {
	var certificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	var name *net.DNSError
	var network net.Error
	switch {
	case errors.Is(err, errAddress):
		return errAddress.Code
	case errors.As(err, &certificate), errors.As(err, &noTLS), strings.Contains(err.Error(), "tls: "):
		return "webhook.tls"
	case errors.As(err, &name):
		return "webhook.no_address"
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "webhook.timeout"
	}
	return "webhook.unreachable"
}

// Reason says in words why a webhook fails.
func Reason(code string) string {
	words := map[string]string{
		"":                    "",
		errAddress.Code:       "the address is private, local or reserved",
		"webhook.tls":         "its certificate is not trusted, or it speaks no TLS",
		"webhook.no_address":  "its name has no address",
		"webhook.timeout":     "it did not answer in " + SendTime.String(),
		"webhook.unreachable": "no connection could be made, or it broke off",
		"webhook.gone":        "it answered 410: it is not to be told any more",
		"webhook.redirect":    "it redirects, which the hub does not follow",
	}
	if status, ok := strings.CutPrefix(code, "webhook.status_"); ok {
		return "it answered " + status
	}
	if w, ok := words[code]; ok {
		return w
	}
	return "you may not be told at present: " + code
}

// wait is how long to wait after a number of failed attempts; share, from 0 to
// 1, spreads receivers that fail together.
func wait(attempts int, share float64) time.Duration {
	w := firstWait << min(max(attempts-1, 0), 20)
	w = min(w, longestWait)
	return w*4/5 + time.Duration(share*float64(w)*2/5)
}
