package notify

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crypto/ed25519"
	"crypto/x509"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

func TestOnlyThePublicInternetIsPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "192.0.1.1": true, "172.15.0.1": true, "2606:4700::1111": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "127.9.9.9": false, "::1": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false,
		"169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd00:ec2::254": false, "100.64.0.1": false, "224.0.0.1": false, "ff02::1": false,
		"255.255.255.255": false, "240.0.0.1": false, "192.0.2.1": false, "198.18.0.1": false, "203.0.113.9": false,
		// In another spelling, or to be translated into it.
		"::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b:1::a00:1": false,
		"2002:7f00:1::": false, "2001::1": false, "2001:db8::1": false, "fec0::1": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %v", text, got)
		}
	}
}

// However an IPv4 address is written as one of IPv6, it is no more public.
func TestAnAddressIsNoMorePublicInAnotherSpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		four := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")))
		if mapped := netip.AddrFrom16(four.As16()); public(mapped) != public(four) {
			t.Fatalf("%s is public: %v, and %s: %v", four, public(four), mapped, public(mapped))
		}
	})
}

func TestAURLIsHeldToTheRules(t *testing.T) {
	names := serveNames(t, map[string][]string{"machine.example.": {"127.0.0.1"}, "both.example.": {"8.8.8.8", "10.0.0.1"},
		"metadata.example.": {"169.254.169.254"}, "public.example.": {"8.8.8.8"}})
	for _, c := range []struct{ url, code, onLoopback string }{
		{"https://8.8.8.8/hook?key=1", "", ""},
		{"http://8.8.8.8/hook", "webhook.https", "webhook.https"},
		{"ftp://8.8.8.8/", "webhook.https", "webhook.https"},
		{"file:///etc/passwd", "webhook.url", "webhook.url"},
		{"/hook", "webhook.url", "webhook.url"},
		{"https://user:secret@8.8.8.8/", "webhook.url", "webhook.url"},
		{"https://8.8.8.8/#part", "webhook.url", "webhook.url"},
		{"https://8.8.8.8/" + strings.Repeat("x", maxURL), "webhook.url", "webhook.url"},
		{"https://169.254.169.254/latest/meta-data", "webhook.address", "webhook.address"},
		{"https://[fe80::1%25eth0]/", "webhook.address", "webhook.address"},
		{"https://[::ffff:10.0.0.1]/", "webhook.address", "webhook.address"},
		{"https://192.168.0.1/", "webhook.address", "webhook.address"},
		{"https://127.0.0.1/", "webhook.address", ""},
		{"http://127.0.0.1:8080/", "webhook.address", ""},
		{"http://localhost/", "webhook.address", ""},
		{"http://[::1]/", "webhook.address", ""},
		// Names of which one address is not to be talked to.
		{"https://machine.example/", "webhook.address", "webhook.address"},
		{"https://both.example/", "webhook.address", "webhook.address"},
		{"https://metadata.example/", "webhook.address", "webhook.address"},
		{"https://public.example/", "", ""},
		{"http://machine.example/", "webhook.https", "webhook.https"},
		{"https://no-such-host.invalid/", "webhook.no_address", "webhook.no_address"},
	} {
		for loopback, want := range map[bool]string{false: c.code, true: c.onLoopback} {
			r := &Room{Loopback: loopback, Resolver: names.resolver()}
			_, err := r.checkURL(t.Context(), c.url)
			if got := ""; err == nil && want != "" || err != nil && fault.Public(err).Code != want {
				if err != nil {
					got = fault.Public(err).Code
				}
				t.Errorf("%.60s, loopback %v: %q, expected %q", c.url, loopback, got, want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error repeats the URL: %v", err)
			}
		}
	}
}

// receiver counts what comes, and answers as told.
type receiver struct {
	came   atomic.Int32
	answer func(http.ResponseWriter, *http.Request)
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.came.Add(1)
	io.Copy(io.Discard, req.Body) //nolint:errcheck // the test looks at the answer
	r.answer(w, req)
}

func post(r *Room, url string) string {
	r.Now = time.Now
	r.Sign = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	return r.post(context.Background(), Webhook{URL: url}, Event{ID: wire.IDFrom[wire.EventID]('e', [16]byte{1})}, []byte("{}"))
}

func TestAnAnswerIsTakenOrNamed(t *testing.T) {
	elsewhere := &receiver{answer: func(http.ResponseWriter, *http.Request) {}}
	other := httptest.NewServer(elsewhere)
	defer other.Close()
	for _, c := range []struct {
		want   string
		answer func(http.ResponseWriter, *http.Request)
	}{
		{"", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }},
		{"", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("chatter", 1<<16)) }},
		{"webhook.status_503", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }},
		{"webhook.status_404", http.NotFound},
		{"webhook.gone", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }},
		{"webhook.redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}},
		{"webhook.unreachable", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	} {
		h := &receiver{answer: c.answer}
		s := httptest.NewServer(h)
		if got := post(&Room{Loopback: true}, s.URL); got != c.want || h.came.Load() != 1 {
			t.Errorf("%q, expected %q; %d came", got, c.want, h.came.Load())
		}
		s.Close()
		if c.want != "" && strings.Contains(Reason(c.want), "at present") {
			t.Errorf("%s has no words", c.want)
		}
	}
	if elsewhere.came.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// What was registered under other rules, or resolves to another address since,
// is not connected to.
func TestNothingIsSentWhereItMayNotGo(t *testing.T) {
	h := &receiver{answer: func(http.ResponseWriter, *http.Request) {}}
	plain, secure := httptest.NewServer(h), httptest.NewTLSServer(h)
	defer plain.Close()
	defer secure.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	_, port, err := net.SplitHostPort(secure.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{plain.URL, secure.URL} {
		if got := post(&Room{Roots: roots}, url); got != "webhook.address" {
			t.Errorf("%s without leave: %q", url, got)
		}
	}
	// A name that was public when it was registered stands for the machine now;
	// the rules are those of the Internet, also where the machine may be named.
	names := serveNames(t, map[string][]string{"turncoat.example.": {"8.8.8.8"}})
	for _, loopback := range []bool{false, true} {
		names.set("turncoat.example.", "8.8.8.8")
		r := &Room{Loopback: loopback, Roots: roots, Resolver: names.resolver()}
		if _, err := r.checkURL(t.Context(), "https://turncoat.example:"+port); err != nil {
			t.Fatal(err)
		}
		names.set("turncoat.example.", "127.0.0.1")
		if got := post(r, "https://turncoat.example:"+port); got != "webhook.address" {
			t.Errorf("a name that turns out to be this machine: %q", got)
		}
	}
	if h.came.Load() != 0 {
		t.Errorf("%d requests came through", h.came.Load())
	}
	if got := post(&Room{Loopback: true}, secure.URL); got != "webhook.tls" || h.came.Load() != 0 {
		t.Errorf("a certificate of nobody: %q", got)
	}
	if got := post(&Room{Loopback: true, Roots: roots}, secure.URL); got != "" || h.came.Load() != 1 {
		t.Errorf("this test cannot succeed: %q", got)
	}
}

func TestAProxyOfTheEnvironmentIsNotAsked(t *testing.T) {
	r := &Room{Loopback: true}
	for _, host := range []string{"127.0.0.1", "hooks.example"} {
		c, err := r.clientFor(host)
		if err != nil {
			t.Fatal(err)
		}
		if c.Transport.(*http.Transport).Proxy != nil {
			t.Errorf("the client for %s asks a proxy", host)
		}
		if c.Timeout <= 0 || c.Transport.(*http.Transport).MaxResponseHeaderBytes <= 0 {
			t.Errorf("the client for %s has no bounds", host)
		}
	}
}

func TestWaitsGrowAndEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, share := rapid.IntRange(1, 1000).Draw(t, "attempts"), rapid.Float64Range(0, 1).Draw(t, "share")
		w := wait(n, share)
		if w < firstWait*4/5 || w > longestWait*6/5 {
			t.Fatalf("after %d attempts: %s", n, w)
		}
		if next := wait(n+1, share); next < w {
			t.Fatalf("after %d attempts %s, after one more %s", n, w, next)
		}
	})
}
