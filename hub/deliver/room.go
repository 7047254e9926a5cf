package deliver

import (
	"context"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/analyse"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// Rules finds the terms under which a report was contributed, compiled
// against its standard.
type Rules interface {
	Of(ctx context.Context, r receive.Received) (*terms.Rules, error)
}

// Reports is what this room reads of a member's own contributions.
type Reports interface {
	ByMember(ctx context.Context, m wire.MemberID, before int64, limit int) ([]receive.Row, error)
	NilReports(ctx context.Context, sector string, m wire.MemberID) ([]receive.NilRow, error)
}

// Statistics is what this room takes from analyse.
type Statistics interface {
	// Tables returns the protected tables of the sector's newest snapshot for
	// a viewer; fault.NotFound while there is none.
	Tables(ctx context.Context, sector string, v member.Viewer) ([]analyse.Table, error)
	// Reporting tells how many owner groups reported, by stake, in bands.
	Reporting(ctx context.Context, sector string, v member.Viewer) (map[string]string, error)
}

// Releases is what this room takes from anonymise.
type Releases interface {
	Releases(ctx context.Context, sector string) ([]anonymise.Release, error)
	Release(ctx context.Context, id wire.ReleaseID) (anonymise.Release, error)
	// ReleaseFile returns a file's content.
	ReleaseFile(ctx context.Context, id wire.ReleaseID, name string) (anonymise.File, []byte, error)
}

// Sector is a sector as this room needs it.
type Sector struct {
	Name, Title    string
	MinOwnerGroups int
}

// Room computes answers.
type Room struct {
	Told       consolidate.Reader
	Reports    Reports
	Receipts   Receipts
	Open       func(receive.Row) (receive.Received, error)
	Rules      Rules
	Statistics Statistics
	Releases   Releases
	Members    Members
	Listings   Listings
	// Shelves keeps the objects of collections, and State names what they rest
	// on: while it is the same, so are they. Without it they are computed anew
	// for every answer.
	Shelves Shelves
	State   func(ctx context.Context) (string, error)
	// Withdrawals keeps what was taken back; nil where nothing is.
	Withdrawals Withdrawals
	Standards   func(standard.Ref) (*standard.Standard, error)
	Sectors     []Sector
	// Title of the hub, as the creator of what it lists; "" is Concord.
	Title string
	// AudienceKey keys the pseudonyms that a viewer sees in place of tokens.
	AudienceKey []byte

	stocking locks
}

// Sector finds a sector of the viewer; others look as if they did not exist.
// The doors turn a suspended member away; should one come through all the
// same, it gets nothing here either.
func (r *Room) Sector(v member.Viewer, name string) (Sector, error) {
	if err := stands(v); err != nil {
		return Sector{}, err
	}
	for _, s := range r.Sectors {
		if s.Name == name && v.Member.InSector(name) {
			return s, nil
		}
	}
	return Sector{}, fault.New(fault.NotFound, "sector.not_found", "there is no sector %q among yours", name)
}

// MySectors lists the sectors in which the viewer takes part.
func (r *Room) MySectors(v member.Viewer) []Sector {
	var mine []Sector
	for _, s := range r.Sectors {
		if v.Member.InSector(s.Name) {
			mine = append(mine, s)
		}
	}
	return mine
}

// stands refuses a suspended member.
func stands(v member.Viewer) error {
	if v.Member.Suspended {
		return fault.New(fault.Forbidden, "member.suspended", "your membership is suspended; ask the third party")
	}
	return nil
}

// tables caches, within one answer, the decision table of each agreement, so
// that terms are compiled once and applied to many statements, and the members
// met. It never outlives the answer: a narrowing takes effect on the next one.
type tables struct {
	room    *Room
	viewer  member.Viewer
	by      map[tableKey]terms.Table
	members map[wire.MemberID]member.Member
	// campaigns that may be told, and that may not.
	campaigns map[wire.CampaignID]bool
	// next is the first moment at which what was looked at may be answered
	// otherwise; zero: none.
	next time.Time
}

type tableKey struct {
	member    wire.MemberID
	agreement wire.AgreementID
	standard  string
	sector    string
}

func (r *Room) tablesFor(v member.Viewer) *tables {
	return &tables{room: r, viewer: v, by: map[tableKey]terms.Table{}, members: map[wire.MemberID]member.Member{}, campaigns: map[wire.CampaignID]bool{}}
}

// of decides what the viewer may receive of a report now, of an incident behind
// which so many owner groups stand. While its contributor is suspended that is
// nothing: what the third party no longer vouches for is not passed on.
func (t *tables) of(ctx context.Context, rep receive.Received, groups int) (terms.Granted, error) {
	table, err := t.table(ctx, rep)
	m := terms.Moment{Received: rep.Row().Received, Now: t.viewer.At, Groups: groups}
	t.changes(table.Next(m))
	return table.At(m), err
}

// changes notes a moment at which something that was looked at changes.
func (t *tables) changes(at time.Time) {
	if at.After(t.viewer.At) && (t.next.IsZero() || at.Before(t.next)) {
		t.next = at
	}
}

// table is what the viewer may receive of a report at some time.
func (t *tables) table(ctx context.Context, rep receive.Received) (terms.Table, error) {
	row := rep.Row()
	key := tableKey{row.Member, row.Agreement, row.Standard, row.Sector}
	if table, ok := t.by[key]; ok {
		return table, nil
	}
	m, err := t.member(ctx, row.Member)
	if err != nil {
		return terms.Table{}, err
	}
	if m.Suspended {
		t.by[key] = terms.Table{}
		return terms.Table{}, nil
	}
	rules, err := t.room.Rules.Of(ctx, rep)
	if err != nil {
		return terms.Table{}, err
	}
	table := rules.For(t.viewer, row.Sector)
	t.by[key] = table
	return table, nil
}

func (t *tables) member(ctx context.Context, id wire.MemberID) (member.Member, error) {
	if m, ok := t.members[id]; ok {
		return m, nil
	}
	m, err := t.room.Members.Member(ctx, id)
	if err == nil {
		t.members[id] = m
	}
	return m, err
}

// contributor is whom a report counts for (see [contributor]). False: it does
// not count for this viewer, whose group sent or relayed it itself, or not at
// all yet, because its reporter is on probation.
func (t *tables) contributor(ctx context.Context, rep receive.Received) (string, bool, error) {
	row := rep.Row()
	if row.OwnerGroup == t.viewer.Member.OwnerGroup {
		return "", false, nil
	}
	m, err := t.member(ctx, row.Member)
	if err != nil || m.CountsFrom.After(t.viewer.At) {
		t.changes(m.CountsFrom)
		return "", false, err
	}
	return contributor(rep.Report(), string(row.OwnerGroup)), true, nil
}

// leastGroups is the least number of owner groups, not counting the viewer's,
// of which an answer tells that they are there.
const leastGroups = 5

// minimum is that number in a sector, which may ask for more.
func (r *Room) minimum(sector string) int {
	for _, s := range r.Sectors {
		if s.Name == sector {
			return max(leastGroups, s.MinOwnerGroups)
		}
	}
	return leastGroups
}

// deleteBy is the day on which what was received then is deleted at the latest,
// "" if it may be kept. A finer moment would tell when it was received. The hub
// itself tells it no more from the very second on.
func deleteBy(received time.Time, keep terms.Span) string {
	if keep == 0 {
		return ""
	}
	return received.Add(time.Duration(keep)).UTC().Format(time.DateOnly)
}

// month is how precisely an answer tells when a report was received: a finer
// moment could tell who sent it.
func month(t time.Time) string { return t.UTC().Format("2006-01") }
