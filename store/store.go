// Package store keeps the record: what a hub, a steward and a member's edge
// must not lose. It is the only package with SQL. Every room declares the
// small interface it needs, and the files here, one a need, implement it:
//
//	hub/receive.Record      record.go     ┐
//	hub/admit.Members …     members.go    ├─ *Hub      hub.db
//	                        sessions.go   ┘
//	steward's ledger        ledger.go     ── *Steward  steward.db
//	edge/outbox.Queue       outbox.go     ── *Member   member.db
//
// Nothing is acknowledged before it is durable: a write returns only after
// its transaction is on disk. Here stands SQLite; what is peculiar to it is in
// sqlite.go, everything else is written so that another SQL database can run
// it ($1 placeholders, bigints, no rowid, RETURNING).
//
// # Adding a need
//
// Add a numbered migration in migrations/hub (or steward, member) and a file
// with methods on *Hub. There are two ways to the data:
//
//	err := h.read(ctx, func(tx *sql.Tx) error { … })   // one consistent snapshot
//	err := h.write(ctx, func(tx *sql.Tx) error { … })  // all or nothing, durable
//
// Within the function use tx alone: there is one writing connection, so a
// write begun inside a write waits for itself. Long reads do not hinder
// writers. Sequence numbers that readers page by come from nextSequence inside
// the transaction that uses them, so that they become visible in order. Times
// are stored as whole seconds of the Unix epoch ([seconds], [moment]), ids and
// codes as text, sealed things as blobs. Errors come back as they are if they
// are faults; the rest is wrapped by the caller with what was being done.
//
// The contract of every need is a suite in store/storetest, which each store
// runs.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/concord-trust/concord/fault"
)

// Hub is the hub's record.
type Hub struct{ *database }

// Steward is a steward's own record: what it has evaluated for whom.
type Steward struct{ *database }

// Member is a member's own record: its outbox.
type Member struct{ *database }

// OpenHub opens the hub's record at path, making it if there is none and
// bringing its schema up to date. A file of another kind, or with a schema
// newer than this program knows, is refused. Several processes may have the
// same file open.
func OpenHub(ctx context.Context, path string) (*Hub, error) {
	d, err := open(ctx, path, hubFile)
	if err != nil {
		return nil, err
	}
	return &Hub{d}, nil
}

// OpenSteward opens a steward's record; see [OpenHub].
func OpenSteward(ctx context.Context, path string) (*Steward, error) {
	d, err := open(ctx, path, stewardFile)
	if err != nil {
		return nil, err
	}
	return &Steward{d}, nil
}

// OpenMember opens a member's record; see [OpenHub].
func OpenMember(ctx context.Context, path string) (*Member, error) {
	d, err := open(ctx, path, memberFile)
	if err != nil {
		return nil, err
	}
	return &Member{d}, nil
}

// fileKind tells the files of the three roles apart, so that a member's outbox
// is never opened as a hub's record.
type fileKind struct {
	name   string // the folder of its migrations, too
	called string // for messages
	// mark stands in the file's header.
	mark int64
}

var (
	hubFile     = fileKind{"hub", "a hub's record", 0x436e4855}
	stewardFile = fileKind{"steward", "a steward's record", 0x436e5354}
	memberFile  = fileKind{"member", "a member's outbox", 0x436e4d45}
)

// database is one open file with its two ways in: a single writing connection
// and a pool of reading ones.
type database struct {
	kind   fileKind
	path   string
	writer *sql.DB
	reader *sql.DB
}

func open(ctx context.Context, path string, kind fileKind) (*database, error) {
	d, err := connect(ctx, path, kind)
	if err != nil {
		return nil, err
	}
	if err := d.prepare(ctx); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *database) prepare(ctx context.Context) error {
	if err := d.checkKind(ctx); err != nil {
		return err
	}
	return d.migrate(ctx)
}

// Path is the file that was opened.
func (d *database) Path() string { return d.path }

// Close releases the file. What was acknowledged is on disk already.
func (d *database) Close() error {
	return errors.Join(d.reader.Close(), d.writer.Close())
}

// Ready tells whether the record answers, for health endpoints.
func (d *database) Ready(ctx context.Context) error {
	return d.read(ctx, func(tx *sql.Tx) error {
		var one int
		return tx.QueryRowContext(ctx, `SELECT 1`).Scan(&one)
	})
}

// read runs f on one consistent snapshot of the record.
func (d *database) read(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := d.reader.BeginTx(ctx, nil)
	if err != nil {
		return d.storeFault(fmt.Errorf("begin to read: %w", err))
	}
	defer tx.Rollback() // a snapshot has nothing to commit
	return d.storeFault(f(tx))
}

// write runs f in a transaction that no other writer overlaps, and makes it
// durable. If f or the commit fails, nothing has happened.
func (d *database) write(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := d.writer.BeginTx(ctx, nil)
	if err != nil {
		return d.storeFault(fmt.Errorf("begin to write: %w", err))
	}
	defer tx.Rollback() // does nothing after a commit
	if err := f(tx); err != nil {
		return d.storeFault(err)
	}
	if err := tx.Commit(); err != nil {
		return d.storeFault(fmt.Errorf("commit: %w", err))
	}
	return nil
}

// nextSequence reserves count numbers of the named sequence and returns the
// first. The sequence's row stays locked until the transaction ends: numbers
// become visible in the order in which they were given, hence a reader that
// has seen n has seen everything below n.
func nextSequence(ctx context.Context, tx *sql.Tx, name string, count int) (int64, error) {
	var last int64
	err := tx.QueryRowContext(ctx,
		`UPDATE sequence SET value = value + $1 WHERE name = $2 RETURNING value`, count, name).Scan(&last)
	if err != nil {
		return 0, fmt.Errorf("take numbers of sequence %s: %w", name, err)
	}
	return last - int64(count) + 1, nil
}

// seconds is how a time is stored: whole seconds since 1970, UTC; the zero
// time is 0.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// moment is the inverse of seconds.
func moment(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

// flag is how a truth value is stored.
func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// noRow turns the absence of a row into a fault that says what is not there.
func noRow(err error, code, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, code, format, args...)
	}
	return err
}
