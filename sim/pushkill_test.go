package sim

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/internal/taxiicheck"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/wire"
)

// TestAPushOutlivesAKilledHub kills a hub at each point between accepting what a
// tool pushes and having it taken in, and between being asked to delete and
// having it taken back, on each store. The tool sends nothing twice.
func TestAPushOutlivesAKilledHub(t *testing.T) {
	k := newKilling(t)
	for _, store := range []string{node.StoreSQLite, node.StorePostgres} {
		t.Run(store, func(t *testing.T) {
			for _, point := range []string{"", node.PushAccepted, node.PushTaken, receive.BeforeCommit, receive.AfterCommit, node.PushContributed, node.PushFinished} {
				t.Run("pushed, killed at "+point, func(t *testing.T) {
					t.Parallel()
					r := k.begin(t, disturbance{store: store, role: "hub", point: point})
					r.pushAndDie()
				})
			}
			for _, point := range []string{node.PushWithdrawn, receive.RecallBeforeCommit, receive.RecallAfterCommit, receive.RecallBeforeAnswer} {
				t.Run("deleted, killed at "+point, func(t *testing.T) {
					t.Parallel()
					r := k.begin(t, disturbance{store: store, role: "hub", point: point})
					r.deleteAndDie()
				})
			}
		})
	}
}

const killedObjects = 12

// tool makes a token for pushing, of the first member.
func (r *killed) tool() (authorization string, m wire.MemberID) {
	r.t.Helper()
	config, err := node.LoadConfig(r.config(memberDir(0)))
	if err != nil {
		r.t.Fatal(err)
	}
	edge, err := node.OpenMember(r.t.Context(), config, time.Now)
	if err != nil {
		r.t.Fatal(err)
	}
	defer edge.Close()
	given, err := edge.PushToken(r.t.Context(), wire.TokenRequest{Days: 1}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return "Bearer " + given.Token, config.Member.Hub.Member
}

// once sends a request, whose answer may never come.
func (r *killed) once(method, path, authorization, body string) (status int) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+"/taxii2/finance/"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	req.Header.Set("Content-Type", taxiicheck.MediaType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0 // it died before it answered
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body) //nolint:errcheck // it may die while it answers
	return res.StatusCode
}

func (r *killed) envelope() string {
	var objects []string
	for n := range killedObjects {
		objects = append(objects, indicatorOf(n, 1, fmt.Sprintf("killed-%d.northw1nd-bank.net", n)))
	}
	return `{"objects":[` + strings.Join(objects, ",") + `]}`
}

// again buries the hub, if it was to die, and starts it anew.
func (r *killed) again(point string) {
	r.t.Helper()
	if point == "" {
		return
	}
	r.hub.wait(r.t)
	r.buried(r.hub)
	r.startHub(false)
}

// pushAndDie pushes once, and holds the record against what was pushed.
func (r *killed) pushAndDie() {
	r.t.Helper()
	r.startHub(r.d.point != "")
	authorization, m := r.tool()
	status := r.once("POST", submissionsPath, authorization, r.envelope())
	if r.d.point == "" && status != http.StatusAccepted {
		r.t.Fatalf("adding: %d", status)
	}
	r.again(r.d.point)
	r.allTakenIn(m)
	// The same again is known, whatever died on the way.
	if status := r.once("POST", submissionsPath, authorization, r.envelope()); status != http.StatusAccepted {
		r.t.Fatalf("adding again: %d", status)
	}
	r.allTakenIn(m)
	r.hub.kill(r.t)
}

// allTakenIn waits until nothing waits, and wants each object once in the
// record, in its first revision, with no body of a request left.
func (r *killed) allTakenIn(m wire.MemberID) {
	r.t.Helper()
	r.record(func(ctx context.Context, hub *node.Hub) {
		r.nothingWaits(ctx, hub, m)
		live := r.live(ctx, hub, m)
		if len(live) != killedObjects {
			r.t.Errorf("%d reports stand in the record of %d objects", len(live), killedObjects)
		}
		for domain, n := range live {
			if n != 1 {
				r.t.Errorf("%s stands in %d reports", domain, n)
			}
		}
		rows, err := hub.Store.ByMember(ctx, m, 0, 1000)
		if err != nil || len(rows) != killedObjects {
			r.t.Errorf("%d revisions are in the record, %v", len(rows), err)
		}
	})
}

// nothingWaits waits until all requests are taken in.
func (r *killed) nothingWaits(ctx context.Context, hub *node.Hub, m wire.MemberID) {
	r.t.Helper()
	eventually(r.t, "nothing waits", func() bool {
		waiting, err := hub.Store.PushesWaiting(ctx, m, "finance")
		if err != nil {
			r.t.Fatal(err)
		}
		for _, of := range waiting {
			// What a dead process had taken is left to it for a time.
			if err := hub.Store.PutOffPush(ctx, of.ID, time.Now().Add(-time.Hour)); err != nil {
				r.t.Fatal(err)
			}
		}
		return len(waiting) == 0
	})
}

// live counts the reports of a member that are not destroyed by the token of
// their observable.
func (r *killed) live(ctx context.Context, hub *node.Hub, m wire.MemberID) map[string]int {
	r.t.Helper()
	rows, err := hub.Store.ByMember(ctx, m, 0, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	live := map[string]int{}
	for _, row := range rows {
		if row.Superseded || row.Erased() {
			continue
		}
		got, err := hub.Consolidate.Open(row)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, o := range got.Report().Observables {
			live[o.Token]++
		}
	}
	return live
}

// record opens the record beside the hub that runs.
func (r *killed) record(f func(ctx context.Context, hub *node.Hub)) {
	r.t.Helper()
	config, err := node.LoadConfig(r.config("hub"))
	if err != nil {
		r.t.Fatal(err)
	}
	hub, err := node.OpenHub(r.t.Context(), config, time.Now, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		r.t.Fatal(err)
	}
	defer hub.Close()
	f(r.t.Context(), hub)
}

// deleteAndDie deletes one object of those pushed while the hub dies, asks again
// as a tool that got no answer does, and wants that object gone and no other.
func (r *killed) deleteAndDie() {
	r.t.Helper()
	r.startHub(true) // armed for what comes with the deletion
	authorization, m := r.tool()
	if status := r.once("POST", submissionsPath, authorization, r.envelope()); status != http.StatusAccepted {
		r.t.Fatalf("adding: %d\n%s", status, r.hub.out)
	}
	r.allTakenIn(m)
	path := submissionsPath + "indicator--" + uuidOf(5) + "/"
	if status := r.once("DELETE", path, authorization, ""); status != 0 {
		r.t.Fatalf("the hub answered %d and was to die at %s", status, r.d.point)
	}
	r.again(r.d.point)
	if status := r.once("DELETE", path, authorization, ""); status != http.StatusOK && status != http.StatusNotFound {
		r.t.Errorf("deleting again: %d", status)
	}
	r.record(func(ctx context.Context, hub *node.Hub) {
		if live := r.live(ctx, hub, m); len(live) != killedObjects-1 {
			r.t.Errorf("%d reports are left of %d, one of which is deleted", len(live), killedObjects)
		}
	})
	r.hub.kill(r.t)
}

// TestWhatIsDeletedWhileItIsTakenInIsTakenBack deletes an object that was just
// contributed, as a part of an incident, by a hub that died before it could note
// that it was done: it is gone at once, and the incident comes back without it.
func TestWhatIsDeletedWhileItIsTakenInIsTakenBack(t *testing.T) {
	r := newKilling(t).begin(t, disturbance{role: "hub", point: node.PushContributed})
	r.startHub(true)
	authorization, m := r.tool()
	incident := `{"type":"incident","spec_version":"2.1","id":"incident--` + uuidOf(3) + `","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"Phish","confidence":80}`
	ties := `{"type":"relationship","spec_version":"2.1","id":"relationship--` + uuidOf(4) + `","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","relationship_type":"related-to","source_ref":"incident--` + uuidOf(3) + `","target_ref":"indicator--` + uuidOf(1) + `"}`
	objects := []string{incident, ties, indicatorOf(1, 1, "held.northw1nd-bank.net"), indicatorOf(2, 1, "alone.northw1nd-bank.net")}
	r.once("POST", submissionsPath, authorization, `{"objects":[`+strings.Join(objects, ",")+`]}`)
	r.again(r.d.point)
	want := func(when string, values, reports int) {
		r.record(func(ctx context.Context, hub *node.Hub) {
			rows, err := hub.Store.ByMember(ctx, m, 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			rows = slices.DeleteFunc(rows, func(row receive.Row) bool { return row.Superseded || row.Erased() })
			if live := r.live(ctx, hub, m); len(live) != values || len(rows) != reports {
				t.Errorf("%s %d values stand in %d reports, not %d in %d", when, len(live), len(rows), values, reports)
			}
		})
	}
	want("contributed", 2, 2)
	if status := r.once("DELETE", submissionsPath+"indicator--"+uuidOf(1)+"/", authorization, ""); status != http.StatusOK {
		t.Errorf("deleting: %d", status)
	}
	want("deleted", 1, 1)
	r.record(func(ctx context.Context, hub *node.Hub) { r.nothingWaits(ctx, hub, m) })
	want("taken in", 1, 2)
	r.hub.kill(t)
}
