package deliver

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/formats/misp"
	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
)

// FeedView is what a member's MISP instance may pull of one sector for one
// purpose.
type FeedView struct {
	Events []misp.Listed
	Values int
}

// feedPart is how many values an event of the feed holds at most: an instance
// fetches an event as a whole.
const feedPart = 1000

// Feed answers with the rows of the indicator feed as events of MISP. A value
// stands in the event of the day on which it came into the feed, for as long as
// it may be had, so that an instance fetches again only what changed. Types for
// which MISP has no place are left out.
func (r *Room) Feed(ctx context.Context, v member.Viewer, sector string) (Answer[FeedView], error) {
	none := Answer[FeedView]{}
	s, err := r.Sector(v, sector)
	if err != nil {
		return none, err
	}
	rows, err := r.Indicators(ctx, v, sector)
	if err != nil {
		return none, err
	}
	f := &feeding{room: r, viewer: v, sector: s, key: r.secret("feed "+string(v.Purpose), v)}
	values, err := f.values(rows.Body())
	if err != nil {
		return none, err
	}
	events, err := f.events(ctx, values)
	if err != nil {
		return none, err
	}
	view := FeedView{Values: len(values)}
	for _, e := range events {
		listed, err := misp.List(e)
		if err != nil {
			return none, err
		}
		view.Events = append(view.Events, listed)
	}
	return Answer[FeedView]{body: view, until: rows.Until()}, nil
}

// feeding is one feed that is being made.
type feeding struct {
	room   *Room
	viewer member.Viewer
	sector Sector
	key    []byte
}

// feedValue is a row as MISP writes it: an event of one attribute, or of one
// object of one attribute.
type feedValue struct {
	id       string
	tlp, pap string
	part     misp.Event
	// deleted says that it was taken back.
	deleted bool
}

// id is a UUID of the audience's own, so that two members who compare ids learn
// nothing.
func (f *feeding) id(kind string, of ...string) string {
	_, id, _ := strings.Cut(stix.KeyedID(f.key, kind, f.sector.Name+"\x00"+strings.Join(of, "\x00")), "--")
	return id
}

// values writes the rows one by one.
func (f *feeding) values(rows []IndicatorRow) ([]feedValue, error) {
	var all []feedValue
	for _, row := range rows {
		one := feedValue{id: f.id("value", row.Type, row.Value), tlp: row.TLP, pap: row.PAP}
		if stix.TLPMarking(one.tlp) == nil { // terms mark with these labels alone; be strict all the same
			one.tlp = "TLP:RED"
		}
		seen := report.Observable{Type: row.Type, Value: row.Value}
		if len(row.LastSeen) == len("2006-01-02") {
			seen.LastSeen = row.LastSeen
		}
		added, err := mapping.AddToMISP(&one.part, seen, mapping.Issue{Random: rand.Reader, Now: f.viewer.At})
		if err != nil {
			return nil, err
		}
		if !added {
			continue
		}
		a := one.attribute()
		a.Tags = []misp.Tag{{Name: strings.ToLower(one.tlp)}, {Name: one.pap}}
		a.Comment = row.words()
		all = append(all, one)
	}
	return all, nil
}

// in gives the parts their ids in an event. A value that comes back later
// stands in another event, where MISP wants other ids.
func (v *feedValue) in(event string, f *feeding) {
	for i := range v.part.Objects {
		v.part.Objects[i].UUID = f.id("object", event, v.id)
	}
	v.attribute().UUID = f.id("attribute", event, v.id)
}

// attribute is where the value stands.
func (v *feedValue) attribute() *misp.Attribute {
	if len(v.part.Objects) > 0 {
		return &v.part.Objects[0].Attributes[0]
	}
	return &v.part.Attributes[0]
}

// events gathers the values by when they came, and dates each event by when it
// last changed.
func (f *feeding) events(ctx context.Context, values []feedValue) ([]misp.Event, error) {
	entries := make([]Entry, len(values))
	for i, v := range values {
		entries[i] = Entry{v.id, v.shape()} // a value stays where it is, whatever is told of it
	}
	listing := f.id("listing", "values")
	placed, err := f.room.relist(ctx, f.viewer, listing, entries)
	if err != nil {
		return nil, err
	}
	gathered := map[feedSlot][]feedValue{}
	for i, v := range values {
		at := slotOf(placed[i].Created)
		gathered[at] = append(gathered[at], v)
	}
	if err := f.takenBack(ctx, listing, gathered); err != nil {
		return nil, err
	}
	slots := slices.SortedFunc(func(yield func(feedSlot) bool) {
		for s := range gathered {
			if !yield(s) {
				return
			}
		}
	}, func(a, b feedSlot) int { return cmp.Or(a.day.Compare(b.day), cmp.Compare(a.part, b.part)) })
	events := make([]misp.Event, len(slots))
	entries = make([]Entry, len(slots))
	for i, s := range slots {
		events[i] = f.event(s.day, s.part, gathered[s])
		if entries[i], err = f.entry(events[i]); err != nil {
			return nil, err
		}
	}
	if placed, err = f.room.relist(ctx, f.viewer, f.id("listing", "events"), entries); err != nil {
		return nil, err
	}
	for i := range events {
		stamp(&events[i], placed[i].Added)
	}
	return events, nil
}

// feedSlot is where a value stands: in a part of the day on which it came.
type feedSlot struct {
	day  time.Time
	part int64
}

func slotOf(created time.Time) feedSlot {
	day := created.UTC().Truncate(24 * time.Hour)
	return feedSlot{day, created.Sub(day).Microseconds() / feedPart}
}

// event makes an event that has no time yet. Its labels are the strictest of its
// values', each of which bears its own.
func (f *feeding) event(day time.Time, part int64, values []feedValue) misp.Event {
	date, purpose := day.Format(time.DateOnly), string(f.viewer.Purpose)
	e := misp.Event{
		UUID: f.id("event", date, strconv.FormatInt(part, 10)), Date: date, Published: true,
		Info:        fmt.Sprintf("%s: indicators to %s, listed since %s", f.sector.Title, purpose, date),
		ThreatLevel: "4", Analysis: "2", // undefined; complete
		Distribution: "0", // whoever imports it decides how far it goes, within the label
		Creator:      f.room.issuer(),
	}
	if part > 0 {
		e.Info += fmt.Sprintf(" (part %d)", part+1)
	}
	tlp, pap := "", ""
	live := slices.ContainsFunc(values, func(v feedValue) bool { return !v.deleted })
	for _, v := range values {
		if !v.deleted || !live {
			tlp, pap = stricter(tlp, v.tlp), moreCautious(pap, v.pap)
		}
		v.in(e.UUID, f)
		e.Attributes, e.Objects = append(e.Attributes, v.part.Attributes...), append(e.Objects, v.part.Objects...)
	}
	e.Tags = []misp.Tag{{Name: strings.ToLower(tlp)}, {Name: pap}, {Name: `concord:sector="` + f.sector.Name + `"`}, {Name: `concord:purpose="` + purpose + `"`}}
	stamp(&e, time.Time{})
	return e
}

// entry is how the listing remembers an event: by a keyed digest of all that
// it says but its time.
func (f *feeding) entry(e misp.Event) (Entry, error) {
	text, err := misp.Print(e)
	if err != nil {
		return Entry{}, err
	}
	mac := hmac.New(sha256.New, f.key)
	mac.Write(text)
	return Entry{e.UUID, mac.Sum(nil)[:16]}, nil
}

// stamp dates an event and all in it. MISP counts in seconds and takes what is
// newer: the day, and within it a count instead of a time.
func stamp(e *misp.Event, added time.Time) {
	at := int64(0)
	if !added.IsZero() {
		day := added.UTC().Truncate(24 * time.Hour)
		at = day.Unix() + min(added.Sub(day).Microseconds(), 24*60*60-1)
	}
	text := strconv.FormatInt(at, 10)
	e.Timestamp = text
	for i := range e.Attributes {
		e.Attributes[i].Timestamp = text
	}
	for i := range e.Objects {
		o := &e.Objects[i]
		o.Timestamp = text
		for k := range o.Attributes {
			o.Attributes[k].Timestamp = text
		}
	}
}

// issuer is the hub as the creator of events: the same for every audience,
// since it tells nothing but which hub that is.
func (r *Room) issuer() misp.Organisation {
	_, id, _ := strings.Cut(stix.KeyedID(r.secret("issuer", member.Viewer{}), "identity", ""), "--")
	return misp.Organisation{Name: cmp.Or(r.Title, "Concord"), UUID: id}
}
