package observable

import (
	"strconv"
	"strings"
)

// defaultPorts of the schemes that are taken for URLs.
var defaultPorts = map[string]string{"http": "80", "https": "443", "ftp": "21", "ws": "80", "wss": "443"}

// canonicalURL brings a URL to the normal form of RFC 3986, section 6.2:
//
//	scheme, host        lower case; the host as an address or a domain
//	no scheme           "http", if a host and a path follow
//	user information    dropped: credentials are no part of where
//	default port        dropped
//	path                dot segments resolved; empty becomes "/"
//	percent-encoding    upper case; unreserved characters decoded; what may not stand plain is encoded, a stray % too
//	query               as the path; order of parameters kept; an empty one dropped
//	fragment            dropped: it never reaches the server
//
// Hosts written as one number or in octal or hexadecimal are refused.
func canonicalURL(v string) (string, bool) {
	v = refang(v)
	scheme, rest, ok := strings.Cut(v, "://")
	if scheme = strings.ToLower(scheme); !ok {
		scheme, rest = "http", v
		if !strings.Contains(v, "/") {
			return "", false
		}
	}
	port, known := defaultPorts[scheme]
	if !known {
		return "", false
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	authority, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	host, ok := canonicalAuthority(authority, port)
	if !ok {
		return "", false
	}
	out := scheme + "://" + host + withoutDotSegments(normalEscapes(path))
	if query != "" {
		out += "?" + normalEscapes(query)
	}
	return out, true
}

// canonicalAuthority takes host and port apart and puts them together again.
func canonicalAuthority(authority, defaultPort string) (string, bool) {
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i+1:]
	}
	if bracketed := strings.HasPrefix(host, "["); bracketed != strings.Contains(host, ":") || bracketed != strings.HasSuffix(host, "]") {
		return "", false
	}
	canonical, ok := canonicalIP(strings.Trim(host, "[]"))
	switch {
	case ok && strings.Contains(canonical, ":"):
		canonical = "[" + canonical + "]"
	case !ok:
		if canonical, ok = canonicalDomain(strings.TrimSuffix(host, ".")); !ok {
			return "", false
		}
	}
	if port == "" {
		return canonical, true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", false
	}
	if port = strconv.FormatUint(n, 10); port != defaultPort {
		canonical += ":" + port
	}
	return canonical, true
}

// hostOf returns the host of a canonical URL.
func hostOf(canonical string) string {
	_, rest, _ := strings.Cut(canonical, "://")
	host, _, _ := strings.Cut(rest, "/")
	if strings.HasPrefix(host, "[") {
		return host[1:strings.IndexByte(host, ']')]
	}
	host, _, _ = strings.Cut(host, ":")
	return host
}

// isFrontPage reports whether a canonical URL names nothing below its host.
func isFrontPage(canonical string) bool {
	_, rest, _ := strings.Cut(canonical, "://")
	return strings.IndexByte(rest, '/') == len(rest)-1
}

// withoutDotSegments resolves "." and ".." (RFC 3986, section 5.2.4). Empty
// segments are kept: servers may tell them apart.
func withoutDotSegments(path string) string {
	if path == "" {
		return "/"
	}
	if !strings.Contains(path, "/.") {
		return path
	}
	segments := strings.Split(path[1:], "/")
	kept := segments[:0]
	for i, s := range segments {
		last := i == len(segments)-1
		switch s {
		case ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, s)
			continue
		}
		if last {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}

const hexDigits = "0123456789ABCDEF"

// normalEscapes writes percent-encodings in upper case, resolves those of
// unreserved characters, and encodes what must be.
func normalEscapes(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				if r := byte(n); unreserved(r) {
					b.WriteByte(r)
				} else {
					escape(&b, r)
				}
				i += 2
				continue
			}
		}
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}%#[]", c) >= 0 {
			escape(&b, c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func escape(b *strings.Builder, c byte) {
	b.WriteByte('%')
	b.WriteByte(hexDigits[c>>4])
	b.WriteByte(hexDigits[c&15])
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
