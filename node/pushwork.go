package node

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

const (
	// pushLease is for how long a request is left to the process that took it
	// and was not heard of again.
	pushLease = 5 * time.Minute
	// quotaPause is how long requests wait that met the end of a day's quota.
	quotaPause = 15 * time.Minute
	// pushBatch is how many reports go into one contribution at most, and
	// pushSize how many bytes of them.
	pushBatch = 200
	pushSize  = 1 << 20
	// mostRounds is how often a request is taken in anew because objects of it
	// are deleted meanwhile; then it is put off.
	mostRounds = 5
)

// delegate is who acts at a steward in a member's name.
type delegate struct {
	member     wire.MemberID
	key        ed25519.PrivateKey
	delegation []byte
	// agreement is shown to a steward that does not know the member yet.
	agreement []byte
}

// work takes in what is due, until nothing is.
func (p *pushing) work(ctx context.Context) error {
	for {
		of, ok, err := p.store.TakePush(ctx, p.now(), pushLease)
		if err != nil || !ok {
			return err
		}
		p.pass(PushTaken)
		if err := p.guarded(ctx, of); err != nil {
			if ctx.Err() != nil {
				return ctx.Err() // the lease ends by itself
			}
			pause := min(10*time.Second<<min(of.Attempts, 6), 10*time.Minute)
			if fault.Public(err).Code == "steward.quota" {
				pause = quotaPause
			}
			p.log.Warn("what a tool pushed cannot be taken in now; it is tried again", "member", of.Member, "request", of.ID, "in", pause, "code", fault.Public(err).Code, "cause", err)
			if err := p.store.PutOffPush(ctx, of.ID, p.now().Add(pause)); err != nil {
				return err
			}
			continue
		}
		p.pass(PushFinished)
		p.finished(of.ID)
	}
}

// guarded takes a request in; one that makes this program panic stops neither
// the hub nor what others push, and waits for a version that can do it.
func (p *pushing) guarded(ctx context.Context, of store.Push) (err error) {
	defer func() {
		if r := recover(); r != nil {
			// What is said in a panic may hold values.
			p.log.Error("taking in what a tool pushed failed by a fault of this program", "request", of.ID, "type", fmt.Sprintf("%T", r), "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "push.panic", "a fault of this program; the log says where")
		}
	}()
	return p.takeIn(ctx, of)
}

// takeIn does all of a request, or as much as was left of it.
func (p *pushing) takeIn(ctx context.Context, of store.Push) error {
	var job pushJob
	if err := p.openFor(of, "objects", of.Body, &job); err != nil {
		return err
	}
	for range mostRounds {
		in := &intakeOf{pushing: p, of: of, job: job}
		err := in.run(ctx)
		if fault.Public(err).Code != "push.withdrawn" {
			return err
		}
	}
	return fault.New(fault.Unavailable, "push.withdrawn", "objects of the request are deleted all the time")
}

// intakeOf is a request while it is taken in.
type intakeOf struct {
	*pushing
	of  store.Push
	job pushJob

	objects  []pushed
	outcomes []outcome
	known    map[string]store.PushedObject
	// Who pushed, if it still may; else why not.
	tool    admit.Tool
	as      delegate
	refusal error
	plan    []*planned
	// settled are the answers to reports that were contributed, by a process
	// that died before as well; next numbers the next contribution.
	settled map[wire.ReportID]wire.Result
	next    int
	// recall are the reports of what is revoked or deleted.
	recall []wire.ReportID
}

// planned is a part of the request that is to become a report.
type planned struct {
	collect.Part
	id      wire.ReportID
	digest  []byte
	minimal minimise.Minimal
	ready   report.Minimised
	// stands says that the record held the report before.
	stands bool
}

func (in *intakeOf) run(ctx context.Context) error {
	steps := []func(context.Context) error{in.read, in.revoke, in.authorise, in.divide, in.recollect, in.contribute, in.finish}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// read takes the objects out of the request, with what is known of each. What
// was deleted or revoked, and older versions, are told from what is to be taken.
func (in *intakeOf) read(ctx context.Context) error {
	for _, text := range in.job.Objects {
		o, err := readPushed(text, in.of.Received)
		if err != nil {
			return fmt.Errorf("read an object again: %w", err) // it was read when it came
		}
		in.objects = append(in.objects, o)
	}
	in.outcomes = make([]outcome, len(in.objects))
	if err := in.recognise(ctx); err != nil {
		return err
	}
	for i, o := range in.objects {
		k := in.knownOf(i)
		revoked, _ := o.Get("revoked")
		switch {
		case k.Withdrawn > in.of.N:
			// A deletion that was cut off is made here.
			in.recall = append(in.recall, k.Reports...)
			in.outcomes[i].fail("it was deleted before it was taken in")
		case revoked == true && o.version >= k.Version:
			in.recall = append(in.recall, k.Reports...)
			in.outcomes[i].take("it is revoked: what was made of it before is taken back")
		case revoked == true:
			in.outcomes[i].take("a newer version of the object was taken before")
		}
	}
	return nil
}

// recognise asks the record what is known of the objects.
func (in *intakeOf) recognise(ctx context.Context) (err error) {
	names := make([][]byte, len(in.objects))
	for i, o := range in.objects {
		names[i] = in.object(in.of.Member, in.of.Sector, o.ID())
	}
	in.known, err = in.store.PushedObjects(ctx, in.of.Member, in.of.Sector, names)
	return err
}

// revoke takes back the reports of what is revoked or deleted before anything is
// made of the other objects: one that was in such a report is told anew, in
// another.
func (in *intakeOf) revoke(ctx context.Context) error {
	if len(in.recall) == 0 {
		return nil
	}
	slices.Sort(in.recall)
	if err := in.takeBack(ctx, in.of.Member, slices.Compact(in.recall)); err != nil {
		return err
	}
	return in.recognise(ctx)
}

// authorise finds out whether who pushed still may. If not, what was contributed
// already stays, and the rest is refused.
func (in *intakeOf) authorise(ctx context.Context) error {
	tool, err := in.door.ToolOf(ctx, in.of.Token)
	var given agreement.Delegation
	if err == nil {
		given, err = in.door.DelegatedTo(tool.Standing, tool.Delegation)
	}
	if err == nil {
		err = given.Covers(in.of.Sector)
	}
	if err != nil {
		if in.refusal = err; !final(err) {
			return err
		}
		return nil
	}
	in.tool = tool
	key, err := in.door.DelegateKey(in.of.Member, given.ID)
	if err != nil {
		return err
	}
	held, err := in.store.Agreement(ctx, in.of.Member)
	if err != nil {
		return err
	}
	in.as = delegate{in.of.Member, key, tool.Delegation, held.Signed}
	return nil
}

// final says whether trying again later would be in vain.
func final(err error) bool {
	f := fault.Public(err)
	return f.Kind != fault.Unavailable && f.Kind != fault.Internal && f.Code != "steward.quota"
}

// divide makes reports of the objects that are left, each with the id that it
// has whenever it is made.
func (in *intakeOf) divide(context.Context) error {
	ref := standard.Ref("core/1.0")
	if in.refusal == nil {
		ref = in.tool.Agreement().Standards[in.of.Sector]
	}
	var left []stix.Object
	var place []int
	for i, o := range in.objects {
		if !in.outcomes[i].set {
			left, place = append(left, o.Object), append(place, i)
		}
	}
	parts, err := collect.Pushed(left, collect.Options{Standard: func(report.Report) standard.Ref { return ref }, Latest: in.now().Add(receive.DefaultSkew), Find: in.find})
	if err != nil {
		return err
	}
	for _, part := range parts {
		back := func(at []int) (out []int) {
			for _, i := range at {
				out = append(out, place[i])
			}
			return out
		}
		part.Lead, part.Members, part.Around = place[part.Lead], back(part.Members), back(part.Around)
		in.divided(part, ref)
	}
	return nil
}

// divided plans the report of a part, unless a newer version of its lead was
// taken before.
func (in *intakeOf) divided(part collect.Part, ref standard.Ref) {
	lead := in.objects[part.Lead]
	known := in.knownOf(part.Lead)
	switch {
	case lead.version < known.Version:
		in.tell(part, "a newer version of the object was taken before", (*outcome).take)
		return
	case !part.Made:
		in.tell(part, unmade(&part.Account), (*outcome).fail)
		return
	}
	m, sector := in.of.Member, in.of.Sector
	one := &planned{Part: part}
	one.id = wire.IDFrom[wire.ReportID]('r', [16]byte(in.mac("report", string(m), sector, lead.ID(), strconv.FormatInt(known.Life, 10))))
	// What is told depends on the terms, too.
	told := []string{"told", string(in.tool.Agreement().ID), string(ref)}
	for _, i := range slices.Concat(part.Members, part.Around) {
		told = append(told, string(in.objects[i].text))
	}
	one.digest = in.mac(told...)
	in.plan = append(in.plan, one)
}

func (in *intakeOf) knownOf(i int) store.PushedObject {
	return in.known[string(in.object(in.of.Member, in.of.Sector, in.objects[i].ID()))]
}

// recollect finds what a process that died before has contributed, and what
// stands in the record as it is told again.
func (in *intakeOf) recollect(ctx context.Context) error {
	in.settled = map[wire.ReportID]wire.Result{}
	for ; ; in.next++ {
		receipt, err := in.store.Receipt(ctx, in.of.Member, in.contribution(in.next))
		if err != nil {
			return err
		}
		if receipt == nil {
			break
		}
		for _, r := range resultsOf(receipt) {
			in.settled[r.Report] = r
		}
	}
	ids := make([]wire.ReportID, 0, len(in.plan))
	mine := map[wire.ReportID]bool{}
	for _, one := range in.plan {
		ids, mine[one.id] = append(ids, one.id), true
	}
	// Contributed, and deleted since. Nobody waits for the steward with that.
	var gone []wire.ReportID
	for id, r := range in.settled {
		if !mine[id] && r.Status == wire.Accepted {
			gone = append(gone, id)
		}
	}
	slices.Sort(gone)
	if err := in.takeBack(ctx, in.of.Member, gone); err != nil {
		return err
	}
	record, err := in.store.Latest(ctx, in.of.Member, ids)
	if err != nil {
		return err
	}
	for _, one := range in.plan {
		held := record[one.id]
		one.ready.Revision = held.Revision // of which a correction is the next
		one.stands = held.Digest != nil
		if _, done := in.settled[one.id]; !done && one.stands && slices.Equal(in.knownOf(one.Lead).Digest, one.digest) {
			in.settled[one.id] = wire.Result{Report: one.id, Status: wire.Duplicate, Reason: "it is known as it is"}
		}
	}
	return nil
}

func (in *intakeOf) contribution(n int) wire.ContributionID {
	return wire.IDFrom[wire.ContributionID]('c', [16]byte(in.mac("contribution", in.of.ID, strconv.Itoa(n))))
}

// contribute sends what is not settled yet the way of every report.
func (in *intakeOf) contribute(ctx context.Context) error {
	var todo []*planned
	for _, one := range in.plan {
		if _, done := in.settled[one.id]; done {
			continue
		}
		if in.refusal != nil {
			in.tell(one.Part, fault.Public(in.refusal).Message, (*outcome).fail)
			continue
		}
		todo = append(todo, one)
	}
	todo, err := in.minimised(todo)
	if err != nil || len(todo) == 0 {
		return err
	}
	if todo, err = in.tokenised(ctx, todo); err != nil {
		if final(err) {
			for _, one := range todo {
				in.tell(one.Part, fault.Public(err).Message, (*outcome).fail)
			}
			return nil
		}
		return err
	}
	// From here on a deletion finds what is made of an object.
	if err := in.store.NotePushed(ctx, in.of, in.madeOf(todo)); err != nil {
		return err
	}
	for len(todo) > 0 {
		n, size := 0, 0
		for n < len(todo) && n < pushBatch {
			text, err := wire.Canonical(todo[n].ready)
			if err != nil {
				return err
			}
			if size += len(text); n > 0 && size > pushSize {
				break
			}
			n++
		}
		if err := in.send(ctx, todo[:n]); err != nil {
			return err
		}
		todo = todo[n:]
	}
	return nil
}

// minimised reduces reports under the terms of the present agreement.
func (in *intakeOf) minimised(todo []*planned) (left []*planned, err error) {
	if len(todo) == 0 {
		return nil, nil
	}
	rules, err := in.rulesOf(in.tool.Standing)
	if err != nil {
		return nil, err
	}
	for _, one := range todo {
		if one.minimal, err = minimise.Minimise(one.Collected, rules[one.Report().Standard], in.of.Sector, in.now()); err != nil {
			in.tell(one.Part, fault.Public(err).Message, (*outcome).fail)
			continue
		}
		left = append(left, one)
	}
	return left, nil
}

// tokenised has the steward make the tokens. What has nothing left to tell is
// refused here: it would say no more than that its member saw something.
func (in *intakeOf) tokenised(ctx context.Context, todo []*planned) (left []*planned, err error) {
	if in.tokeniser == nil {
		return todo, fault.New(fault.Unavailable, "push.no_steward", "no steward is pinned at this hub")
	}
	tokeniser, err := in.tokeniser(in.as)
	if err != nil {
		return todo, err
	}
	minimal := make([]minimise.Minimal, len(todo))
	for i, one := range todo {
		minimal[i] = one.minimal
	}
	ready, err := tokeniser.Tokenise(ctx, minimal)
	if err != nil {
		return todo, err
	}
	for i, one := range todo {
		revision := one.ready.Revision
		one.ready = ready[i].Report()
		one.ready.ID, one.ready.Revision = one.id, revision
		if len(one.ready.Said)+len(one.ready.Observables) == 0 {
			in.tell(one.Part, "your terms let nobody receive anything of it; nothing was kept", (*outcome).fail)
			continue
		}
		left = append(left, one)
	}
	return left, nil
}

// send contributes some reports, signed by the delegate's key.
func (in *intakeOf) send(ctx context.Context, some []*planned) error {
	c := report.Contribution{ID: in.contribution(in.next), Member: in.of.Member, Hub: in.hub, Agreement: in.tool.Agreement().ID,
		Made: in.now().UTC().Format(time.RFC3339)}
	for _, one := range some {
		c.Reports = append(c.Reports, one.ready)
	}
	plain, err := wire.Canonical(c)
	if err != nil {
		return err
	}
	sealed, err := envelope.SealContribution(in.sealTo, in.hub, in.of.Member, plain, in.as.key)
	if err != nil {
		return err
	}
	receipt, err := in.desk.Pushed(ctx, in.of.Member, sealed, in.as.delegation)
	in.received(receipt, err)
	if err != nil && final(err) && fault.KindOf(err) != fault.Conflict {
		for _, one := range some {
			in.tell(one.Part, fault.Public(err).Message, (*outcome).fail)
		}
		return nil
	}
	if err != nil {
		// A conflict is another process that had taken the request before its
		// lease ended, or an agreement that was renewed just now.
		return fault.New(fault.Unavailable, fault.Public(err).Code, "%s", fault.Public(err).Message).Because(err)
	}
	in.next++
	for _, r := range resultsOf(receipt) {
		in.settled[r.Report] = r
	}
	in.pass(PushContributed)
	return nil
}

// rulesOf are the compiled terms of a member; compiling costs more than all
// else that is done with a small request.
func (p *pushing) rulesOf(s admit.Standing) (map[standard.Ref]*terms.Rules, error) {
	id := s.Agreement().ID
	p.mu.Lock()
	defer p.mu.Unlock()
	if r, ok := p.rules[id]; ok {
		return r, nil
	}
	rules, err := s.Rules(p.find)
	if err != nil {
		return nil, err
	}
	if len(p.rules) >= 1024 {
		clear(p.rules)
	}
	p.rules[id] = rules
	return rules, nil
}

// madeOf tells by objects which reports are made of them.
func (in *intakeOf) madeOf(plan []*planned) []store.PushedObject {
	var names []string
	objects := map[string]store.PushedObject{}
	for _, one := range plan {
		for _, i := range one.Members {
			name := in.object(in.of.Member, in.of.Sector, in.objects[i].ID())
			o, again := objects[string(name)]
			if !again {
				names = append(names, string(name))
			}
			o.Object, o.Version, o.Reports = name, max(in.objects[i].version, in.knownOf(i).Version), append(o.Reports, one.id)
			if i == one.Lead {
				o.Digest = one.digest
			}
			objects[string(name)] = o
		}
	}
	all := make([]store.PushedObject, 0, len(names))
	for _, name := range names {
		all = append(all, objects[name])
	}
	return all
}

// finish stores what became of each object.
func (in *intakeOf) finish(ctx context.Context) (err error) {
	var made []*planned
	var refusals []wire.ReportID
	for _, one := range in.plan {
		result, ok := in.settled[one.id]
		switch {
		case !ok: // refused before it got so far, and it was told why
		case result.Status == wire.Refused:
			in.tell(one.Part, refused(result), (*outcome).fail)
		default:
			in.tell(one.Part, taken(one, result), (*outcome).take)
			made = append(made, one)
			continue
		}
		if !one.stands {
			refusals = append(refusals, one.id)
		}
	}
	done := in.of
	done.Finished = in.now().UTC()
	if done.Status, err = in.sealFor(in.of, "status", in.outcome()); err != nil {
		return err
	}
	if err := in.store.FinishPush(ctx, done, in.madeOf(made), refusals); err != nil {
		return err
	}
	in.log.Info("took in what a tool pushed", "member", in.of.Member, "objects", len(in.objects), "reports", len(in.plan))
	return nil
}
