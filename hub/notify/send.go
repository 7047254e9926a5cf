package notify

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

func sortByNumber(all []numbered) {
	slices.SortFunc(all, func(a, b numbered) int { return cmp.Compare(a.n, b.n) })
}

// Send sends what is due, a few receivers at a time and one event of a receiver
// at a time, until nothing is due.
func (r *Room) Send(ctx context.Context) error {
	var sending sync.WaitGroup
	failed := make([]error, senders)
	for i := range failed {
		sending.Go(func() {
			for more := true; more && ctx.Err() == nil; {
				if more, failed[i] = r.sendOne(ctx); failed[i] != nil {
					return
				}
			}
		})
	}
	sending.Wait()
	return errors.Join(failed...)
}

// sendOne sends the event that is longest due. Only a failure of ours is an
// error; one of the receiver is noted.
func (r *Room) sendOne(ctx context.Context) (more bool, err error) {
	w, e, ok, err := r.Webhooks.TakeDue(ctx, r.now(), lease)
	if err != nil || !ok {
		return false, err
	}
	r.pass(BeforePost)
	body, err := r.body(ctx, w, e)
	switch {
	case denied(err):
		return true, r.failed(ctx, w, fault.Public(err).Code)
	case err != nil:
		return false, err
	case body == nil: // all of it was taken away meanwhile
		r.sent("withdrawn")
		return true, r.Webhooks.EventDone(ctx, w.ID, e.ID, r.now())
	}
	reason := r.post(ctx, w, e, body)
	if ctx.Err() != nil {
		return false, ctx.Err() // we stop; the receiver is not to blame
	}
	r.pass(AfterPost)
	if reason != "" {
		return true, r.failed(ctx, w, reason)
	}
	r.sent("taken")
	return true, r.Webhooks.EventDone(ctx, w.ID, e.ID, r.now())
}

func (r *Room) failed(ctx context.Context, w Webhook, reason string) error {
	r.sent(reason)
	now := r.now()
	f := Failure{At: now, Reason: reason, Next: now.Add(wait(w.Attempts+1, rand.Float64()))} //nolint:gosec // spreads load, keeps no secret
	f.Dead = reason == "webhook.gone" || !w.Failing.IsZero() && now.Sub(w.Failing) >= r.life()
	return r.Webhooks.EventFailed(ctx, w.ID, f)
}

// body computes what the event tells now; nil if that is nothing.
func (r *Room) body(ctx context.Context, w Webhook, e Event) ([]byte, error) {
	v, err := r.viewer(ctx, w)
	if err != nil {
		return nil, err
	}
	kind, _ := e.Kind.name()
	told := wire.Event{ID: e.ID, Webhook: w.ID, Hub: r.Hub, Made: e.Made.UTC().Format(time.RFC3339), Kind: string(kind),
		Sector: w.Sector, Purpose: string(w.Purpose)}
	if e.Kind != Hello {
		there, err := r.see(ctx, v, w.Sector, e.Kind)
		if err != nil {
			return nil, err
		}
		told.Collection = there.collection
		for _, o := range there.objects {
			switch {
			case o.n <= e.After || o.n > e.UpTo:
			case len(told.Objects) == MaxObjects:
				told.More = true
			default:
				told.Objects = append(told.Objects, o.id)
			}
		}
		if len(told.Objects) == 0 {
			return nil, nil
		}
	}
	text, err := wire.Canonical(told)
	if err != nil {
		return nil, fmt.Errorf("write an event: %w", err)
	}
	return text, nil
}

// post makes one attempt. It returns "" if the event was taken, else a code.
func (r *Room) post(ctx context.Context, w Webhook, e Event, body []byte) string {
	u, err := url.Parse(w.URL)
	if err != nil {
		return "webhook.unreachable"
	}
	client, err := r.clientFor(u.Hostname())
	if err != nil {
		return fault.Public(err).Code
	}
	ctx, cancel := context.WithTimeout(ctx, SendTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return "webhook.unreachable"
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Concord")
	sign(r.Sign, req.Header, e.ID, r.now(), body)
	resp, err := client.Do(req)
	if err != nil {
		return why(err)
	}
	resp.Body.Close() //nolint:errcheck // nothing of it is read
	switch s := resp.StatusCode; {
	case s >= 200 && s < 300:
		return ""
	case s == http.StatusGone:
		return "webhook.gone"
	case s >= 300 && s < 400:
		return "webhook.redirect"
	case s < 100 || s > 599:
		return "webhook.unreachable"
	default:
		return fmt.Sprintf("webhook.status_%d", s)
	}
}
