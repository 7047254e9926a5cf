// Package store keeps the record: what a hub, a steward and a member's edge
// must not lose. It is the only package with SQL. Every room declares the
// small interface it needs, and the files here, one a need, implement it:
//
//	hub/receive.Record      record.go     ┐
//	hub/admit.Members …     members.go    ├─ *Hub      hub.db, or PostgreSQL
//	                        sessions.go   │
//	hub/receive.Recalls …   recall.go     │
//	                        hold.go       │
//	the schedule            work.go       ┘
//	steward's ledger        ledger.go     ── *Steward  steward.db
//	edge/outbox.Queue       outbox.go     ── *Member   member.db
//
// Nothing is acknowledged before it is durable: a write returns only after
// its transaction is on disk. Two engines run the same SQL ($1 placeholders,
// bigints, no rowid, RETURNING): SQLite, embedded, for all three roles, and
// PostgreSQL for a hub of several processes. What is peculiar to each is an
// [engine], in sqlite.go and postgres.go; move.go takes a hub from one to the
// other.
//
// # Adding a need
//
// Add a numbered migration in migrations/hub (or steward, member) and a file
// with methods on *Hub. There are two ways to the data:
//
//	err := h.read(ctx, func(tx *sql.Tx) error { … })   // one consistent snapshot
//	err := h.write(ctx, func(tx *sql.Tx) error { … })  // all or nothing, durable
//
// Within the function use tx alone: writers take turns, so a write begun
// inside a write waits for itself. The function of a write may be called
// again if the engine undid it for another's sake, so it sets results and
// never adds to them. Long reads do not hinder writers. A migration is written
// once, in words that both engines understand; see [spoken] for the two that
// are translated. Sequence numbers that readers page by come from nextSequence inside
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
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

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
	d, err := openFile(ctx, path, hubFile)
	if err != nil {
		return nil, err
	}
	return &Hub{d}, nil
}

// OpenSteward opens a steward's record; see [OpenHub].
func OpenSteward(ctx context.Context, path string) (*Steward, error) {
	d, err := openFile(ctx, path, stewardFile)
	if err != nil {
		return nil, err
	}
	return &Steward{d}, nil
}

// OpenMember opens a member's record; see [OpenHub].
func OpenMember(ctx context.Context, path string) (*Member, error) {
	d, err := openFile(ctx, path, memberFile)
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

// database is one open record with its two ways in: writing connections and
// reading ones.
type database struct {
	engine
	kind fileKind
	// path is the file, or the database's name and host, for messages.
	path   string
	writer *sql.DB
	reader *sql.DB
}

// engine is what differs between the databases that can keep a record.
type engine interface {
	// dialect is goose's name for the engine, spoken its way to read the
	// shared migrations.
	dialect() goose.Dialect
	spoken(shared fs.FS) fs.FS
	// prepare calls migrate once it is sure that the database is a record of
	// d's kind, or nothing yet, and sound.
	prepare(ctx context.Context, d *database, migrate func(context.Context) error) error
	// snapshot is how a transaction is begun that sees one moment.
	snapshot() *sql.TxOptions
	// enter makes the transaction wait until it is the only one of its turn.
	// It is the first thing that happens in it.
	enter(ctx context.Context, tx *sql.Tx, t turn) error
	// columnsQuery asks for table, column and type, as the migrations have
	// them, in order of the names; parentsQuery for the tables that refer to
	// another.
	columnsQuery() string
	parentsQuery() string
	// pack makes one value of the rows (n, added, body) of a question, for
	// [unpack]; "" if rows cost no more than that.
	pack() string
	// patient lets a transaction stand still for as long as a move takes.
	patient(ctx context.Context, tx *sql.Tx) error
	// again says that the engine undid a transaction for the sake of another,
	// and that the same may succeed now.
	again(err error) bool
	// stale says that a pooled connection had died before anything was done.
	stale(err error) bool
	// forget makes an erased key unreadable beyond the transaction; not done
	// if readers are in the way.
	forget(ctx context.Context, d *database) (done bool, err error)
	// fault gives the engine's own errors a kind and words that help. Faults
	// and everything else pass unchanged.
	fault(d *database, err error) error
}

// turn is what writers wait for: those of one turn never overlap. What one
// turn writes is written by no other.
type turn int32

const (
	// turnRecord: members, contributions, reports, sessions.
	turnRecord turn = iota + 1
	// turnConsolidated: what hub/consolidate derives. A batch takes long, and
	// nobody who submits is to wait for it.
	turnConsolidated
	// turnDerived: snapshots, releases, and what collections show.
	turnDerived
	// turnWork: who does the scheduled work.
	turnWork

	lastTurn = turnWork
)

func open(ctx context.Context, d *database) (*database, error) {
	err := d.prepare(ctx, d, d.migrate)
	if err == nil {
		err = d.refuseMoved(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Path is the file that was opened, or what the database is called.
func (d *database) Path() string { return d.path }

// Close releases the record. What was acknowledged is on disk already.
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

// storeFault gives the engine's own errors a kind and words that help.
func (d *database) storeFault(err error) error {
	var f *fault.Error
	if err == nil || errors.As(err, &f) {
		return err
	}
	return d.fault(d, err)
}

// read runs f on one consistent snapshot of the record.
func (d *database) read(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := d.begin(ctx, d.reader, d.snapshot())
	if err != nil {
		return d.storeFault(fmt.Errorf("begin to read: %w", err))
	}
	defer tx.Rollback() // a snapshot has nothing to commit
	return d.storeFault(f(tx))
}

// write runs f in a transaction that no other of the record overlaps, and
// makes it durable. If f or the commit fails, nothing has happened.
func (d *database) write(ctx context.Context, f func(tx *sql.Tx) error) error {
	return d.writeIn(ctx, turnRecord, f)
}

// mostTries is how often a write is tried that the engine undoes for the sake
// of others.
const mostTries = 10

// writeIn is [database.write] in a turn of its own.
func (d *database) writeIn(ctx context.Context, t turn, f func(tx *sql.Tx) error) error {
	for try := 1; ; try++ {
		err := d.writeOnce(ctx, t, f)
		if err == nil || !d.again(err) || try == mostTries || ctx.Err() != nil {
			return d.storeFault(err)
		}
	}
}

func (d *database) writeOnce(ctx context.Context, t turn, f func(tx *sql.Tx) error) error {
	tx, err := d.begin(ctx, d.writer, nil)
	if err != nil {
		return fmt.Errorf("begin to write: %w", err)
	}
	defer tx.Rollback() // does nothing after a commit
	if err := d.enter(ctx, tx, t); err != nil {
		return fmt.Errorf("wait to write: %w", err)
	}
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// begin starts a transaction. A server that was away leaves dead connections
// in the pool: each is met once and drops out.
func (d *database) begin(ctx context.Context, pool *sql.DB, options *sql.TxOptions) (*sql.Tx, error) {
	for left := pool.Stats().OpenConnections; ; left-- {
		tx, err := pool.BeginTx(ctx, options)
		if err == nil || left <= 0 || !d.stale(err) || ctx.Err() != nil {
			return tx, err
		}
	}
}

// nextSequence reserves count numbers of the named sequence and returns the
// first. The sequence's row stays locked until the transaction ends: numbers
// become visible in the order in which they were given, hence a reader that
// has seen n has seen everything below n.
func nextSequence(ctx context.Context, tx *sql.Tx, name string, count int) (int64, error) {
	var last int64
	err := tx.QueryRowContext(ctx,
		`UPDATE sequence SET value = value + $1 WHERE name = $2 RETURNING value`, count, name).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, errMoved() // while this process was running
	}
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
