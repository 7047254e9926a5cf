package deliver_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/formats/misp"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
)

// feed is what a viewer pulls, event by event.
func (tr *trust) feed(v member.Viewer) []misp.Listed {
	tr.t.Helper()
	if tr.room.Listings == nil {
		tr.room.Listings = listings{}
	}
	a, err := tr.room.Feed(context.Background(), v, "finance")
	if err != nil {
		tr.t.Fatal(err)
	}
	return a.Body().Events
}

// all joins the files of a feed to one text.
func all(events []misp.Listed) string {
	var b strings.Builder
	for _, e := range events {
		b.Write(e.File)
		b.Write(e.Hashes)
	}
	b.Write(misp.Manifest(events))
	return b.String()
}

// pulled is what the tests read of an event.
type pulled struct {
	Event struct {
		UUID, Info, Timestamp string
		Tag                   []struct{ Name string }
		Attribute             []pulledValue
		Object                []struct {
			UUID      string
			Deleted   bool
			Attribute []pulledValue
		}
	}
}

type pulledValue struct {
	UUID, Type, Value, Timestamp, Comment string
	Tag                                   []struct{ Name string }
	Deleted                               bool
}

func (tr *trust) pull(v member.Viewer) []pulled {
	tr.t.Helper()
	var out []pulled
	for _, e := range tr.feed(v) {
		var p pulled
		if err := json.Unmarshal(e.File, &p); err != nil || p.Event.UUID != e.UUID {
			tr.t.Fatal(p.Event.UUID, e.UUID, err)
		}
		out = append(out, p)
	}
	return out
}

// An event breaks no MUST of the core format, bears its labels, and holds the
// values that the audience may have and only those.
func TestTheFeedIsValidAndHoldsWhatTheAudienceMayHave(t *testing.T) {
	tr := newTrust(t)
	tr.bank("teller")
	tr.join("shy", member.Industry, parse(t, nothing), "finance")
	hidden := report.Seen{Type: "domain", Value: "granted-to-nobody.example"}
	tr.tell(seen("teller", evilDomain, evilHash, report.Seen{Type: "cve", Value: "CVE-2024-1001", LastSeen: "2026-02-05T11:12:13Z"}, report.Seen{Type: "wallet", Value: "LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9"}, report.Seen{Type: "email", Value: "victim@northwind.example"}))
	tr.tell(seen("shy", hidden))
	viewer := as(tr.bank("viewer"), member.Defend)
	events := tr.feed(viewer)
	text := all(events)
	for _, want := range []string{evilDomain.Value, evilHash.Value, "CVE-2024-1001", "LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9", `"tlp:`, `concord:purpose=\"defend\"`, `"last_seen":"2026-02-05T00:00:00+00:00"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in the feed: %s", want, text)
		}
	}
	for _, not := range []string{"victim@northwind.example", "Northwind Bank", string(idOf("teller")), "10:11:12", "11:12:13", hidden.Value, fmt.Sprintf("%x", md5.Sum([]byte(hidden.Value)))} {
		if strings.Contains(text, not) {
			t.Errorf("%s is in the feed", not)
		}
	}
	for _, e := range events {
		for _, c := range misp.Check(e.File) {
			if len(c.Errors) > 0 {
				t.Errorf("%v in %s", c.Errors, e.File)
			}
		}
		if _, _, err := misp.NewReader(bytes.NewReader(e.File)).Next(); err != nil {
			t.Error(err)
		}
	}
	if study := tr.feed(as(viewer.Member, member.Study)); len(study) != 0 {
		t.Errorf("values to defend are there to study: %s", all(study))
	}
}

// Two members, or one for two purposes, share no id; and no id follows from a
// value alone.
func TestTheFeedsIDsAreTheAudiencesOwn(t *testing.T) {
	tr := newTrust(t)
	tr.bank("teller")
	tr.tell(seen("teller", evilDomain, evilHash))
	police := tr.join("police", member.LawEnforcement, builtin(t, "default"), "finance")
	ids := map[string]string{}
	for name, v := range map[string]member.Viewer{"one": as(tr.bank("one"), member.Defend), "two": as(tr.bank("two"), member.Defend), "police": as(police, member.Defend), "police again": as(police, member.Investigate)} {
		known := func(id string) {
			if other, again := ids[id]; again || len(id) != 36 || id[14] != '4' {
				t.Errorf("%s and %s both know %q, or it is a hash", name, other, id)
			}
			ids[id] = name
		}
		for _, e := range tr.pull(v) {
			known(e.Event.UUID)
			for _, a := range e.Event.Attribute {
				known(a.UUID)
			}
			for _, o := range e.Event.Object {
				known(o.UUID)
				known(o.Attribute[0].UUID)
			}
		}
	}
	if len(ids) != 4*3 {
		t.Errorf("%d ids: %v", len(ids), ids)
	}
}

// An instance fetches again what changed and nothing else: the manifest's time
// grows by a second a change within a day, and tells no time of the day.
func TestAnEventsTimeGrowsExactlyWhenItChanges(t *testing.T) {
	tr := newTrust(t)
	tr.bank("teller")
	tr.bank("other")
	tr.tell(seen("teller", evilDomain))
	viewer := as(tr.bank("viewer"), member.Defend)
	first := tr.feed(viewer)
	if again := tr.feed(viewer); all(again) != all(first) {
		t.Error("nothing changed, and the feed did")
	}
	time0 := tr.pull(viewer)[0].Event.Timestamp
	if want := fmt.Sprint(viewer.At.UTC().Truncate(24 * time.Hour).Unix()); time0 != want {
		t.Errorf("the first event is of %s, expected the day, %s", time0, want)
	}
	tr.tell(seen("teller", evilHash))
	two := tr.pull(viewer)
	if len(two) != 1 || len(two[0].Event.Attribute) != 2 || two[0].Event.Timestamp <= time0 {
		t.Fatalf("after a new value on the same day: %+v", two)
	}
	for _, a := range two[0].Event.Attribute {
		if a.Timestamp != two[0].Event.Timestamp {
			t.Errorf("the attribute of %s would not be taken by who has it", a.Type)
		}
	}
	viewer.At = viewer.At.Add(24 * time.Hour)
	tr.tell(seen("other", report.Seen{Type: "domain", Value: "another.example"}))
	next := tr.pull(viewer)
	if len(next) != 2 || next[0].Event.Timestamp != two[0].Event.Timestamp || len(next[1].Event.Attribute) != 1 {
		t.Errorf("a value of the next day changed an event of the day before: %+v", next)
	}
}

// A value that was taken away and came back stands under other ids, since an
// instance that kept it knows it in another event.
func TestAValueThatComesBackHasOtherIDs(t *testing.T) {
	tr := newTrust(t)
	tr.bank("teller")
	tr.join("shy", member.Industry, parse(t, nothing), "finance")
	tr.tell(seen("teller", evilDomain))
	viewer := as(tr.bank("viewer"), member.Defend)
	before := tr.pull(viewer)
	grants := tr.rules[idOf("teller")]
	tr.rules[idOf("teller")] = tr.rules[idOf("shy")]
	if left := all(tr.feed(viewer)); strings.Contains(left, "northw1nd") {
		t.Errorf("after a narrowing: %s", left)
	}
	tr.rules[idOf("teller")] = grants
	viewer.At = viewer.At.Add(24 * time.Hour)
	after := tr.pull(viewer)
	if len(before) != 1 || len(after) != 2 || before[0].Event.UUID == after[1].Event.UUID || before[0].Event.Attribute[0].UUID == after[1].Event.Attribute[0].UUID {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
}

// An instance deletes what was taken back: it is told so under the id that it
// knows, with a later time and nothing of what it was, for 90 days.
func TestWhatIsTakenBackIsDeletedWhereItStood(t *testing.T) {
	tr := newTrust(t)
	tr.bank("teller")
	tr.bank("other")
	tr.join("shy", member.Industry, parse(t, nothing), "finance")
	wallet := report.Seen{Type: "wallet", Value: "LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9"}
	tr.tell(seen("teller", evilDomain, wallet), seen("other", evilHash))
	viewer := as(tr.bank("viewer"), member.Defend)
	before := tr.pull(viewer)[0].Event
	grants := tr.rules[idOf("teller")]
	tr.rules[idOf("teller")] = tr.rules[idOf("shy")]
	for _, later := range []time.Duration{0, time.Hour, 24 * time.Hour, deliver.RevokedFor - 24*time.Hour} {
		v := viewer
		v.At = v.At.Add(later)
		files := tr.feed(v)
		if text := all(files); strings.Contains(text, evilDomain.Value) || strings.Contains(text, wallet.Value) || strings.Contains(text, fmt.Sprintf("%x", md5.Sum([]byte(evilDomain.Value)))) {
			t.Fatalf("what was taken back is in the feed: %s", text)
		}
		for _, c := range misp.Check(files[0].File) {
			if len(c.Errors) > 0 {
				t.Errorf("%v in %s", c.Errors, files[0].File)
			}
		}
		after := tr.pull(v)[0].Event
		if after.UUID != before.UUID || after.Timestamp <= before.Timestamp || len(after.Attribute) != len(before.Attribute) || len(after.Object) != 1 {
			t.Fatalf("before %+v\nafter %+v", before, after)
		}
		was := map[string]string{before.Object[0].Attribute[0].UUID: before.Object[0].Attribute[0].Value}
		for _, a := range before.Attribute {
			was[a.UUID] = a.Value
		}
		for _, a := range append(after.Attribute, after.Object[0].Attribute...) {
			if stays := was[a.UUID] == evilHash.Value; was[a.UUID] == "" || a.Deleted == stays || (a.Value == was[a.UUID]) != stays || a.Timestamp != after.Timestamp {
				t.Errorf("it was %q, and is %+v", was[a.UUID], a)
			}
		}
		if o := after.Object[0]; o.UUID != before.Object[0].UUID || !o.Deleted {
			t.Errorf("the object is %+v", o)
		}
	}
	again := viewer
	tr.rules[idOf("teller")] = grants
	back := tr.pull(again)
	ids := map[string]bool{}
	for _, e := range back {
		for _, a := range e.Event.Attribute {
			if ids[a.UUID] {
				t.Errorf("%s stands there twice", a.UUID)
			}
			ids[a.UUID] = true
		}
	}
	if text := fmt.Sprint(back); !strings.Contains(text, evilDomain.Value) || !strings.Contains(text, wallet.Value) {
		t.Errorf("what came back is not in the feed: %s", text)
	}
	viewer.At = viewer.At.Add(deliver.RevokedFor + 24*time.Hour)
	if text := fmt.Sprint(tr.pull(viewer)); strings.Contains(text, "Taken back") {
		t.Errorf("it is told for longer than was said: %s", text)
	}
}

// Nothing of a suspended contributor is in the feed; a suspended reader and
// another sector get none.
func TestTheFeedClosesWithASuspension(t *testing.T) {
	tr := newTrust(t)
	teller := tr.bank("teller")
	tr.bank("other")
	tr.tell(seen("teller", evilDomain, evilHash), seen("other", evilDomain))
	viewer := as(tr.bank("viewer"), member.Defend)
	teller.Suspended = true
	tr.members[teller.ID] = teller
	if text := all(tr.feed(viewer)); strings.Contains(text, evilHash.Value) || !strings.Contains(text, evilDomain.Value) {
		t.Errorf("the feed is %s", text)
	}
	if _, err := tr.room.Feed(t.Context(), viewer, "health"); err == nil {
		t.Error("a feed of a sector that is not the viewer's")
	}
	viewer.Member.Suspended = true
	if _, err := tr.room.Feed(t.Context(), viewer, "finance"); err == nil {
		t.Error("a feed for a suspended member")
	}
}

// An event has a bounded number of values, and one that leaves moves no other.
func TestALongFeedIsDividedAndNothingMoves(t *testing.T) {
	tr := newTrust(t)
	tr.bank("teller")
	shy := tr.join("shy", member.Industry, builtin(t, "default"), "finance")
	one := seen("teller")
	for i := range 2*deliver.FeedPart + 10 {
		one.seen = append(one.seen, report.Seen{Type: "domain", Value: fmt.Sprintf("host-%05d.example", i)})
	}
	tr.tell(one)
	tr.tell(seen("shy", report.Seen{Type: "domain", Value: "a-first.example"}))
	viewer := as(tr.bank("viewer"), member.Defend)
	before := tr.pull(viewer)
	if len(before) != 3 || len(before[0].Event.Attribute) != deliver.FeedPart || len(before[2].Event.Attribute) != 11 {
		t.Fatalf("%d events, the first of %d values", len(before), len(before[0].Event.Attribute))
	}
	shy.Suspended = true
	tr.members[shy.ID] = shy
	after := tr.pull(viewer)
	if live := slices.DeleteFunc(slices.Clone(after[0].Event.Attribute), func(v pulledValue) bool { return v.Deleted }); len(live) != deliver.FeedPart-1 || after[0].Event.Timestamp <= before[0].Event.Timestamp {
		t.Errorf("the event of the value that left has %d values", len(after[0].Event.Attribute))
	}
	for i := 1; i < 3; i++ {
		if fmt.Sprint(after[i]) != fmt.Sprint(before[i]) {
			t.Errorf("event %d changed with a value that left another", i)
		}
	}
}

// Each value bears its own label, and the event the strictest of them.
func TestAnEventIsMarkedAsItsStrictestValue(t *testing.T) {
	tr := newTrust(t)
	labels, actions := []string{"TLP:GREEN", "TLP:AMBER+STRICT", "TLP:CLEAR"}, []string{"PAP:AMBER", "PAP:CLEAR", "PAP:GREEN"}
	for i, tlp := range labels {
		sheet := builtin(t, "default")
		for c := range sheet.Clauses {
			sheet.Clauses[c].TLP, sheet.Clauses[c].PAP = tlp, actions[i]
		}
		name := fmt.Sprint("bank ", i)
		tr.join(name, member.Industry, sheet, "finance")
		tr.tell(seen(name, report.Seen{Type: "domain", Value: fmt.Sprintf("host-%d.example", i)}))
	}
	events := tr.pull(as(tr.bank("viewer"), member.Defend))
	if len(events) != 1 || len(events[0].Event.Attribute) != len(labels) || events[0].Event.Tag[0].Name != "tlp:amber+strict" || events[0].Event.Tag[1].Name != "PAP:AMBER" {
		t.Fatalf("%+v", events)
	}
	for i, a := range events[0].Event.Attribute {
		if len(a.Tag) != 2 || a.Tag[0].Name != strings.ToLower(labels[i]) || a.Tag[1].Name != actions[i] {
			t.Errorf("%s bears %v, expected %s and %s", a.Value, a.Tag, labels[i], actions[i])
		}
	}
}
