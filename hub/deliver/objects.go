package deliver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/terms"
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
	// Entries that are not given are forgotten.
	Relist(ctx context.Context, collection string, day time.Time, entries []Entry) ([]Listed, error)
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
	return Answer[[]CollectionView]{all}, nil
}

// collectionID is a UUID of the audience's own, so that two members who compare
// ids learn nothing.
func (r *Room) collectionID(v member.Viewer, sector string, k Kind) string {
	id := stix.KeyedID(r.secret("collections", v), "collection", strings.Join([]string{sector, string(v.Purpose), string(k)}, "\x00"))
	_, uuid, _ := strings.Cut(id, "--")
	return uuid
}

// Objects answers with all objects of a collection, in the order in which they
// came in. They are computed anew from the record, through the same gate as
// pages and feed, and then placed: what terms, a suspension or an erasure took
// away is gone from the answer and from the listing.
func (r *Room) Objects(ctx context.Context, v member.Viewer, sector string, k Kind) (Answer[[]ObjectView], error) {
	none := Answer[[]ObjectView]{}
	if _, err := r.Sector(v, sector); err != nil {
		return none, err
	}
	var drafts []draft
	var err error
	switch k {
	case IndicatorObjects:
		drafts, err = r.indicatorDrafts(ctx, v, sector)
	case IncidentObjects:
		drafts, err = r.incidentDrafts(ctx, v, sector)
	default:
		err = fault.New(fault.NotFound, "collection.not_found", "there is no such collection")
	}
	if err != nil {
		return none, err
	}
	drafts = withMarkings(drafts)
	key := r.secret("listings", v)
	entries := make([]Entry, len(drafts))
	for i, d := range drafts {
		text, err := stix.Print(d.object)
		if err != nil {
			return none, err
		}
		mac := hmac.New(sha256.New, key)
		mac.Write(text)
		entries[i] = Entry{d.object.ID(), mac.Sum(nil)[:16]}
	}
	placed, err := r.relist(ctx, v, r.collectionID(v, sector, k), entries)
	if err != nil {
		return none, err
	}
	out := make([]ObjectView, len(drafts))
	for i, d := range drafts {
		if out[i], err = d.place(placed[i]); err != nil {
			return none, err
		}
	}
	slices.SortFunc(out, func(a, b ObjectView) int { return int(a.N - b.N) })
	return Answer[[]ObjectView]{out}, nil
}

// relist places the entries of a collection, of which the listing keeps no id
// that anybody else knows.
func (r *Room) relist(ctx context.Context, v member.Viewer, collection string, entries []Entry) ([]Listed, error) {
	mac := hmac.New(sha256.New, r.secret("listings", v))
	mac.Write([]byte(collection))
	return r.Listings.Relist(ctx, hex.EncodeToString(mac.Sum(nil)[:16]), v.At.UTC().Truncate(24*time.Hour), entries)
}

// draft is an object that has no place in time yet.
type draft struct {
	object stix.Object
	tlp    string
	// fixed objects, which are not ours, keep their own times.
	fixed bool
	// since is the property that says from when the object holds, or "".
	since string
}

const timestamp = "2006-01-02T15:04:05.000000Z"

// place dates an object by its place and prints it.
func (d draft) place(l Listed) (ObjectView, error) {
	o := d.object
	view := ObjectView{Added: l.Added, N: l.N, ID: o.ID(), Type: o.Type(), Version: o.Text("created")}
	if !d.fixed {
		created, modified := l.Created.UTC().Format(timestamp), l.Added.UTC().Format(timestamp)
		o = slices.Clone(o).With("created", created).With("modified", modified)
		if d.since != "" {
			o = o.With(d.since, created)
		}
		view.Version = modified
	}
	var err error
	view.JSON, err = stix.Print(o)
	return view, err
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
		all = append(all, draft{object: stix.TLPMarking(l), fixed: true})
	}
	return append(all, drafts...)
}

// indicatorDrafts makes objects of the rows of the indicator feed. Types of
// which STIX has no observable are left out.
func (r *Room) indicatorDrafts(ctx context.Context, v member.Viewer, sector string) ([]draft, error) {
	rows, err := r.Indicators(ctx, v, sector)
	if err != nil {
		return nil, err
	}
	key := r.secret("objects "+string(v.Purpose), v)
	var all []draft
	for _, row := range rows.Body() {
		name := strings.Join([]string{sector, row.Type, row.Value}, "\x00")
		about := fmt.Sprintf("Last seen %s; reported by %s members.", row.LastSeen, row.Members)
		if row.Type == observable.CVE {
			o := stix.Object{{Name: "type", Value: "vulnerability"}, {Name: "spec_version", Value: "2.1"}, {Name: "id", Value: stix.KeyedID(key, "vulnerability", name)},
				{Name: "name", Value: row.Value}, {Name: "description", Value: about},
				{Name: "external_references", Value: stix.List{stix.Object{{Name: "source_name", Value: "cve"}, {Name: "external_id", Value: row.Value}}}}}
			all = append(all, draft{object: o, tlp: row.TLP})
			continue
		}
		pattern, ok := mapping.PatternOf(row.Type, row.Value)
		if !ok {
			continue
		}
		o := stix.Object{{Name: "type", Value: "indicator"}, {Name: "spec_version", Value: "2.1"}, {Name: "id", Value: stix.KeyedID(key, "indicator", name)},
			{Name: "name", Value: "Seen in incidents: " + typeWords(row.Type)}, {Name: "description", Value: about},
			{Name: "indicator_types", Value: stix.List{"malicious-activity"}},
			{Name: "pattern", Value: pattern}, {Name: "pattern_type", Value: "stix"}, {Name: "pattern_version", Value: "2.1"}}
		all = append(all, draft{object: o, tlp: row.TLP, since: "valid_from"})
	}
	return all, nil
}

// incidentDrafts makes objects of the incidents of which the viewer may see
// something: what a line of the list of incidents tells, under the strictest
// marking of what is visible.
func (r *Room) incidentDrafts(ctx context.Context, v member.Viewer, sector string) ([]draft, error) {
	key := r.secret("objects "+string(v.Purpose), v)
	t := r.tablesFor(v)
	var all []draft
	err := r.Told.Each(ctx, sector, func(told consolidate.Told) error {
		sources, _, err := r.visible(ctx, t, told)
		if err != nil || len(sources) == 0 {
			return err
		}
		told.Incident.Sector = sector
		s := r.summarise(v, told.Incident, sources)
		o := stix.Object{{Name: "type", Value: "incident"}, {Name: "spec_version", Value: "2.1"},
			{Name: "id", Value: stix.KeyedID(key, "incident", sector+"\x00"+string(told.Incident.ID))},
			{Name: "name", Value: s.Headline}, {Name: "description", Value: "Told by members of the stakes " + strings.Join(s.Stakes, ", ") + "."}}
		if len(s.Actions) > 0 {
			labels := make(stix.List, len(s.Actions))
			for i, a := range s.Actions {
				labels[i] = a
			}
			o = o.With("labels", labels)
		}
		o = o.With("external_references", stix.List{stix.Object{{Name: "source_name", Value: "concord"}, {Name: "external_id", Value: string(s.ID)}}})
		all = append(all, draft{object: o, tlp: strictest(sources)})
		return nil
	})
	return all, err
}

// strictest is the strictest marking of what sources show. What only the viewer
// told is marked by nobody; it stays with it.
func strictest(sources []said) string {
	tlp := ""
	take := func(label string) {
		if tlp == "" || label != "" && terms.Strictness(label) > terms.Strictness(tlp) {
			tlp = label
		}
	}
	for _, s := range sources {
		for _, f := range s.fields {
			for _, sh := range f.shown {
				take(sh.TLP)
			}
		}
		for _, o := range s.seen {
			take(o.TLP)
		}
	}
	if tlp == "" {
		return "TLP:RED"
	}
	return tlp
}
