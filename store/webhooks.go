package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/notify"
	"github.com/concord-trust/concord/wire"
)

var _ notify.Webhooks = (*Hub)(nil)

// Webhooks are written in the turn of the scheduled work: neither who submits
// nor consolidation waits for them.

const webhookColumns = `w.id, w.member, w.sector, w.purpose, w.url, w.created, w.failing, w.attempts, w.reason, w.dead,
	(SELECT COUNT(*) FROM webhook_event e WHERE e.webhook = w.id)`

func scanWebhook(scan func(...any) error) (w notify.Webhook, err error) {
	var created, failing, dead int64
	err = scan(&w.ID, &w.Member, &w.Sector, &w.Purpose, &w.URL, &created, &failing, &w.Attempts, &w.Reason, &dead, &w.Pending)
	w.Created, w.Failing, w.Dead = moment(created), moment(failing), moment(dead)
	return w, err
}

func listWebhooks(ctx context.Context, tx *sql.Tx, where string, args ...any) (all []notify.Webhook, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+webhookColumns+` FROM webhook w WHERE `+where+` ORDER BY w.created, w.id`, args...)
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	err = each(rows, func() error {
		w, err := scanWebhook(rows.Scan)
		all = append(all, w)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	return all, nil
}

// AddWebhook implements [notify.Webhooks].
func (h *Hub) AddWebhook(ctx context.Context, w notify.Webhook, told map[notify.Kind]int64, hello notify.Event, most int) error {
	return h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM webhook WHERE member = $1`, w.Member).Scan(&n); err != nil {
			return fmt.Errorf("count webhooks: %w", err)
		}
		if n >= most {
			return fault.New(fault.Conflict, "webhook.too_many", "this member has %d webhooks already; remove one with `concord member webhook remove`", n)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO webhook (id, member, sector, purpose, url, created, due, failing, attempts, reason, dead)
			VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, '', 0)`, w.ID, w.Member, w.Sector, w.Purpose, w.URL, seconds(w.Created))
		if err != nil {
			return fmt.Errorf("store a webhook: %w", err)
		}
		for kind, n := range told {
			if _, err := tx.ExecContext(ctx, `INSERT INTO webhook_told (webhook, kind, n) VALUES ($1, $2, $3)`, w.ID, kind, n); err != nil {
				return fmt.Errorf("store up to where a webhook is told: %w", err)
			}
		}
		return putEvent(ctx, tx, w.ID, hello)
	})
}

func putEvent(ctx context.Context, tx *sql.Tx, w wire.WebhookID, e notify.Event) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO webhook_event (webhook, kind, id, low, high, made) VALUES ($1, $2, $3, $4, $5, $6)`,
		w, e.Kind, e.ID, e.After, e.UpTo, seconds(e.Made))
	if err != nil {
		return fmt.Errorf("queue an event: %w", err)
	}
	return nil
}

// WebhooksOf implements [notify.Webhooks].
func (h *Hub) WebhooksOf(ctx context.Context, m wire.MemberID) (all []notify.Webhook, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		all, err = listWebhooks(ctx, tx, `w.member = $1`, m)
		return err
	})
	return all, err
}

// RemoveWebhook implements [notify.Webhooks].
func (h *Hub) RemoveWebhook(ctx context.Context, m wire.MemberID, id wire.WebhookID) error {
	return h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		var found string
		err := tx.QueryRowContext(ctx, `SELECT id FROM webhook WHERE id = $1 AND member = $2`, id, m).Scan(&found)
		if err != nil {
			return noRow(err, "webhook.not_found", "you have no such webhook; `concord member webhook list` shows those that you have")
		}
		for _, statement := range []string{
			`DELETE FROM webhook_event WHERE webhook = $1`,
			`DELETE FROM webhook_told WHERE webhook = $1`,
			`DELETE FROM webhook WHERE id = $1`,
		} {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return fmt.Errorf("remove a webhook: %w", err)
			}
		}
		return nil
	})
}

// LiveWebhooks implements [notify.Webhooks].
func (h *Hub) LiveWebhooks(ctx context.Context) (all []notify.Watched, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		live, err := listWebhooks(ctx, tx, `w.dead = 0`)
		if err != nil {
			return err
		}
		all = make([]notify.Watched, len(live))
		at := map[wire.WebhookID]*notify.Watched{}
		for i, w := range live {
			all[i] = notify.Watched{Webhook: w, Told: map[notify.Kind]int64{}, Waiting: map[notify.Kind]bool{}}
			at[w.ID] = &all[i]
		}
		rows, err := tx.QueryContext(ctx, `SELECT t.webhook, t.kind, t.n,
			(SELECT COUNT(*) FROM webhook_event e WHERE e.webhook = t.webhook AND e.kind = t.kind) FROM webhook_told t`)
		if err != nil {
			return fmt.Errorf("read up to where webhooks are told: %w", err)
		}
		return each(rows, func() error {
			var id wire.WebhookID
			var kind notify.Kind
			var n, waiting int64
			err := rows.Scan(&id, &kind, &n, &waiting)
			if w := at[id]; err == nil && w != nil {
				w.Told[kind], w.Waiting[kind] = n, waiting > 0
			}
			return err
		})
	})
	return all, err
}

// QueueEvent implements [notify.Webhooks].
func (h *Hub) QueueEvent(ctx context.Context, w wire.WebhookID, e notify.Event) error {
	return h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		var n int64
		err := tx.QueryRowContext(ctx, `UPDATE webhook_told SET n = $1 WHERE webhook = $2 AND kind = $3 AND n = $4
			AND EXISTS (SELECT 1 FROM webhook WHERE id = $2 AND dead = 0)
			AND NOT EXISTS (SELECT 1 FROM webhook_event WHERE webhook = $2 AND kind = $3) RETURNING n`, e.UpTo, w, e.Kind, e.After).Scan(&n)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("move up to where a webhook is told: %w", err)
		}
		return putEvent(ctx, tx, w, e)
	})
}

// TakeDue implements [notify.Webhooks]. Mostly nothing is due, and nothing is
// written.
func (h *Hub) TakeDue(ctx context.Context, now time.Time, lease time.Duration) (w notify.Webhook, e notify.Event, ok bool, err error) {
	const due = `SELECT w.id FROM webhook w WHERE w.dead = 0 AND w.due <= $1
		AND EXISTS (SELECT 1 FROM webhook_event e WHERE e.webhook = w.id) ORDER BY w.due, w.id LIMIT 1`
	find := func(tx *sql.Tx) (id wire.WebhookID, err error) {
		if err = tx.QueryRowContext(ctx, due, now.UnixMilli()).Scan(&id); errors.Is(err, sql.ErrNoRows) {
			return "", nil
		}
		return id, err
	}
	var any wire.WebhookID
	if err := h.read(ctx, func(tx *sql.Tx) error { any, err = find(tx); return err }); err != nil || any == "" {
		return w, e, false, err
	}
	err = h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		ok = false
		id, err := find(tx)
		if err != nil || id == "" {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE webhook SET due = $1 WHERE id = $2`, now.Add(lease).UnixMilli(), id); err != nil {
			return err
		}
		if w, err = scanWebhook(tx.QueryRowContext(ctx, `SELECT `+webhookColumns+` FROM webhook w WHERE w.id = $1`, id).Scan); err != nil {
			return err
		}
		var made int64
		err = tx.QueryRowContext(ctx, `SELECT kind, id, low, high, made FROM webhook_event WHERE webhook = $1 ORDER BY made, kind LIMIT 1`, id).
			Scan(&e.Kind, &e.ID, &e.After, &e.UpTo, &made)
		e.Made, ok = moment(made), err == nil
		return err
	})
	if err != nil {
		return w, e, false, fmt.Errorf("take an event that is due: %w", err)
	}
	return w, e, ok, nil
}

// EventDone implements [notify.Webhooks].
func (h *Hub) EventDone(ctx context.Context, w wire.WebhookID, e wire.EventID, now time.Time) error {
	return h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM webhook_event WHERE webhook = $1 AND id = $2`, w, e); err != nil {
			return fmt.Errorf("take an event off the queue: %w", err)
		}
		_, err := tx.ExecContext(ctx, `UPDATE webhook SET due = $1, failing = 0, attempts = 0, reason = '' WHERE id = $2 AND dead = 0`, now.UnixMilli(), w)
		if err != nil {
			return fmt.Errorf("note that an event was taken: %w", err)
		}
		return nil
	})
}

// EventFailed implements [notify.Webhooks].
func (h *Hub) EventFailed(ctx context.Context, w wire.WebhookID, f notify.Failure) error {
	dead := int64(0)
	if f.Dead {
		dead = seconds(f.At)
	}
	return h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE webhook SET due = $1, attempts = attempts + 1, reason = $2, dead = $3,
			failing = CASE WHEN failing = 0 THEN $4 ELSE failing END WHERE id = $5 AND dead = 0`, f.Next.UnixMilli(), f.Reason, dead, seconds(f.At), w)
		if err == nil && f.Dead {
			_, err = tx.ExecContext(ctx, `DELETE FROM webhook_event WHERE webhook = $1`, w)
		}
		if err != nil {
			return fmt.Errorf("note that an event was not taken: %w", err)
		}
		return nil
	})
}

// WebhookFigures counts webhooks and what waits for them, of all members.
type WebhookFigures struct {
	Live, Failing, Dead, Waiting int64
	// Oldest is when the event was made that waits longest, zero if none does.
	Oldest time.Time
}

// WebhookFigures reads the figures of one moment.
func (h *Hub) WebhookFigures(ctx context.Context) (f WebhookFigures, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		var oldest int64
		err := tx.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM webhook WHERE dead = 0 AND failing = 0), (SELECT COUNT(*) FROM webhook WHERE dead = 0 AND failing > 0),
			(SELECT COUNT(*) FROM webhook WHERE dead > 0), (SELECT COUNT(*) FROM webhook_event), (SELECT COALESCE(MIN(made), 0) FROM webhook_event)`).
			Scan(&f.Live, &f.Failing, &f.Dead, &f.Waiting, &oldest)
		f.Oldest = moment(oldest)
		return err
	})
	if err != nil {
		return f, fmt.Errorf("count webhooks: %w", err)
	}
	return f, nil
}
