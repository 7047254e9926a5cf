package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/internal/postgrestest"
	"github.com/concord-trust/concord/node"
)

// tellers is how many members take part.
const tellers = 3

// TestKilledAtEachNamedPoint runs a hub and members as processes of their own,
// kills one at a named point, starts it again, and holds what came of it
// against a run that nobody disturbed; on each store.
func TestKilledAtEachNamedPoint(t *testing.T) {
	k := newKilling(t)
	files := k.documents(t, 1, 60)
	want := k.run(t, disturbance{}, files)
	complain(t, want.check())
	if want.counts.Incidents == 0 || len(want.rows) < 60 || want.joined() == 0 || want.corrected() == 0 {
		t.Fatalf("the undisturbed run shows too little: %d revisions, %+v", len(want.rows), want.counts)
	}
	t.Logf("undisturbed: %d revisions, %d of them corrections, %+v", len(want.rows), want.corrected(), want.counts)
	want.control(t)
	all := []disturbance{{}}
	for _, p := range outbox.Failpoints() {
		all = append(all, disturbance{role: "member", point: p, stage: 0}, disturbance{role: "member", point: p, stage: 1})
	}
	for _, p := range []string{receive.BeforeCommit, receive.AfterCommit, receive.BeforeAnswer, consolidate.BeforeCommit, consolidate.AfterCommit} {
		all = append(all, disturbance{role: "hub", point: p})
	}
	for _, store := range []string{node.StoreSQLite, node.StorePostgres} {
		t.Run(store, func(t *testing.T) {
			for _, d := range all {
				d.store = store
				t.Run(fmt.Sprintf("%s, stage %d", d.point, d.stage+1), func(t *testing.T) {
					t.Parallel()
					got := k.run(t, d, files)
					complain(t, got.check(), got.same(want))
					if d.point != "" && got.kills != 1 {
						t.Errorf("killed %d times at %s; this shows nothing", got.kills, d.point)
					}
				})
			}
		})
	}
}

// TestTheDatabaseIsKilledWhileMembersSubmit kills the database's own process
// at random moments; neither hub nor members are started again for it.
func TestTheDatabaseIsKilledWhileMembersSubmit(t *testing.T) {
	k := newKilling(t)
	const kills = 4
	k.soak(t, 7, disturbance{store: node.StorePostgres, role: "database", kills: kills})
}

// TestSoakKilledAtRandom kills hub or member, or the database, at random
// moments while reports are submitted: as often as CONCORD_SOAK says (`make
// soak`).
func TestSoakKilledAtRandom(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("CONCORD_SOAK"))
	if n <= 0 {
		t.Skip("skipped: CONCORD_SOAK says how many kills there are to be; `make soak` sets it")
	}
	for _, store := range []string{node.StoreSQLite, node.StorePostgres} {
		t.Run(store, func(t *testing.T) {
			newKilling(t).soak(t, uint64(time.Now().UnixNano()), disturbance{store: store, kills: n})
		})
	}
}

// soak runs with random kills, and once more, on the embedded store, without.
func (k *killing) soak(t *testing.T, seed uint64, d disturbance) {
	t.Helper()
	t.Logf("seed %d", seed)
	var files [][]string
	d.random = rand.New(rand.NewPCG(seed, 0))
	d.more = func(stage int) []string {
		for len(files) <= stage {
			files = append(files, k.documents(t, seed+uint64(len(files)), 90)...)
		}
		return files[stage]
	}
	got := k.run(t, d, nil)
	complain(t, got.check(), got.same(k.run(t, disturbance{}, files[:got.stages])))
	if got.kills < d.kills {
		t.Errorf("there were %d of %d kills", got.kills, d.kills)
	}
	t.Logf("%d kills in %d stages: %d revisions, %+v", got.kills, got.stages, len(got.rows), got.counts)
}

// disturbance says when a process is killed.
type disturbance struct {
	// store keeps the hub's record; SQLite if "".
	store string
	// At a named point of a role; of a member, while it submits a stage.
	role, point string
	stage       int
	// Or at random, so often, and as long as more gives files; if role is
	// database, nothing else.
	random *rand.Rand
	kills  int
	more   func(stage int) []string
}

// killing is a trust whose members have joined, in a folder that each run
// copies; its steward serves all runs.
type killing struct {
	dir     string
	steward string // URL
	ports   atomic.Int64
}

func newKilling(t *testing.T) *killing {
	t.Helper()
	k := &killing{dir: t.TempDir()}
	tr, err := Open(t.Context(), k.dir, "127.0.0.1:0", slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range parties(tellers, []string{"finance"}) {
		p.Terms = "default"
		p.Name = fmt.Sprint("Teller ", i)
		if _, err := tr.Seat(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(k.dir, "steward", node.ConfigName)
	addr := k.address(t)
	k.steward = "http://" + addr
	change(t, config, func(c *node.Config) { c.Steward.Listen, c.Steward.URL, c.Steward.DailyQuota = addr, k.steward, 1<<40 })
	p := launch(t, "steward", config, "", "")
	await(t, p, k.steward)
	return k
}

// documents writes two stages of files, one for each member: first reports,
// some events told by two; then corrections and repetitions.
func (k *killing) documents(t *testing.T, seed uint64, n int) [][]string {
	t.Helper()
	w, err := New(Settings{Seed: seed, Reports: n, Members: tellers, Sectors: []string{"finance"}, Until: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	var text [2][tellers]bytes.Buffer
	i := 0
	for d := range w.Documents {
		if d.Kind != First || d.Member >= tellers {
			continue
		}
		var doc map[string]any
		if err := json.Unmarshal(d.JSON, &doc); err != nil {
			t.Fatal(err)
		}
		doc["native"] = fmt.Sprintf("%s-%d", d.Native, seed)
		write := func(stage, m int) {
			line, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			text[stage][m].Write(append(line, '\n'))
		}
		write(0, d.Member)
		switch i++; i % 4 {
		case 0: // corrected
			impact, _ := doc["impact"].(map[string]any)
			if impact == nil {
				impact = map[string]any{}
			}
			impact["overall_rating"] = "Catastrophic"
			doc["impact"] = impact
			write(1, d.Member)
		case 1: // the same again
			write(1, d.Member)
		case 2: // and another tells of the same event
			write(0, (d.Member+1)%tellers)
		}
	}
	var files [][]string
	for stage := range text {
		var names []string
		for m := range tellers {
			name := filepath.Join(t.TempDir(), fmt.Sprintf("stage-%d-member-%d.jsonl", stage, m))
			if err := os.WriteFile(name, text[stage][m].Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
		files = append(files, names)
	}
	return files
}

// run has the members submit stage after stage, disturbed, and says what came
// of it.
func (k *killing) run(t *testing.T, d disturbance, files [][]string) outcome {
	t.Helper()
	r := k.begin(t, d)
	r.startHub(d.role == "hub")
	more := d.more
	if more == nil {
		more = func(stage int) []string {
			if stage == len(files) {
				return nil
			}
			return files[stage]
		}
	}
	for stage := 0; d.kills == 0 || r.kills < d.kills; stage++ {
		names := more(stage)
		if names == nil {
			break
		}
		for m, name := range names {
			r.submit(m, name, d.role == "member" && d.stage == stage && m == 0)
		}
		r.stages++
	}
	if r.hub.armed { // what it waits for is still to come
		r.hub.wait(t)
		r.buried(r.hub)
		r.startHub(false)
	}
	r.hub.kill(t)
	return r.inspect()
}

// begin sets up a run: a copy of the trust, its record in the store that the
// run is about.
func (k *killing) begin(t *testing.T, d disturbance) *killed {
	t.Helper()
	r := &killed{t: t, d: d, dir: t.TempDir()}
	copyFolder(t, k.dir, r.dir)
	if d.store == node.StorePostgres {
		r.moveToDatabase()
	}
	addr := k.address(t)
	r.url = "http://" + addr
	change(t, r.config("hub"), func(c *node.Config) {
		c.Hub.Listen, c.Hub.URL, c.Hub.Stewards[0].URL = addr, r.url, k.steward
		c.Hub.Schedule = node.Schedule{Consolidate: node.Duration(20 * time.Millisecond)}
	})
	for m := range tellers {
		change(t, r.config(memberDir(m)), func(c *node.Config) { c.Member.Hub.URL, c.Member.Hub.Stewards[0].URL = r.url, k.steward })
	}
	return r
}

// moveToDatabase moves the hub's record to a fresh database, in a server of
// its own if that is to be killed.
func (r *killed) moveToDatabase() {
	r.t.Helper()
	var dsn string
	if r.d.random != nil {
		r.database = postgrestest.Start(r.t)
		dsn = r.database.Database(r.t)
	} else {
		dsn = postgrestest.Database(r.t)
	}
	file := filepath.Join(r.dir, "hub", "keys", "dsn")
	if err := os.WriteFile(file, []byte(dsn), 0o600); err != nil {
		r.t.Fatal(err)
	}
	config, err := node.LoadConfig(r.config("hub"))
	if err != nil {
		r.t.Fatal(err)
	}
	to := node.StoreConfig{Kind: node.StorePostgres, DSNFile: "keys/dsn"}
	if _, err := node.MigrateStore(r.t.Context(), config, to, false); err != nil {
		r.t.Fatal(err)
	}
	change(r.t, r.config("hub"), func(c *node.Config) { c.Hub.Store = &to })
}

// killed is a run under way.
type killed struct {
	t      *testing.T
	d      disturbance
	dir    string
	url    string
	hub    *process
	kills  int
	stages int
	// database is the server that this run alone uses, if any.
	database *postgrestest.Cluster
}

func memberDir(m int) string { return fmt.Sprintf("member-%03d", m+1) }

func (r *killed) config(of string) string { return filepath.Join(r.dir, of, node.ConfigName) }

func (r *killed) startHub(armed bool) {
	r.t.Helper()
	point := ""
	if armed {
		point = r.d.point
	}
	r.hub = launch(r.t, "hub", r.config("hub"), "", point)
	await(r.t, r.hub, r.url)
}

// buried counts a process that was killed as it was meant to be, and fails the
// test if it ended in another way.
func (r *killed) buried(p *process) {
	r.t.Helper()
	var exit *exec.ExitError
	if !errors.As(p.err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL || !p.armed && !p.doomed {
		r.t.Fatalf("the %s ended by itself: %v\n%s", p.role, p.err, p.out)
	}
	r.kills++
}

// submit has a member submit a file until it is done with it, however often
// hub and member are killed meanwhile.
func (r *killed) submit(m int, file string, armed bool) {
	r.t.Helper()
	point := ""
	if armed {
		point = r.d.point
	}
	p := launch(r.t, "member", r.config(memberDir(m)), file, point)
	limit := time.After(time.Minute)
	for {
		select {
		case <-p.done:
			if p.err == nil {
				return
			}
			r.buried(p)
			p = launch(r.t, "member", r.config(memberDir(m)), file, "")
		case <-r.hub.done:
			r.buried(r.hub)
			r.startHub(false)
		case <-r.moment():
			r.strike(p)
		case <-limit:
			r.t.Fatalf("the member is not done after a minute\n%s\n%s", p.out, r.hub.out)
		}
	}
}

// strike kills the member, the hub or the database.
func (r *killed) strike(p *process) {
	r.t.Helper()
	victims := []*process{p, r.hub}
	if r.database != nil && (r.d.role == "database" || r.d.random.IntN(3) == 0) {
		if err := r.database.Kill(); err != nil {
			r.t.Fatal(err)
		}
		if err := r.database.Restart(); err != nil {
			r.t.Fatal(err)
		}
		r.kills++
		return
	}
	victim := victims[r.d.random.IntN(len(victims))]
	victim.doomed = true
	victim.cmd.Process.Kill() //nolint:errcheck // it may have just ended
}

// moment comes at random, if the run is disturbed so.
func (r *killed) moment() <-chan time.Time {
	if r.d.random == nil || r.kills >= r.d.kills {
		return nil
	}
	return time.After(time.Duration(r.d.random.Int64N(int64(600 * time.Millisecond))))
}

// process is one process of the trust.
type process struct {
	role   string
	cmd    *exec.Cmd
	armed  bool // ends at a named point
	doomed bool // was killed at random
	out    *bytes.Buffer
	done   chan struct{}
	err    error // once done
}

func launch(t *testing.T, role, config, file, point string) *process {
	t.Helper()
	p := &process{role: role, armed: point != "", out: &bytes.Buffer{}, done: make(chan struct{}), cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), roleVar+"="+role, configVar+"="+config, fileVar+"="+file, node.FailpointVar+"="+point)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if _, err := p.cmd.StdinPipe(); err != nil { // closes when the test ends
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() { p.kill(t) })
	return p
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	p.cmd.Process.Kill() //nolint:errcheck // it may have ended already
	p.wait(t)
}

func (p *process) wait(t *testing.T) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		t.Fatalf("the %s does not end", p.role)
	}
}

// await waits until a server answers; one that ends before is a failure.
func await(t *testing.T, p *process, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	up := make(chan error, 1)
	go func() { up <- answers(ctx, url) }()
	select {
	case err := <-up:
		if err != nil {
			t.Fatal(err)
		}
	case <-p.done:
		t.Fatalf("the %s ended before it served: %v\n%s", p.role, p.err, p.out)
	}
}

// address finds a port of loopback that stays free between a kill and a
// restart: below those that systems give to outgoing connections, and another
// one each time.
func (k *killing) address(t *testing.T) string {
	t.Helper()
	const first, last = 20000, 32000
	for range last - first {
		addr := fmt.Sprintf("127.0.0.1:%d", first+(os.Getpid()*97+int(k.ports.Add(1)))%(last-first))
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close() //nolint:errcheck // nothing was sent
			return addr
		}
	}
	t.Fatal("there is no free port")
	return ""
}

func change(t *testing.T, path string, f func(*node.Config)) {
	t.Helper()
	c, err := node.LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	f(c)
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
}

// copyFolder keeps modes: keys that others may read are refused.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
