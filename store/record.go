package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/wire"
)

var _ receive.Record = (*Hub)(nil)

// atOnce is how many values one question asks for at most; longer lists are
// asked in parts.
const atOnce = 500

// Receipt implements [receive.Record].
func (h *Hub) Receipt(ctx context.Context, m wire.MemberID, c wire.ContributionID) (receipt []byte, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		receipt, err = receiptOf(ctx, tx, m, c)
		return err
	})
	return receipt, err
}

func receiptOf(ctx context.Context, tx *sql.Tx, m wire.MemberID, c wire.ContributionID) ([]byte, error) {
	var owner wire.MemberID
	var receipt []byte
	err := tx.QueryRowContext(ctx, `SELECT member, receipt FROM contribution WHERE id = $1`, c).Scan(&owner, &receipt)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for a contribution: %w", err)
	}
	if owner != m {
		return nil, fault.New(fault.Conflict, "contribution.id_taken",
			"this contribution id is in use; draw a fresh one and send again")
	}
	return receipt, nil
}

// Latest implements [receive.Record].
func (h *Hub) Latest(ctx context.Context, m wire.MemberID, reports []wire.ReportID) (known map[wire.ReportID]receive.Known, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		known, err = knownReports(ctx, tx, m, reports)
		return err
	})
	return known, err
}

func knownReports(ctx context.Context, tx *sql.Tx, m wire.MemberID, reports []wire.ReportID) (map[wire.ReportID]receive.Known, error) {
	known := make(map[wire.ReportID]receive.Known, len(reports))
	for part := range parts(reports) {
		args := []any{m}
		for _, r := range part {
			args = append(args, r)
		}
		rows, err := tx.QueryContext(ctx,
			`SELECT report, seq, revision, digest FROM report
			 WHERE superseded = 0 AND erased = 0 AND member = $1 AND report IN (`+placeholders(2, len(part))+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("look for known reports: %w", err)
		}
		err = each(rows, func() error {
			var id wire.ReportID
			var k receive.Known
			if err := rows.Scan(&id, &k.Seq, &k.Revision, &k.Digest); err != nil {
				return err
			}
			known[id] = k
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for known reports: %w", err)
		}
		if err := knownRecalls(ctx, tx, part, args, known); err != nil {
			return nil, fmt.Errorf("look for recalled reports: %w", err)
		}
	}
	return known, nil
}

// knownRecalls adds when reports were last recalled.
func knownRecalls(ctx context.Context, tx *sql.Tx, part []wire.ReportID, args []any, known map[wire.ReportID]receive.Known) error {
	rows, err := tx.QueryContext(ctx,
		`SELECT p.report, MAX(r.made) FROM recall_report p JOIN recall r ON r.id = p.recall
		 WHERE r.member = $1 AND p.report IN (`+placeholders(2, len(part))+`) GROUP BY p.report`, args...)
	if err != nil {
		return err
	}
	return each(rows, func() error {
		var id wire.ReportID
		var made int64
		err := rows.Scan(&id, &made)
		k := known[id]
		k.Recalled = moment(made)
		known[id] = k
		return err
	})
}

// Commit implements [receive.Record]. A contribution that is already stored
// for the member answers with its receipt; decide is not asked.
func (h *Hub) Commit(ctx context.Context, m wire.MemberID, c wire.ContributionID, reports []wire.ReportID,
	decide func(known map[wire.ReportID]receive.Known) (receive.Commit, error)) (receipt []byte, err error) {
	err = h.write(ctx, func(tx *sql.Tx) error {
		if receipt, err = receiptOf(ctx, tx, m, c); err != nil || receipt != nil {
			return err
		}
		known, err := knownReports(ctx, tx, m, reports)
		if err != nil {
			return err
		}
		commit, err := decide(known)
		if err != nil {
			return err
		}
		receipt = commit.Receipt
		return insertCommit(ctx, tx, m, c, commit)
	})
	if err != nil {
		return nil, err
	}
	return receipt, nil
}

func insertCommit(ctx context.Context, tx *sql.Tx, m wire.MemberID, c wire.ContributionID, commit receive.Commit) error {
	if commit.Contribution != c || commit.Member != m {
		return errors.New("what was decided is about another contribution")
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO contribution (id, member, received, receipt) VALUES ($1, $2, $3, $4)`,
		c, m, seconds(commit.Received), commit.Receipt)
	if err != nil {
		return fmt.Errorf("store a contribution: %w", err)
	}
	if err := insertRows(ctx, tx, commit.Rows); err != nil {
		return err
	}
	for _, n := range commit.Nil {
		// The first nil report of a period stays: saying it again adds nothing.
		_, err := tx.ExecContext(ctx,
			`INSERT INTO nil_report (member, sector, period, received, contribution) VALUES ($1, $2, $3, $4, $5)
			 ON CONFLICT (member, sector, period) DO NOTHING`,
			m, n.Sector, n.Period, seconds(n.Received), c)
		if err != nil {
			return fmt.Errorf("store a nil report: %w", err)
		}
	}
	return nil
}

// rowInserter holds the prepared statements of one commit.
type rowInserter struct{ supersede, report, key *sql.Stmt }

func prepareRows(ctx context.Context, tx *sql.Tx) (in rowInserter, err error) {
	prepare := func(query string) (s *sql.Stmt) {
		if err == nil {
			s, err = tx.PrepareContext(ctx, query) // closed with the transaction
		}
		return s
	}
	in.supersede = prepare(`UPDATE report SET superseded = 1 WHERE member = $1 AND report = $2 AND superseded = 0`)
	in.report = prepare(`INSERT INTO report
		(seq, contribution, report, revision, member, owner_group, agreement, sector, standard, received, digest, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`)
	in.key = prepare(`INSERT INTO report_key (seq, wrapped) VALUES ($1, $2)`)
	return in, err
}

func insertRows(ctx context.Context, tx *sql.Tx, rows []receive.Row) error {
	if len(rows) == 0 {
		return nil
	}
	seq, err := nextSequence(ctx, tx, "record", len(rows))
	if err != nil {
		return err
	}
	in, err := prepareRows(ctx, tx)
	if err != nil {
		return fmt.Errorf("prepare to store reports: %w", err)
	}
	for i, r := range rows {
		if err := in.insert(ctx, seq+int64(i), r); err != nil {
			return fmt.Errorf("store report %d of a contribution: %w", i, err)
		}
	}
	return nil
}

func (in rowInserter) insert(ctx context.Context, seq int64, r receive.Row) error {
	if _, err := in.supersede.ExecContext(ctx, r.Member, r.Report); err != nil {
		return err
	}
	_, err := in.report.ExecContext(ctx, seq, r.Contribution, r.Report, r.Revision, r.Member, r.OwnerGroup,
		r.Agreement, r.Sector, r.Standard, seconds(r.Received), r.Digest, r.Body)
	if err != nil {
		return err
	}
	_, err = in.key.ExecContext(ctx, seq, r.Key)
	return err
}

const rowColumns = `r.seq, r.contribution, r.report, r.revision, r.member, r.owner_group, r.agreement,
	r.sector, r.standard, r.received, r.digest, r.body, k.wrapped, r.superseded
	FROM report r LEFT JOIN report_key k ON k.seq = r.seq`

// After implements [receive.Record].
func (h *Hub) After(ctx context.Context, seq int64, limit int) ([]receive.Row, error) {
	return h.rows(ctx, `SELECT `+rowColumns+` WHERE r.seq > $1 ORDER BY r.seq LIMIT $2`, seq, limit)
}

// Rows implements [receive.Record]. The rows come in order of Seq; numbers
// that do not exist are left out.
func (h *Hub) Rows(ctx context.Context, seqs []int64) (all []receive.Row, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		for part := range parts(seqs) {
			args := make([]any, len(part))
			for i, s := range part {
				args[i] = s
			}
			found, err := scanRows(ctx, tx, `SELECT `+rowColumns+` WHERE r.seq IN (`+placeholders(1, len(part))+`)`, args...)
			if err != nil {
				return err
			}
			all = append(all, found...)
		}
		return nil
	})
	sortRows(all)
	return all, err
}

// ByMember implements [receive.Record]: rows with Seq < before (all if before
// is 0), newest first.
func (h *Hub) ByMember(ctx context.Context, m wire.MemberID, before int64, limit int) ([]receive.Row, error) {
	if before <= 0 {
		before = 1<<63 - 1
	}
	return h.rows(ctx, `SELECT `+rowColumns+` WHERE r.member = $1 AND r.seq < $2 ORDER BY r.seq DESC LIMIT $3`, m, before, limit)
}

func (h *Hub) rows(ctx context.Context, query string, args ...any) (found []receive.Row, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		found, err = scanRows(ctx, tx, query, args...)
		return err
	})
	return found, err
}

func scanRows(ctx context.Context, tx *sql.Tx, query string, args ...any) (found []receive.Row, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read reports of the record: %w", err)
	}
	err = each(rows, func() error {
		var r receive.Row
		var received int64
		err := rows.Scan(&r.Seq, &r.Contribution, &r.Report, &r.Revision, &r.Member, &r.OwnerGroup, &r.Agreement,
			&r.Sector, &r.Standard, &received, &r.Digest, &r.Body, &r.Key, &r.Superseded)
		r.Received = moment(received)
		found = append(found, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read reports of the record: %w", err)
	}
	return found, nil
}

// NilReports implements [receive.Record], in order of period and member.
func (h *Hub) NilReports(ctx context.Context, sector string, m wire.MemberID) (all []receive.NilRow, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx,
			`SELECT member, sector, period, received FROM nil_report
			 WHERE sector = $1 AND ($2 = '' OR member = $2) ORDER BY period, member`, sector, m)
		if err != nil {
			return fmt.Errorf("read nil reports: %w", err)
		}
		return each(rows, func() error {
			var n receive.NilRow
			var received int64
			err := rows.Scan(&n.Member, &n.Sector, &n.Period, &received)
			n.Received = moment(received)
			all = append(all, n)
			return err
		})
	})
	return all, err
}

// RecordCounts are totals of the record, for health pages and metrics.
type RecordCounts struct {
	Contributions, Reports, Revisions, Erased, Nil int64
	LastSeq                                        int64
}

// RecordCounts counts what the record holds. Reports counts each report once,
// whatever its revisions.
func (h *Hub) RecordCounts(ctx context.Context) (c RecordCounts, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT
			(SELECT count(*) FROM contribution),
			(SELECT count(*) FROM report WHERE superseded = 0 AND erased = 0),
			(SELECT count(*) FROM report),
			(SELECT count(*) FROM report WHERE erased = 1),
			(SELECT count(*) FROM nil_report),
			(SELECT value FROM sequence WHERE name = 'record')`).
			Scan(&c.Contributions, &c.Reports, &c.Revisions, &c.Erased, &c.Nil, &c.LastSeq)
	})
	return c, err
}

// placeholders writes "$first, $first+1, …" for n values.
func placeholders(first, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(first+i))
	}
	return b.String()
}
