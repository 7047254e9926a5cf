package anonymise

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// Rules finds the terms under which a report was contributed.
type Rules interface {
	Of(ctx context.Context, r receive.Received) (*terms.Rules, error)
}

// Members tells a contributor's stake and since when it counts.
type Members interface {
	Member(ctx context.Context, id wire.MemberID) (member.Member, error)
}

// Store keeps releases. A release, once made, is never changed, but it can be
// withdrawn.
type Store interface {
	// AddRelease stores a release with its files and what it rests on, all or
	// nothing; a known id is fault.Conflict.
	AddRelease(ctx context.Context, r Release, content map[string][]byte, basis Basis) error
	// Releases lists a sector's releases, newest first.
	Releases(ctx context.Context, sector string) ([]Release, error)
	Release(ctx context.Context, id wire.ReleaseID) (Release, error)
	// ReleaseFile returns a file's content, or fault.NotFound.
	ReleaseFile(ctx context.Context, id wire.ReleaseID, name string) (File, []byte, error)
	// Bases says of releases what became of what they rest on.
	Bases(ctx context.Context, ids []wire.ReleaseID) (map[wire.ReleaseID]Standing, error)
	// Sources lists the reports that a release is made of.
	Sources(ctx context.Context, id wire.ReleaseID) ([]Source, error)
	// WithdrawRelease puts r, which says that it is withdrawn, in the place of
	// the release of its id, and drops the files, all or nothing. A second time
	// changes nothing.
	WithdrawRelease(ctx context.Context, r Release) error
}

// Policy is a sector's rule for releases.
type Policy struct {
	// Title of the sector and its standard.
	Title    string
	Standard standard.Ref
	// K is the least number of records and of victims in a class, and behind
	// every code that is told.
	K int
	// MinOwnerGroups is the least number of owner groups in a class, and
	// behind every code that is told.
	MinOwnerGroups int
	// MaxSuppressed is the largest share of records that may be left out to
	// keep the rest finer.
	MaxSuppressed float64
}

// DefaultMaxSuppressed serves where a policy states no share of its own.
const DefaultMaxSuppressed = 0.1

// Room makes releases.
type Room struct {
	Told      consolidate.Reader
	Rules     Rules
	Members   Members
	Store     Store
	Standards func(standard.Ref) (*standard.Standard, error)
	Policies  map[string]Policy // by sector
	Hub       string            // its title, for the citation
	// Terms, if set, finds what contributors grant now.
	Terms TermsNow
	Now   func() time.Time
	// Fail, if set, is told of each named point that is passed.
	Fail func(point string)
}

// Release makes, checks and stores a release of the sector as it stands. It is
// refused, as fault.NotFound, while nothing may be released: no report that
// research may study, too few owner groups behind them, no combination common
// enough, or fewer fresh incidents
// than would hide among themselves in the difference to the release before.
func (r *Room) Release(ctx context.Context, sector string) (Release, error) {
	policy, ok := r.Policies[sector]
	if !ok {
		return Release{}, fault.New(fault.NotFound, "sector.not_found", "there is no sector %q", sector)
	}
	std, err := r.Standards(policy.Standard)
	if err != nil {
		return Release{}, err
	}
	now := r.Now().UTC().Truncate(time.Second)
	table, err := r.gather(ctx, sector, std, now)
	if err != nil {
		return Release{}, err
	}
	if len(table.rows) == 0 {
		return Release{}, fault.New(fault.NotFound, "release.empty", "nothing of the sector %q may be released: there are no reports that research may study", sector)
	}
	if n := len(table.groups()); n < policy.MinOwnerGroups {
		return Release{}, fault.New(fault.NotFound, "release.too_few_groups",
			"nothing of the sector %q may be released: a release rests on %d owner groups at least, and %s research study what they reported", sector, policy.MinOwnerGroups, letting(n))
	}
	if err := r.apart(ctx, table, policy); err != nil {
		return Release{}, err
	}
	rel := Release{
		ID: wire.ReleaseID(fmt.Sprintf("%s-%s", sector, now.Format("20060102-150405"))), Sector: sector,
		Title: fmt.Sprintf("Cyber incidents in %s, as told by members of %s", strings.ToLower(policy.Title), r.Hub),
		Made:  now, Standard: string(policy.Standard), K: policy.K, MinOwnerGroups: policy.MinOwnerGroups,
		TLP: table.marking, DataUse: table.dataUse(),
	}
	done, err := table.anonymise(std, policy)
	if err != nil {
		return Release{}, err
	}
	if len(done.rows) == 0 {
		return Release{}, fault.New(fault.NotFound, "release.too_few", "nothing of the sector %q may be released: its incidents are too few, or too different, for %d of %d victims to look alike", sector, policy.K, policy.K)
	}
	rel.From, rel.To = table.period(done.rows)
	rel.Withheld, rel.RareRemoved = table.withheld(done.rows), done.rare
	rel.Records, rel.Suppressed, rel.Levels, rel.Loss = len(done.rows), done.suppressed, done.levels, done.loss
	rel.Cite = fmt.Sprintf("%s (%d). %s. Release %s, standard %s.", r.Hub, now.Year(), rel.Title, rel.ID, rel.Standard)
	files, err := r.files(rel, std, table, done)
	if err != nil {
		return Release{}, err
	}
	content := map[string][]byte{}
	for _, f := range files {
		content[f.Name] = f.content
		rel.Files = append(rel.Files, f.File)
	}
	// The release is held to its own promise by the separate check before
	// anybody can fetch it.
	if err := CheckFiles(content); err != nil {
		return Release{}, fault.New(fault.Internal, "release.check_failed", "the release did not pass its own check and was not stored").Because(err)
	}
	return rel, r.Store.AddRelease(ctx, rel, content, table.basis)
}

// letting is how many owner groups let research study their reports.
func letting(n int) string {
	if n == 1 {
		return "one lets"
	}
	return fmt.Sprintf("%d let", n)
}

// apart refuses a release that differs from the one before by too few
// incidents: whoever holds both could otherwise tell what those few are. What
// came or changed since must be K incidents of K victims, told by
// MinOwnerGroups owner groups; or nothing at all, so that a release can be made
// again of the same record.
func (r *Room) apart(ctx context.Context, t *table, p Policy) error {
	before, err := r.Store.Releases(ctx, t.sector)
	if err != nil || len(before) == 0 {
		return err
	}
	fresh := support{}
	for _, row := range t.rows {
		// A report of the same second may have come just after.
		if !row.latest.Before(before[0].Made) || t.changed(row, before[0].Made) {
			fresh.add(row, slices.Max(row.asked))
		}
	}
	if fresh.records == 0 || fresh.enough(p) {
		return nil
	}
	return fault.New(fault.NotFound, "release.too_soon",
		"too few incidents came or changed since the release %s: the difference would tell what they are; a release is made once there are %d of %d victims", before[0].ID, p.K, p.K)
}
