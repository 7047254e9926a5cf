package sim

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/wire"
)

// TestNothingThatATermSheetWithholdsIsKeptOfWhatAToolPushes pushes objects that
// say who was hit, who wrote them, and what nobody is to know, as one member
// whose request is taken in and as one whose request waits. None of it is found
// where hub and steward keep or log something, in any form, nor in what others
// are told; the domain that they push for others to read is.
func TestNothingThatATermSheetWithholdsIsKeptOfWhatAToolPushes(t *testing.T) {
	l := &leakage{logged: &lockedBuffer{}, grants: map[string]bool{}}
	l.log = slog.New(slog.NewJSONHandler(l.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	objects := l.plantedObjects(t)
	var err error
	if l.trust, err = Open(t.Context(), t.TempDir(), "127.0.0.1:0", l.log, seldom); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.trust.Close(); err != nil {
			t.Error(err)
		}
	})
	for i, p := range []Party{{Name: "Bank", Stake: member.Industry, Kind: "firm"}, {Name: "Insurer", Stake: member.Industry, Kind: "insurer"},
		{Name: "Broker", Stake: member.Industry, Kind: "firm"}, {Name: "Police", Stake: member.LawEnforcement, Kind: "police"}} {
		p.OwnerGroup, p.Sectors, p.Terms = wire.OwnerGroup(fmt.Sprint("g-", i)), []string{"finance"}, "default"
		s, err := l.trust.Seat(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		s.Member.Hub.HTTP.Transport = recorder{l, p.Stake, s.Member.Hub.HTTP.Transport}
	}
	bank, insurer, police := l.trust.Members[0], l.trust.Members[1], l.trust.Members[3]
	taken, waits := pushes(t, bank), pushes(t, insurer)
	quotaSpent(t, l.trust, insurer)
	done := taken.push(objects...)
	if done.Success < 4 {
		t.Fatalf("what is planted is not taken in, so that this shows nothing: %+v", done)
	}
	if s := waits.send(objects...); s.Status != "pending" || s.Pending != len(objects) {
		t.Fatalf("what is planted does not wait: %+v", s)
	}
	waiting, err := l.trust.Hub.Store.PushesWaiting(t.Context(), insurer.Member.Agreement.Member.ID, "finance")
	if err != nil || len(waiting) != 1 || len(waiting[0].Body) < len(strings.Join(objects, "")) {
		t.Fatalf("the record holds %d requests that wait, %v", len(waiting), err)
	}
	// What names objects in a request's path, and what breaks, is logged by nobody.
	var first struct{ ID string }
	if err := json.Unmarshal([]byte(objects[0]), &first); err != nil {
		t.Fatal(err)
	}
	if code := waits.delete(first.ID); code != http.StatusOK {
		t.Errorf("deleting what waits: %d", code)
	}
	broken := strings.Replace(objects[0], `"created"`, `"createt"`, 1)
	if code := taken.do("POST", submissionsPath, []byte(`{"objects":[`+broken+`]}`), nil); code != http.StatusUnprocessableEntity {
		t.Errorf("a broken object: %d", code)
	}
	eventually(t, "another member reads what was pushed for it", func() bool {
		return strings.Contains(seen(t, reads(t, l.trust.Members[2])), "'planted.northw1nd-bank.net'")
	})
	for _, s := range []*Seat{l.trust.Members[2], police} {
		for _, purpose := range s.Member.Agreement.Purposes {
			l.callAPI(t, s, purpose)
		}
		l.walkCollections(t, s)
	}
	l.disk(t)
	l.checkpointed(t)
	l.opened(t)
	l.scan("log of hub and steward", l.logged.Bytes())
	for _, kind := range []string{"file", "cell", "opened", "log", "api", "feed"} {
		t.Logf("%-8s %9d bytes searched, %d findings", kind, l.scanner.bytes[kind], len(l.scanner.found[kind]))
		if l.scanner.bytes[kind] == 0 {
			t.Errorf("no %s was searched; this shows nothing", kind)
		}
		for _, f := range l.scanner.found[kind] {
			t.Errorf("in %s: %q (%s)", f.place, f.value, f.form)
		}
	}
	// The search finds each of them where they are: in the request.
	l.scan("control", []byte(strings.Join(objects, "\n")))
	for _, s := range l.secrets {
		if !slices.ContainsFunc(l.scanner.found["control"], func(f finding) bool { return f.value == s.text }) {
			t.Errorf("%q would not be found", s.text)
		}
	}
}

// plantedObjects are what a tool pushes, and what of it must not be found.
func (l *leakage) plantedObjects(t *testing.T) []string {
	t.Helper()
	const email = "ines.vondervelt@zyrafa-quux.example"
	value, err := json.Marshal(map[string]string{"value": email})
	if err != nil {
		t.Fatal(err)
	}
	addr := "email-addr--" + uuid.NewSHA1(stixNamespace, value).String()
	incident, indicator, victim, author, ties := uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString()
	const when = `"spec_version":"2.1","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z"`
	for text, types := range map[string][]observable.Type{
		planted: {observable.Organisation}, email: {observable.Email}, "Vrouw Wynand-Quill rang from the till about her supervisor": nil, "Ottoline Fenwickstrøm-Quist": {observable.Person},
		"CASE/Qvx/2026-0815": nil, "Secret case of Mrs Qvandervelt": nil, "unlisted Qvx remark": nil,
		incident: nil, indicator: nil, victim: nil, author: nil, ties: nil,
	} {
		l.secrets = append(l.secrets, secret{text: text, types: types, prose: len(text) > 40 && strings.Contains(text, "Vrouw")})
	}
	l.scanner, _, _ = newScanner(l.secrets, "")
	quoted, err := json.Marshal(planted)
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		fmt.Sprintf(`{"type":"incident","id":"incident--%s",%s,"created_by_ref":"identity--%s","name":"Secret case of Mrs Qvandervelt","description":"Vrouw Wynand-Quill rang from the till about her supervisor","confidence":80,"external_references":[{"source_name":"cases","external_id":"CASE/Qvx/2026-0815"}]}`, incident, when, author),
		fmt.Sprintf(`{"type":"identity","id":"identity--%s",%s,"name":%s,"identity_class":"organization","sectors":["financial-services"]}`, victim, when, quoted),
		fmt.Sprintf(`{"type":"identity","id":"identity--%s",%s,"name":"Ottoline Fenwickstrøm-Quist","identity_class":"individual"}`, author, when),
		fmt.Sprintf(`{"type":"relationship","id":"relationship--%s",%s,"relationship_type":"targets","source_ref":"incident--%s","target_ref":"identity--%s"}`, ties, when, incident, victim),
		fmt.Sprintf(`{"type":"indicator","id":"indicator--%s",%s,"name":"Secret case of Mrs Qvandervelt","description":"unlisted Qvx remark","pattern":"[domain-name:value = 'planted.northw1nd-bank.net']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"}`, indicator, when),
		fmt.Sprintf(`{"type":"email-addr","spec_version":"2.1","id":%q,"value":%q}`, addr, email),
	}
}

// quotaSpent uses up what an owner group may ask of the steward today.
func quotaSpent(t *testing.T, tr *Trust, s *Seat) {
	t.Helper()
	day := time.Now().UTC().Format(time.DateOnly)
	quota := tr.Steward.Steward.DailyQuota // a power of two
	for n := quota; n > 0; n /= 2 {
		// What does not fit any more is refused, and half of it tried.
		if _, _, err := tr.Steward.Store.Debit(t.Context(), s.Party.OwnerGroup, day, wire.LinkKey, n, quota); err != nil {
			t.Fatal(err)
		}
	}
	if used, ok, err := tr.Steward.Store.Debit(t.Context(), s.Party.OwnerGroup, day, wire.LinkKey, 1, quota); err != nil || ok {
		t.Fatalf("%d of %d are used, %v", used, quota, err)
	}
}
