package sim

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	hub "github.com/concord-trust/concord/hub/reconcile"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/terms/reconcile"
	"github.com/concord-trust/concord/wire"
)

const paidRequest = `name: follow-the-money
title: Follow ransom payments
asks: {stake: law-enforcement, kind: police}
purpose: investigate
sectors: [finance]
measure: reports
each: 0.5
fields:
  - {path: impact.ransom.paid, form: "generalised:decade"}
  - {path: attack.techniques, form: exact}
`

// requestTrust is a trust with some banks, a police force that asks, another
// that does not, and a mediator; each bank has told of a case.
func requestTrust(t *testing.T, banks int) (tr *Trust, police, mediator *Seat) {
	t.Helper()
	tr, err := Open(t.Context(), t.TempDir(), "127.0.0.1:0", slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	for i := range banks {
		s, err := tr.Seat(t.Context(), Party{Name: fmt.Sprint("Bank ", i), Stake: member.Industry, Kind: "firm", OwnerGroup: wire.OwnerGroup(fmt.Sprint("g-", i)), Sectors: []string{"finance"}, Terms: "default"})
		if err != nil {
			t.Fatal(err)
		}
		doc := fmt.Sprintf(`{"native":"case-%d","victim":{"victim_id":"Victim %d","industry":"522110"},"timeline":{"incident":"2026-03-10"},"action":{"malware":{"variety":["Ransomware"]}}}`, i, i)
		if _, err := s.Tell(t.Context(), strings.NewReader(doc), "case.json", "report"); err != nil {
			t.Fatal(err)
		}
		if d, err := s.Send(t.Context()); err != nil || d.Accepted != 1 {
			t.Fatalf("delivery %+v, %v", d, err)
		}
	}
	police, err = tr.Seat(t.Context(), Party{Name: "City Police", Stake: member.LawEnforcement, Kind: "police", OwnerGroup: "g-police", Sectors: []string{"finance"}, Terms: "default"})
	if err != nil {
		t.Fatal(err)
	}
	mediator, err = tr.Seat(t.Context(), Party{Name: "Mediator", Stake: member.Industry, Kind: "isac", OwnerGroup: "g-mediator", Sectors: []string{"finance"}, Terms: "default", Roles: []string{hub.Mediator}})
	if err != nil {
		t.Fatal(err)
	}
	return tr, police, mediator
}

// A member requests, contributors see what is asked of them as sentences, one
// accepts and one refuses, and the hub asks others, until what is wanted flows.
func TestARequestFlowsOnceContributorsAcceptWhatIsAskedOfThem(t *testing.T) {
	tr, police, mediator := requestTrust(t, 4)
	filed, err := police.Member.Hub.File(t.Context(), paidRequest)
	if err != nil {
		t.Fatal(err)
	}
	asked := func() (all []node.Proposal, seats []*Seat) {
		t.Helper()
		for _, s := range tr.Members {
			proposals, err := s.Member.Proposals(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if i := slices.IndexFunc(proposals, func(p node.Proposal) bool { return p.Aim == reconcile.Cheapest }); i >= 0 {
				all, seats = append(all, proposals[i]), append(seats, s)
			}
		}
		return all, seats
	}
	proposals, seats := asked()
	if len(proposals) != 2 {
		t.Fatalf("%d are asked; half of four banks is two", len(proposals))
	}
	p := proposals[0]
	if len(p.Changes) != 1 || p.Changes[0].Text != p.Clauses[0].Text || p.Request.Asker != "City Police" || !strings.HasPrefix(p.Changes[0].Text, "Law-enforcement members") {
		t.Errorf("the offer reads %+v of %s", p.Changes, p.Request.Asker)
	}

	// One refuses: it is not asked again, and another is in its place.
	if err := seats[0].Member.RefuseOffer(t.Context(), p.ID, "law"); err != nil {
		t.Fatal(err)
	}
	if err := seats[0].Member.RefuseOffer(t.Context(), p.ID, "law"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("what asks nothing is refused: %v", err)
	}
	proposals, others := asked()
	if len(proposals) != 2 || slices.Contains(others, seats[0]) {
		t.Fatalf("after a refusal %d are asked, among them who refused: %v", len(proposals), slices.Contains(others, seats[0]))
	}

	// The mediator sees who, and why; nobody else sees a name.
	seen, err := mediator.Member.Hub.Overview(t.Context())
	if err != nil || len(seen.Named) != 1 {
		t.Fatalf("the mediator sees %d outcomes, %v", len(seen.Named), err)
	}
	refusal := ""
	for _, b := range seen.Named[0].Outcome.Fields[0].Blocked {
		if strings.Contains(b.Reason, "it refused to concede this field") {
			refusal = seen.Named[0].Names[b.Contributor]
		}
	}
	if refusal != seats[0].Party.Name {
		t.Errorf("the mediator sees that %q refused; it was %s", refusal, seats[0].Party.Name)
	}
	r := &recalling{Trust: tr, t: t}
	resp, err := r.signIn(tr.URL, mediator).Get(tr.URL + "/reconcile")
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if want := seats[0].Party.Name + `<span class="soft">industry, firm</span>`; err != nil || !strings.Contains(string(page), want) {
		t.Errorf("the mediator's page does not say %q, %v: %s", want, err, page)
	}
	if seen, err = police.Member.Hub.Overview(t.Context()); err != nil || len(seen.Named) != 0 || len(seen.Wanted) != 1 {
		t.Errorf("the requester sees names: %+v, %v", seen, err)
	}
	mine, err := police.Member.Hub.Requests(t.Context())
	if err != nil || len(mine) != 1 || mine[0].ID != filed.ID || mine[0].Outcome == nil {
		t.Fatalf("the requester sees %+v, %v", mine, err)
	}
	// Four owner groups are too few to tell anything of.
	if f := mine[0].Outcome.Fields[0]; f.Coverage != "too few to tell" {
		t.Errorf("of four banks it is told %q", f.Coverage)
	}

	// Both accept; the very next answer knows.
	for i, p := range proposals {
		a, err := others[i].Member.AcceptOffer(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if a.Terms.Version != 2 || len(a.Terms.Clauses) <= 1 {
			t.Errorf("the sheet is %+v", a.Terms)
		}
	}
	if left, _ := asked(); len(left) != 0 {
		t.Errorf("what is wanted flows, and %d are asked", len(left))
	}
	flows, err := tr.Hub.Measure(t.Context())
	if err != nil || len(flows) != 1 || flows[0].Flows != .75 || flows[0].From != member.Industry || flows[0].To != member.LawEnforcement {
		t.Errorf("measured is %+v, %v", flows, err)
	}

	// Withdrawn, it asks nobody, and there is nothing to measure.
	if err := mediator.Member.Hub.Withdraw(t.Context(), filed.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("somebody else withdraws it: %v", err)
	}
	if err := police.Member.Hub.Withdraw(t.Context(), filed.ID); err != nil {
		t.Fatal(err)
	}
	if all, err := seats[1].Member.Hub.Offers(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("a withdrawn request concerns %+v, %v", all, err)
	}
}

func TestARequestIsTheMembersOwnForAPurposeOfItsAgreement(t *testing.T) {
	tr, police, _ := requestTrust(t, 1)
	for name, c := range map[string]struct {
		document string
		kind     fault.Kind
		code     string
	}{
		"somebody else's":    {strings.Replace(paidRequest, "kind: police", "kind: regulator", 1), fault.Forbidden, "request.asker"},
		"no purpose of it":   {strings.Replace(paidRequest, "investigate", "study", 1), fault.Forbidden, ""},
		"no such field":      {strings.Replace(paidRequest, "impact.ransom.paid", "impact.purse", 1), fault.Invalid, "request.unknown_field"},
		"no sector of a hub": {strings.Replace(paidRequest, "sectors: [finance]", "sectors: [space]", 1), fault.Invalid, "request.sectors"},
		"nonsense":           {"name: [", fault.Invalid, ""},
	} {
		_, err := police.Member.Hub.File(t.Context(), c.document)
		if fault.KindOf(err) != c.kind || c.code != "" && fault.Public(err).Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range hub.MaxDaily {
		if _, err := police.Member.Hub.File(t.Context(), strings.Replace(paidRequest, "follow", fmt.Sprint("follow-", i), 1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := police.Member.Hub.File(t.Context(), paidRequest); fault.KindOf(err) != fault.Conflict {
		t.Errorf("the eleventh of a day: %v", err)
	}
	// A suspended requester has nothing asked for it, and a suspended
	// contributor is asked nothing.
	if err := tr.Hub.Door.Suspend(t.Context(), police.Member.Agreement.Member.ID); err != nil {
		t.Fatal(err)
	}
	if all, err := tr.Members[0].Member.Hub.Offers(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("for a suspended requester is asked %+v, %v", all, err)
	}
}

// What the demo tells of the paradox: more flows after some accepted, and
// nothing flows less.
func TestTheDemoShowsTheParadoxBeforeAndAfter(t *testing.T) {
	d := Demo{Seed: 1, Reports: 600, Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	trust, s, err := d.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := trust.Close(); err != nil {
			t.Error(err)
		}
	}()
	p := s.Paradox
	if p == nil || p.Requests != 3 || p.Asked < 2 || p.Accepted != (p.Asked+1)/2 || len(p.Before) != len(p.After) {
		t.Fatalf("the demo tells of %+v", p)
	}
	more := 0
	for i, b := range p.Before {
		a := p.After[i]
		if a.Sector != b.Sector || a.From != b.From || a.To != b.To || a.Requested != b.Requested || a.Flows < b.Flows || b.Flows+b.Blocked != 1 || b.WithOffer < b.Flows {
			t.Errorf("before %+v, after %+v", b, a)
		}
		if a.Flows > b.Flows {
			more++
		}
	}
	if more == 0 {
		t.Error("nothing flows more after offers were accepted")
	}
	// The course in time has the day, in bands.
	i := slices.IndexFunc(trust.Members, func(m *Seat) bool { return m.Party.Kind == "police" })
	v, err := trust.Members[i].Member.Hub.Overview(t.Context())
	if err != nil || len(v.Course) != 1 || len(v.Wanted) != 3 || v.Measured != time.Now().UTC().Format(time.DateOnly) || len(v.Paradox) != len(p.After) {
		t.Fatalf("the overview is %+v, %v", v, err)
	}
	for k, f := range v.Paradox {
		if b := p.After[k].Basis; (b.FlowingGroups >= 5 && b.BlockedGroups >= 5) != (f.Lower != nil) || strings.Contains(f.Flows, "%") != (f.Lower != nil) {
			t.Errorf("%+v is shown as %+v", p.After[k], f)
		}
	}
}
