package deliver

import (
	"context"
	"slices"
	"strings"

	"github.com/concord-trust/concord/formats/misp"
)

// An instance of MISP that pulls a feed keeps what it has: an event that is in
// the manifest no more stays, and so does an attribute that an event holds no
// more. What it does take is an attribute of an id that it knows with a later
// time, and from that every property: value, type, and whether it is deleted. So
// what was taken back stands in its event for [RevokedFor] as deleted, with
// nothing of what it was.

// takenBack puts what went from the feed in the place where it stood.
func (f *feeding) takenBack(ctx context.Context, listing string, gathered map[feedSlot][]feedValue) error {
	gone, err := f.room.Listings.Gone(ctx, f.room.listingID(f.viewer, listing), f.viewer.At.UTC().Add(-RevokedFor))
	if err != nil {
		return err
	}
	for _, g := range gone {
		at := slotOf(g.Created)
		// On the day on which it went it may be back in the same event.
		if slices.ContainsFunc(gathered[at], func(v feedValue) bool { return v.id == g.Object }) {
			continue
		}
		if v, ok := deletedValue(g); ok {
			gathered[at] = append(gathered[at], v)
		}
	}
	return nil
}

// shape says whether the value stands in an object, and in which; it tells no
// value.
func (v *feedValue) shape() []byte {
	if len(v.part.Objects) == 0 {
		return []byte{1}
	}
	o := v.part.Objects[0]
	return []byte(strings.Join([]string{"\x02", o.Name, o.MetaCategory, o.TemplateUUID, o.TemplateVersion, o.Attributes[0].Relation}, "\x00"))
}

// deletedValue is what is left of a value of that shape. The labels are the
// strictest, so that none that a copy bears is loosened.
func deletedValue(g Vanished) (feedValue, bool) {
	const said = "Taken back: delete what you keep of it"
	v := feedValue{id: g.Object, tlp: "TLP:RED", pap: "PAP:RED", deleted: true}
	a := misp.Attribute{Type: "comment", Category: "Other", Value: said, Deleted: true, Distribution: "5"}
	if slices.Equal(g.Digest, []byte{1}) {
		v.part.Attributes = []misp.Attribute{a}
		return v, true
	}
	shape := strings.Split(string(g.Digest), "\x00")
	if len(shape) != 6 || shape[0] != "\x02" {
		return v, false
	}
	a.Relation = shape[5]
	v.part.Objects = []misp.Object{{Name: shape[1], MetaCategory: shape[2], Description: said, TemplateUUID: shape[3], TemplateVersion: shape[4], Deleted: true, Distribution: "5",
		Attributes: []misp.Attribute{a}}}
	return v, true
}
