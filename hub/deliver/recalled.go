package deliver

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/analyse"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// The hub does not note who fetched what: such a list would tell more of its
// members than it is good for. Once something is taken back, everybody is told
// who could have been given it.

// Withdrawals is what this room needs of the record about what was taken back.
type Withdrawals interface {
	// RecallsOf lists what was destroyed of a member's reports, newest first.
	RecallsOf(ctx context.Context, m wire.MemberID) ([]KeptRecall, error)
	// NoticesTo lists what a member is asked to delete its copies of, newest
	// first.
	NoticesTo(ctx context.Context, m member.Member) ([]KeptNotice, error)
	// Confirm notes that a member deleted its copies, all or nothing; a second
	// time changes nothing but that a name, once let go, stays so.
	Confirm(ctx context.Context, m wire.MemberID, notices []string, named bool, at time.Time) error
}

// KeptRecall is a destruction as the record keeps it.
type KeptRecall struct {
	ID         wire.RecallID
	At         time.Time
	By, Reason string
	Receipt    []byte
	Reports    []wire.ReportID
	// Held is how many keys of its reports a hold keeps now.
	Held  int
	Given []KeptGiven
}

// KeptGiven is a member that could have been given something, and whether it
// confirmed that its copies are deleted.
type KeptGiven struct {
	Member           wire.MemberID
	Confirmed, Named bool
}

// KeptNotice is a notice as the record keeps it: of a recall with the incidents
// that its reports stood in, or of a release.
type KeptNotice struct {
	ID        string
	At        time.Time
	Sectors   []string
	Incidents []wire.IncidentID
	Release   wire.ReleaseID
	Confirmed time.Time
}

// RecallView is what the contributor sees of a destruction of its reports.
type RecallView struct {
	ID      wire.RecallID   `json:"id"`
	At      time.Time       `json:"at"`
	By      string          `json:"by"`
	Reason  string          `json:"reason"`
	Reports []wire.ReportID `json:"reports"`
	// Held is how many keys a legal hold keeps.
	Held int `json:"held,omitzero"`
	// Given and Confirmed tell by stake, in bands of owner groups, how many
	// could have been given something, and how many of these confirmed that
	// their copies are deleted.
	Given     map[string]string `json:"given"`
	Confirmed map[string]string `json:"confirmed"`
	// Names are those who confirmed and let it be known.
	Names []string `json:"names,omitzero"`
	// Receipt is the signed receipt.
	Receipt []byte `json:"receipt"`
}

// NoticeView is what a recipient is asked to delete its copies of.
type NoticeView struct {
	ID   string `json:"id"`
	Kind string `json:"kind"` // recall or release
	// Day, since a finer time could tell who it was.
	Day     string   `json:"day"`
	Sectors []string `json:"sectors"`
	// Incidents are the viewer's own ids of those of which something is gone.
	Incidents []wire.IncidentID `json:"incidents,omitzero"`
	Release   wire.ReleaseID    `json:"release,omitzero"`
	Says      string            `json:"says"`
	Confirmed string            `json:"confirmed,omitzero"` // the day, once it is
}

// Kinds of notices.
const (
	NoticeRecall  = "recall"
	NoticeRelease = "release"
)

// Recipient is a member as one of its agreements has it, with the purposes and
// the project that this allows. A member with several agreements is several.
type Recipient struct {
	Member   member.Member
	Purposes []member.Purpose
	Project  string
}

// Recipients decides who could have been given something of reports.
type Recipients struct {
	all    []Recipient
	tables map[recipientKey]terms.Table
}

type recipientKey struct {
	to      int
	sector  string
	rules   *terms.Rules
	purpose member.Purpose
}

// NewRecipients is for reports that are asked about now, by all who take part.
func NewRecipients(all []Recipient) *Recipients {
	return &Recipients{all, map[recipientKey]terms.Table{}}
}

// Of lists the members who could have been given something that a report told,
// under any of the terms that held since it was received. What is granted at
// some time or to whoever contributed lately counts, whether or not it came to
// that.
func (r *Recipients) Of(rep receive.Received, under []*terms.Rules) (given []wire.MemberID) {
	row, body := rep.Row(), rep.Report()
	paths := map[string]bool{}
	for _, s := range body.Said {
		paths[s.Path] = true
	}
	for _, o := range body.Observables {
		paths[report.ObservablePath(o.Type)] = true
	}
	for i, to := range r.all {
		if to.Member.ID != row.Member && to.Member.InSector(row.Sector) && !slices.Contains(given, to.Member.ID) && r.granted(i, rep, paths, under) {
			given = append(given, to.Member.ID)
		}
	}
	return given
}

func (r *Recipients) granted(to int, rep receive.Received, paths map[string]bool, under []*terms.Rules) bool {
	row := rep.Row()
	for _, rules := range under {
		for _, p := range r.all[to].Purposes {
			key := recipientKey{to, row.Sector, rules, p}
			table, known := r.tables[key]
			if !known {
				v := member.Viewer{Member: r.all[to].Member, Purpose: p, Project: r.all[to].Project, Contributed: row.Received}
				table = rules.For(v, row.Sector)
				r.tables[key] = table
			}
			for path := range paths {
				if len(table.Grants(path)) > 0 {
					return true
				}
			}
		}
	}
	return false
}

// Recalls answers with what was destroyed of the viewer's own reports, newest
// first.
func (r *Room) Recalls(ctx context.Context, v member.Viewer) (Answer[[]RecallView], error) {
	if r.Withdrawals == nil {
		return Answer[[]RecallView]{}, nil
	}
	kept, err := r.Withdrawals.RecallsOf(ctx, v.Member.ID)
	if err != nil {
		return Answer[[]RecallView]{}, err
	}
	t := r.tablesFor(v)
	out := make([]RecallView, len(kept))
	for i, k := range kept {
		out[i] = RecallView{ID: k.ID, At: k.At, By: k.By, Reason: k.Reason, Reports: k.Reports, Held: k.Held, Receipt: k.Receipt}
		if err := out[i].count(ctx, t, k.Given); err != nil {
			return Answer[[]RecallView]{}, err
		}
	}
	return Answer[[]RecallView]{body: out}, nil
}

// count counts owner groups by stake, each once.
func (w *RecallView) count(ctx context.Context, t *tables, all []KeptGiven) error {
	given, confirmed := map[member.Stake]map[wire.OwnerGroup]bool{}, map[member.Stake]map[wire.OwnerGroup]bool{}
	for _, s := range member.Stakes() {
		given[s], confirmed[s] = map[wire.OwnerGroup]bool{}, map[wire.OwnerGroup]bool{}
	}
	for _, g := range all {
		m, err := t.member(ctx, g.Member)
		if err != nil {
			return err
		}
		given[m.Stake][m.OwnerGroup] = true
		if g.Confirmed {
			confirmed[m.Stake][m.OwnerGroup] = true
		}
		if g.Confirmed && g.Named {
			w.Names = append(w.Names, m.Name)
		}
	}
	slices.Sort(w.Names)
	w.Given, w.Confirmed = map[string]string{}, map[string]string{}
	for _, s := range member.Stakes() {
		w.Given[string(s)], w.Confirmed[string(s)] = fewOrBand(len(given[s])), fewOrBand(len(confirmed[s]))
	}
	return nil
}

// fewOrBand is a band of owner groups; of fewer than the minimum nothing is
// told, not even whether there are any.
func fewOrBand(n int) string {
	if n < leastGroups {
		return fmt.Sprintf("fewer than %d", leastGroups)
	}
	return analyse.Band(n)
}

// Notices answers with what the viewer's organisation is asked to delete its
// copies of: those that it has not confirmed, or all.
func (r *Room) Notices(ctx context.Context, v member.Viewer, all bool) (Answer[[]NoticeView], error) {
	if err := stands(v); err != nil || r.Withdrawals == nil {
		return Answer[[]NoticeView]{}, err
	}
	kept, err := r.Withdrawals.NoticesTo(ctx, v.Member)
	if err != nil {
		return Answer[[]NoticeView]{}, err
	}
	out := make([]NoticeView, 0, len(kept))
	for _, k := range kept {
		if !all && !k.Confirmed.IsZero() {
			continue
		}
		out = append(out, r.notice(v, k))
	}
	return Answer[[]NoticeView]{body: out}, nil
}

func (r *Room) notice(v member.Viewer, k KeptNotice) NoticeView {
	n := NoticeView{ID: k.ID, Kind: NoticeRecall, Day: k.At.UTC().Format(time.DateOnly), Sectors: k.Sectors, Release: k.Release,
		Says: "A contributor took back something that you may have been given. Delete what you keep of it: fetch your collections and feeds again, drop what is not in them any more, and look at the incidents named here"}
	if k.Release != "" {
		n.Kind = NoticeRelease
		n.Says = "This release was withdrawn. Delete every copy of its files"
	}
	for _, id := range k.Incidents {
		n.Incidents = append(n.Incidents, shownID(r, v, 'i', id))
	}
	slices.Sort(n.Incidents)
	if !k.Confirmed.IsZero() {
		n.Confirmed = k.Confirmed.UTC().Format(time.DateOnly)
	}
	return n
}

// Confirm notes that the viewer's organisation deleted its copies.
func (r *Room) Confirm(ctx context.Context, v member.Viewer, ask wire.ConfirmRequest) (wire.Confirmed, error) {
	a, err := r.Notices(ctx, v, true)
	if err != nil {
		return wire.Confirmed{}, err
	}
	open := map[string]bool{}
	known := map[string]bool{}
	for _, n := range a.Body() {
		known[n.ID], open[n.ID] = true, n.Confirmed == ""
	}
	ids := slices.Clone(ask.Notices)
	for _, id := range ids {
		if !known[id] {
			return wire.Confirmed{}, fault.New(fault.NotFound, "notice.not_found", "there is no notice %q to you; `concord member confirm` lists them. Nothing was confirmed", id)
		}
	}
	if ask.All {
		for _, n := range a.Body() {
			if open[n.ID] {
				ids = append(ids, n.ID)
			}
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) == 0 && !ask.All {
		return wire.Confirmed{}, fault.New(fault.Invalid, "notice.none", "name the notices that you confirm, or all")
	}
	if err := r.Withdrawals.Confirm(ctx, v.Member.ID, ids, ask.Named, v.At); err != nil {
		return wire.Confirmed{}, err
	}
	done := wire.Confirmed{Confirmed: len(ids)}
	for id, is := range open {
		if is && !slices.Contains(ids, id) {
			done.Open++
		}
	}
	return done, nil
}

// ObjectName is an object that is gone from a collection, and the number under
// which it went.
type ObjectName struct {
	ID string
	N  int64
}

// Vanished answers with the objects that went from a collection, as it is
// listed now.
func (r *Room) Vanished(ctx context.Context, v member.Viewer, sector string, k Kind) (Answer[[]ObjectName], error) {
	gone, err := r.Revoked(ctx, v, sector, k)
	if err != nil {
		return Answer[[]ObjectName]{}, err
	}
	out := make([]ObjectName, len(gone.Body()))
	for i, o := range gone.Body() {
		out[i] = ObjectName{o.ID, o.N}
	}
	return Answer[[]ObjectName]{body: out}, nil
}
