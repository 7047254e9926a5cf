package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/edge/tokenise"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/httpapi"
	"github.com/concord-trust/concord/oprf"
	"github.com/concord-trust/concord/steward"
	"github.com/concord-trust/concord/wire"
)

// PushToken has the hub make a token by which a tool of the member also pushes:
// the hub names a key of its own, and the member signs for how long and in which
// of its sectors (none: all) that key may act in its name. The member's own key
// never leaves it.
func (m *Member) PushToken(ctx context.Context, ask wire.TokenRequest, sectors []string) (wire.TokenGiven, error) {
	if m.unready != nil {
		return wire.TokenGiven{}, m.unready
	}
	if len(sectors) == 0 {
		sectors = m.Agreement.Member.Sectors
	}
	for _, s := range sectors {
		if err := m.Sector(s); err != nil {
			return wire.TokenGiven{}, err
		}
	}
	days := ask.Days
	if days == 0 {
		days = int(agreement.MaxDelegation.Hours() / 24)
	}
	if days < 0 || days > int(agreement.MaxDelegation.Hours()/24) {
		return wire.TokenGiven{}, fault.New(fault.Usage, "token.life", "a token for pushing lasts from 1 to %d days", int(agreement.MaxDelegation.Hours()/24))
	}
	ask.Push, ask.Delegation = true, nil
	offered, err := m.Hub.Token(ctx, ask)
	if err != nil {
		return wire.TokenGiven{}, err
	}
	if offered.Delegate == nil {
		return wire.TokenGiven{}, fault.New(fault.Internal, "token.no_delegate", "the hub named no key to delegate to; is it a Concord of another version?")
	}
	key, err := envelope.ParsePublic(offered.Delegate.Key)
	if err != nil {
		return wire.TokenGiven{}, err
	}
	now := m.Hub.Now().UTC().Truncate(time.Second)
	signed, err := agreement.SignDelegation(agreement.Delegation{
		ID: offered.Delegate.ID, Member: m.Config.Member.Hub.Member, Hub: m.Config.Member.Hub.ID, Agreement: m.Agreement.ID, Key: key, Sectors: sectors,
		Scopes: []string{agreement.MayContribute, agreement.MayEvaluate}, From: now, Until: now.AddDate(0, 0, days),
	}, m.Hub.Key)
	if err != nil {
		return wire.TokenGiven{}, err
	}
	ask.Delegation = signed
	return m.Hub.Token(ctx, ask)
}

// EndTokens ends all tokens of the member at the hub, and every delegation at
// the stewards, so that nothing acts in the member's name even if the hub kept
// what it was to forget.
func (m *Member) EndTokens(ctx context.Context) (wire.TokenGiven, error) {
	given, err := m.Hub.Token(ctx, wire.TokenRequest{End: true})
	if m.Tokeniser == nil {
		return given, err
	}
	client, ok := m.Tokeniser.Steward.(httpapi.StewardClient)
	if !ok {
		return given, err
	}
	now := m.Hub.Now()
	told := client.Revoke(ctx, now, steward.ScopeRevoke)
	if told != nil {
		f := fault.Public(told)
		return given, errors.Join(err, fault.New(f.Kind, "token.steward_not_told", "the steward %s could not be told (%s): delegations that were given hold there until they end by themselves; try again", m.Tokeniser.Name, f.Message).Because(told))
	}
	// Delegations are dated to the second: one that is given from here on is to
	// be later than what was just ended.
	over := time.NewTimer(now.Truncate(time.Second).Add(time.Second).Sub(now))
	defer over.Stop()
	select {
	case <-over.C:
	case <-ctx.Done():
	}
	return given, err
}

// pushingOf assembles what takes in pushes.
func (h *Hub) pushingOf(secret []byte, fail func(string)) (*pushing, error) {
	p, err := newPushing(secret)
	if err != nil {
		return nil, err
	}
	p.hub, p.door, p.desk, p.store, p.find, p.sealTo = h.config.Hub.ID, h.Door, h.Desk, h.Store, h.standards.find, h.seal.Public()
	p.now, p.log, p.fail = h.now, h.log, fail
	p.received = func(receipt []byte, err error) { bell{h.Desk, h.arrived, h.metrics}.rang(receipt, err) }
	if len(h.config.Hub.Stewards) == 0 {
		return p, nil
	}
	pin := h.config.Hub.Stewards[0] // single custody: there is one
	var link oprf.PublicKey
	if err := link.UnmarshalText([]byte(pin.LinkKey)); err != nil {
		return nil, at("hub.stewards[0].link_key", err)
	}
	transport, err := httpClient("")
	if err != nil {
		return nil, err
	}
	p.tokeniser = func(as delegate) (*tokenise.Tokeniser, error) { return h.delegateTokeniser(pin, link, transport, as) }
	return p, nil
}

// delegateTokeniser makes tokens in a member's name. It is for one request: what
// it remembers of values ends with it.
func (h *Hub) delegateTokeniser(pin StewardPin, link oprf.PublicKey, transport *http.Client, as delegate) (*tokenise.Tokeniser, error) {
	return &tokenise.Tokeniser{Name: pin.Name, Epoch: pin.Epoch, Key: link, Random: rand.Reader, Attempts: attempts, Steward: httpapi.StewardClient{
		Client:    &httpapi.Client{Base: strings.TrimRight(pin.URL, "/"), HTTP: transport, Member: as.member, Key: as.key, Audience: pin.Name, Now: h.now, Random: rand.Reader},
		Agreement: as.agreement, Scope: steward.Scope, Delegation: as.delegation}}, nil
}

// delegateKeys derives the keys to which members delegate from the hub's record
// secret: one for each delegation, found again by its id, so that the record
// holds none. Once the id is forgotten, so is the key.
func delegateKeys(secret []byte) (func(wire.MemberID, wire.DelegationID) (ed25519.PrivateKey, error), error) {
	base, err := derive(secret, "delegates")
	if err != nil {
		return nil, err
	}
	return func(m wire.MemberID, id wire.DelegationID) (ed25519.PrivateKey, error) {
		seed, err := derive(base, fmt.Sprintf("delegate %s of %s", id, m))
		if err != nil {
			return nil, err
		}
		return ed25519.NewKeyFromSeed(seed), nil
	}, nil
}
