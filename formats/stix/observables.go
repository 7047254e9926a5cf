package stix

import (
	"net/netip"
	"strings"

	"github.com/concord-trust/concord/observable"
)

// Sighted is a typed value of package observable.
type Sighted struct{ Type, Value string }

// Observables takes the typed values out of a pattern: those that a test holds
// for equal, one of a set, or a block of addresses. Values that are negated,
// and patterns of text (LIKE, MATCHES), are none. Each stands once, in the
// pattern's order.
func Observables(p *Pattern) []Sighted {
	var out []Sighted
	seen := map[Sighted]bool{}
	p.each(func(c *Comparison) {
		if c.Negated {
			return
		}
		switch c.Operator {
		case "=", "IN", "ISSUBSET":
		default:
			return
		}
		for _, v := range c.Values {
			s, ok := SightedAt(c.Path, v.Text)
			if ok && !seen[s] && (v.Kind == "string" || v.Kind == "integer") {
				seen[s] = true
				out = append(out, s)
			}
		}
	})
	return out
}

// valueTypes says of which type the value of a property is, by the path
// without indices. "*" is any one step.
var valueTypes = map[string]observable.Type{
	"ipv4-addr:value":                                observable.IP,
	"ipv6-addr:value":                                observable.IP,
	"network-traffic:src_ref.value":                  observable.IP,
	"network-traffic:dst_ref.value":                  observable.IP,
	"domain-name:resolves_to_refs.value":             observable.IP,
	"domain-name:value":                              observable.Domain,
	"url:value":                                      observable.URL,
	"artifact:url":                                   observable.URL,
	"email-addr:value":                               observable.Email,
	"email-message:from_ref.value":                   observable.Email,
	"email-message:sender_ref.value":                 observable.Email,
	"email-message:to_refs.value":                    observable.Email,
	"email-message:cc_refs.value":                    observable.Email,
	"email-message:bcc_refs.value":                   observable.Email,
	"file:name":                                      observable.FileName,
	"file:content_ref.name":                          observable.FileName,
	"email-message:body_multipart.body_raw_ref.name": observable.FileName,
	"process:image_ref.name":                         observable.FileName,
	"process:binary_ref.name":                        observable.FileName,
	"mutex:name":                                     observable.Mutex,
	"windows-registry-key:key":                       observable.RegistryKey,
	"autonomous-system:number":                       observable.ASN,
	"user-account:account_login":                     observable.Account,
	"cryptocurrency-wallet:address":                  observable.Wallet,
	"cryptocurrency-wallet:value":                    observable.Wallet,
	"phone-number:value":                             observable.Phone,
	"bank-account:iban":                              observable.IBAN,
	"user-agent:value":                               observable.UserAgent,
	"network-traffic:extensions.http-request-ext.request_header.User-Agent": observable.UserAgent,
	"vulnerability:name": observable.CVE,
}

// SightedAt makes a typed value of a property's value; false if the property
// holds none that package observable has a type for, or the value is none of
// that type.
func SightedAt(path ObjectPath, value string) (Sighted, bool) {
	if path.Type == "x509-certificate" {
		return Sighted{}, false // a certificate is no file
	}
	if path.hash() != "" || len(path.Steps) == 2 && path.Steps[0].Name == "hashes" && path.Steps[1].Index == "*" {
		return sighted(observable.FileHash, value)
	}
	var b strings.Builder
	b.WriteString(path.Type + ":")
	for _, s := range path.Steps {
		if s.Index != "" {
			continue
		}
		if b.Len() > len(path.Type)+1 {
			b.WriteByte('.')
		}
		b.WriteString(s.Name)
	}
	typ, known := valueTypes[b.String()]
	if !known {
		return Sighted{}, false
	}
	return sighted(typ, value)
}

// sighted holds a value to its type. An address that is a block is one, and
// what stands where addresses do may be a domain.
func sighted(typ observable.Type, value string) (Sighted, bool) {
	if typ == observable.IP {
		if p, err := netip.ParsePrefix(value); err == nil {
			if typ, value = observable.CIDR, p.String(); p.IsSingleIP() {
				typ, value = observable.IP, p.Addr().String()
			}
		} else if _, ok := observable.Canonical(observable.IP, value); !ok {
			typ = observable.Domain
		}
	}
	if _, ok := observable.Canonical(typ, value); !ok {
		return Sighted{}, false
	}
	return Sighted{typ, value}, true
}
