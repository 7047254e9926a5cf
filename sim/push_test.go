package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/internal/taxiicheck"
	"github.com/concord-trust/concord/taxii"
	"github.com/concord-trust/concord/wire"
)

// pusher is a tool that pushes.
type pusher struct {
	t             *testing.T
	seat          *Seat
	base          string // of the API root
	authorization string
}

// pushes makes a token by which a tool of the seat pushes to finance.
func pushes(t *testing.T, s *Seat) pusher {
	t.Helper()
	given, err := s.Member.PushToken(t.Context(), wire.TokenRequest{Purposes: []string{"defend"}, Days: 1}, []string{"finance"})
	if err != nil {
		t.Fatal(err)
	}
	return pusher{t, s, given.TAXII + "finance/", "Bearer " + given.Token}
}

// reads makes a token by which a tool of the seat only reads in finance.
func reads(t *testing.T, s *Seat) pusher {
	t.Helper()
	given := token(t, s, "defend")
	return pusher{t, s, given.TAXII + "finance/", "Bearer " + given.Token}
}

// do sends a request and reads the answer.
func (p pusher) do(method, path string, body []byte, into any) int {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", p.authorization)
	if body != nil {
		req.Header.Set("Content-Type", taxiicheck.MediaType)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			p.t.Fatalf("%s %s: %v\n%s", method, path, err, text)
		}
	}
	return res.StatusCode
}

const submissionsPath = "collections/submissions/objects/"

// send adds objects and returns the first status.
func (p pusher) send(objects ...string) (s taxii.Status) {
	p.t.Helper()
	if code := p.do("POST", submissionsPath, []byte(`{"objects":[`+strings.Join(objects, ",")+`]}`), &s); code != http.StatusAccepted {
		p.t.Fatalf("adding: %d", code)
	}
	return s
}

// settle waits until a request is taken in.
func (p pusher) settle(id string) (s taxii.Status) {
	p.t.Helper()
	eventually(p.t, "the request is taken in", func() bool {
		s = taxii.Status{}
		if code := p.do("GET", "status/"+id+"/", nil, &s); code != http.StatusOK {
			p.t.Fatalf("status: %d", code)
		}
		return s.Status == "complete"
	})
	if s.Total != s.Success+s.Failure || len(s.Successes) != s.Success || len(s.Failures) != s.Failure || s.Pending != 0 {
		p.t.Errorf("the status does not add up: %+v", s)
	}
	return s
}

// push adds objects and waits until they are taken in.
func (p pusher) push(objects ...string) taxii.Status {
	p.t.Helper()
	return p.settle(p.send(objects...).ID)
}

func (p pusher) delete(id string) int {
	p.t.Helper()
	return p.do("DELETE", submissionsPath+id+"/", nil, nil)
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("it never comes that %s", what)
		}
	}
}

func uuidOf(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// indicatorOf is an indicator for a domain, in a version.
func indicatorOf(n, version int, domain string) string {
	return fmt.Sprintf(`{"type":"indicator","spec_version":"2.1","id":"indicator--%s","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-%02dT00:00:00.000Z","name":"Secret case of Mrs Vondervelt","pattern":"[domain-name:value = '%s']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"}`,
		uuidOf(n), version+1, domain)
}

// seen is what another member's tool reads among the indicators, in one page:
// the collection may change at any moment.
func seen(t *testing.T, reader pusher) string {
	t.Helper()
	var page struct {
		More    bool
		Objects []json.RawMessage
	}
	if code := reader.do("GET", "collections/indicators-defend/objects/?limit=1000", nil, &page); code != http.StatusOK || page.More {
		t.Fatalf("reading: %d, more: %v", code, page.More)
	}
	var all strings.Builder
	for _, o := range page.Objects {
		all.Write(o)
	}
	return all.String()
}

// What a tool pushes becomes a report that others read, once; a newer version
// corrects it, a deletion takes it back.
func TestWhatAToolPushesOthersReadUntilItIsDeleted(t *testing.T) {
	tr, seats := aTrustForTools(t, 2)
	p, reader := pushes(t, seats[0]), reads(t, seats[2])
	status := p.push(indicatorOf(1, 1, "pushed-one.northw1nd-bank.net"), `{"type":"indicator","id":"indicator--broken"}`, indicatorOf(2, 1, "pushed-two.northw1nd-bank.net"))
	for _, line := range status.Successes {
		if !strings.Contains(line.Message, "report r-") && !strings.Contains(line.Message, "went with") && !strings.Contains(line.Message, "it says who") {
			t.Errorf("the report that was made of %s is not named: %q", line.ID, line.Message)
		}
	}
	if status.Success != 2 || status.Failure != 1 || status.Failures[0].ID != "indicator--broken" || status.Failures[0].Message == "" {
		t.Fatalf("a broken object among good ones: %+v", status)
	}
	eventually(t, "another member reads what was pushed", func() bool {
		all := seen(t, reader)
		return strings.Contains(all, "'pushed-one.northw1nd-bank.net'") && strings.Contains(all, "'pushed-two.northw1nd-bank.net'")
	})
	rows := func() int { return len(liveRows(t, tr, seats[0])) }
	before := rows()
	if again := p.push(indicatorOf(1, 1, "pushed-one.northw1nd-bank.net")); again.Success != 1 || rows() != before {
		t.Errorf("a duplicate: %+v, %d reports of %d", again, rows(), before)
	}
	p.push(indicatorOf(1, 2, "pushed-three.northw1nd-bank.net"))
	if rows() != before {
		t.Errorf("a newer version is another report: %d of %d", rows(), before)
	}
	eventually(t, "a newer version takes the place of the older", func() bool {
		all := seen(t, reader)
		return strings.Contains(all, "'pushed-three.northw1nd-bank.net'") && !strings.Contains(all, "'pushed-one.northw1nd-bank.net'")
	})
	if late := p.push(indicatorOf(1, 1, "pushed-one.northw1nd-bank.net")); late.Success != 1 || !strings.Contains(late.Successes[0].Message, "newer") {
		t.Errorf("an older version that comes late: %+v", late)
	}
	if code := p.delete("indicator--" + uuidOf(1)); code != http.StatusOK {
		t.Fatalf("deleting: %d", code)
	}
	if all := seen(t, reader); strings.Contains(all, "'pushed-three.northw1nd-bank.net'") || !strings.Contains(all, "'pushed-two.northw1nd-bank.net'") {
		t.Error("what was deleted is still read, or the other object is not")
	}
	if code := p.delete("indicator--" + uuidOf(1)); code != http.StatusNotFound {
		t.Errorf("deleting it again: %d", code)
	}
	if back := p.push(indicatorOf(1, 2, "pushed-three.northw1nd-bank.net")); back.Success != 1 {
		t.Fatalf("pushing anew: %+v", back)
	}
	eventually(t, "what is pushed anew is read again", func() bool {
		return strings.Contains(seen(t, reader), "'pushed-three.northw1nd-bank.net'")
	})
}

// What others wrote to push to such servers pushes to this one: with a user and
// a password, and with a token alone.
func TestClientsOfOthersPushAndDelete(t *testing.T) {
	python := taxiicheck.Python(t, "taxii2client")
	_, seats := aTrustForTools(t, 2)
	reader := reads(t, seats[2])
	given, err := seats[0].Member.PushToken(t.Context(), wire.TokenRequest{Days: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n, user := range []string{given.User, "-"} {
		domain := fmt.Sprintf("client-%d.northw1nd-bank.net", n)
		run := func(args ...string) (met struct {
			Title, Description, Status string
			CanRead                    bool `json:"can_read"`
			Readable                   bool
			Total                      int
			Successes, Failures        []taxii.StatusLine
		}) {
			t.Helper()
			file := filepath.Join(t.TempDir(), "envelope.json")
			if err := os.WriteFile(file, []byte(`{"objects":[`+indicatorOf(n, 1, domain)+`]}`), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), python, append([]string{"../internal/taxiicheck/clients/push.py", given.TAXII, user, given.Token, file}, args...)...)
			var errors strings.Builder
			cmd.Stderr = &errors
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, errors.String())
			}
			if err := json.Unmarshal(out, &met); err != nil {
				t.Fatal(err)
			}
			return met
		}
		met := run()
		if met.Status != "complete" || met.Total != 1 || len(met.Successes) != 1 || met.CanRead || met.Readable || !strings.Contains(met.Description, wire.Pushed) {
			t.Errorf("as %q: %+v", user, met)
		}
		eventually(t, "another member reads what was pushed", func() bool { return strings.Contains(seen(t, reader), "'"+domain+"'") })
		if met := run("indicator--" + uuidOf(n)); met.Status != "complete" || len(met.Successes) != 1 {
			t.Errorf("as %q again: %+v", user, met)
		}
		if strings.Contains(seen(t, reader), "'"+domain+"'") {
			t.Errorf("as %q: what was deleted is still read", user)
		}
	}
}

// Every object of a request ends in its status: taken, with what was left out of
// it, or not, with the reason.
func TestEveryObjectThatIsPushedEndsInTheStatus(t *testing.T) {
	tr, seats := aTrustForTools(t, 2)
	p := pushes(t, seats[0])
	const identity = `{"type":"identity","spec_version":"2.1","id":"identity--00000000-0000-4000-8000-000000000001","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"A team","identity_class":"organization"}`
	const victim = `{"type":"identity","spec_version":"2.1","id":"identity--00000000-0000-4000-8000-000000000002","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"Northwind Bank","identity_class":"organization","sectors":["financial-services"]}`
	incident := `{"type":"incident","spec_version":"2.1","id":"incident--` + uuidOf(3) + `","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","created_by_ref":"identity--` + uuidOf(1) + `","name":"Phish","confidence":80}`
	targets := `{"type":"relationship","spec_version":"2.1","id":"relationship--` + uuidOf(4) + `","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","relationship_type":"targets","source_ref":"incident--` + uuidOf(3) + `","target_ref":"identity--` + uuidOf(2) + `"}`
	lonely := `{"type":"identity","spec_version":"2.1","id":"identity--` + uuidOf(5) + `","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"Nobody","identity_class":"organization"}`
	course := `{"type":"course-of-action","spec_version":"2.1","id":"course-of-action--` + uuidOf(6) + `","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"Do it"}`
	pattern := strings.Replace(indicatorOf(7, 1, "x.example"), "[domain", "[[domain", 1)
	status := p.push(identity, victim, incident, targets, lonely, course, pattern, indicatorOf(8, 1, "two.northw1nd-bank.net"), indicatorOf(8, 2, "three.northw1nd-bank.net"), `{"type":7}`)
	want := map[string]string{ // a part of the message; failures begin with "!"
		"identity--" + uuidOf(1): "who wrote", "identity--" + uuidOf(2): "it went with incident--" + uuidOf(3), "relationship--" + uuidOf(4): "it went with incident--" + uuidOf(3),
		"incident--" + uuidOf(3): "withheld under your terms: ", "identity--" + uuidOf(5): "!nothing in the request ties it", "course-of-action--" + uuidOf(6): "!it tells of nothing that is collected",
		"indicator--" + uuidOf(7): "!pattern", "": "!"}
	if status.Total != 10 || status.Success != 6 || status.Failure != 4 {
		t.Errorf("%d of %d are taken, %d not", status.Success, status.Total, status.Failure)
	}
	for i, line := range slices.Concat(status.Successes, status.Failures) {
		part, known := want[line.ID]
		failure, isFailure := strings.CutPrefix(part, "!")
		if known && (!strings.Contains(line.Message, failure) || isFailure != (i >= status.Success)) {
			t.Errorf("%q: %q", line.ID, line.Message)
		}
	}
	reader := reads(t, seats[2])
	eventually(t, "the newest of two versions of a request is read", func() bool {
		all := seen(t, reader)
		return strings.Contains(all, "'three.northw1nd-bank.net'") && !strings.Contains(all, "'two.northw1nd-bank.net'")
	})
	// All that this tool is shown keeps the protocol, with what it can only write to.
	collections := walkAll(t, taxiicheck.Client{Base: tr.URL, Authorization: p.authorization})
	if !slices.ContainsFunc(collections, func(c taxiicheck.Seen) bool { return c.CanWrite && len(c.Objects) == 0 }) {
		t.Error("a tool that may push is shown nothing to push to")
	}
	if slices.ContainsFunc(walkAll(t, taxiicheck.Client{Base: tr.URL, Authorization: reader.authorization}), func(c taxiicheck.Seen) bool { return c.CanWrite }) {
		t.Error("a tool that only reads is shown something to push to")
	}
}

// An object that was told within an incident takes the incident's report back,
// and one that is revoked is taken back as one that is deleted is.
func TestWhatIsRevokedOrHeldByAnotherIsTakenBack(t *testing.T) {
	tr, seats := aTrustForTools(t, 2)
	p, reader := pushes(t, seats[0]), reads(t, seats[2])
	incident := `{"type":"incident","spec_version":"2.1","id":"incident--` + uuidOf(3) + `","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"Phish","confidence":80}`
	ties := `{"type":"relationship","spec_version":"2.1","id":"relationship--` + uuidOf(4) + `","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","relationship_type":"related-to","source_ref":"incident--` + uuidOf(3) + `","target_ref":"indicator--` + uuidOf(1) + `"}`
	p.push(incident, ties, indicatorOf(1, 1, "held.northw1nd-bank.net"), indicatorOf(2, 1, "alone.northw1nd-bank.net"))
	eventually(t, "both are read", func() bool {
		all := seen(t, reader)
		return strings.Contains(all, "'held.northw1nd-bank.net'") && strings.Contains(all, "'alone.northw1nd-bank.net'")
	})
	if code := p.delete("indicator--" + uuidOf(1)); code != http.StatusOK {
		t.Fatalf("deleting: %d", code)
	}
	if strings.Contains(seen(t, reader), "'held.northw1nd-bank.net'") {
		t.Error("what was deleted is still read in the incident")
	}
	if s := p.push(strings.Replace(indicatorOf(2, 2, "alone.northw1nd-bank.net"), `"name"`, `"revoked":true,"name"`, 1)); s.Success != 1 || !strings.Contains(s.Successes[0].Message, "revoked") {
		t.Fatalf("revoking: %+v", s)
	}
	if strings.Contains(seen(t, reader), "'alone.northw1nd-bank.net'") {
		t.Error("what was revoked is still read")
	}
	// Pushed anew without the indicator, the incident is a report again.
	live := func() int { return len(liveRows(t, tr, seats[0])) }
	before := live()
	if s := p.push(incident); s.Success != 1 || live() != before+1 {
		t.Errorf("the incident without what was deleted: %+v, %d reports of %d", s, live(), before)
	}
	// What is revoked in the very request takes nothing else with it.
	p.push(incident, ties, indicatorOf(1, 3, "again.northw1nd-bank.net"))
	eventually(t, "it is read in the incident", func() bool { return strings.Contains(seen(t, reader), "'again.northw1nd-bank.net'") })
	if s := p.push(incident, ties, strings.Replace(indicatorOf(1, 4, "again.northw1nd-bank.net"), `"name"`, `"revoked":true,"name"`, 1)); s.Success != 3 || live() != before+1 {
		t.Errorf("the incident with what is revoked: %+v, %d reports of %d", s, live(), before)
	}
	if strings.Contains(seen(t, reader), "'again.northw1nd-bank.net'") {
		t.Error("what was revoked with the incident is still read")
	}
}

// liveRows are a seat's reports in their last revision that are not destroyed.
func liveRows(t *testing.T, tr *Trust, s *Seat) []receive.Row {
	t.Helper()
	all, err := tr.Hub.Store.ByMember(t.Context(), s.Member.Agreement.Member.ID, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(r receive.Row) bool { return r.Superseded || r.Erased() })
}

// What waits for a steward is pending, survives, and can be deleted.
func TestWhatWaitsCanBeDeleted(t *testing.T) {
	tr, seats := aTrustForTools(t, 2)
	ctx, p := t.Context(), pushes(t, seats[0])
	quotaSpent(t, tr, seats[0])
	status := p.send(indicatorOf(1, 1, "one.northw1nd-bank.net"), indicatorOf(2, 1, "two.northw1nd-bank.net"))
	if status.Status != "pending" || status.Pending != 2 || status.Success+status.Failure != 0 {
		t.Fatalf("without a quota: %+v", status)
	}
	anew := func() {
		t.Helper()
		if err := tr.Hub.Store.PutOffPush(ctx, status.ID, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; n <= 2; n++ {
		if code := p.delete("indicator--" + uuidOf(n)); code != http.StatusOK {
			t.Fatalf("deleting what waits: %d", code)
		}
	}
	if code := p.delete("indicator--" + uuidOf(3)); code != http.StatusNotFound {
		t.Errorf("deleting what never came: %d", code)
	}
	anew()
	if done := p.settle(status.ID); done.Failure != 2 || !strings.Contains(done.Failures[0].Message, "deleted before") {
		t.Errorf("what was deleted while it waited: %+v", done)
	}
}

// Another member's token sees no status and deletes nothing; a request that is
// too large, of nothing, or of too many is refused.
func TestPushesAreTheirMembersOwnAndBounded(t *testing.T) {
	_, seats := aTrustForTools(t, 2)
	mine, theirs := pushes(t, seats[0]), pushes(t, seats[1])
	status := mine.push(indicatorOf(1, 1, "one.northw1nd-bank.net"))
	if code := theirs.do("GET", "status/"+status.ID+"/", nil, nil); code != http.StatusNotFound {
		t.Errorf("another member's token sees the status: %d", code)
	}
	if code := theirs.delete("indicator--" + uuidOf(1)); code != http.StatusNotFound {
		t.Errorf("another member's token deletes: %d", code)
	}
	if code := theirs.do("DELETE", submissionsPath+"indicator--"+uuidOf(1)+"/?match[version]=all", nil, nil); code != http.StatusNotFound {
		t.Errorf("another member's token deletes all versions: %d", code)
	}
	if code := mine.do("DELETE", submissionsPath+"indicator--"+uuidOf(1)+"/?match[version]=2019-01-01T00:00:00.000Z", nil, nil); code != http.StatusNotFound {
		t.Errorf("deleting another version: %d", code)
	}
	var problem struct{ Description string }
	for name, c := range map[string]struct {
		path, body string
		want       int
	}{
		"no JSON":            {submissionsPath, "x", 400},
		"no objects":         {submissionsPath, `{"objects":[]}`, 422},
		"nothing to take":    {submissionsPath, `{"objects":[{"type":"indicator"}]}`, 422},
		"too many":           {submissionsPath, `{"objects":[` + strings.Repeat(`{},`, 1000) + `{}]}`, 413},
		"too long":           {submissionsPath, `{"objects":["` + strings.Repeat("x", 8<<20) + `"]}`, 413},
		"another collection": {"collections/indicators-defend/objects/", `{"objects":[{}]}`, 403},
	} {
		if code := mine.do("POST", c.path, []byte(c.body), &problem); code != c.want || problem.Description == "" {
			t.Errorf("%s: %d %q, want %d", name, code, problem.Description, c.want)
		}
	}
	if code := mine.do("GET", submissionsPath, nil, nil); code != http.StatusForbidden {
		t.Errorf("reading what was pushed: %d", code)
	}
	if code := mine.do("DELETE", submissionsPath+"indicator--"+uuidOf(1)+"/?match[version]=last", nil, nil); code != http.StatusOK {
		t.Errorf("deleting the last version: %d", code)
	}
}
