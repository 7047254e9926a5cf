package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// Delivery is what one run of [Outbox.Deliver] did.
type Delivery struct {
	// Receipts counts contributions that are receipted now.
	Receipts int `json:"receipts"`
	// Answers count what the hub said of reports, Nil what of nil reports: in
	// JSON they stand side by side.
	Answers `json:"reports"`
	Nil     Answers `json:"nil"`
	// Refusals are the answers about what was refused, with code, path and
	// reason.
	Refusals []wire.Result `json:"refusals,omitzero"`
	// Failed counts contributions that the hub did not take; the queue has
	// why, and they are tried again the next time.
	Failed int `json:"failed"`
	// Receipted lists the contributions in the order of their receipts.
	Receipted []wire.ContributionID `json:"receipted,omitzero"`
}

// Answers count what the hub answered.
type Answers struct {
	Accepted  int `json:"accepted"`
	Duplicate int `json:"duplicate"`
	Refused   int `json:"refused"`
}

func (a *Answers) add(s wire.Status) {
	switch s {
	case wire.Accepted:
		a.Accepted++
	case wire.Duplicate:
		a.Duplicate++
	case wire.Refused:
		a.Refused++
	}
}

// add counts the answers to an entry: first those to its reports, then those
// to its nil reports.
func (d *Delivery) add(e Entry, results []wire.Result) {
	d.Receipts++
	d.Receipted = append(d.Receipted, e.ID)
	for i, r := range results {
		if i < len(e.Items) {
			d.Answers.add(r.Status)
		} else {
			d.Nil.add(r.Status)
		}
		if r.Status == wire.Refused {
			d.Refusals = append(d.Refusals, r)
		}
	}
}

// Deliver sends every waiting contribution, oldest first, and stores the
// receipts. When the hub is not available it tries again with growing pauses,
// and gives up for this time after Attempts in a row. A contribution that the
// hub does not take for another reason is noted and does not hold up the
// rest; the first such reason is returned as the error in the end.
func (o *Outbox) Deliver(ctx context.Context) (Delivery, error) {
	var done Delivery
	var first error
	for after := int64(0); ; {
		waiting, err := o.Queue.Waiting(ctx, after, 16)
		if err != nil {
			return done, fmt.Errorf("read the outbox: %w", err)
		}
		if len(waiting) == 0 {
			return done, first
		}
		for _, e := range waiting {
			after = e.Seq
			results, err := o.persist(ctx, e)
			switch {
			case err == nil:
				done.add(e, results)
			case fault.KindOf(err) == fault.Unavailable || ctx.Err() != nil:
				done.Failed++
				return done, err
			default:
				done.Failed++
				if first == nil {
					first = err
				}
			}
		}
	}
}

// Run delivers again and again, with a pause between, until ctx ends. Errors
// go to note; they stand in the queue as well.
func (o *Outbox) Run(ctx context.Context, pause time.Duration, note func(Delivery, error)) {
	for ctx.Err() == nil {
		d, err := o.Deliver(ctx)
		if note != nil && (err != nil || d.Receipts > 0) {
			note(d, err)
		}
		if o.wait(ctx, pause) != nil {
			return
		}
	}
}

// persist sends one contribution until it has a receipt or there is no point
// in going on now.
func (o *Outbox) persist(ctx context.Context, e Entry) ([]wire.Result, error) {
	attempts := o.Attempts
	if attempts <= 0 {
		attempts = 6
	}
	pause := 2 * time.Second
	for i := 1; ; i++ {
		results, err := o.send(ctx, e)
		if err == nil {
			return results, nil
		}
		if noted := o.Queue.Attempted(context.WithoutCancel(ctx), e.ID, o.Now().UTC().Truncate(time.Second), problem(err)); noted != nil {
			return nil, errors.Join(err, fmt.Errorf("note a failed delivery: %w", noted))
		}
		err = fmt.Errorf("deliver %s: %w", e.ID, err)
		if fault.KindOf(err) != fault.Unavailable || i == attempts {
			return nil, err
		}
		if stopped := o.wait(ctx, pause); stopped != nil {
			return nil, err
		}
		pause = min(2*pause, time.Minute)
	}
}

// problem is what the queue keeps of an error, for the member's eyes.
func problem(err error) string { return fault.Public(err).Error() }

func (o *Outbox) send(ctx context.Context, e Entry) ([]wire.Result, error) {
	o.at("outbox.before-send")
	receipt, err := o.Hub.Submit(ctx, e.Envelope)
	if err != nil {
		return nil, err
	}
	o.at("outbox.after-send")
	results, err := o.verify(e, receipt)
	if err != nil {
		return nil, err
	}
	o.at("outbox.before-receipt")
	if err := o.Queue.Settle(ctx, e.ID, receipt, results, o.Now().UTC().Truncate(time.Second)); err != nil {
		return nil, fmt.Errorf("store the receipt: %w", err)
	}
	o.at("outbox.after-receipt")
	return results, nil
}

func (o *Outbox) wait(ctx context.Context, d time.Duration) error {
	if o.Wait != nil {
		return o.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
