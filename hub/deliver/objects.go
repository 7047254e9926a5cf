package deliver

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/observable"
)

// Kind is what a collection holds.
type Kind string

// The kinds of collections.
const (
	// IndicatorObjects are the values that a viewer may have exact: what the
	// indicator feed holds.
	IndicatorObjects Kind = "indicators"
	// IncidentObjects are the incidents of which a viewer may see something.
	IncidentObjects Kind = "incidents"
)

// Kinds lists them.
func Kinds() []Kind { return []Kind{IndicatorObjects, IncidentObjects} }

// CollectionView is one collection of STIX objects for one member, sector and
// purpose. Its id is that member's own.
type CollectionView struct {
	ID                 string
	Kind               Kind
	Sector             string
	Purpose            member.Purpose
	Title, Description string
}

// ObjectView is one STIX object of a collection, in its newest version.
type ObjectView struct {
	// Added is when it came into the collection as it is now: the day, and
	// within the day a count instead of a time. Added and N grow together.
	Added time.Time
	N     int64
	// ID is the member's own; Version is the object's modified.
	ID, Type, Version string
	JSON              []byte
	// Revoked says that it was taken back; nothing else is told of it then.
	Revoked bool
}

// Entry is an object as a collection remembers it: by its id and a keyed digest
// of what it says. Neither tells a value.
type Entry struct {
	Object string
	Digest []byte
}

// Listed is where an entry stands in its collection.
type Listed struct {
	N int64
	// Added is when it came in as it is now; Created when it first did.
	Added, Created time.Time
}

// Listings remembers which objects a collection holds, and since when.
type Listings interface {
	// Relist makes the entries the content of a collection, all or nothing,
	// and returns where each stands. One that was there with this digest stays
	// where it is. One that is new or changed gets, in the order given, a
	// number above all that were ever given in the collection, and a moment
	// after all that were: day, or a microsecond more than the last one.
	// Entries that are not given are gone, each under a number of its own.
	Relist(ctx context.Context, collection string, day time.Time, entries []Entry) ([]Listed, error)
	// Gone lists what went from a collection on that day or later, in order of
	// the numbers under which it went, whether or not it came back since. Of what
	// went longer ago than [RevokedFor] it may know nothing.
	Gone(ctx context.Context, collection string, since time.Time) ([]Vanished, error)
}

// Vanished is an object that went from a collection.
type Vanished struct {
	Entry
	N int64
	// Created is when it first came in.
	Created time.Time
}

// Collections answers with the collections that a member may read in a sector,
// for the viewer's purpose.
func (r *Room) Collections(v member.Viewer, sector string) (Answer[[]CollectionView], error) {
	s, err := r.Sector(v, sector)
	if err != nil {
		return Answer[[]CollectionView]{}, err
	}
	var all []CollectionView
	for _, k := range Kinds() {
		c := CollectionView{ID: r.collectionID(v, sector, k), Kind: k, Sector: sector, Purpose: v.Purpose}
		switch k {
		case IndicatorObjects:
			c.Title = fmt.Sprintf("%s: indicators to %s", s.Title, v.Purpose)
			c.Description = fmt.Sprintf("Values that the contributors' terms let you have to %s, each with a pattern that finds it. Benign infrastructure is left out.", v.Purpose)
		case IncidentObjects:
			c.Title = fmt.Sprintf("%s: incidents to %s", s.Title, v.Purpose)
			c.Description = fmt.Sprintf("Incidents of which the contributors' terms let you see something to %s. The hub's own interface tells more of each, under the id given as external reference.", v.Purpose)
		}
		c.Description += " A date_added tells the day; within the day it counts. Nothing can be added here: contributions are sealed and signed at the member."
		all = append(all, c)
	}
	return Answer[[]CollectionView]{body: all}, nil
}

// collectionID is a UUID of the audience's own, so that two members who compare
// ids learn nothing.
func (r *Room) collectionID(v member.Viewer, sector string, k Kind) string {
	id := stix.KeyedID(r.secret("collections", v), "collection", strings.Join([]string{sector, string(v.Purpose), string(k)}, "\x00"))
	_, uuid, _ := strings.Cut(id, "--")
	return uuid
}

// relist places the entries of a collection, of which the listing keeps no id
// that anybody else knows.
func (r *Room) relist(ctx context.Context, v member.Viewer, collection string, entries []Entry) ([]Listed, error) {
	return r.Listings.Relist(ctx, r.listingID(v, collection), v.At.UTC().Truncate(24*time.Hour), entries)
}

func (r *Room) listingID(v member.Viewer, collection string) string {
	mac := hmac.New(sha256.New, r.secret("listings", v))
	mac.Write([]byte(collection))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// draft is an object that has no place in time, and no id, yet.
type draft struct {
	object stix.Object
	// about names what it is about.
	about string
	tlp   string
	// fixed objects, which are not ours, keep their own ids and times.
	fixed bool
	// since is the property that says from when the object holds, or "".
	since string
}

const timestamp = "2006-01-02T15:04:05.000000Z"

// printed is a draft as it is printed. It takes less room than the draft, and
// is not printed again for its place.
type printed struct {
	text []byte
	typ  string
	// Of a fixed object, else "":
	id, version string
	since       string
}

func (d draft) print() (p printed, err error) {
	p = printed{typ: d.object.Type(), since: d.since}
	if d.fixed {
		p.id, p.version = d.object.ID(), d.object.Text("created")
	}
	text, err := stix.Print(d.object)
	p.text = bytes.Clone(text) // printing leaves room behind it
	return p, err
}

// place gives an object its id and dates it by its place. The id stands after
// type and spec_version, with which each begins; the moments stand at the end.
func (p printed) place(id string, at Place) (ObjectView, error) {
	view := ObjectView{Added: at.Added, N: at.N, ID: id, Type: p.typ, Version: p.version, JSON: p.text}
	if p.id != "" {
		return view, nil
	}
	head := `{"type":"` + p.typ + `","spec_version":"2.1"`
	inner, begins := bytes.CutPrefix(p.text, []byte(head))
	inner, ends := bytes.CutSuffix(inner, []byte("}"))
	if !begins || !ends {
		return view, errors.New("an object of a collection does not begin with its type and specification")
	}
	created := at.Created.UTC().Format(timestamp)
	view.Version = at.Added.UTC().Format(timestamp)
	moments := `,"created":"` + created + `","modified":"` + view.Version + `"`
	if p.since != "" {
		moments += `,"` + p.since + `":"` + created + `"`
	}
	view.JSON = slices.Concat([]byte(head+`,"id":"`+id+`"`), inner, []byte(moments+"}"))
	return view, nil
}

// withMarkings puts the markings that the objects carry before them.
func withMarkings(drafts []draft) []draft {
	var labels []string
	for i, d := range drafts {
		m := stix.TLPMarking(d.tlp)
		if m == nil { // terms mark with these labels alone; be strict all the same
			drafts[i].tlp = "TLP:RED"
			m = stix.TLPMarking("TLP:RED")
		}
		drafts[i].object = d.object.With("object_marking_refs", stix.List{m.ID()})
		if !slices.Contains(labels, drafts[i].tlp) {
			labels = append(labels, drafts[i].tlp)
		}
	}
	slices.Sort(labels)
	var all []draft
	for _, l := range labels {
		all = append(all, draft{object: stix.TLPMarking(l), about: l, fixed: true})
	}
	return append(all, drafts...)
}

// indicatorDrafts makes objects of the rows of the indicator feed. Types of
// which STIX has no observable are left out.
func (r *Room) indicatorDrafts(ctx context.Context, v member.Viewer, sector string) ([]draft, time.Time, error) {
	rows, err := r.Indicators(ctx, v, sector)
	if err != nil {
		return nil, time.Time{}, err
	}
	all := make([]draft, 0, len(rows.Body()))
	for _, row := range rows.Body() {
		if d, ok := indicatorDraft(row); ok {
			all = append(all, d)
		}
	}
	return all, rows.Until(), nil
}

func indicatorDraft(row IndicatorRow) (draft, bool) {
	about := row.Type + "\x00" + row.Value
	if row.Type == observable.CVE {
		o := stix.Object{{Name: "type", Value: "vulnerability"}, {Name: "spec_version", Value: "2.1"},
			{Name: "name", Value: row.Value}, {Name: "description", Value: row.words()},
			{Name: "external_references", Value: stix.List{stix.Object{{Name: "source_name", Value: "cve"}, {Name: "external_id", Value: row.Value}}}},
			{Name: "labels", Value: stix.List{row.PAP}}}
		return draft{object: o, about: about, tlp: row.TLP}, true
	}
	pattern, ok := mapping.PatternOf(row.Type, row.Value)
	if !ok {
		return draft{}, false
	}
	o := stix.Object{{Name: "type", Value: "indicator"}, {Name: "spec_version", Value: "2.1"},
		{Name: "name", Value: "Seen in incidents: " + typeWords(row.Type)}, {Name: "description", Value: row.words()},
		{Name: "indicator_types", Value: stix.List{"malicious-activity"}},
		{Name: "pattern", Value: pattern}, {Name: "pattern_type", Value: "stix"}, {Name: "pattern_version", Value: "2.1"},
		{Name: "labels", Value: stix.List{row.PAP}}}
	if day, err := time.Parse(time.DateOnly, row.DeleteBy); err == nil {
		// Who lets its tool expire what is valid no more has deleted it in time.
		o = o.With("valid_until", day.AddDate(0, 0, 1).Format(timestamp))
	}
	return draft{object: o, about: about, tlp: row.TLP, since: "valid_from"}, true
}

// incidentDrafts makes objects of the incidents of which the viewer may see
// something: what a line of the list of incidents tells, under the strictest
// marking of what is visible.
func (r *Room) incidentDrafts(ctx context.Context, v member.Viewer, sector string) ([]draft, time.Time, error) {
	t := r.tablesFor(v)
	var all []draft
	err := r.Told.Each(ctx, sector, func(told consolidate.Told) error {
		sources, _, err := r.visible(ctx, t, told)
		if err != nil || len(sources) == 0 {
			return err
		}
		told.Incident.Sector = sector
		s := r.summarise(v, told.Incident, sources)
		tlp, pap, by := bound(sources)
		o := stix.Object{{Name: "type", Value: "incident"}, {Name: "spec_version", Value: "2.1"},
			{Name: "name", Value: s.Headline}, {Name: "description", Value: s.toldBy() + deleteWords(by)}}
		labels := stix.List{}
		for _, a := range s.Actions {
			labels = append(labels, a)
		}
		o = o.With("labels", append(labels, pap))
		o = o.With("external_references", stix.List{stix.Object{{Name: "source_name", Value: "concord"}, {Name: "external_id", Value: string(s.ID)}}})
		all = append(all, draft{object: o, about: string(told.Incident.ID), tlp: tlp})
		return nil
	})
	return all, t.next, err
}

// toldBy says of an incident by whom it was told.
func (s IncidentSummary) toldBy() string {
	known := slices.DeleteFunc(slices.Clone(s.Stakes), func(stake string) bool { return stake == WithheldStake })
	switch {
	case len(known) == 0:
		return "Told by members whose stake is withheld."
	case len(known) < len(s.Stakes):
		return "Told by members of the stakes " + strings.Join(known, ", ") + ", and by some whose stake is withheld."
	}
	return "Told by members of the stakes " + strings.Join(known, ", ") + "."
}

// bound are the strictest obligations of what sources show. What only the
// viewer told is marked by nobody; it stays with it.
func bound(sources []said) (tlp, pap, deletedBy string) {
	for _, s := range sources {
		for _, f := range s.fields {
			for _, sh := range f.shown {
				tlp, pap = stricter(tlp, sh.TLP), moreCautious(pap, sh.PAP)
				deletedBy = earliest(deletedBy, deleteBy(s.received, sh.Keep))
			}
		}
		for _, o := range s.seen {
			tlp, pap, deletedBy = stricter(tlp, o.TLP), moreCautious(pap, o.PAP), earliest(deletedBy, o.DeleteBy)
		}
	}
	return cmp.Or(tlp, "TLP:RED"), cmp.Or(pap, "PAP:RED"), deletedBy
}
