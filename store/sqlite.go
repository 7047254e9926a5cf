package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/concord-trust/concord/fault"
)

// embedded is the engine of one file: SQLite.
type embedded struct{}

var _ engine = embedded{}

// The peculiarities of SQLite. Pragmas are set per connection, hence they
// stand in the data source name.
//
//   - journal_mode WAL: readers and the writer do not wait for each other.
//   - synchronous FULL: a commit is on disk before it returns.
//   - secure_delete: an erased key is overwritten, not merely unlinked.
//   - busy_timeout: another process's write is waited for.
//   - _txlock immediate (writer): the write lock is taken at the start, so
//     that what a transaction has read cannot change under it.
const (
	busyMillis   = 15000
	commonPragma = "journal_mode(WAL)"
)

// openFile opens a record in a file, making one that only its owner may read if
// there is none.
func openFile(ctx context.Context, path string, kind fileKind) (*database, error) {
	d, err := connect(path, kind)
	if err != nil {
		return nil, err
	}
	return open(ctx, d)
}

// connect opens the two ways into the file: a single writing connection and a
// pool of reading ones.
func connect(path string, kind fileKind) (*database, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", path, err)
	}
	// Made here and not by SQLite, which would let others read it.
	f, err := os.OpenFile(full, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.New(fault.Usage, "store.unreadable",
			"%s cannot be opened; check that the folder exists and is yours to write", kind.called).At(path).Because(err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("close %s: %w", path, err)
	}
	d := &database{engine: embedded{}, kind: kind, path: path}
	if d.writer, err = sql.Open("sqlite", source(full, "immediate", "query_only(0)")); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	d.writer.SetMaxOpenConns(1)
	if d.reader, err = sql.Open("sqlite", source(full, "deferred", "query_only(1)")); err != nil {
		d.writer.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	readers := max(4, runtime.NumCPU())
	d.reader.SetMaxOpenConns(readers)
	d.reader.SetMaxIdleConns(readers)
	return d, nil
}

func source(path, lock string, pragmas ...string) string {
	q := url.Values{"_txlock": {lock}}
	for _, p := range append([]string{
		fmt.Sprintf("busy_timeout(%d)", busyMillis),
		commonPragma,
		"synchronous(FULL)",
		"foreign_keys(1)",
		"secure_delete(1)",
		"trusted_schema(0)",
		"cache_size(-16000)", // 16 MB a connection
	}, pragmas...) {
		q.Add("_pragma", p)
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: q.Encode()}).String()
}

func (embedded) dialect() goose.Dialect    { return goose.DialectSQLite3 }
func (embedded) spoken(shared fs.FS) fs.FS { return shared }
func (embedded) snapshot() *sql.TxOptions  { return nil }

func (embedded) prepare(ctx context.Context, d *database, migrate func(context.Context) error) error {
	if err := d.checkMark(ctx); err != nil {
		return err
	}
	return migrate(ctx)
}

func (embedded) pack() string { return "" }

// enter has nothing to do: the file's write lock was taken when the
// transaction began, and there is one for all turns.
func (embedded) enter(context.Context, *sql.Tx, turn) error { return nil }
func (embedded) patient(context.Context, *sql.Tx) error     { return nil }
func (embedded) again(error) bool                           { return false }
func (embedded) stale(error) bool                           { return false }

// checkMark compares the mark in the file's header, and sets it in a new file.
func (d *database) checkMark(ctx context.Context) error {
	var mark, tables int64
	if err := d.writer.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&mark); err != nil {
		return d.storeFault(err)
	}
	if mark == d.kind.mark {
		return nil
	}
	if err := d.writer.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master`).Scan(&tables); err != nil {
		return d.storeFault(err)
	}
	if mark == 0 && tables == 0 {
		_, err := d.writer.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d`, d.kind.mark))
		return d.storeFault(err)
	}
	found := "something that Concord did not make"
	for _, k := range []fileKind{hubFile, stewardFile, memberFile} {
		if mark == k.mark {
			found = k.called
		}
	}
	return fault.New(fault.Usage, "store.other_kind",
		"this file is %s, not %s; check the data folder in the configuration", found, d.kind.called).At(d.path)
}

func (embedded) columnsQuery() string {
	return `SELECT m.name, c.name, upper(c.type) FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'goose_db_version' ORDER BY m.name, c.name`
}

func (embedded) parentsQuery() string {
	return `SELECT m.name, f."table" FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`
}

// forget pushes what was overwritten out of the write-ahead log too, so that
// an erased key is gone from all of the record's files. If readers are in the
// way it happens at a later checkpoint.
func (embedded) forget(ctx context.Context, d *database) (done bool, err error) {
	var busy, frames, moved int
	err = d.writer.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved)
	return err == nil && busy == 0, d.storeFault(err)
}

func (embedded) fault(d *database, err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return fault.New(fault.Unavailable, "store.busy",
			"another process is writing to the record; try again in a moment").Because(err)
	case lib.SQLITE_FULL:
		return fault.New(fault.Unavailable, "store.full",
			"the disk under the record is full; make room, nothing that was acknowledged is lost").Because(err)
	case lib.SQLITE_NOTADB:
		return fault.New(fault.Usage, "store.other_kind",
			"this file is something that Concord did not make, not %s; check the data folder in the configuration", d.kind.called).At(d.path).Because(err)
	case lib.SQLITE_CORRUPT:
		return fault.New(fault.Internal, "store.damaged",
			"the record's file is damaged; stop, keep it, and restore from a backup").At(d.path).Because(err)
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_CANTOPEN, lib.SQLITE_IOERR:
		return fault.New(fault.Unavailable, "store.unwritable",
			"the record's file cannot be read or written; check the disk and the folder's owner").At(d.path).Because(err)
	}
	return err
}
