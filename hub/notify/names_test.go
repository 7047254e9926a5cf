package notify

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// names is a name server on loopback whose answers the test changes.
type names struct {
	addr string

	mu  sync.Mutex
	are map[string][]string
}

func serveNames(t *testing.T, are map[string][]string) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{addr: conn.LocalAddr().String(), are: are}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer := n.answer(buf[:size]); answer != nil {
				conn.WriteTo(answer, from) //nolint:errcheck // who asked asks again
			}
		}
	}()
	return n
}

func (n *names) set(name string, addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.are[name] = addresses
}

func (n *names) answer(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	n.mu.Lock()
	addresses, known := n.are[q.Name.String()]
	n.mu.Unlock()
	out := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true}, Questions: m.Questions}
	if !known {
		out.RCode = dnsmessage.RCodeNameError
	}
	for _, a := range addresses {
		if ip := netip.MustParseAddr(a); q.Type == dnsmessage.TypeA && ip.Is4() {
			out.Answers = append(out.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
				Body: &dnsmessage.AResource{A: ip.As4()}})
		}
	}
	text, err := out.Pack()
	if err != nil {
		return nil
	}
	return text
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", n.addr)
	}}
}
