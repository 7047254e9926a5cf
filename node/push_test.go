package node

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/wire"
)

func newTestPushing(t *testing.T, secret string) *pushing {
	t.Helper()
	p, err := newPushing([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhatIsSealedOfARequestOpensForThatRequestAndAsThatAlone(t *testing.T) {
	p := newTestPushing(t, "one record secret")
	of := store.Push{ID: "a", Member: "m-one", Sector: "finance"}
	sealed, err := p.sealFor(of, "objects", "what is pushed")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("what is pushed")) {
		t.Error("it is not sealed")
	}
	var got string
	if err := p.openFor(of, "objects", sealed, &got); err != nil || got != "what is pushed" {
		t.Errorf("opened is %q, %v", got, err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for name, c := range map[string]struct {
		p      *pushing
		of     store.Push
		what   string
		sealed []byte
	}{
		"another hub's secret": {newTestPushing(t, "another record secret"), of, "objects", sealed},
		"another request":      {p, store.Push{ID: "b", Member: of.Member, Sector: of.Sector}, "objects", sealed},
		"another member":       {p, store.Push{ID: of.ID, Member: "m-two", Sector: of.Sector}, "objects", sealed},
		"another sector":       {p, store.Push{ID: of.ID, Member: of.Member, Sector: "health"}, "objects", sealed},
		"as a status":          {p, of, "status", sealed},
		"a byte is other":      {p, of, "objects", changed},
		"cut off":              {p, of, "objects", sealed[:5]},
		"finished":             {p, of, "objects", nil},
	} {
		if err := c.p.openFor(c.of, c.what, c.sealed, &got); fault.Public(err).Code != "record.damaged" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADelegatesKeyIsOfOneHubMemberAndDelegation(t *testing.T) {
	keys, err := delegateKeys([]byte("one record secret"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := delegateKeys([]byte("another record secret"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for name, c := range map[string]struct {
		keys func(wire.MemberID, wire.DelegationID) (ed25519.PrivateKey, error)
		m    wire.MemberID
		id   wire.DelegationID
	}{
		"this one":           {keys, "m-one", "l-one"},
		"another delegation": {keys, "m-one", "l-two"},
		"another member":     {keys, "m-two", "l-one"},
		"another hub":        {other, "m-one", "l-one"},
	} {
		key, err := c.keys(c.m, c.id)
		if err != nil {
			t.Fatal(err)
		}
		if same, ok := seen[string(key)]; ok {
			t.Errorf("%s has the key of %s", name, same)
		}
		seen[string(key)] = name
		if again, err := c.keys(c.m, c.id); err != nil || !again.Equal(key) {
			t.Errorf("%s: it is not found again, %v", name, err)
		}
	}
}

// A request that this program cannot take in by a fault of its own is put off,
// and its log tells where and no value.
func TestAFaultOfOursWhileTakingInStopsNothingElse(t *testing.T) {
	var log bytes.Buffer
	p := newTestPushing(t, "one record secret")
	p.log, p.now = slog.New(slog.NewTextHandler(&log, nil)), time.Now
	of := store.Push{ID: "a", Member: "m-one", Sector: "finance", Received: time.Now()}
	var err error
	const secret = "jane-q-public"
	object := json.RawMessage(fmt.Sprintf(`{"type":"domain-name","spec_version":"2.1","id":"domain-name--00000000-0000-4000-8000-000000000001","value":%q}`, secret))
	if of.Body, err = p.sealFor(of, "objects", pushJob{Objects: []json.RawMessage{object}}); err != nil {
		t.Fatal(err)
	}
	// It has no store, so that asking for what is known panics.
	if err := p.guarded(context.Background(), of); fault.Public(err).Code != "push.panic" {
		t.Errorf("got %v", err)
	}
	if text := log.String(); !strings.Contains(text, "pushwork.go") || strings.Contains(text, secret) {
		t.Errorf("the log says\n%s", text)
	}
}
