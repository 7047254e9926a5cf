package deliver_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// shelves keeps objects in memory, as the contract in store/storetest says, of
// which only whole contents are needed here.
type shelves map[string]*shelved

type shelved struct {
	deliver.Stand
	n       int64
	added   time.Time
	objects []shelfObject // by number
	made    int           // how often an object was asked for
}

type shelfObject struct {
	deliver.Item
	deliver.Place
	body    []byte
	version time.Time
	revoked bool
}

func (s shelves) Stand(_ context.Context, collection string) (deliver.Stand, error) {
	if c := s[collection]; c != nil {
		return c.Stand, nil
	}
	return deliver.Stand{}, nil
}

func (c *shelved) place(day time.Time, p deliver.Place) deliver.Place {
	c.n++
	if c.added = c.added.Add(time.Microsecond); c.added.Before(day) {
		c.added = day
	}
	if p.N, p.Added = c.n, c.added; p.Created.IsZero() {
		p.Created = c.added
	}
	return p
}

func (s shelves) Restock(_ context.Context, collection string, r deliver.Restock) (deliver.Stand, bool, error) {
	c := s[collection]
	if c == nil {
		c = &shelved{}
		s[collection] = c
	}
	if c.Turn != r.Turn {
		return c.Stand, false, nil
	}
	var kept []shelfObject
	old := map[deliver.Name]shelfObject{}
	for _, o := range c.objects {
		if o.revoked {
			kept = append(kept, o)
		} else {
			old[o.Name] = o
		}
	}
	for _, item := range r.Items {
		o, ok := old[item.Name]
		delete(old, item.Name)
		if !ok || o.Digest != item.Digest {
			place := c.place(r.Day, deliver.Place{Created: o.Created, Object: o.Object})
			c.made++
			made, err := item.Make(place)
			if err != nil {
				return c.Stand, false, err
			}
			place.Object = made.Object
			o = shelfObject{Item: item, Place: place, body: made.Body, version: made.Version}
		}
		kept = append(kept, o)
	}
	for _, o := range old {
		place := c.place(r.Day, o.Place)
		body, tell, err := r.Revoke(o.Type, place)
		if err != nil {
			return c.Stand, false, err
		}
		if tell {
			kept = append(kept, shelfObject{Item: deliver.Item{Type: o.Type}, Place: place, body: body, revoked: true})
		}
	}
	slices.SortFunc(kept, func(a, b shelfObject) int { return int(a.N - b.N) })
	c.objects, c.Stand = kept, r.Stand
	c.Turn = r.Turn + 1
	return c.Stand, true, nil
}

func (s shelves) Pick(_ context.Context, collection string, w deliver.Selection, yield func(int64, time.Time, []byte) error) (at deliver.Stand, more bool, err error) {
	c := s[collection]
	if c == nil {
		return at, false, nil
	}
	left := w.Limit
	for _, o := range c.objects {
		if o.N <= w.After || !o.Added.After(w.AddedAfter) || w.Revoked && !o.revoked ||
			len(w.Objects) > 0 && !slices.Contains(w.Objects, o.Object) || len(w.Types) > 0 && !slices.Contains(w.Types, o.Type) {
			continue
		}
		if left--; left < 0 {
			return c.Stand, true, nil
		}
		if err := yield(o.N, o.Added, o.body); err != nil {
			return c.Stand, false, err
		}
	}
	return c.Stand, false, nil
}

func (tr *trust) page(v member.Viewer, w deliver.Wanted) deliver.PageView {
	tr.t.Helper()
	if tr.room.Shelves == nil {
		tr.room.Shelves = shelves{}
	}
	a, err := tr.room.Page(context.Background(), v, "finance", deliver.IndicatorObjects, w)
	if err != nil {
		tr.t.Fatal(err)
	}
	return a.Body()
}

// What is taken back is told under the id that it had, as a valid object that
// holds nothing of what it was; what comes back comes under another id, since a
// revoked one is never used again.
func TestWhatIsTakenBackIsToldAsRevokedAndNothingElse(t *testing.T) {
	tr := newTrust(t)
	tr.bank("teller")
	tr.tell(seen("teller", evilDomain, evilHash))
	viewer := as(tr.bank("viewer"), member.Defend)
	before := tr.page(viewer, deliver.Wanted{Limit: 100})
	last := before.Objects[len(before.Objects)-1]
	incidents := tr.incidents
	tr.incidents = nil
	after := tr.page(viewer, deliver.Wanted{AddedAfter: last.Added, Limit: 100})
	if len(after.Objects) != 2 {
		t.Fatalf("a client that polls is told of %d objects: %s", len(after.Objects), allText(after.Objects))
	}
	for _, o := range after.Objects {
		i := slices.IndexFunc(before.Objects, func(b deliver.ObjectView) bool { return b.ID == o.ID })
		if !o.Revoked || i < 0 || !strings.Contains(string(o.JSON), `"revoked":true`) || o.Version <= before.Objects[i].Version {
			t.Errorf("%s is told of", o.JSON)
		}
		for _, not := range []string{"northw1nd", evilHash.Value, "domain", "SHA", "Last seen", "2026-01", "TLP", "marking"} {
			if strings.Contains(string(o.JSON), not) {
				t.Errorf("%q is still told: %s", not, o.JSON)
			}
		}
		parsed, err := stix.Parse(o.JSON)
		if err != nil {
			t.Fatal(err)
		}
		if findings := stix.Validate(parsed); len(findings) > 0 {
			t.Errorf("%s: %v", o.JSON, findings)
		}
	}
	if live := tr.objects(viewer, deliver.IndicatorObjects); len(live) != 0 {
		t.Errorf("what was taken back is there still: %s", allText(live))
	}
	tr.incidents = incidents
	back := tr.objects(viewer, deliver.IndicatorObjects)
	if len(back) != len(before.Objects) {
		t.Errorf("%d objects came back of %d", len(back), len(before.Objects))
	}
	for _, o := range back {
		if o.Type == "indicator" && slices.ContainsFunc(before.Objects, func(b deliver.ObjectView) bool { return b.ID == o.ID }) {
			t.Errorf("%s was revoked, and is used again", o.ID)
		}
	}
}

// While what a collection rests on is the same, a page is read and nothing is
// computed; once it changes, or the day is over, it is computed anew.
func TestACollectionIsComputedOnlyWhenWhatItRestsOnChanges(t *testing.T) {
	tr := newTrust(t)
	tr.bank("teller")
	tr.tell(seen("teller", evilDomain))
	viewer := as(tr.bank("viewer"), member.Defend)
	state := "one"
	tr.room.State = func(context.Context) (string, error) { return state, nil }
	has := func(want bool) {
		t.Helper()
		if got := strings.Contains(allText(tr.page(viewer, deliver.Wanted{Limit: 10}).Objects), evilHash.Value); got != want {
			t.Errorf("the new value is served: %v, want %v", got, want)
		}
	}
	has(false)
	tr.tell(seen("teller", evilHash))
	has(false) // nobody said that anything changed
	state = "two"
	has(true)
	tr.incidents = tr.incidents[:1]
	viewer.At = viewer.At.Add(2 * time.Minute)
	has(true) // it is idle
	viewer.At = viewer.At.AddDate(0, 0, 1)
	has(false)
	tr.tell(seen("teller", evilHash))
	viewer.At = viewer.At.AddDate(0, 0, -1) // a clock that is set back
	has(true)
	tr.incidents = tr.incidents[:1]
	has(true)
	viewer.Member.Sectors = append(viewer.Member.Sectors, "health") // terms may look at who asks
	has(false)
}

// A grant begins and ends in its very second at TAXII, and between the two
// nothing is computed.
func TestAKeptCollectionChangesInTheSecondInWhichAGrantBeginsOrEnds(t *testing.T) {
	const domain = "login.timed.net"
	received := now.Add(-time.Hour) // as the trust's first row is
	for name, c := range map[string]struct {
		clause     terms.Clause
		begin, end time.Time
	}{
		"a delay":          {terms.Clause{After: terms.Days(2)}, received.Add(48 * time.Hour), time.Time{}},
		"kept for a while": {terms.Clause{Keep: terms.Days(2)}, now, received.Add(48 * time.Hour)},
		"both":             {terms.Clause{After: terms.Days(1), Keep: terms.Days(3)}, received.Add(24 * time.Hour), received.Add(72 * time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrust(t)
			c.clause.ID, c.clause.Fields, c.clause.To, c.clause.For, c.clause.Form = "timed", []string{"observable.domain", "action.hacking.variety"},
				[]terms.Recipient{{Stake: terms.AnyStake}}, []member.Purpose{member.Defend}, standard.Form{Kind: standard.Exact}
			tr.join("from", member.Industry, &terms.Sheet{Name: "timed", Version: 1, Clauses: []terms.Clause{c.clause}}, "finance")
			tr.tell(sending{member: "from", says: [][2]string{{"action.hacking.variety", "SQLi"}}, seen: []report.Seen{{Type: "domain", Value: domain}}})
			reader := as(tr.bank("reader"), member.Defend)
			tr.room.State = func(context.Context) (string, error) { return "the same", nil }
			shown := func(at time.Time, want bool) {
				t.Helper()
				reader.At = at
				for _, k := range deliver.Kinds() {
					a, err := tr.room.Page(t.Context(), reader, "finance", k, deliver.Wanted{Limit: 10})
					if err != nil {
						t.Fatal(err)
					}
					live := slices.DeleteFunc(slices.Clone(a.Body().Objects), func(o deliver.ObjectView) bool { return o.Revoked || o.Type == "marking-definition" })
					if got := len(live) > 0; got != want {
						t.Errorf("at %s something is among the %s: %v, want %v", at, k, got, want)
					}
				}
			}
			tr.room.Shelves = shelves{}
			turns := func() (n int64) {
				for _, s := range tr.room.Shelves.(shelves) {
					n += s.Turn
				}
				return n
			}
			if !c.begin.Equal(now) {
				shown(c.begin.Add(-time.Second), false)
			}
			shown(c.begin, true)
			if !c.end.IsZero() {
				shown(c.begin.Add(5*time.Minute), true)
				before := turns()
				shown(c.begin.Add(10*time.Minute), true)
				if turns() != before {
					t.Error("a collection is computed although it is idle")
				}
				shown(c.end.Add(-time.Second), true)
				shown(c.end, false)
			}
		})
	}
}

// Nothing that an audience is served stands open in what the record keeps.
func TestTheRecordKeepsNoServedValueOpen(t *testing.T) {
	tr := newTrust(t)
	tr.bank("teller")
	tr.tell(seen("teller", evilDomain, evilHash))
	tr.objects(as(tr.bank("viewer"), member.Defend), deliver.IndicatorObjects)
	for _, c := range tr.room.Shelves.(shelves) {
		for _, o := range c.objects {
			for _, not := range []string{"northw1nd", evilHash.Value, "pattern", "indicator--"} {
				if text := fmt.Sprintf("%s %s", o.body, o.Name[:]); strings.Contains(text, not) {
					t.Errorf("%q stands in a kept object", not)
				}
			}
		}
	}
}

func TestAPageIsWhatIsWantedAndTellsWhatFollows(t *testing.T) {
	tr := newTrust(t)
	tr.bank("teller")
	tr.tell(seen("teller", evilDomain, evilHash))
	viewer := as(tr.bank("viewer"), member.Defend)
	all := tr.page(viewer, deliver.Wanted{Limit: 10})
	one := all.Objects[slices.IndexFunc(all.Objects, func(o deliver.ObjectView) bool { return o.Type == "indicator" })]
	_, bare, _ := strings.Cut(one.ID, "--")
	for name, c := range map[string]struct {
		w     deliver.Wanted
		n     int
		more  bool
		known bool
	}{
		"everything":            {deliver.Wanted{Limit: 10}, 3, false, true},
		"the first":             {deliver.Wanted{Limit: 1}, 1, true, true},
		"after the first":       {deliver.Wanted{After: all.Objects[0].N, Limit: 2}, 2, false, true},
		"one by its id":         {deliver.Wanted{IDs: []string{one.ID, "x", "y--z"}, Limit: 10}, 1, false, true},
		"under another type":    {deliver.Wanted{Object: "malware--" + bare, Limit: 10}, 0, false, false},
		"one, but not its type": {deliver.Wanted{Object: one.ID, Types: []string{"malware"}, Limit: 10}, 0, false, true},
		"one, but another id":   {deliver.Wanted{Object: one.ID, IDs: []string{all.Objects[0].ID + "x"}, Limit: 10}, 0, false, true},
		"markings":              {deliver.Wanted{Types: []string{"marking-definition"}, Limit: 10}, 1, false, true},
		"what cannot be":        {deliver.Wanted{Object: "indicator--1", Limit: 10}, 0, false, false},
	} {
		if got := tr.page(viewer, c.w); len(got.Objects) != c.n || got.More != c.more || got.Known != c.known {
			t.Errorf("%s: %d objects, more %v, known %v", name, len(got.Objects), got.More, got.Known)
		}
	}
}
