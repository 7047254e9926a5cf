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
	"github.com/concord-trust/concord/terms"
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
	if card.ID, err = wire.NewID[wire.MemberID]('m', d.Rand); err != nil {
		return "", Card{}, err
	}
	return d.ask(ctx, card, until)
}

// Amend makes a code by which somebody who takes part already signs anew, under
// a card that change changed: after a rename, with another owner group, sector
// or role, for another year of a project, or when the agreement has ended. The
// member keeps its id and its key; until it signs nothing changes.
func (d *Door) Amend(ctx context.Context, id wire.MemberID, change func(*Card) error, until time.Time) (code string, issued Card, err error) {
	m, err := d.Record.Member(ctx, id)
	if err != nil {
		return "", Card{}, err
	}
	a, _, err := d.held(ctx, m)
	if err != nil {
		return "", Card{}, err
	}
	card := cardOf(m, a)
	if err := change(&card); err != nil {
		return "", Card{}, err
	}
	if card.ID != id {
		return "", Card{}, fault.New(fault.Invalid, "invitation.card", "a member keeps its id")
	}
	return d.ask(ctx, card, until)
}

// cardOf is the card under which a member takes part.
func cardOf(m member.Member, a agreement.Agreement) Card {
	return Card{ID: m.ID, Name: m.Name, Stake: m.Stake, Kind: m.Kind, OwnerGroup: m.OwnerGroup, Sectors: m.Sectors, Purposes: slices.Clone(a.Purposes),
		Roles: slices.Clone(a.Member.Roles), Jurisdiction: a.Member.Jurisdiction, Law: slices.Clone(a.Law), Project: a.Project}
}

// ask stores the invitation for a card that has its member's id.
func (d *Door) ask(ctx context.Context, card Card, until time.Time) (code string, issued Card, err error) {
	if p := card.Project; p != nil {
		whole := *p
		whole.Until = whole.Until.UTC().Truncate(time.Second)
		if whole.ID == "" {
			if whole.ID, err = wire.NewID[string]('p', d.Rand); err != nil {
				return "", Card{}, err
			}
		}
		card.Project = &whole
	}
	if err := d.checkCard(card); err != nil {
		return "", Card{}, err
	}
	now := d.now()
	until = until.UTC().Truncate(time.Second)
	if !now.Before(until) {
		return "", Card{}, fault.New(fault.Invalid, "invitation.until", "an invitation ends in the future")
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
	if kinds := KindsOf(c.Stake); !slices.Contains(kinds, c.Kind) {
		return wrong("a %s has another stake than %s, whose kinds are %v", c.Kind, c.Stake, kinds)
	}
	if c.Jurisdiction != "" && !terms.ValidCountry(c.Jurisdiction) {
		return wrong("a country is named by its code of two capital letters (ISO 3166-1 alpha-2): DE, FR, GB")
	}
	for i, r := range c.Roles {
		if !agreement.ValidRoleName(r) || slices.Contains(c.Roles[:i], r) {
			return wrong("a role is called by lower-case letters, digits and dashes, as mediator, and stands once")
		}
	}
	if err := agreement.CheckLaw(c.Law, c.Stake); err != nil {
		return err
	}
	return d.checkProject(c)
}

// KindsOf lists the kinds of organisation that have a stake. A CERT may be a
// sector's own, or the state's.
func KindsOf(s member.Stake) []member.Kind {
	switch s {
	case member.Industry:
		return []member.Kind{"firm", "isac", "cert", "responder", "insurer"}
	case member.LawEnforcement:
		return []member.Kind{"police", "prosecutor", "regulator", "cert"}
	case member.Research:
		return []member.Kind{"university", "institute"}
	}
	return nil
}

// checkProject holds a researcher to a project, and its project to a year.
func (d *Door) checkProject(c Card) error {
	wrong := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "invitation.project", format, args...)
	}
	switch {
	case c.Project == nil && c.Stake == member.Research && d.Projects:
		return wrong("research is agreed on for a project: its title, the people who work on it, and its end within a year")
	case c.Project == nil:
		return nil
	case c.Stake != member.Research:
		return wrong("a project is for members of the stake %s", member.Research)
	case !d.now().Before(c.Project.Until) || c.Project.Until.Sub(d.now()) > agreement.MaxProject:
		return wrong("a project ends within a year from now; it can be agreed on again")
	}
	return c.Project.Check()
}

// Withdraw takes back the open invitations that were made out to a member id,
// and returns how many there were. Their codes open nothing any more.
func (d *Door) Withdraw(ctx context.Context, id wire.MemberID) (int, error) {
	return d.Record.WithdrawInvitations(ctx, id, d.now())
}

// State says in a word what became of an invitation by now: open, used, ended
// or withdrawn.
func (i Invitation) State(now time.Time) string {
	switch {
	case !i.Used.IsZero():
		return "used"
	case !i.Withdrawn.IsZero():
		return "withdrawn"
	case !now.Before(i.ValidUntil):
		return "ended"
	}
	return "open"
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
	return d.offered(i.Card)
}

// RenewalOffer returns the agreement that a member may sign in place of its
// current one, complete but for what the member adds: what the third party
// offers may have changed since.
func (d *Door) RenewalOffer(ctx context.Context, s Standing) (agreement.Agreement, error) {
	return d.offered(cardOf(s.member, s.agreement))
}

func (d *Door) offered(c Card) (agreement.Agreement, error) {
	offered := d.proposal(c)
	var err error
	offered.ID, err = wire.NewID[wire.AgreementID]('a', d.Rand)
	return offered, err
}

// proposal is what the hub is ready to sign, but for its id and what the
// member adds.
func (d *Door) proposal(c Card) agreement.Agreement {
	a := agreement.Agreement{
		Hub: d.Hub, Policy: d.Policy, Undertakings: slices.Clone(d.Undertakings), Purposes: slices.Clone(c.Purposes),
		Member: agreement.Card{ID: c.ID, Name: c.Name, Stake: c.Stake, Kind: c.Kind, OwnerGroup: c.OwnerGroup, Sectors: slices.Clone(c.Sectors),
			Roles: slices.Clone(c.Roles), Jurisdiction: c.Jurisdiction},
		From: d.now(), Until: d.now().Add(d.life()),
	}
	if c.Project != nil {
		p := *c.Project
		p.People = slices.Clone(p.People)
		if a.Project = &p; p.Until.Before(a.Until) {
			a.Until = p.Until
		}
	}
	legal := d.Legal
	legal.Law, legal.Location, legal.Subprocessors = slices.Clone(c.Law), slices.Clone(legal.Location), slices.Clone(legal.Subprocessors)
	a.Legal = agreement.DefaultLegal(legal, c.Stake, c.Kind)
	a.Standards = map[string]standard.Ref{}
	for _, s := range c.Sectors {
		a.Standards[s] = d.Sectors[s]
	}
	return a
}

// open reports whether an invitation can be used now.
func (d *Door) open(i Invitation) error {
	if !i.Withdrawn.IsZero() {
		return fault.New(fault.Forbidden, "invitation.withdrawn", "this invitation was withdrawn; ask the third party")
	}
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
		m := d.newMember(a, found.GroupCounts)
		if found.Known != nil {
			if m, err = d.amended(*found.Known, m); err != nil {
				return Joined{}, err
			}
		}
		return Joined{Member: m, KeyID: envelope.KeyID(a.Member.Key), Agreement: held(a, both)}, nil
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

// amended is a member who takes part already under a changed card. It keeps its
// key and since when it is there; in the same owner group it counts as before.
func (d *Door) amended(known, m member.Member) (member.Member, error) {
	switch {
	case known.Suspended:
		return m, errSuspended
	case !known.Key.Equal(m.Key):
		return m, fault.New(fault.Forbidden, "agreement.other_key", "a member signs anew with the key that it has; this is another")
	}
	m.Since = known.Since
	if known.OwnerGroup == m.OwnerGroup {
		m.CountsFrom = known.CountsFrom
	}
	return m, nil
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
	if err := d.acceptable(a, cardOf(m, now.agreement), now.agreement.From); err != nil {
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
		!slices.Equal(got.Member.Sectors, want.Member.Sectors) || !slices.Equal(got.Member.Roles, want.Member.Roles) ||
		got.Member.Jurisdiction != want.Member.Jurisdiction:
		return differs("/member", "the agreement's card is not the one that was invited")
	case len(got.Standards) != len(want.Standards) || slices.ContainsFunc(want.Member.Sectors, func(s string) bool { return got.Standards[s] != want.Standards[s] }):
		return differs("/standards", "the agreement names other standards than the sectors have")
	case got.Policy != want.Policy:
		return differs("/policy", "the agreement names another policy than the one that holds")
	case !slices.Equal(got.Undertakings, want.Undertakings):
		return differs("/undertakings", "the agreement has other undertakings than the third party asks for")
	case slices.ContainsFunc(got.Purposes, func(p member.Purpose) bool { return !slices.Contains(want.Purposes, p) }):
		return differs("/purposes", "the agreement names purposes beyond those that are offered")
	case !same(got.Project, want.Project):
		return differs("/project", "the agreement is for another project than the one that was agreed on")
	case !same(but(got.Legal), but(want.Legal)):
		return differs("/law", "roles, places, subprocessors or duties are not those that the third party offers now")
	case got.Project != nil && got.Until.After(got.Project.Until):
		return differs("/until", "the agreement lasts longer than its project")
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

// but is what the third party offers of a legal part; what becomes of its
// contributions after the end is for the member to say.
func but(l agreement.Legal) agreement.Legal {
	l.AfterEnd = ""
	return l
}

// same compares two parts of agreements by the bytes that would be signed.
func same(a, b any) bool {
	one, err := wire.Canonical(a)
	other, otherErr := wire.Canonical(b)
	return err == nil && otherErr == nil && bytes.Equal(one, other)
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
