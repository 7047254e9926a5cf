package admit_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/member"
)

func TestATokenReadsForItsPurposesUntilItEnds(t *testing.T) {
	h := newHouse(t)
	h.door.Tokens = h.door.Record.(admit.Tokens)
	m := h.join(h.card("bank"))
	purposes := m.agreement.Purposes
	token, expires, err := h.door.IssueToken(h.ctx, m.id, purposes[:1], 24*time.Hour)
	if err != nil || !expires.Equal(epoch.Add(24*time.Hour)) {
		t.Fatalf("%v, %v", expires, err)
	}
	for name, user := range map[string]string{"alone": "", "with its member": string(m.id)} {
		got, err := h.door.TokenHolder(h.ctx, user, token)
		if err != nil || got.Member().ID != m.id || !slices.Equal(got.Purposes, purposes[:1]) || len(got.Delegation) != 0 {
			t.Errorf("%s: %v, %v", name, got.Purposes, err)
		}
	}
	refused := func(what, user, token string) {
		t.Helper()
		_, err := h.door.TokenHolder(h.ctx, user, token)
		if err == nil {
			t.Fatalf("%s opens the door", what)
		}
		wantCode(t, err, fault.Unauthenticated, "token.refused")
	}
	refused("another member's name", "m-aaaaaaaaaaaaaaaaaaaaaaaaaa", token)
	refused("no token", string(m.id), "")
	refused("another token", "", token[:len(token)-1])

	if err := h.door.Suspend(h.ctx, m.id); err != nil {
		t.Fatal(err)
	}
	if _, err := h.door.TokenHolder(h.ctx, "", token); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a suspended member's token: %v", err)
	}
	if err := h.door.Lift(h.ctx, m.id); err != nil {
		t.Fatal(err)
	}
	h.now = epoch.Add(24*time.Hour - time.Second)
	if _, err := h.door.TokenHolder(h.ctx, "", token); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	h.now = epoch.Add(24 * time.Hour)
	refused("a token at its end", "", token)
}

func TestATokenIsNoWiderThanTheAgreementAndNoLongerThanTheHubLets(t *testing.T) {
	h := newHouse(t)
	h.door.Tokens = h.door.Record.(admit.Tokens)
	m := h.join(h.card("bank"))
	if _, _, err := h.door.IssueToken(h.ctx, m.id, []member.Purpose{member.Supervise}, 0); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a purpose that is not agreed: %v", err)
	}
	for _, life := range []time.Duration{-time.Hour, time.Second, admit.TokenLife + time.Second} {
		if _, _, err := h.door.IssueToken(h.ctx, m.id, nil, life); fault.KindOf(err) != fault.Invalid {
			t.Errorf("for %v: %v", life, err)
		}
	}
	for range admit.MaxTokens {
		if _, _, err := h.door.IssueToken(h.ctx, m.id, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := h.door.IssueToken(h.ctx, m.id, nil, 0); fault.KindOf(err) != fault.Conflict {
		t.Errorf("one more than a member may have: %v", err)
	}
}

// The record holds no token that opens the door.
func TestTheRecordHoldsNoToken(t *testing.T) {
	h := newHouse(t)
	h.door.Tokens = h.door.Record.(admit.Tokens)
	m := h.join(h.card("bank"))
	token, _, err := h.door.IssueToken(h.ctx, m.id, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(h.path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(token)) {
			t.Errorf("%s holds the token", filepath.Base(name))
		}
	}
}
