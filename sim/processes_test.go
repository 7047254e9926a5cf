package sim

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/node"
)

// TestTwoHubProcessesOnOneDatabaseDoubleNothing has members submit to two
// processes at once, and again each to the other one; the first process dies
// once in the middle of a commit, when it is its turn to write.
func TestTwoHubProcessesOnOneDatabaseDoubleNothing(t *testing.T) {
	k := newKilling(t)
	files := k.documents(t, 3, 60)
	want := k.run(t, disturbance{}, files)
	complain(t, want.check())
	if want.joined() == 0 || want.corrected() == 0 {
		t.Fatalf("the undisturbed run shows too little: %d revisions, %+v", len(want.rows), want.counts)
	}

	r := k.begin(t, disturbance{store: node.StorePostgres, role: "hub", point: receive.BeforeCommit})
	twin, twinURL := r.twin(k)
	r.startHub(true)
	other := launch(t, "hub", twin, "", "")
	await(t, other, twinURL)
	urls := []string{r.url, twinURL}
	for stage, names := range [][]string{files[0], files[0], files[1], files[1]} {
		var members []*process
		for m, name := range names {
			change(t, r.config(memberDir(m)), func(c *node.Config) { c.Member.Hub.URL = urls[(m+stage)%2] })
			members = append(members, launch(t, "member", r.config(memberDir(m)), name, ""))
		}
		r.all(members, other)
	}
	if r.kills != 1 {
		t.Errorf("the first process was killed %d times; this shows nothing", r.kills)
	}
	r.hub.kill(t)
	other.kill(t)
	got := r.inspect()
	complain(t, got.check(), got.same(want))
}

// twin makes a second process of the hub: its own folder and address, the same
// keys and database.
func (r *killed) twin(k *killing) (config, url string) {
	r.t.Helper()
	dir := filepath.Join(r.dir, "hub-twin")
	copyFolder(r.t, filepath.Join(r.dir, "hub"), dir)
	if err := os.RemoveAll(filepath.Join(dir, "data")); err != nil {
		r.t.Fatal(err)
	}
	config = filepath.Join(dir, node.ConfigName)
	addr := k.address(r.t)
	url = "http://" + addr
	change(r.t, config, func(c *node.Config) { c.Hub.Listen, c.Hub.URL = addr, url })
	return config, url
}

// all waits until every member is done, and starts the first hub again if it
// dies; nobody else may end.
func (r *killed) all(members []*process, other *process) {
	r.t.Helper()
	limit := time.After(time.Minute)
	for len(members) > 0 {
		select {
		case <-r.hub.done:
			r.buried(r.hub)
			r.startHub(false)
		case <-other.done:
			r.t.Fatalf("the second process ended: %v\n%s", other.err, other.out)
		case <-members[0].done:
			if p := members[0]; p.err != nil {
				r.t.Fatalf("a member failed: %v\n%s", p.err, p.out)
			}
			members = slices.Delete(members, 0, 1)
		case <-limit:
			r.t.Fatalf("the members are not done after a minute\n%s\n%s", r.hub.out, other.out)
		}
	}
}
