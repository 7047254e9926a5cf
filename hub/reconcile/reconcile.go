// Package reconcile keeps what members request, and holds it against the terms
// under which everybody contributes.
//
//	request ──File──▶ Store ──▶ terms/reconcile ──▶ the requester's view, in bands
//	agreements in force ──────▶        │      ├───▶ each contributor's own clauses, and offers ──Answer──▶ Store
//	                                   │      └───▶ names, for a mediator
//	                                   └─Measure─▶ what flows between stakes, day by day
//
// It decides nothing by itself and reads no report: what flows is decided by
// package terms, what it would take to change that by package terms/reconcile,
// and contributors weigh as many reports as the hub accepted of them. An
// outcome is computed of the agreements that hold at that moment, and kept only
// as long as they and the requests stay as they are.
package reconcile

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/terms/reconcile"
	"github.com/concord-trust/concord/wire"
)

// Limits of requests.
const (
	// MaxOpen requests of one member, and how many it files in a day.
	MaxOpen, MaxDaily = 20, 10
	// MaxDocument is the largest request, in bytes.
	MaxDocument = 64 << 10
	// Life is how long a request is open unless it is withdrawn.
	Life = 365 * 24 * time.Hour
	// Rest is for how long nobody of a stake and kind asks a contributor again
	// for a field that it refused.
	Rest = 90 * 24 * time.Hour
)

// Mediator is the role that sees names.
const Mediator = "mediator"

// Filed is a request as it was filed.
type Filed struct {
	ID        wire.RequestID
	Member    wire.MemberID
	At        time.Time
	Withdrawn time.Time // zero: open
	Document  []byte
}

// Answer is what a contributor answered to an offer, for one field.
type Answer struct {
	Request wire.RequestID
	Member  wire.MemberID
	Sector  string
	Path    string
	At      time.Time
	// Stake, Kind and Purpose are those of the request.
	Stake   member.Stake
	Kind    member.Kind
	Purpose member.Purpose
	Verdict string
	Reason  string
}

// Measured is what flowed between two stakes on a day.
type Measured struct {
	Day string
	reconcile.Flow
}

// Store keeps requests, answers and measurements.
type Store interface {
	// AddRequest stores a request, unless its member has most open ones filed
	// after since already, or filed daily of them, withdrawn or not, in the day
	// before: fault.Conflict.
	AddRequest(ctx context.Context, f Filed, since time.Time, most, daily int) error
	// WithdrawRequest closes a member's own open request, or is fault.NotFound.
	WithdrawRequest(ctx context.Context, m wire.MemberID, id wire.RequestID, at time.Time) error
	// OpenRequests lists those filed after a moment and not withdrawn, oldest
	// first.
	OpenRequests(ctx context.Context, since time.Time) ([]Filed, error)
	// AddAnswers stores answers, all or none.
	AddAnswers(ctx context.Context, all []Answer) error
	// Answers lists those given since a moment, oldest first.
	Answers(ctx context.Context, since time.Time) ([]Answer, error)
	// PutMeasured replaces what was measured on a day.
	PutMeasured(ctx context.Context, day string, flows []reconcile.Flow) error
	// Measured lists what was measured from a day on, by day.
	Measured(ctx context.Context, from string) ([]Measured, error)
}

// Contributor is a member in one sector, with the agreement under which it
// contributes.
type Contributor struct {
	Member    member.Member
	Agreement wire.AgreementID
	// Sheet is that of its agreement, and Rules what it says in the sector.
	Sheet  *terms.Sheet
	Rules  *terms.Rules
	Sector string
	From   time.Time
	Until  time.Time
	// Reports is how many of its reports the hub holds of the sector.
	Reports int64
}

// name tells contributors apart in an outcome: a member may contribute to
// several sectors.
func (c Contributor) name() string { return string(c.Member.ID) + "." + c.Sector }

// Room keeps requests. Its fields are set once.
type Room struct {
	Store Store
	// Trust lists who contributes now, or will, under which terms.
	Trust func(ctx context.Context) ([]Contributor, error)
	// Standing looks whether a requester may come in now; hub/admit.Door.
	Standing func(ctx context.Context, m wire.MemberID) (admit.Standing, error)
	// Standards finds the standard of a sector.
	Standards func(sector string) (*standard.Standard, error)
	Weights   *reconcile.Weights
	Now       func() time.Time
	Rand      io.Reader
	// Changed, if set, is told when there is something to measure anew.
	Changed func()

	mu   sync.Mutex
	kept map[wire.RequestID]kept
}

// kept is an outcome with what it was computed of.
type kept struct {
	of      [sha256.Size]byte
	outcome *reconcile.Outcome
}

// held is an open request held against the terms of everybody.
type held struct {
	Filed
	asker   member.Member
	request *reconcile.Request
	outcome *reconcile.Outcome
}

func (r *Room) now() time.Time { return r.Now().UTC().Truncate(time.Second) }

func (r *Room) changed() {
	if r.Changed != nil {
		r.Changed()
	}
}

// File takes a request of a member. Who asks in it must be the member itself.
func (r *Room) File(ctx context.Context, s admit.Standing, document string) (Filed, error) {
	if len(document) > MaxDocument {
		return Filed{}, fault.New(fault.TooLarge, "request.too_large", "a request has at most %d KiB", MaxDocument>>10)
	}
	req, err := reconcile.ParseRequest("request", []byte(document))
	if err != nil {
		return Filed{}, err
	}
	if err := r.own(s, req); err != nil {
		return Filed{}, err
	}
	if err := req.Check(r.Standards); err != nil {
		return Filed{}, err
	}
	f := Filed{Member: s.Member().ID, At: r.now(), Document: []byte(document)}
	if f.ID, err = wire.NewID[wire.RequestID]('q', r.Rand); err != nil {
		return Filed{}, err
	}
	if err := r.Store.AddRequest(ctx, f, f.At.Add(-Life), MaxOpen, MaxDaily); err != nil {
		return Filed{}, err
	}
	r.changed()
	return f, nil
}

// own has a request asked by a member in good standing, as its agreement has
// it now: for a purpose that this allows.
func (r *Room) own(s admit.Standing, req *reconcile.Request) error {
	m := s.Member()
	if req.Asks.Stake != m.Stake || req.Asks.Kind != m.Kind {
		return fault.New(fault.Forbidden, "request.asker", "a request is asked by the member that files it, whose stake is %s and kind %s", m.Stake, m.Kind)
	}
	v, err := s.Viewer(req.Purpose)
	if err != nil {
		return err
	}
	req.Asks = reconcile.Asker{Stake: m.Stake, Kind: m.Kind, Sectors: m.Sectors, Member: m.ID, Roles: m.Roles, Jurisdiction: m.Jurisdiction, Project: v.Project}
	if !v.Contributed.IsZero() {
		req.Asks.Contributed = reconcile.DayOf(v.Contributed)
	}
	return nil
}

// Withdraw closes a request of the member.
func (r *Room) Withdraw(ctx context.Context, s admit.Standing, id wire.RequestID) error {
	err := r.Store.WithdrawRequest(ctx, s.Member().ID, id, r.now())
	if err == nil {
		r.changed()
	}
	return err
}

// open holds all open requests that choose takes against everybody's terms. A
// requester that may not come in has nothing asked for it.
func (r *Room) open(ctx context.Context, choose func(Filed) bool) ([]held, error) {
	now := r.now()
	filed, err := r.Store.OpenRequests(ctx, now.Add(-Life))
	if err != nil {
		return nil, err
	}
	filed = slices.DeleteFunc(filed, func(f Filed) bool { return !choose(f) })
	if len(filed) == 0 {
		return nil, nil
	}
	trust, err := r.Trust(ctx)
	if err != nil {
		return nil, err
	}
	answers, err := r.Store.Answers(ctx, now.Add(-Rest))
	if err != nil {
		return nil, err
	}
	var all []held
	for _, f := range filed {
		h, err := r.hold(ctx, f, trust, answers, reconcile.DayOf(now))
		if err != nil {
			return nil, err
		}
		if h != nil {
			all = append(all, *h)
		}
	}
	return all, nil
}

// hold holds one request against the terms; nil if nothing is to be said of it
// now: who asks may not, or nobody contributes to its sectors.
func (r *Room) hold(ctx context.Context, f Filed, trust []Contributor, answers []Answer, day reconcile.Day) (*held, error) {
	s, err := r.Standing(ctx, f.Member)
	if refused(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	req, err := reconcile.ParseRequest(string(f.ID), f.Document)
	if err != nil {
		return nil, err
	}
	if err := r.own(s, req); refused(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var t reconcile.Trust
	for _, c := range trust {
		if c.Member.ID != f.Member && c.Reports > 0 { // nobody asks itself, nor who has nothing
			t.Contributors = append(t.Contributors, c.asked(req, answers))
		}
	}
	of, err := fingerprint(req, t, day)
	if err != nil {
		return nil, err
	}
	o, err := r.outcome(f.ID, of, func() (*reconcile.Outcome, error) { return reconcile.Reconcile(t, req, r.Weights, day, r.Standards) })
	var e *fault.Error
	if errors.As(err, &e) && e.Code == "reconcile.nobody" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &held{f, s.Member(), req, o}, nil
}

func refused(err error) bool {
	k := fault.KindOf(err)
	return err != nil && (k == fault.Forbidden || k == fault.NotFound)
}

// asked is a contributor as a request finds it.
func (c Contributor) asked(req *reconcile.Request, answers []Answer) reconcile.Contributor {
	n := c.Reports
	one := reconcile.Contributor{Name: c.name(), Title: c.Member.Name, Stake: c.Member.Stake, Kind: c.Member.Kind, Group: string(c.Member.OwnerGroup), Sector: c.Sector,
		Weight: &n, Reports: &n, Sheet: c.Sheet, Rules: c.Rules, File: string(c.Agreement), Declined: map[string]reconcile.Day{},
		Agreed: &reconcile.Period{From: reconcile.DayOf(c.From), Until: reconcile.DayOf(c.Until.Add(-24 * time.Hour))}}
	for _, a := range answers {
		if a.Verdict == wire.OfferRefused && a.Member == c.Member.ID && a.Sector == c.Sector && a.Stake == req.Asks.Stake && a.Kind == req.Asks.Kind && a.Purpose == req.Purpose {
			one.Declined[a.Path] = reconcile.DayOf(a.At.Add(Rest))
		}
	}
	return one
}

// fingerprint names all that an outcome rests on.
func fingerprint(req *reconcile.Request, t reconcile.Trust, day reconcile.Day) (sum [sha256.Size]byte, err error) {
	type one struct {
		reconcile.Contributor
		Agreement string
		Declined  map[string]reconcile.Day
	}
	var all []one
	for _, c := range t.Contributors {
		all = append(all, one{c, c.File, c.Declined})
	}
	text, err := wire.Canonical(map[string]any{"request": req, "day": day, "trust": all})
	return sha256.Sum256(text), err
}

// outcome computes an outcome unless it is kept. One at a time: several take
// long, and are mostly the same.
func (r *Room) outcome(id wire.RequestID, of [sha256.Size]byte, compute func() (*reconcile.Outcome, error)) (*reconcile.Outcome, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k, ok := r.kept[id]; ok && k.of == of {
		return k.outcome, nil
	}
	o, err := compute()
	if err != nil {
		return nil, err
	}
	if r.kept == nil || len(r.kept) > 1000 {
		r.kept = map[wire.RequestID]kept{}
	}
	r.kept[id] = kept{of, o}
	return o, nil
}

// Measure measures what flows of all open requests, for the day at hand.
func (r *Room) Measure(ctx context.Context) ([]reconcile.Flow, error) {
	all, err := r.open(ctx, func(Filed) bool { return true })
	if err != nil {
		return nil, fmt.Errorf("hold requests against terms: %w", err)
	}
	var flows [][]reconcile.Flow
	for _, h := range all {
		flows = append(flows, h.outcome.Paradox)
	}
	sum := reconcile.Sum(flows...)
	return sum, r.Store.PutMeasured(ctx, reconcile.DayOf(r.now()).String(), sum)
}

// offerID names what one offer asks of a contributor in a sector.
func offerID(request wire.RequestID, aim reconcile.Aim, sector string) string {
	return strings.Join([]string{string(request), string(aim), sector}, ".")
}
