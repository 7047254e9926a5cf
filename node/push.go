package node

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/concord-trust/concord/edge/tokenise"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/taxii"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// pushing takes in what tools of members push that cannot run an edge of their
// own. The hub is their edge then, by the member's delegation, and what they
// push goes the same way as everybody's reports:
//
//	POST ─ check, seal, store ─▶ push (pending) ─▶ collect → minimise → tokenise ─▶ receive
//	  └─ 202, a status                                 by the member's terms,       │
//	                                                   with the delegate's key      ▼
//	GET status ◀─────────────── what became of each object ◀──────────────── receipt
//
// The objects are in clear in memory only, while they are taken in; in the
// record they are sealed under a key of the hub, until they are. Ids are kept as
// keyed digests. A process may die at any instant: a request is stored before it
// is answered, and the ids of contributions and reports derive from it and from
// the objects' own, so that to take it in again doubles nothing.
type pushing struct {
	hub    string
	door   *admit.Door
	desk   *receive.Desk
	store  *store.Hub
	find   func(standard.Ref) (*standard.Standard, error)
	sealTo envelope.RecipientPublic
	// tokeniser makes tokens in a member's name with the delegate's key; nil
	// if no steward is pinned.
	tokeniser func(as delegate) (*tokenise.Tokeniser, error)
	received  func(receipt []byte, err error)
	seal      cipher.AEAD
	ids       []byte
	now       func() time.Time
	log       *slog.Logger
	fail      func(point string)
	// came holds something if there may be a request to take in.
	came chan struct{}

	mu sync.Mutex
	// awaited are closed once the request of that id is taken in here.
	awaited map[string]chan struct{}
	rules   map[wire.AgreementID]map[standard.Ref]*terms.Rules
}

// Limits of what is pushed.
const (
	// maxPushed is how many objects a request adds at most.
	maxPushed = 1000
	// maxPushes is how many requests of a member may wait.
	maxPushes = 100
	// promptly is how long a request of up to promptObjects waits for its end
	// before it is answered as pending.
	promptly      = time.Second
	promptObjects = 50
	// statusLife is for how long a status can be asked for after its end.
	statusLife = 48 * time.Hour
)

// The points at which a test lets the process die.
const (
	// PushAccepted: the objects are stored, nothing is answered.
	PushAccepted = "push.accepted"
	// PushTaken: somebody began to take them in.
	PushTaken = "push.taken"
	// PushContributed: they are contributed, and their status does not say so.
	PushContributed = "push.contributed"
	// PushFinished: their status says what became of them.
	PushFinished = "push.finished"
	// PushWithdrawn: a deletion is noted, nothing is taken back yet.
	PushWithdrawn = "push.withdrawn"
)

func newPushing(secret []byte) (*pushing, error) {
	sealing, err := derive(secret, "pushed objects")
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	p := &pushing{came: make(chan struct{}, 1), awaited: map[string]chan struct{}{}, rules: map[wire.AgreementID]map[standard.Ref]*terms.Rules{}}
	if p.seal, err = cipher.NewGCM(block); err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	p.ids, err = derive(secret, "pushed ids")
	return p, err
}

// mac is HMAC-SHA256 over the parts, each with its length.
func (p *pushing) mac(parts ...string) []byte {
	h := hmac.New(sha256.New, p.ids)
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return h.Sum(nil)
}

// object names an object of a member in a sector: its id may be a hash of its
// value, so that it is not kept.
func (p *pushing) object(m wire.MemberID, sector, id string) []byte {
	return p.mac("object", string(m), sector, id)
}

// sealFor seals something of a request; it opens as what it was sealed, for
// this request alone.
func (p *pushing) sealFor(of store.Push, what string, v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write what was pushed: %w", err)
	}
	// Random nonces of 96 bits under one key serve for 2^32 requests.
	nonce := make([]byte, p.seal.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	return p.seal.Seal(nonce, nonce, plain, bindPush(of, what)), nil
}

func (p *pushing) openFor(of store.Push, what string, sealed []byte, v any) error {
	n := p.seal.NonceSize()
	damaged := fault.New(fault.Internal, "record.damaged", "what was pushed does not open; the record key is another one, or the record was changed")
	if len(sealed) < n {
		return damaged
	}
	plain, err := p.seal.Open(nil, sealed[:n], sealed[n:], bindPush(of, what))
	if err != nil {
		return damaged.Because(err)
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return damaged
	}
	return nil
}

func bindPush(of store.Push, what string) []byte {
	return []byte(strings.Join([]string{"concord push v1", what, of.ID, string(of.Member), of.Sector}, "\x00"))
}

// pushed is an object of a request.
type pushed struct {
	text json.RawMessage
	stix.Object
	line    taxii.StatusLine
	version int64 // microseconds since 1970; 0 if it has no versions
}

// pushJob is what a request keeps until it is taken in: the objects that were
// found to be some, and what became of the others.
type pushJob struct {
	Objects []json.RawMessage  `json:"objects"`
	Done    []taxii.StatusLine `json:"done,omitzero"`
	Failed  []taxii.StatusLine `json:"failed,omitzero"`
}

// readPushed reads an object and holds it to the specification: what breaks a
// MUST is no object to take in.
func readPushed(text json.RawMessage, at time.Time) (o pushed, err error) {
	o.text = text
	if o.Object, err = stix.Parse(text); err != nil {
		o.line.Version = taxii.Moment{Time: at}.String()
		return o, err
	}
	o.line.ID = o.ID()
	for _, name := range []string{"modified", "created"} {
		if o.line.Version = o.Text(name); o.line.Version != "" {
			break
		}
	}
	if t, ok := stix.Moment(o.line.Version); ok {
		o.version = t.UnixMicro()
	} else {
		o.line.Version = taxii.Moment{Time: at}.String() // as the protocol says of what has none
	}
	var broken []string
	for _, f := range stix.Validate(o.Object) {
		if !f.Warning && len(broken) < 5 {
			broken = append(broken, f.String())
		}
	}
	switch {
	case o.IsBundle():
		return o, fault.New(fault.Invalid, "push.bundle", "an envelope holds objects, not bundles; send what is in the bundle")
	case len(broken) > 0:
		return o, fault.New(fault.Invalid, "push.invalid", "%s", strings.Join(broken, "; "))
	}
	return o, nil
}

// newPushJob reads the objects of a request. Of several versions of one object
// the newest is taken in: it holds what the others were corrected to.
func newPushJob(texts []json.RawMessage, at time.Time) (job pushJob, objects []pushed) {
	place := map[string]int{}
	for _, text := range texts {
		o, err := readPushed(text, at)
		if err != nil {
			o.line.Message = fault.Public(err).Message
			job.Failed = append(job.Failed, o.line)
			continue
		}
		i, again := place[o.ID()]
		if !again {
			place[o.ID()] = len(objects)
			objects = append(objects, o)
			continue
		}
		older := o
		if o.version >= objects[i].version {
			older, objects[i] = objects[i], o
		}
		older.line.Message = "another version of the object in the request is newer, and was taken in its place"
		job.Done = append(job.Done, older.line)
	}
	for _, o := range objects {
		job.Objects = append(job.Objects, o.text)
	}
	return job, objects
}

// mayDelete says whether a tool may act in a sector now.
func (p *pushing) mayDelete(tool admit.Tool, sector string) error {
	given, err := p.door.DelegatedTo(tool.Standing, tool.Delegation)
	if err != nil {
		return err
	}
	return given.Covers(sector)
}

// may says whether a tool may push to a sector now.
func (p *pushing) may(tool admit.Tool, sector string) error {
	if err := p.mayDelete(tool, sector); err != nil {
		return err
	}
	if p.tokeniser == nil {
		return fault.New(fault.Unavailable, "push.no_steward", "no steward is pinned at this hub, so that nothing can be taken in; its operator can say when")
	}
	return nil
}

// add stores objects durably and says what is to become of them. A few are
// waited for.
func (p *pushing) add(ctx context.Context, tool admit.Tool, sector string, texts []json.RawMessage) (taxii.Status, error) {
	if err := p.may(tool, sector); err != nil {
		return taxii.Status{}, err
	}
	if len(texts) > maxPushed {
		return taxii.Status{}, fault.New(fault.TooLarge, "push.objects", "the envelope holds %d objects; at most %d are taken at once: send them in parts", len(texts), maxPushed)
	}
	at := p.now().UTC().Truncate(time.Millisecond)
	job, objects := newPushJob(texts, at)
	if len(objects) == 0 {
		return taxii.Status{}, fault.New(fault.Invalid, taxii.CodeUnprocessable, "none of the objects could be taken; the first: %s", job.Failed[0].Message)
	}
	id, err := taxii.NewID(rand.Reader)
	if err != nil {
		return taxii.Status{}, err
	}
	of := store.Push{ID: id, Member: tool.Member().ID, Sector: sector, Token: tool.Token, Received: at}
	status := taxii.Status{ID: id, Status: "pending", Requested: taxii.Moment{Time: at}, Total: len(texts), Successes: job.Done, Failures: job.Failed}
	for _, o := range objects {
		status.Pendings = append(status.Pendings, o.line)
	}
	status.Success, status.Failure, status.Pending = len(status.Successes), len(status.Failures), len(status.Pendings)
	if of.Body, err = p.sealFor(of, "objects", job); err != nil {
		return taxii.Status{}, err
	}
	if of.Status, err = p.sealFor(of, "status", status); err != nil {
		return taxii.Status{}, err
	}
	done := p.await(id)
	defer p.forget(id)
	if err := p.store.AddPush(ctx, of, maxPushes); err != nil {
		return taxii.Status{}, err
	}
	p.pass(PushAccepted)
	p.ring()
	if len(objects) > promptObjects {
		return status, nil
	}
	wait := time.NewTimer(promptly)
	defer wait.Stop()
	select {
	case <-done:
		return p.status(ctx, of.Member, sector, id)
	case <-wait.C:
	case <-ctx.Done():
	}
	return status, nil
}

// status tells what became of a member's request.
func (p *pushing) status(ctx context.Context, m wire.MemberID, sector, id string) (s taxii.Status, err error) {
	of, err := p.store.Push(ctx, m, sector, id)
	if err != nil {
		return s, err
	}
	return s, p.openFor(of, "status", of.Status, &s)
}

func (p *pushing) ring() {
	select {
	case p.came <- struct{}{}:
	default: // it rings already
	}
}

func (p *pushing) await(id string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	done := make(chan struct{})
	p.awaited[id] = done
	return done
}

func (p *pushing) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.awaited, id)
}

// finished tells who waits for a request that it is taken in.
func (p *pushing) finished(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if done, ok := p.awaited[id]; ok {
		close(done)
		delete(p.awaited, id)
	}
}

func (p *pushing) pass(point string) {
	if p.fail != nil {
		p.fail(point)
	}
}

// remove takes back every report that was made of an object, and sees to it
// that a request that still waits makes none of it.
func (p *pushing) remove(ctx context.Context, tool admit.Tool, sector string, q taxii.Query) error {
	if err := p.mayDelete(tool, sector); err != nil {
		return err
	}
	m := tool.Member().ID
	object := p.object(m, sector, q.Object)
	// First what waits, then what is known: an object goes from there to here.
	held, err := p.waits(ctx, m, sector, q)
	if err != nil {
		return err
	}
	known, err := p.store.PushedObjects(ctx, m, sector, [][]byte{object})
	if err != nil {
		return err
	}
	if k := known[string(object)]; len(k.Reports) > 0 && selects(q, k.Version) {
		held = true
	}
	if !held {
		return fault.New(fault.NotFound, "taxii.no_object", "no report of yours in this sector was made of such an object, or not of this version")
	}
	reports, err := p.store.WithdrawObject(ctx, m, sector, object)
	if err != nil {
		return err
	}
	p.pass(PushWithdrawn)
	return p.takeBack(ctx, m, reports)
}

// takeBack recalls reports, as far as the hub holds them, and forgets that they
// were made.
func (p *pushing) takeBack(ctx context.Context, m wire.MemberID, reports []wire.ReportID) error {
	if len(reports) == 0 {
		return nil
	}
	destroy := func(part []wire.ReportID) ([]byte, error) { return p.desk.Erase(ctx, m, part, wire.ReasonOther) }
	// Who may not come in any more since still has what it deleted taken back.
	if standing, err := p.door.Standing(ctx, m); err == nil {
		destroy = func(part []wire.ReportID) ([]byte, error) {
			return p.desk.Recall(ctx, standing, part, wire.ReasonOther)
		}
	}
	for part := range slices.Chunk(reports, wire.MaxRecall) {
		if _, err := destroy(part); err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
	}
	return p.store.ForgetPushed(ctx, m, reports)
}

// waits says whether a request that is not taken in yet holds a version of an
// object that a query selects.
func (p *pushing) waits(ctx context.Context, m wire.MemberID, sector string, q taxii.Query) (bool, error) {
	waiting, err := p.store.PushesWaiting(ctx, m, sector)
	if err != nil {
		return false, err
	}
	for _, of := range waiting {
		var s taxii.Status
		if err := p.openFor(of, "status", of.Status, &s); err != nil {
			return false, err
		}
		for _, line := range s.Pendings {
			version, _ := stix.Moment(line.Version)
			if line.ID == q.Object && selects(q, version.UnixMicro()) {
				return true, nil
			}
		}
	}
	return false, nil
}

// selects says whether a query selects the one version of an object that there
// is: the hub keeps what was made of the newest.
func selects(q taxii.Query, version int64) bool {
	if len(q.Specs) > 0 && !slices.Contains(q.Specs, "2.1") {
		return false
	}
	return len(q.Versions) == 0 || slices.ContainsFunc(q.Versions, func(v taxii.Version) bool {
		return v.Which != taxii.VersionAt || v.At.UnixMicro() == version
	})
}
