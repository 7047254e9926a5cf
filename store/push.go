package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// Push is a request of a tool to add objects. Body and Status are sealed by
// whoever stores it.
type Push struct {
	ID string
	// N orders requests and deletions; the record assigns it.
	N      int64
	Member wire.MemberID
	Sector string
	// Token names the token with which it came.
	Token    []byte
	Received time.Time // milliseconds
	// Finished is when it was taken in, zero before.
	Finished time.Time
	Attempts int
	Body     []byte
	Status   []byte
}

// PushedObject is an object that a member's tool pushed, named by a keyed
// digest of its id.
type PushedObject struct {
	Object []byte
	// Version is the one that was taken last, in microseconds since 1970.
	Version int64
	// Digest tells what was told of it from what is.
	Digest []byte
	// Withdrawn is the number of its last deletion, 0 if there was none: what
	// was pushed before is deleted.
	Withdrawn int64
	// Life is how often what was told of it was taken back.
	Life int64
	// Reports were made of it.
	Reports []wire.ReportID
}

// Pushes are written in the turn of the scheduled work, as webhooks are:
// neither who submits nor consolidation waits for them.

// AddPush stores a request durably, unless most of the member's wait already:
// fault.Unavailable.
func (h *Hub) AddPush(ctx context.Context, p Push, most int) error {
	return h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		var waiting int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM push WHERE member = $1 AND finished = 0`, p.Member).Scan(&waiting); err != nil {
			return fmt.Errorf("count pushes that wait: %w", err)
		}
		if waiting >= most {
			return fault.New(fault.Unavailable, "push.too_many", "%d of your requests wait to be taken in; send this one again when some are done", waiting)
		}
		n, err := nextSequence(ctx, tx, "push", 1)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO push (id, n, member, sector, token, received, due, attempts, finished, body, status)
			VALUES ($1, $2, $3, $4, $5, $6, $6, 0, 0, $7, $8)`, p.ID, n, p.Member, p.Sector, p.Token, p.Received.UnixMilli(), p.Body, p.Status)
		if err != nil {
			return fmt.Errorf("store a push: %w", err)
		}
		return nil
	})
}

const pushColumns = `id, n, member, sector, token, received, attempts, finished, body, status`

func scanPush(scan func(...any) error) (p Push, err error) {
	var received, finished int64
	err = scan(&p.ID, &p.N, &p.Member, &p.Sector, &p.Token, &received, &p.Attempts, &finished, &p.Body, &p.Status)
	p.Received, p.Finished = milliMoment(received), milliMoment(finished)
	return p, err
}

// milliMoment is a time that is stored in milliseconds; 0 is the zero time.
func milliMoment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Push returns a member's request in a sector, or fault.NotFound.
func (h *Hub) Push(ctx context.Context, m wire.MemberID, sector, id string) (p Push, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		p, err = scanPush(tx.QueryRowContext(ctx, `SELECT `+pushColumns+` FROM push WHERE id = $1 AND member = $2 AND sector = $3`, id, m, sector).Scan)
		return noRow(err, "taxii.no_status", "there is no such status; those of old requests are forgotten")
	})
	return p, err
}

// PushesWaiting returns a member's requests in a sector that wait, in order.
func (h *Hub) PushesWaiting(ctx context.Context, m wire.MemberID, sector string) (all []Push, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT `+pushColumns+` FROM push WHERE member = $1 AND sector = $2 AND finished = 0 ORDER BY n`, m, sector)
		if err != nil {
			return err
		}
		return each(rows, func() error {
			p, err := scanPush(rows.Scan)
			all = append(all, p)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list pushes that wait: %w", err)
	}
	return all, nil
}

// TakePush gives this process a request to take in, if one is due: of each
// member the oldest, so that versions of an object come in order. Nobody else
// has it for as long as lease. Mostly none is due, and nothing is written.
func (h *Hub) TakePush(ctx context.Context, now time.Time, lease time.Duration) (p Push, ok bool, err error) {
	const due = `SELECT id FROM push p WHERE finished = 0 AND due <= $1
		AND NOT EXISTS (SELECT 1 FROM push e WHERE e.member = p.member AND e.finished = 0 AND e.n < p.n) ORDER BY n LIMIT 1`
	find := func(tx *sql.Tx) (id string, err error) {
		if err = tx.QueryRowContext(ctx, due, now.UnixMilli()).Scan(&id); errors.Is(err, sql.ErrNoRows) {
			return "", nil
		}
		return id, err
	}
	var any string
	if err := h.read(ctx, func(tx *sql.Tx) error { any, err = find(tx); return err }); err != nil || any == "" {
		return p, false, err
	}
	err = h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		ok = false
		id, err := find(tx)
		if err != nil || id == "" {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE push SET due = $1, attempts = attempts + 1 WHERE id = $2`, now.Add(lease).UnixMilli(), id); err != nil {
			return err
		}
		p, err = scanPush(tx.QueryRowContext(ctx, `SELECT `+pushColumns+` FROM push WHERE id = $1`, id).Scan)
		ok = err == nil
		return err
	})
	if err != nil {
		return p, false, fmt.Errorf("take a push that is due: %w", err)
	}
	return p, ok, nil
}

// PutOffPush lets go of a request that cannot be taken in now.
func (h *Hub) PutOffPush(ctx context.Context, id string, due time.Time) error {
	return h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE push SET due = $1 WHERE id = $2 AND finished = 0`, due.UnixMilli(), id); err != nil {
			return fmt.Errorf("put off a push: %w", err)
		}
		return nil
	})
}

// errWithdrawn says that an object was deleted while its push was taken in.
var errWithdrawn = fault.New(fault.Conflict, "push.withdrawn", "an object was deleted meanwhile")

// NotePushed notes which reports are about to be contributed of which objects of
// a request, so that a deletion from here on finds them. If one of the objects
// was deleted since the request came, nothing is noted and it is fault.Conflict.
func (h *Hub) NotePushed(ctx context.Context, p Push, objects []PushedObject) error {
	return h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		for _, o := range objects {
			var withdrawn int64
			err := tx.QueryRowContext(ctx, `INSERT INTO push_object (member, sector, object, version, digest, withdrawn, life) VALUES ($1, $2, $3, 0, $4, 0, 0)
				ON CONFLICT (member, sector, object) DO UPDATE SET version = push_object.version RETURNING withdrawn`, p.Member, p.Sector, o.Object, []byte{}).Scan(&withdrawn)
			if err != nil {
				return fmt.Errorf("note a pushed object: %w", err)
			}
			if withdrawn > p.N {
				return errWithdrawn
			}
			if err := linkPushed(ctx, tx, p, o); err != nil {
				return err
			}
		}
		return nil
	})
}

// FinishPush stores what became of a request and what is known of its objects
// from now on, and lets go of its body; that anything was made into the reports
// refused is forgotten. If one of the objects was deleted since
// the request came, nothing is stored and it is fault.Conflict: whatever was
// made of it has to be taken back first. Finishing again changes nothing.
func (h *Hub) FinishPush(ctx context.Context, p Push, objects []PushedObject, refused []wire.ReportID) error {
	return h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE push SET finished = $1, body = $2, status = $3 WHERE id = $4 AND finished = 0`, p.Finished.UnixMilli(), []byte{}, p.Status, p.ID)
		if err != nil {
			return fmt.Errorf("finish a push: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		// A report that is told anew may hold other objects.
		told := slices.Clone(refused)
		for _, o := range objects {
			told = append(told, o.Reports...)
		}
		slices.Sort(told)
		for _, r := range slices.Compact(told) {
			if _, err := tx.ExecContext(ctx, `DELETE FROM push_report WHERE member = $1 AND report = $2`, p.Member, r); err != nil {
				return fmt.Errorf("forget what a report was made of: %w", err)
			}
		}
		for _, o := range objects {
			if err := putPushed(ctx, tx, p, o); err != nil {
				return err
			}
		}
		return nil
	})
}

func putPushed(ctx context.Context, tx *sql.Tx, p Push, o PushedObject) error {
	var object []byte
	err := tx.QueryRowContext(ctx, `INSERT INTO push_object (member, sector, object, version, digest, withdrawn, life) VALUES ($1, $2, $3, $4, $5, 0, 0)
		ON CONFLICT (member, sector, object) DO UPDATE SET version = excluded.version, digest = excluded.digest
		WHERE push_object.withdrawn < $6 RETURNING object`, p.Member, p.Sector, o.Object, o.Version, append([]byte{}, o.Digest...), p.N).Scan(&object)
	if errors.Is(err, sql.ErrNoRows) {
		return errWithdrawn
	}
	if err != nil {
		return fmt.Errorf("store a pushed object: %w", err)
	}
	return linkPushed(ctx, tx, p, o)
}

// linkPushed stores which reports are made of an object.
func linkPushed(ctx context.Context, tx *sql.Tx, p Push, o PushedObject) error {
	for _, r := range o.Reports {
		_, err := tx.ExecContext(ctx, `INSERT INTO push_report (member, sector, object, report) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, p.Member, p.Sector, o.Object, r)
		if err != nil {
			return fmt.Errorf("store what was made of a pushed object: %w", err)
		}
	}
	return nil
}

// PushedObjects returns what is known of objects of a member in a sector, by
// the text of their digest; unknown ones are left out.
func (h *Hub) PushedObjects(ctx context.Context, m wire.MemberID, sector string, objects [][]byte) (known map[string]PushedObject, err error) {
	known = make(map[string]PushedObject, len(objects))
	err = h.read(ctx, func(tx *sql.Tx) error {
		for part := range parts(objects) {
			args := []any{m, sector}
			for _, o := range part {
				args = append(args, o)
			}
			in := ` WHERE member = $1 AND sector = $2 AND object IN (` + placeholders(3, len(part)) + `)`
			rows, err := tx.QueryContext(ctx, `SELECT object, version, digest, withdrawn, life FROM push_object`+in, args...)
			if err != nil {
				return err
			}
			err = each(rows, func() error {
				var o PushedObject
				err := rows.Scan(&o.Object, &o.Version, &o.Digest, &o.Withdrawn, &o.Life)
				known[string(o.Object)] = o
				return err
			})
			if err != nil {
				return err
			}
			if rows, err = tx.QueryContext(ctx, `SELECT object, report FROM push_report`+in+` ORDER BY report`, args...); err != nil {
				return err
			}
			err = each(rows, func() error {
				var object []byte
				var r wire.ReportID
				err := rows.Scan(&object, &r)
				o := known[string(object)]
				o.Reports = append(o.Reports, r)
				known[string(object)] = o
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for pushed objects: %w", err)
	}
	return known, nil
}

// WithdrawObject notes that a member deletes an object, whether it is known
// already or its push still waits, and returns the reports that were made of it
// so far. They stay noted until [Hub.ForgetPushed], so that a deletion that was
// cut off is made again.
func (h *Hub) WithdrawObject(ctx context.Context, m wire.MemberID, sector string, object []byte) (reports []wire.ReportID, err error) {
	err = h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		reports = nil
		n, err := nextSequence(ctx, tx, "push", 1)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO push_object (member, sector, object, version, digest, withdrawn, life) VALUES ($1, $2, $3, 0, $4, $5, 0)
			ON CONFLICT (member, sector, object) DO UPDATE SET version = 0, digest = excluded.digest, withdrawn = excluded.withdrawn`,
			m, sector, object, []byte{}, n)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT report FROM push_report WHERE member = $1 AND sector = $2 AND object = $3 ORDER BY report`, m, sector, object)
		if err != nil {
			return err
		}
		return each(rows, func() error {
			var r wire.ReportID
			err := rows.Scan(&r)
			reports = append(reports, r)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("withdraw a pushed object: %w", err)
	}
	return reports, nil
}

// ForgetPushed forgets that reports were made of a member's objects: they were
// taken back. An object that only was in them is told anew when it comes again.
func (h *Hub) ForgetPushed(ctx context.Context, m wire.MemberID, reports []wire.ReportID) error {
	return h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		for _, r := range reports {
			_, err := tx.ExecContext(ctx, `UPDATE push_object SET version = 0, digest = $1, life = life + 1 WHERE member = $2 AND EXISTS (SELECT 1 FROM push_report r
				WHERE r.member = $2 AND r.sector = push_object.sector AND r.object = push_object.object AND r.report = $3)`, []byte{}, m, r)
			if err == nil {
				_, err = tx.ExecContext(ctx, `DELETE FROM push_report WHERE member = $1 AND report = $2`, m, r)
			}
			if err != nil {
				return fmt.Errorf("forget what was made of pushed objects: %w", err)
			}
		}
		return nil
	})
}

// SweepPushes forgets the statuses of requests that were finished before a
// moment.
func (h *Hub) SweepPushes(ctx context.Context, before time.Time) error {
	return h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM push WHERE finished > 0 AND finished < $1`, before.UnixMilli()); err != nil {
			return fmt.Errorf("sweep pushes: %w", err)
		}
		return nil
	})
}
