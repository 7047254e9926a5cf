package anonymise

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// A release rests on reports, and on what their contributors let research
// study. Once a report is destroyed, or a contributor grants less than the
// release was made under, or grants it no longer, it is withdrawn: from that
// moment on no door answers with a file of it, whether or not [Room.Withdraw]
// has been there to drop the files. Its id stays, and says that it was
// withdrawn. That a contributor's agreement ends takes nothing back: what is
// anonymised stays.

// Basis is what a release is made of: the numbers of reports, which tell
// nothing by themselves, and what each contributor granted.
type Basis struct {
	Sources []Source
	Grounds map[wire.MemberID][]Ground
}

// Source is a report that a release is made of.
type Source struct {
	Seq int64
	// Ground is which of its contributor's grounds it came in on.
	Ground int
	// Groups is how many owner groups stood behind its incident, or behind what
	// it stands in in the release, if those were fewer.
	Groups int
	// Member and Received are the record's; a basis that is to be stored lacks
	// them.
	Member   wire.MemberID
	Received time.Time
}

// Ground is what a contributor let research study of some of its reports.
type Ground struct {
	Standard standard.Ref `json:"standard"`
	Granted  []Granted    `json:"granted"`
}

// Granted is a form in which a contributor let research study a field of the
// release's, its marking, and how many owner groups it asked for.
type Granted struct {
	Path   string        `json:"path"`
	Form   standard.Form `json:"form"`
	TLP    string        `json:"tlp"`
	Groups int           `json:"groups,omitzero"`
}

// Standing is what became of a release's basis.
type Standing struct {
	// TakenBack: one of its reports is destroyed.
	TakenBack bool
	Grounds   map[wire.MemberID][]Ground
}

// Withdrawal says of a release that it was taken back, and in general terms
// why. Of how many, or whose, it says nothing.
type Withdrawal struct {
	At   time.Time `json:"at,omitzero"`
	Code string    `json:"code"`
	Why  string    `json:"why"`
	Next string    `json:"next"`
}

// Codes of withdrawals.
const (
	Recalled = "recalled"
	Narrowed = "narrowed"
)

const whatNext = "delete your copies, and confirm it (`concord member confirm`); if the sector has a newer release, it takes its place"

var whys = map[string]string{
	Recalled: "something of what it was made of may not be kept any longer",
	Narrowed: "the terms under which it was made were narrowed, or their time is over",
}

// TermsNow finds the terms that a contributor signed last, nil if they do not
// speak of the standard.
type TermsNow interface {
	Current(ctx context.Context, m wire.MemberID, std standard.Ref) (*terms.Rules, error)
}

// restOn notes on which reports a release rests, and what was granted of each at
// the moment at which it is made. behind is how many owner groups stand behind
// the class of each row, and told behind that and each code that it tells.
func (t *table) restOn(behind, told []int) {
	t.basis = Basis{}
	for i, r := range t.rows {
		for _, p := range r.parts {
			p.moment.Groups = min(p.moment.Groups, behind[i])
			t.basis.rest(p, t, min(p.moment.Groups, told[i]))
		}
	}
}

// rest notes that a release rests on a report, in which so many owner groups
// stand behind what it tells.
func (b *Basis) rest(p part, t *table, groups int) {
	ground, allowed := Ground{Standard: standard.Ref(p.from.Standard), Granted: []Granted{}}, p.granted.At(p.moment)
	for _, f := range slices.Concat(t.quasi, t.attrs) {
		for _, g := range allowed.Grants(f.Path) {
			if g.Form.Kind == standard.Exact || g.Form.Kind == standard.Generalised {
				asked, _ := p.granted.Groups(f.Path, g.Form, p.moment)
				ground.Granted = append(ground.Granted, Granted{f.Path, g.Form, g.TLP, asked})
			}
		}
	}
	if b.Grounds == nil {
		b.Grounds = map[wire.MemberID][]Ground{}
	}
	all := b.Grounds[p.from.Member]
	n := slices.IndexFunc(all, func(g Ground) bool {
		return g.Standard == ground.Standard && slices.Equal(g.Granted, ground.Granted)
	})
	if n < 0 {
		n, b.Grounds[p.from.Member] = len(all), append(all, ground)
	}
	b.Sources = append(b.Sources, Source{Seq: p.from.Seq, Ground: n, Groups: groups})
}

// judging decides, within one answer, which releases stand.
type judging struct {
	room   *Room
	now    time.Time
	tables map[judgedKey]terms.Table
}

type judgedKey struct {
	member wire.MemberID
	sector string
	std    standard.Ref
}

// judge returns the code of why each release does not stand, "" if it does.
func (r *Room) judge(ctx context.Context, all []Release) (map[wire.ReleaseID]string, error) {
	var ids []wire.ReleaseID
	codes := map[wire.ReleaseID]string{}
	for _, rel := range all {
		if rel.Withdrawn == nil {
			ids = append(ids, rel.ID)
		} else {
			codes[rel.ID] = rel.Withdrawn.Code
		}
	}
	bases, err := r.Store.Bases(ctx, ids)
	if err != nil {
		return nil, err
	}
	j := judging{r, r.Now(), map[judgedKey]terms.Table{}}
	for _, rel := range all {
		base, ok := bases[rel.ID]
		switch {
		case !ok:
		case base.TakenBack:
			codes[rel.ID] = Recalled
		default:
			if codes[rel.ID], err = j.narrowed(ctx, rel, base.Grounds); err != nil {
				return nil, err
			}
		}
	}
	return codes, nil
}

// narrowed looks whether every contributor still grants what it did.
func (j *judging) narrowed(ctx context.Context, rel Release, grounds map[wire.MemberID][]Ground) (string, error) {
	if j.room.Terms == nil {
		return "", nil
	}
	timed := false
	for _, m := range slices.Sorted(maps.Keys(grounds)) {
		for _, ground := range grounds[m] {
			now, err := j.table(ctx, judgedKey{m, rel.Sector, ground.Standard})
			if err != nil {
				return "", err
			}
			// At no moment, under no condition.
			for _, g := range ground.Granted {
				if grant, ok := now.Allows(g.Path, g.Form); !ok || !rel.keeps(g, grant) {
					return Narrowed, nil
				}
			}
			timed = timed || conditional(ground, now)
		}
	}
	if timed {
		return j.over(ctx, rel, grounds)
	}
	return "", nil
}

// over looks, for all reports that came in on one ground at once, whether what is granted under a condition is
// granted at this moment.
func (j *judging) over(ctx context.Context, rel Release, grounds map[wire.MemberID][]Ground) (string, error) {
	sources, err := j.room.Store.Sources(ctx, rel.ID)
	if err != nil {
		return "", err
	}
	type came struct { // who contributed, on which ground
		member wire.MemberID
		ground int
	}
	reports := map[came][]Source{}
	for _, s := range sources {
		if s.Ground >= len(grounds[s.Member]) {
			return "", fmt.Errorf("the release %s rests on a ground that the record does not hold", rel.ID)
		}
		c := came{s.Member, s.Ground}
		reports[c] = append(reports[c], s)
	}
	for c, all := range reports {
		ground := grounds[c.member][c.ground]
		table, err := j.table(ctx, judgedKey{c.member, rel.Sector, ground.Standard})
		if err != nil {
			return "", err
		}
		received, groups := make([]time.Time, len(all)), make([]int, len(all))
		for _, g := range ground.Granted {
			for i, s := range all {
				// What asked for more was told only where more stand behind it.
				received[i], groups[i] = s.Received, max(s.Groups, g.Groups)
			}
			for _, now := range table.Column(g.Path, g.Form, j.now, received, groups) {
				if now == nil || !rel.keeps(g, *now) {
					return Narrowed, nil
				}
			}
		}
	}
	return "", nil
}

// keeps reports whether a grant of today is marked no stricter than what was
// granted, or than the release, which bears the strictest of all its markings.
func (rel Release) keeps(g Granted, now terms.Grant) bool {
	return terms.Strictness(now.TLP) <= max(terms.Strictness(g.TLP), terms.Strictness(rel.TLP))
}

// conditional reports whether a condition of time, or of groups, stands on any
// grant of what was granted.
func conditional(ground Ground, t terms.Table) bool {
	return slices.ContainsFunc(ground.Granted, func(g Granted) bool {
		return slices.ContainsFunc(t.Grants(g.Path), func(now terms.Grant) bool {
			return now.After != 0 || now.Keep != 0 || now.From != "" || !now.Until.IsZero() || now.Groups != 0
		})
	})
}

// table is what a contributor grants research now; nothing, if its terms do not
// speak of the standard.
func (j *judging) table(ctx context.Context, k judgedKey) (terms.Table, error) {
	if t, known := j.tables[k]; known {
		return t, nil
	}
	rules, err := j.room.Terms.Current(ctx, k.member, k.std)
	if err != nil {
		return terms.Table{}, err
	}
	if rules != nil {
		j.tables[k] = researchTable(rules, k.sector)
	} else {
		j.tables[k] = terms.Table{}
	}
	return j.tables[k], nil
}

// withdrawn is a release of which only its name is left.
func withdrawn(rel Release, code string, at time.Time) Release {
	return Release{ID: rel.ID, Sector: rel.Sector, Title: rel.Title, Made: rel.Made, Standard: rel.Standard, Cite: rel.Cite,
		Withdrawn: &Withdrawal{At: at, Code: code, Why: whys[code], Next: whatNext}}
}

// Shelf is where releases are read: as they stand at this moment.
type Shelf struct{ Room *Room }

// Releases lists a sector's releases, newest first; of those that are
// withdrawn, only that they are.
func (s Shelf) Releases(ctx context.Context, sector string) ([]Release, error) {
	all, err := s.Room.Store.Releases(ctx, sector)
	if err != nil {
		return nil, err
	}
	codes, err := s.Room.judge(ctx, all)
	if err != nil {
		return nil, err
	}
	for i, rel := range all {
		if code := codes[rel.ID]; code != "" && rel.Withdrawn == nil {
			all[i] = withdrawn(rel, code, time.Time{})
		}
	}
	return all, nil
}

// Release returns a release, or of one that is withdrawn, that it is.
func (s Shelf) Release(ctx context.Context, id wire.ReleaseID) (Release, error) {
	rel, err := s.Room.Store.Release(ctx, id)
	if err != nil {
		return Release{}, err
	}
	codes, err := s.Room.judge(ctx, []Release{rel})
	if code := codes[id]; err == nil && code != "" && rel.Withdrawn == nil {
		rel = withdrawn(rel, code, time.Time{})
	}
	return rel, err
}

// ReleaseFile returns a file of a release; of one that is withdrawn it is
// fault.Gone.
func (s Shelf) ReleaseFile(ctx context.Context, id wire.ReleaseID, name string) (File, []byte, error) {
	f, data, readErr := s.Room.Store.ReleaseFile(ctx, id, name)
	// Whether it stands is asked last, so that it stood when the file was read.
	rel, err := s.Release(ctx, id)
	if err != nil {
		return File{}, nil, err
	}
	if err := rel.Gone(); err != nil {
		return File{}, nil, err
	}
	return f, data, readErr
}

// The points of [Room.Withdraw] at which a test lets the process die.
const (
	// WithdrawBefore: a release that stands no more still has its files.
	WithdrawBefore = "anonymise.before-withdraw"
	// WithdrawAfter: they are gone.
	WithdrawAfter = "anonymise.after-withdraw"
)

// Withdraw drops the files of releases that stand no more. What fails in one
// sector holds up no other.
func (r *Room) Withdraw(ctx context.Context) (gone []wire.ReleaseID, err error) {
	var failed []error
	for _, sector := range slices.Sorted(maps.Keys(r.Policies)) {
		some, err := r.withdrawIn(ctx, sector)
		gone = append(gone, some...)
		if err != nil {
			failed = append(failed, fmt.Errorf("withdraw releases of %s: %w", sector, err))
		}
	}
	return gone, errors.Join(failed...)
}

func (r *Room) withdrawIn(ctx context.Context, sector string) (gone []wire.ReleaseID, err error) {
	all, err := r.Store.Releases(ctx, sector)
	if err != nil {
		return nil, err
	}
	codes, err := r.judge(ctx, all)
	if err != nil {
		return nil, err
	}
	for _, rel := range all {
		code := codes[rel.ID]
		if code == "" || rel.Withdrawn != nil {
			continue
		}
		r.pass(WithdrawBefore)
		if err := r.Store.WithdrawRelease(ctx, withdrawn(rel, code, r.Now().UTC().Truncate(time.Second))); err != nil {
			return gone, err
		}
		r.pass(WithdrawAfter)
		gone = append(gone, rel.ID)
	}
	return gone, nil
}

func (r *Room) pass(point string) {
	if r.Fail != nil {
		r.Fail(point)
	}
}
