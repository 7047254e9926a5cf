// Package notify tells members' own servers that there is something new for
// them.
//
//	member ── URL, sector, purpose ──▶ [Room.Add] ──▶ webhook, on probation of a first "hello"
//	deliver (objects, releases) ──[Room.Tell]──▶ an event is due ──[Room.Send]──▶ POST, signed, until it is taken
//
// An event in the queue is a stretch of numbers, those after the last that the
// webhook was told of, and nothing else: which objects they are is computed
// when it is sent, through the same gate as every answer. Hence the body never
// says more than the member may fetch at that moment, and what terms, a
// suspension or an erasure took away is told no more. A stretch and the place
// up to which the webhook was told commit together. While one waits no other of
// its kind is made; the next takes in all that came meanwhile, so that the
// queue of a webhook is never longer than there are kinds.
//
// An event is sent until the receiver answers 2xx: at least once, always under
// the same id. It is signed by the hub's key (Ed25519), which the member has
// pinned, after the specification Standard Webhooks ("v1a"): there is no secret
// that the hub's record, or a thief of it, could hold. See [Verify].
//
// The hub sends to addresses that members choose, so it is careful whom it
// talks to: see address.go.
package notify

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// Kind is what an event is about.
type Kind string

// The kinds of events.
const (
	// Hello is the first event of a webhook: it says that the webhook is there.
	Hello Kind = "hello"
	// Indicators and Incidents are the kinds of collections.
	Indicators = Kind(deliver.IndicatorObjects)
	Incidents  = Kind(deliver.IncidentObjects)
	// Releases are a sector's.
	Releases Kind = "releases"
	// WithdrawnReleases are those that were taken back.
	WithdrawnReleases Kind = "release.withdrawn"
	// WithdrawnIndicators and WithdrawnIncidents are objects that went from a
	// collection. Both are told as "objects.withdrawn", with the collection.
	WithdrawnIndicators Kind = withdrawnObjects + " " + Kind(deliver.IndicatorObjects)
	WithdrawnIncidents  Kind = withdrawnObjects + " " + Kind(deliver.IncidentObjects)

	withdrawnObjects Kind = "objects.withdrawn"

	// AgreementEnding reminds of the member's agreement before its end.
	AgreementEnding Kind = "agreement.ending"
)

// name is how a kind is told, and of which collection it tells what went, if it
// does.
func (k Kind) name() (told Kind, of deliver.Kind) {
	if collection, ok := strings.CutPrefix(string(k), string(withdrawnObjects)+" "); ok {
		return withdrawnObjects, deliver.Kind(collection)
	}
	return k, ""
}

// kinds lists those that have a place up to which a webhook was told.
func kinds() []Kind {
	return []Kind{Indicators, Incidents, Releases, WithdrawnIndicators, WithdrawnIncidents, WithdrawnReleases, AgreementEnding}
}

// Limits.
const (
	// MaxWebhooks is how many a member may have.
	MaxWebhooks = 10
	// MaxObjects is how many ids an event tells; the rest is fetched.
	MaxObjects = 100
	// DefaultLife is how long a receiver may fail before its webhook is dead.
	DefaultLife = 7 * 24 * time.Hour
	// SendTime bounds one attempt.
	SendTime = 10 * time.Second
	// senders is how many receivers are talked to at a time.
	senders = 8
	// Waits between attempts: the first, doubled each time, up to the longest.
	firstWait   = 10 * time.Second
	longestWait = time.Hour
	// lease is how long an event is left to a process that took it and was not
	// heard of again.
	lease = 3 * SendTime
)

// The points of [Room.Send] at which a test lets the process die.
const (
	// BeforePost: an event is taken, nothing is sent.
	BeforePost = "notify.before-post"
	// AfterPost: the receiver has answered, nothing is noted.
	AfterPost = "notify.after-post"
)

// Webhook is a webhook as the record keeps it.
type Webhook struct {
	ID      wire.WebhookID
	Member  wire.MemberID
	Sector  string
	Purpose member.Purpose
	URL     string
	Created time.Time
	// Failing is since when attempts fail, zero if the last was taken, and
	// Attempts how many did.
	Failing  time.Time
	Attempts int
	// Reason is the code of the last failure.
	Reason string
	// Dead is when it was given up, zero before.
	Dead time.Time
	// Pending is how many events wait.
	Pending int
}

// Event is one in the queue: everything of a kind that has a number above
// After, up to UpTo.
type Event struct {
	ID          wire.EventID
	Kind        Kind
	After, UpTo int64
	Made        time.Time
}

// Watched is a live webhook, with up to where it was told of each kind, and the
// kinds of which an event waits.
type Watched struct {
	Webhook
	Told    map[Kind]int64
	Waiting map[Kind]bool
}

// Failure is what became of an attempt that was not taken.
type Failure struct {
	At     time.Time
	Reason string
	// Next is when it is tried again, unless the webhook is Dead.
	Next time.Time
	Dead bool
}

// Webhooks is what this room needs of the hub's record.
type Webhooks interface {
	// AddWebhook stores a webhook, up to where it counts as told, and its first
	// event, unless its member has that many: fault.Conflict.
	AddWebhook(ctx context.Context, w Webhook, told map[Kind]int64, hello Event, most int) error
	// WebhooksOf lists a member's, oldest first.
	WebhooksOf(ctx context.Context, m wire.MemberID) ([]Webhook, error)
	// RemoveWebhook removes one of a member's, with its queue; fault.NotFound.
	RemoveWebhook(ctx context.Context, m wire.MemberID, id wire.WebhookID) error
	// LiveWebhooks lists all that are not dead.
	LiveWebhooks(ctx context.Context) ([]Watched, error)
	// QueueEvent puts an event into the queue and moves the webhook's place of
	// its kind from After to UpTo, both or neither. It does nothing, and
	// returns no error, if the place is not at After, an event of the kind
	// waits, or the webhook is dead or gone: another process was first.
	QueueEvent(ctx context.Context, w wire.WebhookID, e Event) error
	// TakeDue takes the event that is longest due, and leaves it and the other
	// events of its webhook to the caller until now and lease are over.
	TakeDue(ctx context.Context, now time.Time, lease time.Duration) (w Webhook, e Event, ok bool, err error)
	// EventDone takes an event off the queue; the webhook fails no more.
	EventDone(ctx context.Context, w wire.WebhookID, e wire.EventID, now time.Time) error
	// EventFailed notes an attempt. A dead webhook loses its queue.
	EventFailed(ctx context.Context, w wire.WebhookID, f Failure) error
}

// Door says who may be told; hub/admit.Door.
type Door interface {
	Standing(ctx context.Context, m wire.MemberID) (admit.Standing, error)
}

// Room tells webhooks. Its fields are set once, before use.
type Room struct {
	// Hub is this hub's id, Sign the key by which it signs.
	Hub      string
	Sign     ed25519.PrivateKey
	Door     Door
	Deliver  *deliver.Room
	Listings deliver.Listings
	Webhooks Webhooks
	// State names what answers rest on; while it is the same, so are they.
	State func(ctx context.Context) (string, error)
	// Loopback lets webhooks be on the hub's own machine, where plain http is
	// taken too. Roots are the authorities trusted, the system's if nil.
	Loopback bool
	Roots    *x509.CertPool
	// Resolver finds addresses, the system's if nil.
	Resolver *net.Resolver
	// Life is how long a receiver may fail; 0 means DefaultLife.
	Life time.Duration
	Now  func() time.Time
	Rand io.Reader
	// Sent, if set, is told what became of each attempt: taken, withdrawn, or
	// a code.
	Sent func(outcome string)
	// Fail, if set, is told of each named point that is passed.
	Fail func(point string)

	once            sync.Once
	abroad, machine *http.Client

	mu   sync.Mutex
	kept map[seenKey]*seen
}

func (r *Room) now() time.Time { return r.Now().UTC() }

func (r *Room) life() time.Duration {
	if r.Life == 0 {
		return DefaultLife
	}
	return r.Life
}

func (r *Room) pass(point string) {
	if r.Fail != nil {
		r.Fail(point)
	}
}

func (r *Room) sent(outcome string) {
	if r.Sent != nil {
		r.Sent(outcome)
	}
}
