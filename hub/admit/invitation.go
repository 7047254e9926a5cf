package admit

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// DefaultInvitationLife is how long an invitation stays open unless the
// operator says otherwise.
const DefaultInvitationLife = 14 * 24 * time.Hour

// maxSkew is how far ahead of the hub's clock a member's may be when it dates
// an agreement.
const maxSkew = 5 * time.Minute

// maxCardText is the longest name on a card, in bytes, as an agreement has it.
const maxCardText = 200

// Invite makes a one-use code by which the organisation on the card joins
// until the given moment. The card's id is issued here; without purposes the
// stake's defaults hold. The code (160 random bits) is returned once and kept
// as a hash only.
func (d *Door) Invite(ctx context.Context, card Card, until time.Time) (code string, issued Card, err error) {
	card.Name = strings.TrimSpace(card.Name)
	if card.Purposes == nil {
		card.Purposes = agreement.DefaultPurposes(card.Stake)
	}
	if err := d.checkCard(card); err != nil {
		return "", Card{}, err
	}
	now := d.now()
	until = until.UTC().Truncate(time.Second)
	if !now.Before(until) {
		return "", Card{}, fault.New(fault.Invalid, "invitation.until", "an invitation ends in the future")
	}
	if card.ID, err = wire.NewID[wire.MemberID]('m', d.Rand); err != nil {
		return "", Card{}, err
	}
	if code, err = d.draw(20); err != nil {
		return "", Card{}, err
	}
	i := Invitation{Card: card, Created: now, ValidUntil: until}
	if err := d.Record.AddInvitation(ctx, hashCode("invitation", code), i); err != nil {
		return "", Card{}, err
	}
	return code, card, nil
}

func (d *Door) checkCard(c Card) error {
	wrong := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "invitation.card", format, args...)
	}
	switch {
	case c.Name == "" || len(c.Name) > maxCardText:
		return wrong("the organisation has a name of at most %d bytes", maxCardText)
	case !c.Stake.Valid():
		return wrong("the stake is one of %v", member.Stakes())
	case !c.Kind.Valid():
		return wrong("the kind is one of %v", member.Kinds())
	case !utf8.ValidString(c.Name) || !utf8.ValidString(string(c.OwnerGroup)):
		return wrong("names are written in UTF-8; set the terminal to it")
	case c.OwnerGroup == "" || len(c.OwnerGroup) > maxCardText:
		return wrong("a member belongs to an owner group, if only to its own")
	case len(c.Sectors) == 0:
		return wrong("a member takes part in one sector or more")
	}
	for i, s := range c.Sectors {
		if _, served := d.Sectors[s]; !served || slices.Contains(c.Sectors[:i], s) {
			return wrong("the sectors are among those that this hub serves, each once; %q is not", s)
		}
	}
	for i, p := range c.Purposes {
		if !p.Valid() || slices.Contains(c.Purposes[:i], p) {
			return wrong("the purposes are among %v, each once", member.Purposes())
		}
	}
	return nil
}

// Offer returns the agreement that an invitation offers: complete but for the
// member's key, terms and contact. The member fills these in, signs it, and
// sends it to [Door.Join]. Asking does not use the invitation up.
func (d *Door) Offer(ctx context.Context, code string) (agreement.Agreement, error) {
	i, err := d.Record.Invitation(ctx, hashCode("invitation", code))
	if err != nil {
		return agreement.Agreement{}, codeRefused(err)
	}
	if err := d.open(i); err != nil {
		return agreement.Agreement{}, err
	}
	offered := d.proposal(i.Card)
	offered.ID, err = wire.NewID[wire.AgreementID]('a', d.Rand)
	return offered, err
}

// proposal is what the hub is ready to sign, but for its id and what the
// member adds.
func (d *Door) proposal(c Card) agreement.Agreement {
	a := agreement.Agreement{
		Hub: d.Hub, Policy: d.Policy, Undertakings: slices.Clone(d.Undertakings), Purposes: slices.Clone(c.Purposes),
		Member: agreement.Card{ID: c.ID, Name: c.Name, Stake: c.Stake, Kind: c.Kind, OwnerGroup: c.OwnerGroup, Sectors: slices.Clone(c.Sectors)},
		From:   d.now(), Until: d.now().Add(d.life()),
	}
	a.Standards = map[string]standard.Ref{}
	for _, s := range c.Sectors {
		a.Standards[s] = d.Sectors[s]
	}
	return a
}

// open reports whether an invitation can be used now.
func (d *Door) open(i Invitation) error {
	if !i.Used.IsZero() {
		return fault.New(fault.Conflict, "invitation.used", "this invitation was used; ask the third party for another")
	}
	if !d.now().Before(i.ValidUntil) {
		return fault.New(fault.Forbidden, "invitation.expired", "this invitation ended at %s; ask the third party for another", i.ValidUntil.Format(time.RFC3339))
	}
	return nil
}

// Join admits the organisation that an invitation was made for. signed is the
// agreement as the member signed it (agreement.Sign); it must say what the
// invitation and the hub's policy say. The agreement signed by both sides
// comes back; it is stored, with the member, before it does. Asked again with
// the very same agreement (since an answer was lost on its way), the answer is
// the same.
func (d *Door) Join(ctx context.Context, code string, signed []byte) ([]byte, error) {
	a, err := readSigned(signed)
	if err != nil {
		return nil, err
	}
	both, err := agreement.Countersign(signed, a.Member.Key, d.Sign)
	if err != nil {
		return nil, err
	}
	joined, err := d.Record.Join(ctx, hashCode("invitation", code), d.now(), func(found Found) (Joined, error) {
		if j := found.Joined; j != nil && bytes.Equal(j.Agreement.Signed, both) {
			return *j, nil
		}
		if err := d.open(found.Invitation); err != nil {
			return Joined{}, err
		}
		if err := d.acceptable(a, found.Invitation.Card, found.Invitation.Created); err != nil {
			return Joined{}, err
		}
		return Joined{
			Member:    d.newMember(a, found.GroupCounts),
			KeyID:     envelope.KeyID(a.Member.Key),
			Agreement: held(a, both),
		}, nil
	})
	if err != nil {
		return nil, codeRefused(err)
	}
	return joined.Agreement.Signed, nil
}

// newMember makes the record's entry. A member of an owner group that takes
// part already counts when the group does; a new group waits for its
// probation.
func (d *Door) newMember(a agreement.Agreement, groupCounts time.Time) member.Member {
	c := a.Member
	now := d.now()
	if groupCounts.IsZero() {
		groupCounts = now.Add(d.Probation)
	}
	return member.Member{ID: c.ID, Name: c.Name, Stake: c.Stake, Kind: c.Kind, OwnerGroup: c.OwnerGroup,
		Sectors: slices.Clone(c.Sectors), Key: c.Key, Since: now, CountsFrom: groupCounts}
}

// Renew takes a further agreement of a member, with other terms or a later
// end, while its current one is valid. signed is the new agreement as the
// member signed it, with the same key; it becomes the current one.
func (d *Door) Renew(ctx context.Context, signed []byte) ([]byte, error) {
	a, err := readSigned(signed)
	if err != nil {
		return nil, err
	}
	both, err := agreement.Countersign(signed, a.Member.Key, d.Sign)
	if err != nil {
		return nil, err
	}
	m, err := d.Record.MemberByKey(ctx, envelope.KeyID(a.Member.Key))
	if fault.KindOf(err) == fault.NotFound {
		return nil, fault.New(fault.Unauthenticated, "agreement.unknown_member", "no member has this key; join with an invitation").Because(err)
	}
	if err != nil {
		return nil, err
	}
	now, err := d.standing(ctx, m)
	if err != nil {
		return nil, err
	}
	current, err := d.Record.Agreement(ctx, m.ID)
	if err != nil || bytes.Equal(current.Signed, both) {
		return both, err
	}
	card := Card{ID: m.ID, Name: m.Name, Stake: m.Stake, Kind: m.Kind, OwnerGroup: m.OwnerGroup, Sectors: m.Sectors, Purposes: now.Purposes()}
	if err := d.acceptable(a, card, now.agreement.From); err != nil {
		return nil, err
	}
	if err := d.Record.Renew(ctx, held(a, both), d.now()); err != nil {
		return nil, err
	}
	return both, nil
}

// acceptable holds an agreement to what the third party offers this
// organisation, since the given moment.
func (d *Door) acceptable(a agreement.Agreement, c Card, since time.Time) error {
	differs := func(path, what string) error {
		return fault.New(fault.Invalid, "agreement.differs", "%s; ask for the offer again and sign what it says", what).At(path)
	}
	want, got := d.proposal(c), a
	switch {
	case got.Hub != want.Hub:
		return got.With(d.Hub)
	case got.Member.ID != want.Member.ID || got.Member.Name != want.Member.Name || got.Member.Stake != want.Member.Stake ||
		got.Member.Kind != want.Member.Kind || got.Member.OwnerGroup != want.Member.OwnerGroup ||
		!slices.Equal(got.Member.Sectors, want.Member.Sectors):
		return differs("/member", "the agreement's card is not the one that was invited")
	case len(got.Standards) != len(want.Standards) || slices.ContainsFunc(want.Member.Sectors, func(s string) bool { return got.Standards[s] != want.Standards[s] }):
		return differs("/standards", "the agreement names other standards than the sectors have")
	case got.Policy != want.Policy:
		return differs("/policy", "the agreement names another policy than the one that holds")
	case !slices.Equal(got.Undertakings, want.Undertakings):
		return differs("/undertakings", "the agreement has other undertakings than the third party asks for")
	case slices.ContainsFunc(got.Purposes, func(p member.Purpose) bool { return !slices.Contains(want.Purposes, p) }):
		return differs("/purposes", "the agreement names purposes beyond those that are offered")
	case got.Until.Sub(d.now()) > d.life():
		return differs("/until", "the agreement lasts longer than the third party agrees to")
	case !d.now().Before(got.Until):
		return got.ValidAt(d.now())
	case got.From.Before(since) || got.From.After(d.now().Add(maxSkew)):
		// Backdated, it would say that there was an agreement when there was
		// none; begun later, it would shut out a member who has one.
		return differs("/from", "the agreement begins before it was offered, or later than now")
	}
	if a.Terms != nil {
		if _, err := compile(a, d.Standard); err != nil {
			return err
		}
	}
	return nil
}

func (d *Door) life() time.Duration {
	if d.AgreementLife == 0 {
		return DefaultAgreementLife
	}
	return d.AgreementLife
}

func held(a agreement.Agreement, signed []byte) Held {
	return Held{ID: a.ID, Member: a.Member.ID, From: a.From, Until: a.Until, Signed: signed}
}

// codeRefused says of an unknown code what to do.
func codeRefused(err error) error {
	if fault.KindOf(err) == fault.NotFound {
		return fault.New(fault.Unauthenticated, "invitation.unknown", "there is no such invitation; check that the code is complete").Because(err)
	}
	return err
}

// readSigned reads an agreement that the member alone has signed, with the key
// that the agreement's own card names.
func readSigned(signed []byte) (agreement.Agreement, error) {
	var d struct {
		Payload     []byte         `json:"payload"`
		PayloadType string         `json:"payloadType"`
		Signatures  jsontext.Value `json:"signatures"`
	}
	if len(signed) > agreement.MaxSigned {
		return agreement.Agreement{}, fault.New(fault.TooLarge, "agreement.too_large", "the signed agreement has %d bytes; at most %d are taken", len(signed), agreement.MaxSigned)
	}
	if err := wire.Decode(signed, &d); err != nil {
		return agreement.Agreement{}, fault.New(fault.Invalid, "agreement.malformed", "this is no signed agreement").Because(err)
	}
	var claimed agreement.Agreement
	if err := wire.Decode(d.Payload, &claimed); err != nil {
		return agreement.Agreement{}, err
	}
	return agreement.Read(signed, claimed.Member.Key)
}
