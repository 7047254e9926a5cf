// Package postgrestest runs real PostgreSQL servers for tests: throw-away
// clusters, each reached through a socket in its own folder, that end with the
// test process, also if that is killed.
//
//	func TestMain(m *testing.M) { os.Exit(postgrestest.Run(m)) }
//
//	dsn := postgrestest.Database(t)  // a fresh database of the shared cluster
//	c := postgrestest.Start(t)       // a cluster of one's own, to be killed
//
// Without PostgreSQL's programs such tests are skipped with a clear line; with
// CONCORD_CI=1 they fail instead, so that CI cannot pass by testing nothing.
package postgrestest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// patience is how long a server may take to start or to end.
const patience = time.Minute

// Cluster is a running server with a folder of its own.
type Cluster struct {
	bin, dir string
	as       *syscall.Credential // who runs it; nil for who runs the test
	named    atomic.Int64

	mu     sync.Mutex
	keeper *exec.Cmd
	hold   io.Closer // closing it lets the keeper end the server
	log    *os.File
}

var (
	sharing sync.Mutex
	shared  *Cluster
)

// Run runs a package's tests and ends the shared cluster after them, if any
// was started. It returns the status to exit with.
func Run(m *testing.M) int {
	status := m.Run()
	sharing.Lock()
	defer sharing.Unlock()
	if shared != nil {
		if err := shared.end(); err != nil {
			fmt.Fprintln(os.Stderr, "end the shared PostgreSQL:", err)
		}
	}
	return status
}

// Database makes a fresh database in the cluster that the package's tests
// share and returns its connection string. The package's TestMain must call
// [Run].
func Database(t testing.TB) string {
	t.Helper()
	bin := programs(t)
	sharing.Lock()
	defer sharing.Unlock()
	if shared == nil {
		c, err := start(bin)
		if err != nil {
			t.Fatal(err)
		}
		shared = c
	}
	return shared.Database(t)
}

// Start starts a cluster that ends with the test.
func Start(t testing.TB) *Cluster {
	t.Helper()
	c, err := start(programs(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.end(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// programs finds the folder of PostgreSQL's programs: in the path, else where
// Debian puts the newest.
func programs(t testing.TB) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.Sort(found)
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(initdb)
	}
	const hint = "PostgreSQL's programs (initdb, postgres) are missing; on Debian `apt-get install postgresql`"
	if os.Getenv("CONCORD_CI") == "1" {
		t.Fatalf("CONCORD_CI=1 demands PostgreSQL: %s", hint)
	}
	t.Skipf("test skipped: %s", hint)
	return ""
}

func start(bin string) (*Cluster, error) {
	dir, err := os.MkdirTemp("", "concord-postgres-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	c := &Cluster{bin: bin, dir: dir}
	if err := c.found(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := c.Restart(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, nil
}

// found makes the cluster. PostgreSQL refuses to run as root, so that root
// hands the folder to an unprivileged user.
func (c *Cluster) found() error {
	if os.Getuid() == 0 {
		if err := c.hand(); err != nil {
			return err
		}
	}
	out, err := c.command(filepath.Join(c.bin, "initdb"), "--pgdata="+c.data(), "--username=concord", "--auth=trust",
		"--encoding=UTF8", "--locale=C.UTF-8", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if c.log, err = os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600); err != nil {
		return fmt.Errorf("make the server's log: %w", err)
	}
	return nil
}

func (c *Cluster) hand() error {
	var u *user.User
	var err error
	for _, name := range []string{"postgres", "nobody"} {
		if u, err = user.Lookup(name); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("find an unprivileged user to run PostgreSQL: %w", err)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("read the numbers of user %s: %w", u.Username, err)
	}
	c.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(c.dir, uid, gid)
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// Folder is where the server keeps the databases' files.
func (c *Cluster) Folder() string { return c.data() }

// command runs a program of PostgreSQL as who may.
func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as, Setpgid: true}
	return cmd
}

// keep starts the server and ends it once nobody holds the other end of its
// input: so a killed test leaves no server behind.
const keep = `exec 3<&0
"$@" <&- 3<&- & server=$!
{ read -r _ <&3; kill -INT $server 2>/dev/null; } & reader=$!
wait $server
kill $reader 2>/dev/null`

// Restart starts the server, after a [Cluster.Kill] too, and returns once it
// answers.
func (c *Cluster) Restart() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		ended, err := c.launch()
		if err != nil {
			return err
		}
		if err = c.answers(ctx, ended); err == nil {
			return nil
		}
		// What a killed server leaves behind ends only a moment after it, and
		// till then a new one does not start.
		c.hold.Close() //nolint:errcheck // it may be closed
		<-ended
		if ctx.Err() != nil {
			log, _ := os.ReadFile(c.log.Name())
			return fmt.Errorf("PostgreSQL does not start: %w\n%s", err, log)
		}
	}
}

func (c *Cluster) launch() (ended <-chan struct{}, err error) {
	c.keeper = c.command("/bin/sh", "-c", keep, "sh", filepath.Join(c.bin, "postgres"), "-D", c.data(),
		"-c", "listen_addresses=", "-c", "unix_socket_directories="+c.dir, "-c", "max_connections=200", "-c", "shared_buffers=32MB")
	c.keeper.Stdout, c.keeper.Stderr = c.log, c.log
	if c.hold, err = c.keeper.StdinPipe(); err != nil {
		return nil, fmt.Errorf("hold PostgreSQL: %w", err)
	}
	if err := c.keeper.Start(); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	done := make(chan struct{})
	keeper := c.keeper
	go func() {
		keeper.Wait() //nolint:errcheck // how it ends is its own matter
		close(done)
	}()
	return done, nil
}

// answers waits until the server that was just started does, or has ended.
func (c *Cluster) answers(ctx context.Context, ended <-chan struct{}) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := c.ask(ctx, `SELECT 1`)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-ended:
			return err
		case <-tick.C:
		}
	}
}

// ask runs a statement in the database that every cluster has.
func (c *Cluster) ask(ctx context.Context, statement string) error {
	db, err := sql.Open("pgx", c.dsn("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	return err
}

func (c *Cluster) dsn(database string) string {
	return fmt.Sprintf("host=%s user=concord dbname=%s", c.dir, database)
}

// Database makes a fresh database and returns its connection string.
func (c *Cluster) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprint("hub", c.named.Add(1))
	if err := c.ask(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return c.dsn(name)
}

// Do runs a statement as the server's superuser.
func (c *Cluster) Do(t testing.TB, statement string) {
	t.Helper()
	if err := c.ask(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// pid is the server's process, which the server writes to a file.
func (c *Cluster) pid() (int, error) {
	text, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(strings.TrimSpace(line))
}

// Kill kills the server with SIGKILL, as a power cut would; its children end
// by themselves. [Cluster.Restart] starts it again.
func (c *Cluster) Kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	pid, err := c.pid()
	if err != nil {
		return fmt.Errorf("find PostgreSQL's process: %w", err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill PostgreSQL: %w", err)
	}
	if err := c.hold.Close(); !errors.Is(err, os.ErrClosed) { // who waits for its end closes it too
		return err
	}
	return nil
}

// end shuts the server down and removes its folder.
func (c *Cluster) end() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	pid, running := c.pid()
	c.hold.Close() //nolint:errcheck // it may be closed
	if running == nil {
		limit := time.Now().Add(patience)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for syscall.Kill(pid, 0) == nil {
			if time.Now().After(limit) {
				return errors.New("PostgreSQL does not end")
			}
			<-tick.C
		}
	}
	return errors.Join(c.log.Close(), os.RemoveAll(c.dir))
}
