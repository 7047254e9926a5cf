package deliver_test

import (
	"bytes"
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
)

// listings keeps places in memory, as the contract in store/storetest says.
type listings map[string]*listing

type listing struct {
	n     int64
	added time.Time
	held  map[string]deliver.Listed
	says  map[string][]byte
	gone  []vanished
}

type vanished struct {
	deliver.Vanished
	day time.Time
}

func (l listings) Relist(_ context.Context, collection string, day time.Time, entries []deliver.Entry) ([]deliver.Listed, error) {
	c := l[collection]
	if c == nil {
		c = &listing{held: map[string]deliver.Listed{}, says: map[string][]byte{}}
		l[collection] = c
	}
	var out []deliver.Listed
	held, says := map[string]deliver.Listed{}, map[string][]byte{}
	for _, e := range entries {
		at, ok := c.held[e.Object]
		if !ok || !bytes.Equal(c.says[e.Object], e.Digest) {
			c.n++
			if c.added = c.added.Add(time.Microsecond); c.added.Before(day) {
				c.added = day
			}
			if !ok {
				at.Created = c.added
			}
			at.N, at.Added = c.n, c.added
		}
		held[e.Object], says[e.Object] = at, e.Digest
		out = append(out, at)
	}
	for object, was := range c.held {
		if _, ok := held[object]; !ok {
			c.n++
			c.gone = append(c.gone, vanished{deliver.Vanished{Entry: deliver.Entry{Object: object, Digest: c.says[object]}, N: c.n, Created: was.Created}, day})
		}
	}
	c.held, c.says = held, says
	return out, nil
}

func (l listings) Gone(_ context.Context, collection string, since time.Time) (all []deliver.Vanished, err error) {
	if c := l[collection]; c != nil {
		for _, v := range c.gone {
			if !v.day.Before(since) {
				all = append(all, v.Vanished)
			}
		}
	}
	return all, nil
}

func (tr *trust) objects(v member.Viewer, k deliver.Kind) []deliver.ObjectView {
	tr.t.Helper()
	if tr.room.Shelves == nil {
		tr.room.Shelves = shelves{}
	}
	a, err := tr.room.Objects(context.Background(), v, "finance", k)
	if err != nil {
		tr.t.Fatal(err)
	}
	return a.Body()
}

func seen(name string, all ...report.Seen) sending {
	s := hacked(name, "Northwind Bank")
	s.seen = all
	return s
}

var (
	evilDomain = report.Seen{Type: "domain", Value: "login.northw1nd.example", LastSeen: "2026-01-14T10:11:12Z"}
	evilHash   = report.Seen{Type: "file-hash", Value: strings.Repeat("ab", 32)}
)

// allText is a text in which all objects stand.
func allText(all []deliver.ObjectView) string {
	var b strings.Builder
	for _, o := range all {
		b.Write(o.JSON)
		b.WriteString(o.ID)
	}
	return b.String()
}

// What is served parses as STIX that breaks no MUST, holds the values that the
// audience may have, and only those.
func TestServedObjectsAreValidAndHoldWhatTheAudienceMayHave(t *testing.T) {
	tr := newTrust(t)
	tr.bank("teller")
	tr.tell(seen("teller", evilDomain, evilHash, report.Seen{Type: "email", Value: "victim@northwind.example"}))
	viewer := as(tr.bank("viewer"), member.Defend)
	all := tr.objects(viewer, deliver.IndicatorObjects)
	text := allText(all)
	for _, want := range []string{"domain-name:value = 'login.northw1nd.example'", strings.Repeat("ab", 32), "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not served: %s", want, text)
		}
	}
	incidents := tr.objects(viewer, deliver.IncidentObjects)
	if !strings.Contains(allText(incidents), `"type":"incident"`) {
		t.Errorf("no incident is served: %s", allText(incidents))
	}
	for _, not := range []string{"victim@northwind.example", "Northwind Bank", string(idOf("teller")), "10:11:12"} {
		if strings.Contains(text+allText(incidents), not) {
			t.Errorf("%s is served", not)
		}
	}
	last := deliver.ObjectView{}
	for _, o := range slices.Concat(all) {
		parsed, err := stix.Parse(o.JSON)
		if err != nil {
			t.Fatal(err)
		}
		if findings := stix.Validate(parsed); stix.Failed(findings) {
			t.Errorf("%s: %v", o.JSON, findings)
		}
		if !o.Added.After(last.Added) || o.N <= last.N || o.Added.Sub(o.Added.Truncate(24*time.Hour)) > time.Second {
			t.Errorf("date_added %v after %v", o.Added, last.Added)
		}
		last = o
	}
}

// Ids are the audience's own: two members, or one for two purposes, who compare
// them learn nothing; and no id is made of a value alone.
func TestObjectIDsAreTheAudiencesOwn(t *testing.T) {
	tr := newTrust(t)
	tr.bank("teller")
	tr.tell(seen("teller", evilDomain))
	police := tr.join("police", member.LawEnforcement, builtin(t, "default"), "finance")
	ids := map[string]string{}
	for name, v := range map[string]member.Viewer{"one": as(tr.bank("one"), member.Defend), "two": as(tr.bank("two"), member.Defend), "police": as(police, member.Defend), "police again": as(police, member.Investigate)} {
		for _, k := range deliver.Kinds() {
			collections, err := tr.room.Collections(v, "finance")
			if err != nil {
				t.Fatal(err)
			}
			all := collections.Body()
			for _, o := range tr.objects(v, k) {
				if o.Type == "marking-definition" {
					continue
				}
				if other, again := ids[o.ID]; again {
					t.Errorf("%s and %s both know %s", name, other, o.ID)
				}
				if ids[o.ID] = name; o.ID[len(o.Type)+2+14] != '4' {
					t.Errorf("%s is a hash of something", o.ID)
				}
			}
			for _, c := range all {
				if other, again := ids[c.ID]; again && other != name {
					t.Errorf("%s and %s both know the collection %s", name, other, c.ID)
				}
				ids[c.ID] = name
			}
		}
	}
	if len(ids) != 4*2+4*2 {
		t.Errorf("%d ids: %v", len(ids), ids)
	}
}

// What terms do not grant for the purpose, and what a narrowing took away, is
// in no object; the others stay where they were.
func TestObjectsFollowTheTermsOfTheMoment(t *testing.T) {
	tr := newTrust(t)
	tr.bank("teller")
	tr.join("shy", member.Industry, parse(t, nothing), "finance")
	tr.tell(seen("teller", evilDomain))
	tr.tell(seen("shy", evilHash))
	viewer := as(tr.bank("viewer"), member.Defend)
	before := tr.objects(viewer, deliver.IndicatorObjects)
	if strings.Contains(allText(before), evilHash.Value) {
		t.Error("a value that no clause grants is served")
	}
	if again := tr.objects(viewer, deliver.IndicatorObjects); allText(again) != allText(before) {
		t.Error("nothing changed, and the objects did")
	}
	if study := tr.objects(as(viewer.Member, member.Study), deliver.IndicatorObjects); len(study) != 0 {
		t.Errorf("indicators for study: %s", allText(study))
	}
	tr.tell(seen("teller", evilHash))
	more := tr.objects(viewer, deliver.IndicatorObjects)
	if len(more) != len(before)+1 || allText(more[:len(before)]) != allText(before) {
		t.Errorf("a new object moved others:\n%s\n%s", allText(before), allText(more))
	}
	tr.rules[idOf("teller")] = tr.rules[idOf("shy")] // its terms grant nothing now
	if left := tr.objects(viewer, deliver.IndicatorObjects); len(left) != 0 {
		t.Errorf("after a narrowing: %s", allText(left))
	}
}

// While a contributor is suspended nothing of its reports is passed on, in any
// answer; what others told of the same is.
func TestNothingOfASuspendedContributorIsPassedOn(t *testing.T) {
	tr := newTrust(t)
	teller := tr.bank("teller")
	tr.bank("other")
	tr.tell(seen("teller", evilDomain, evilHash), seen("other", evilDomain))
	viewer := as(tr.bank("viewer"), member.Defend)
	teller.Suspended = true
	tr.members[teller.ID] = teller
	text := allText(tr.objects(viewer, deliver.IndicatorObjects))
	if strings.Contains(text, evilHash.Value) || !strings.Contains(text, evilDomain.Value) {
		t.Errorf("objects: %s", text)
	}
	if view := tr.open(viewer); len(view.Reports) != 1 || len(view.Observables) != 1 {
		t.Errorf("the incident shows %d reports and %d observables", len(view.Reports), len(view.Observables))
	}
	feed, err := tr.room.Indicators(t.Context(), viewer, "finance")
	if err != nil || len(feed.Body()) != 1 {
		t.Errorf("the feed holds %v, %v", feed.Body(), err)
	}
}

func TestASectorOfOthersHasNoCollections(t *testing.T) {
	tr := newTrust(t)
	viewer := as(tr.bank("viewer"), member.Defend)
	if _, err := tr.room.Collections(viewer, "health"); err == nil {
		t.Error("collections of a sector that is not the viewer's")
	}
	tr.room.Shelves = shelves{}
	if _, err := tr.room.Objects(t.Context(), viewer, "health", deliver.IndicatorObjects); err == nil {
		t.Error("objects of a sector that is not the viewer's")
	}
	viewer.Member.Suspended = true
	if _, err := tr.room.Objects(t.Context(), viewer, "finance", deliver.IndicatorObjects); err == nil {
		t.Error("objects for a suspended member")
	}
}

// BenchmarkObjects computes the collections of a sector in which 5,000 incidents
// were told: what the first page costs after something changed.
func BenchmarkObjects(b *testing.B) {
	tr := newTrust(b)
	for i := range 60 {
		tr.bank(fmt.Sprint("bank ", i))
	}
	for i := range 5_000 {
		s := hacked(fmt.Sprint("bank ", i%60), fmt.Sprint("victim ", i))
		for j := range 4 {
			s.seen = append(s.seen, report.Seen{Type: "domain", Value: fmt.Sprintf("host-%d-%d.example", i, j)})
		}
		tr.tell(s)
	}
	viewer := as(tr.bank("bank 1"), member.Defend)
	b.Run("feed", func(b *testing.B) {
		for b.Loop() {
			if events := tr.feed(viewer); len(events) != 20 {
				b.Fatalf("%d events", len(events))
			}
		}
	})
	for _, k := range deliver.Kinds() {
		b.Run(string(k), func(b *testing.B) {
			for b.Loop() {
				if len(tr.objects(viewer, k)) < 5_000 {
					b.Fatal("objects are missing")
				}
			}
		})
	}
}
