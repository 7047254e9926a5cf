package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

var _ outbox.Queue = (*Member)(nil)

// Enqueue implements [outbox.Queue].
func (q *Member) Enqueue(ctx context.Context, reports []wire.ReportID, decide func(known map[wire.ReportID]outbox.Known) (outbox.Entry, error)) error {
	return q.write(ctx, func(tx *sql.Tx) error {
		known, err := queueKnown(ctx, tx, reports)
		if err != nil {
			return err
		}
		e, err := decide(known)
		if err != nil {
			return err
		}
		return insertEntry(ctx, tx, e)
	})
}

func insertEntry(ctx context.Context, tx *sql.Tx, e outbox.Entry) error {
	var taken int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM outbox_entry WHERE id = $1`, e.ID).Scan(&taken); err != nil {
		return fmt.Errorf("look for a contribution: %w", err)
	}
	if taken > 0 {
		return fault.New(fault.Conflict, "outbox.id_taken", "a contribution of this id is queued already")
	}
	seq, err := nextSequence(ctx, tx, "outbox", 1)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO outbox_entry (seq, id, queued, envelope) VALUES ($1, $2, $3, $4)`,
		seq, e.ID, seconds(e.Queued), blob(e.Envelope))
	if err != nil {
		return fmt.Errorf("queue a contribution: %w", err)
	}
	for i, item := range e.Items {
		if err := insertItem(ctx, tx, seq, i, item); err != nil {
			return fmt.Errorf("queue report %d of a contribution: %w", i, err)
		}
	}
	for i, n := range e.Nil {
		_, err := tx.ExecContext(ctx, `INSERT INTO outbox_nil (entry, position, sector, period, result) VALUES ($1, $2, $3, $4, '')`,
			seq, i, n.Sector, n.Period)
		if err != nil {
			return fmt.Errorf("queue nil report %d of a contribution: %w", i, err)
		}
	}
	return nil
}

// insertItem queues a report and remembers it as the newest of its id.
func insertItem(ctx context.Context, tx *sql.Tx, entry int64, position int, item outbox.Item) error {
	result, err := resultText(item.Result)
	if err != nil {
		return err
	}
	ev := item.Evidence
	_, err = tx.ExecContext(ctx,
		`INSERT INTO outbox_item (entry, position, report, revision, digest, nonce, native, source, status, result)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		entry, position, item.Report, item.Revision, blob(item.Digest), blob(ev.Nonce), blob(ev.Native), ev.Source, item.Result.Status, result)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx,
		`INSERT INTO outbox_known (report, revision, digest, nonce, native, source, result)
		 VALUES ($1, $2, $3, $4, $5, $6, $7)
		 ON CONFLICT (report) DO UPDATE SET revision = excluded.revision, digest = excluded.digest,
		   nonce = excluded.nonce, native = excluded.native, source = excluded.source, result = excluded.result`,
		item.Report, item.Revision, blob(item.Digest), blob(ev.Nonce), blob(ev.Native), ev.Source, result)
	return err
}

const entryColumns = `seq, id, queued, envelope, attempts, tried, problem, receipt, receipted FROM outbox_entry`

// Waiting implements [outbox.Queue].
func (q *Member) Waiting(ctx context.Context, after int64, limit int) ([]outbox.Entry, error) {
	return q.entries(ctx, true, `SELECT `+entryColumns+` WHERE receipt IS NULL AND seq > $1 ORDER BY seq LIMIT $2`, after, limit)
}

// Entries implements [outbox.Queue].
func (q *Member) Entries(ctx context.Context, before int64, limit int) ([]outbox.Entry, error) {
	if before <= 0 {
		before = 1<<63 - 1
	}
	return q.entries(ctx, false, `SELECT `+entryColumns+` WHERE seq < $1 ORDER BY seq DESC LIMIT $2`, before, limit)
}

func (q *Member) entries(ctx context.Context, envelopes bool, query string, args ...any) (all []outbox.Entry, err error) {
	err = q.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, query, args...)
		if err != nil {
			return fmt.Errorf("read the outbox: %w", err)
		}
		err = each(rows, func() error {
			e, err := scanEntry(rows)
			if !envelopes {
				e.Envelope = nil
			}
			all = append(all, e)
			return err
		})
		if err != nil {
			return fmt.Errorf("read the outbox: %w", err)
		}
		for i := range all {
			if err := fillEntry(ctx, tx, &all[i]); err != nil {
				return fmt.Errorf("read contribution %s of the outbox: %w", all[i].ID, err)
			}
		}
		return nil
	})
	return all, err
}

func scanEntry(rows *sql.Rows) (e outbox.Entry, err error) {
	var queued, tried, receipted int64
	err = rows.Scan(&e.Seq, &e.ID, &queued, &e.Envelope, &e.Attempts, &tried, &e.Problem, &e.Receipt, &receipted)
	e.Queued, e.Tried, e.Receipted = moment(queued), moment(tried), moment(receipted)
	return e, err
}

// fillEntry reads the reports and nil reports of a contribution.
func fillEntry(ctx context.Context, tx *sql.Tx, e *outbox.Entry) error {
	rows, err := tx.QueryContext(ctx,
		`SELECT report, revision, digest, nonce, native, source, result FROM outbox_item WHERE entry = $1 ORDER BY position`, e.Seq)
	if err != nil {
		return err
	}
	err = each(rows, func() error {
		var i outbox.Item
		var result string
		err := rows.Scan(&i.Report, &i.Revision, &i.Digest, &i.Evidence.Nonce, &i.Evidence.Native, &i.Evidence.Source, &result)
		if err != nil {
			return err
		}
		i.Result, err = textResult(result)
		e.Items = append(e.Items, i)
		return err
	})
	if err != nil {
		return err
	}
	rows, err = tx.QueryContext(ctx, `SELECT sector, period, result FROM outbox_nil WHERE entry = $1 ORDER BY position`, e.Seq)
	if err != nil {
		return err
	}
	return each(rows, func() error {
		var n report.Nil
		var result string
		if err := rows.Scan(&n.Sector, &n.Period, &result); err != nil {
			return err
		}
		e.Nil = append(e.Nil, n)
		if result == "" {
			return nil
		}
		r, err := textResult(result)
		e.NilResults = append(e.NilResults, r)
		return err
	})
}

// Attempted implements [outbox.Queue].
func (q *Member) Attempted(ctx context.Context, c wire.ContributionID, at time.Time, problem string) error {
	return q.write(ctx, func(tx *sql.Tx) error {
		_, settled, err := findEntry(ctx, tx, c)
		if err != nil || settled {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE outbox_entry SET attempts = attempts + 1, tried = $1, problem = $2 WHERE id = $3`,
			seconds(at), problem, c)
		if err != nil {
			return fmt.Errorf("note an attempt: %w", err)
		}
		return nil
	})
}

func findEntry(ctx context.Context, tx *sql.Tx, c wire.ContributionID) (seq int64, settled bool, err error) {
	err = tx.QueryRowContext(ctx, `SELECT seq, receipt IS NOT NULL FROM outbox_entry WHERE id = $1`, c).Scan(&seq, &settled)
	if err != nil {
		return 0, false, noRow(err, "outbox.not_found", "the outbox has no such contribution")
	}
	return seq, settled, nil
}

// Settle implements [outbox.Queue]. The envelope is forgotten: its reports can
// be made again from their sources, and the hub has them.
func (q *Member) Settle(ctx context.Context, c wire.ContributionID, receipt []byte, results []wire.Result, at time.Time) error {
	if len(receipt) == 0 {
		return errors.New("settle a contribution: there is no receipt")
	}
	return q.write(ctx, func(tx *sql.Tx) error {
		seq, settled, err := findEntry(ctx, tx, c)
		if err != nil || settled {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE outbox_entry SET receipt = $1, receipted = $2, envelope = NULL WHERE seq = $3`,
			receipt, seconds(at), seq)
		if err != nil {
			return fmt.Errorf("settle a contribution: %w", err)
		}
		return settleResults(ctx, tx, seq, results)
	})
}

func settleResults(ctx context.Context, tx *sql.Tx, seq int64, results []wire.Result) error {
	e := outbox.Entry{Seq: seq}
	if err := fillEntry(ctx, tx, &e); err != nil {
		return err
	}
	if len(results) != len(e.Items)+len(e.Nil) {
		return fmt.Errorf("settle a contribution: %d results for %d reports and %d nil reports", len(results), len(e.Items), len(e.Nil))
	}
	for i, r := range results {
		text, err := resultText(r)
		if err != nil {
			return err
		}
		if i >= len(e.Items) {
			_, err = tx.ExecContext(ctx, `UPDATE outbox_nil SET result = $1 WHERE entry = $2 AND position = $3`, text, seq, i-len(e.Items))
		} else {
			err = settleItem(ctx, tx, seq, i, e.Items[i], r.Status, text)
		}
		if err != nil {
			return fmt.Errorf("store result %d of a contribution: %w", i, err)
		}
	}
	return nil
}

func settleItem(ctx context.Context, tx *sql.Tx, seq int64, position int, item outbox.Item, status wire.Status, result string) error {
	_, err := tx.ExecContext(ctx, `UPDATE outbox_item SET status = $1, result = $2 WHERE entry = $3 AND position = $4`,
		status, result, seq, position)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE outbox_known SET result = $1 WHERE report = $2 AND revision = $3 AND digest = $4`,
		result, item.Report, item.Revision, blob(item.Digest))
	return err
}

// Known implements [outbox.Queue].
func (q *Member) Known(ctx context.Context, reports []wire.ReportID) (known map[wire.ReportID]outbox.Known, err error) {
	err = q.read(ctx, func(tx *sql.Tx) error {
		known, err = queueKnown(ctx, tx, reports)
		return err
	})
	return known, err
}

func queueKnown(ctx context.Context, tx *sql.Tx, reports []wire.ReportID) (map[wire.ReportID]outbox.Known, error) {
	known := make(map[wire.ReportID]outbox.Known, len(reports))
	for part := range parts(reports) {
		args := make([]any, len(part))
		for i, r := range part {
			args[i] = r
		}
		rows, err := tx.QueryContext(ctx, `SELECT report, revision, digest, nonce, native, source, result FROM outbox_known
			WHERE report IN (`+placeholders(1, len(part))+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("look for known reports: %w", err)
		}
		err = each(rows, func() error {
			var id wire.ReportID
			var k outbox.Known
			var result string
			err := rows.Scan(&id, &k.Revision, &k.Digest, &k.Evidence.Nonce, &k.Evidence.Native, &k.Evidence.Source, &result)
			if err != nil {
				return err
			}
			k.Result, err = textResult(result)
			known[id] = k
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("look for known reports: %w", err)
		}
	}
	return known, nil
}

// Counts implements [outbox.Queue].
func (q *Member) Counts(ctx context.Context) (c outbox.Counts, err error) {
	err = q.read(ctx, func(tx *sql.Tx) error {
		var oldest sql.NullInt64
		err := tx.QueryRowContext(ctx, `SELECT
			(SELECT count(*) FROM outbox_entry WHERE receipt IS NULL),
			(SELECT count(*) FROM outbox_entry WHERE receipt IS NOT NULL),
			(SELECT count(*) FROM outbox_item WHERE status = ''),
			(SELECT count(*) FROM outbox_item WHERE status = $1),
			(SELECT count(*) FROM outbox_item WHERE status = $2),
			(SELECT count(*) FROM outbox_item WHERE status = $3),
			(SELECT min(queued) FROM outbox_entry WHERE receipt IS NULL)`,
			wire.Accepted, wire.Duplicate, wire.Refused).
			Scan(&c.Waiting, &c.Receipted, &c.Pending, &c.Accepted, &c.Duplicate, &c.Refused, &oldest)
		if err != nil {
			return fmt.Errorf("count the outbox: %w", err)
		}
		c.Oldest = moment(oldest.Int64)
		return nil
	})
	return c, err
}

// resultText is how a result is stored: JSON, or nothing while none has come.
func resultText(r wire.Result) (string, error) {
	if r.Status == "" {
		return "", nil
	}
	b, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("write a result: %w", err)
	}
	return string(b), nil
}

// textResult is the inverse of resultText.
func textResult(text string) (r wire.Result, err error) {
	if text == "" {
		return r, nil
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return r, fault.New(fault.Internal, "store.damaged", "a result in the outbox cannot be read").Because(err)
	}
	return r, nil
}

// blob keeps an empty value from being stored as none.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
