package deliver

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/concord-trust/concord/member"
)

// Fill puts indicators number from up to, and without, to of a viewer's
// collection on its shelf, as they would come from the record; the last ones
// complete it.
func (r *Room) Fill(ctx context.Context, v member.Viewer, sector string, from, to int, last bool) error {
	c, err := r.collection(v, sector, IndicatorObjects)
	if err != nil {
		return err
	}
	name := func(n int) (name Name) {
		binary.BigEndian.PutUint64(name[:], uint64(n))
		return name
	}
	items := make([]Item, 0, to-from)
	for n := from; n < to; n++ {
		d, _ := indicatorDraft(IndicatorRow{Type: "domain", Value: fmt.Sprint("host-", n, ".example"), LastSeen: "2026-01-14", Members: "fewer than 5", TLP: "TLP:GREEN", PAP: "PAP:GREEN"})
		item, err := c.item(withMarkings([]draft{d})[1])
		if err != nil {
			return err
		}
		item.Name = name(n)
		items = append(items, item)
	}
	basis, stand, err := c.stand(ctx)
	if err != nil {
		return err
	}
	if !last {
		basis = ""
	}
	_, _, err = r.Shelves.Restock(ctx, c.id, Restock{Turn: stand.Turn, Day: v.At.Truncate(24 * time.Hour), Spans: []Span{{name(from), name(to - 1)}}, Items: items,
		Revoke: c.revoked, Stand: c.standing(basis, time.Time{})})
	return err
}
