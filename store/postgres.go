package store

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/concord-trust/concord/fault"
)

// server is the engine of a database that several processes share: PostgreSQL.
type server struct{}

var _ engine = server{}

// The peculiarities of PostgreSQL.
//
// Writers of one turn never overlap, as SQLite's never do: a transaction first
// takes the turn's advisory lock, which ends with it, or with its process. It
// runs as READ COMMITTED, so that each statement after the lock sees all that
// earlier holders committed; a snapshot taken while waiting would be stale.
// The lock costs nothing that numbers without gaps do not cost already, since
// these make commits follow one another (see [nextSequence]). Readers take no
// lock and see one moment (REPEATABLE READ).
//
// These settings hold for each connection, whatever the role or the database
// has by default.
var sessionSettings = map[string]string{
	"default_transaction_isolation": "read committed",
	// A turn, or a table, is waited for no longer than this.
	"lock_timeout": strconv.Itoa(busyMillis),
	// A process that stands still gives its turn to the others.
	"idle_in_transaction_session_timeout": "120000",
	"timezone":                            "UTC",
}

// lockSpace sets Concord's advisory locks apart from those of others in the
// same database.
var lockSpace = int32(hubFile.mark)

// turnOpening is waited for by processes that open the record.
const turnOpening turn = 0

// writingConnections is enough for a long turn of each kind, and two who wait.
const writingConnections = 6

// OpenHubPostgres opens the hub's record in a PostgreSQL database; dsn is a
// connection string (postgres://… or keyword=value). Tables are made if there
// are none, and brought up to date. A database of something else, one with a
// schema newer than this program knows, one that would lose what it has
// acknowledged, and a connection that others could overhear are refused. The
// string is a secret: no error holds any of it.
func OpenHubPostgres(ctx context.Context, dsn string) (*Hub, error) {
	d, err := dial(dsn)
	if err != nil {
		return nil, err
	}
	if d, err = open(ctx, d); err != nil {
		return nil, err
	}
	return &Hub{d}, nil
}

// HasHubPostgres says whether a database holds a hub's record. It makes
// nothing; a database or server that is not fit for one is refused.
func HasHubPostgres(ctx context.Context, dsn string) (has bool, err error) {
	d, err := dial(dsn)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	conn, err := d.writer.Conn(ctx)
	if err != nil {
		return false, d.storeFault(fmt.Errorf("connect: %w", err))
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	if err := sound(ctx, d, conn); err != nil {
		return false, d.storeFault(err)
	}
	has, err = found(ctx, d, conn)
	return has, d.storeFault(err)
}

// dial sets up the pools; nothing is connected yet.
func dial(dsn string) (*database, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil { // its text may hold the string, hence no cause
		return nil, fault.New(fault.Usage, "store.bad_dsn",
			"the connection string cannot be understood; write postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full")
	}
	if host, ok := overheard(&c.Config); ok {
		return nil, fault.New(fault.Usage, "store.plain",
			"the connection to the database on %s could be overheard; add sslmode=verify-full and sslrootcert=FILE to the connection string", host)
	}
	for name, value := range sessionSettings {
		c.RuntimeParams[name] = value
	}
	// A commit is on disk before it returns; on a standby too, if asked for.
	if c.RuntimeParams["synchronous_commit"] != "remote_apply" {
		c.RuntimeParams["synchronous_commit"] = "on"
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "concord hub"
	}
	d := &database{engine: server{}, kind: hubFile, path: fmt.Sprintf("database %s on %s", c.Database, c.Host)}
	d.writer = pool(*c, writingConnections)
	d.reader = pool(*c, max(4, runtime.NumCPU()))
	return d, nil
}

func pool(c pgx.ConnConfig, size int) *sql.DB {
	p := stdlib.OpenDB(c)
	p.SetMaxOpenConns(size)
	p.SetMaxIdleConns(size)
	return p
}

// local says that a connection does not leave the machine: a socket's folder,
// or loopback.
func local(host string) bool {
	ip := net.ParseIP(host)
	return strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") || host == "localhost" || ip != nil && ip.IsLoopback()
}

// overheard finds a host to which a connection would, or could, be made in
// clear or to whoever answers.
func overheard(c *pgconn.Config) (host string, ok bool) {
	ways := []*pgconn.FallbackConfig{{Host: c.Host, TLSConfig: c.TLSConfig}}
	for _, w := range append(ways, c.Fallbacks...) {
		t := w.TLSConfig
		if !local(w.Host) && (t == nil || t.InsecureSkipVerify && t.VerifyPeerCertificate == nil && t.VerifyConnection == nil) {
			return w.Host, true
		}
	}
	return "", false
}

func (server) dialect() goose.Dialect { return goose.DialectPostgres }

func (server) snapshot() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}

// The rows keep their order: a question in order that is gathered as it comes
// is not sorted again.
func (server) pack() string {
	return `SELECT string_agg(int8send(n) || int8send(added) || int4send(length(body)) || body, ''::bytea) FROM (%s) AS page`
}

func (server) enter(ctx context.Context, tx *sql.Tx, t turn) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1, $2)`, lockSpace, int32(t))
	return err
}

// prepare lets one process at a time look and migrate.
func (server) prepare(ctx context.Context, d *database, migrate func(context.Context) error) (err error) {
	conn, err := d.writer.Conn(ctx)
	if err != nil {
		return d.storeFault(fmt.Errorf("connect: %w", err))
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	if err := sound(ctx, d, conn); err != nil {
		return d.storeFault(err)
	}
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1, $2)`, lockSpace, int32(turnOpening)); err != nil {
		return d.storeFault(fmt.Errorf("wait to open: %w", err))
	}
	defer func() {
		_, unlock := conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1, $2)`, lockSpace, int32(turnOpening))
		err = errors.Join(err, d.storeFault(unlock))
	}()
	if _, err := found(ctx, d, conn); err != nil {
		return d.storeFault(err)
	}
	return migrate(ctx)
}

// sound refuses a server that would change what is stored, or lose it.
func sound(ctx context.Context, d *database, conn *sql.Conn) error {
	var encoding, fsync string
	var standby bool
	err := conn.QueryRowContext(ctx, `SELECT current_setting('server_encoding'), current_setting('fsync'), pg_is_in_recovery()`).
		Scan(&encoding, &fsync, &standby)
	switch {
	case err != nil:
		return fmt.Errorf("ask for the server's settings: %w", err)
	case encoding != "UTF8":
		return fault.New(fault.Usage, "store.encoding",
			"the database's encoding is %s; make one with `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`", encoding).At(d.path)
	case fsync != "on":
		return fault.New(fault.Usage, "store.not_durable",
			"the server runs with fsync off and could lose what was acknowledged; turn it on").At(d.path)
	case standby:
		return fault.New(fault.Usage, "store.standby",
			"this server is a standby, which nobody can write to; name the primary").At(d.path)
	}
	return nil
}

// found looks at what is in the database: a hub's record, or nothing yet.
// Anything else is refused.
func found(ctx context.Context, d *database, conn *sql.Conn) (record bool, err error) {
	var others, ours int
	err = conn.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE tablename <> 'goose_db_version'),
		count(*) FILTER (WHERE tablename IN ('sequence', 'member', 'agreement', 'invitation'))
		FROM pg_tables WHERE schemaname = current_schema()`).Scan(&others, &ours)
	if err != nil {
		return false, fmt.Errorf("look at the tables: %w", err)
	}
	if others > 0 && ours < 4 {
		return false, fault.New(fault.Usage, "store.other_kind",
			"this database holds tables of something that is not %s; make an empty database for the hub", d.kind.called).At(d.path)
	}
	return others > 0, nil
}

// spokenFS reads SQL in the words of PostgreSQL.
type spokenFS struct{ shared fs.FS }

// spoken translates the two words that differ: what is a blob, and how text is
// ordered, which must not depend on the language of the server.
func (server) spoken(shared fs.FS) fs.FS { return spokenFS{shared} }

var (
	differing  = regexp.MustCompile(`\b(BLOB|TEXT)\b`)
	translated = map[string]string{"BLOB": "BYTEA", "TEXT": `TEXT COLLATE "C"`}
)

func (s spokenFS) Open(name string) (fs.File, error) {
	f, err := s.shared.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	text = differing.ReplaceAllFunc(text, func(word []byte) []byte { return []byte(translated[string(word)]) })
	return &spokenFile{f, bytes.NewReader(text)}, nil
}

type spokenFile struct {
	fs.File
	text *bytes.Reader
}

func (f *spokenFile) Read(p []byte) (int, error) { return f.text.Read(p) }

// forget rewrites the tables of keys, since a deleted row stays in its page. It
// holds up who reads or writes keys meanwhile. The server's write-ahead log
// and backups keep the key until they are recycled: docs/configuration.md says
// how an operator bounds that.
func (server) forget(ctx context.Context, d *database) (done bool, err error) {
	_, err = d.writer.ExecContext(ctx, `VACUUM (FULL) report_key, held_key`)
	if codeOf(err) == "55P03" {
		return false, nil // readers are in the way; the next time takes it along
	}
	return err == nil, d.storeFault(err)
}

func (server) columnsQuery() string {
	return `SELECT table_name, column_name, CASE data_type WHEN 'bytea' THEN 'BLOB' ELSE upper(data_type) END FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name <> 'goose_db_version'
		ORDER BY table_name COLLATE "C", column_name COLLATE "C"`
}

func (server) parentsQuery() string {
	return `SELECT c.relname, p.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
		WHERE k.contype = 'f' AND k.connamespace = current_schema()::regnamespace`
}

// codeOf is the server's own error code (SQLSTATE), or "".
func codeOf(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func (server) patient(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`)
	return err
}

func (server) again(err error) bool {
	code := codeOf(err)
	return code == "40001" || code == "40P01" // serialisation failure, deadlock: both are undone
}

func (server) stale(err error) bool {
	var connecting *pgconn.ConnectError
	return away(err) && !errors.As(err, &connecting)
}

// away says that there was no server to answer.
func away(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	switch code := codeOf(err); code {
	case "57P01", "57P02", "57P03", "53300": // it shuts down, crashed, starts, is full
		return true
	case "":
	default:
		return strings.HasPrefix(code, "08")
	}
	var connecting *pgconn.ConnectError
	var network *net.OpError
	return errors.As(err, &connecting) || errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

func (server) fault(d *database, err error) error {
	if away(err) {
		return fault.New(fault.Unavailable, "store.away",
			"the database does not answer; try again in a moment, nothing that was acknowledged is lost").At(d.path).Because(err)
	}
	code := codeOf(err)
	switch {
	case code == "":
		return err
	case code == "55P03", code == "40001", code == "40P01", code == "25P03":
		return fault.New(fault.Unavailable, "store.busy",
			"another process is writing to the record; try again in a moment").Because(err)
	case code == "22021":
		return fault.New(fault.Invalid, "store.bad_text",
			"a text holds a character that cannot be stored, such as NUL; take it out").Because(err)
	case code == "53100":
		return fault.New(fault.Unavailable, "store.full",
			"the disk under the database is full; make room, nothing that was acknowledged is lost").At(d.path).Because(err)
	case strings.HasPrefix(code, "28"):
		return fault.New(fault.Usage, "store.refused",
			"the database refuses the sign-in; check user and password in the file of hub.store.dsn_file").At(d.path).Because(err)
	case code == "3D000":
		return fault.New(fault.Usage, "store.no_database",
			"there is no such database; make it with `createdb`").At(d.path).Because(err)
	case code == "42501":
		return fault.New(fault.Usage, "store.forbidden",
			"the hub's role may not do what it must; let it own the database").At(d.path).Because(err)
	case strings.HasPrefix(code, "XX"):
		return fault.New(fault.Internal, "store.damaged",
			"the database is damaged; stop, keep it, and restore from a backup").At(d.path).Because(err)
	case strings.HasPrefix(code, "58"), code == "25006":
		return fault.New(fault.Unavailable, "store.unwritable",
			"the database cannot be read or written; check its disk, and that it is the primary").At(d.path).Because(err)
	}
	return err
}
