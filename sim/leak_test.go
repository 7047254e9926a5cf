package sim

import (
	"bytes"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// TestNoIdentifyingValueIsFoundAtTheHub runs a whole trust and looks for every
// identifying value and every text of every report, in many forms, wherever
// the hub or the steward keeps, logs, sends or shows something. Then it plants
// one leak in each kind of place and in each form, and finds them.
func TestNoIdentifyingValueIsFoundAtTheHub(t *testing.T) {
	l := newLeakage(t)
	l.report(t)
	l.harvest(t)
	for _, kind := range kinds {
		t.Logf("%-8s %9d bytes searched, %d findings", kind, l.scanner.bytes[kind], len(l.scanner.found[kind]))
		if l.scanner.bytes[kind] == 0 {
			t.Errorf("no %s was searched; this shows nothing", kind)
		}
		for _, f := range l.scanner.found[kind] {
			if !l.granted(f) {
				t.Errorf("in %s: %q (%s)", f.place, f.value, f.form)
			}
		}
	}
	if t.Failed() {
		return
	}
	l.control(t)
}

// granted reports whether a value may be where it was found: if a sheet grants
// it to the police for their investigations, then sealed in the record and in
// what the police get, and nowhere else.
func (l *leakage) granted(f finding) bool {
	return l.grants[f.value] && (strings.HasPrefix(f.place, "opened ") || strings.Contains(f.place, " "+string(member.LawEnforcement)+" "))
}

// The kinds of places: files of hub and steward as they are on disk, cells of
// their tables, reports as the hub can open them, log lines, metrics, what
// members send, and what they get: answers, feeds, files of releases, pages,
// messages to webhooks.
var kinds = []string{"file", "cell", "opened", "log", "request", "api", "feed", "release", "page", "webhook", "metrics"}

// planted is a victim's name that the control run leaks.
const planted = "Zyrafa-Quux Öltank & Söhne GmbH"

// leakage is a trust, what must not be found at its hub, and the search.
type leakage struct {
	trust   *Trust
	world   *World
	secrets []secret
	scanner *scanner
	own     []handmade
	// grants are the identifying values that some sheet grants exact.
	grants map[string]bool
	rules  map[string]*terms.Rules // by sheet and standard
	log    *slog.Logger
	logged *lockedBuffer
	// posts counts the messages that came to webhooks.
	posts atomic.Int64
	// plant, if set, adds to what a path answers.
	plant func(path string) []byte
}

// handmade is a report whose every identifying field and text is filled.
type handmade struct {
	member int
	json   []byte
}

func newLeakage(t *testing.T) *leakage {
	t.Helper()
	l := &leakage{logged: &lockedBuffer{}, grants: map[string]bool{}, rules: map[string]*terms.Rules{}}
	l.log = slog.New(slog.NewJSONHandler(l.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if l.world, err = New(Settings{Seed: 5, Reports: 250, Members: DefaultMembers, Sectors: []string{"finance", "health"}, Until: time.Now()}); err != nil {
		t.Fatal(err)
	}
	var known strings.Builder
	for _, p := range l.world.Members() {
		fmt.Fprintln(&known, p.Name)
	}
	values := map[string]*secret{}
	for d := range l.world.Documents {
		l.gather(t, l.world.standards[d.Sector], d.Member, d.JSON, values, &known)
	}
	casts := map[string]bool{} // one of each stake, sheet and sector reports by hand
	for m, p := range l.world.Members() {
		if of := fmt.Sprint(p.Stake, p.Terms, p.Sectors[0]); !casts[of] {
			casts[of] = true
			std := l.world.standards[p.Sectors[0]]
			text := l.handmade(t, std, m)
			l.own = append(l.own, handmade{m, text})
			l.gather(t, std, m, text, values, &known)
		}
	}
	for _, std := range l.world.standards { // pages tell what fields are called
		if err := std.Codebook(&known, "html"); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range values {
		l.secrets = append(l.secrets, *v)
	}
	slices.SortFunc(l.secrets, func(a, b secret) int { return strings.Compare(a.text, b.text) })
	var short, excluded []string
	l.scanner, short, excluded = newScanner(l.secrets, fold(known.String()))
	t.Logf("%d values in %d forms; %d are too short to look for (%q), %d are known to the hub rightly and looked for hashed only, for example %q",
		len(l.secrets), len(l.scanner.needles), len(short), short[:min(len(short), 5)], len(excluded), excluded[:min(len(excluded), 8)])
	if i := slices.IndexFunc(l.secrets, func(v secret) bool { return v.text == planted }); i < 0 || slices.Contains(excluded, planted) {
		t.Fatal("the planted value is not looked for")
	}
	if 4*len(excluded) > len(l.secrets) {
		t.Errorf("%d of %d values are excluded", len(excluded), len(l.secrets))
	}
	if l.trust, err = Open(t.Context(), t.TempDir(), "127.0.0.1:0", l.log, seldom); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.trust.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

var malformedValue = regexp.MustCompile(`"(victim_id|contact|summary|on_behalf_of|native)":"([^"\\]+)"`)

// gather adds what a report says: identifying and narrative fields to what must
// not be found, the rest to what the hub may know.
func (l *leakage) gather(t *testing.T, std *standard.Standard, m int, text []byte, values map[string]*secret, known *strings.Builder) {
	t.Helper()
	add := func(text string, prose bool, types ...observable.Type) {
		if text == "" {
			return
		}
		v := values[text]
		if v == nil {
			v = &secret{text: text}
			values[text] = v
		}
		v.prose = v.prose || prose
		for _, typ := range types {
			if typ != "" && !slices.Contains(v.types, typ) {
				v.types = append(v.types, typ)
			}
		}
	}
	r, problems, err := report.Decode(std, text)
	if err != nil || report.Failed(problems) {
		// Refused at the edge, and still to be kept there.
		for _, found := range malformedValue.FindAllSubmatch(text, -1) {
			add(string(found[2]), string(found[1]) == "summary")
		}
		return
	}
	add(r.Native, false)
	leaves := l.rulesOf(t, l.world.Members()[m].Terms, std).Leaves(time.Time{})
	class := func(path, value string) (standard.Class, observable.Type) {
		f, ok := std.Field(path)
		if !ok {
			t.Fatalf("%s is no field", path)
		}
		if f.Class == standard.Identifying && slices.ContainsFunc(leaves[path], func(f standard.Form) bool { return f.Kind == standard.Exact }) {
			l.grants[value] = true
		}
		return f.Class, f.Token
	}
	for _, s := range r.Statements {
		switch c, token := class(s.Path, s.Value); c {
		case standard.Identifying:
			if _, err := observable.Parse(token, s.Value); token == "" || !observable.IsNoValue(err) {
				add(s.Value, false, token)
			}
		case standard.Narrative:
			add(s.Value, true)
		default:
			fmt.Fprintln(known, s.Value)
		}
	}
	for _, o := range r.Observables {
		if c, _ := class(report.ObservablePath(o.Type), o.Value); c == standard.Identifying {
			if _, err := observable.Parse(o.Type, o.Value); !observable.IsNoValue(err) {
				add(o.Value, false, o.Type)
			}
		} else {
			fmt.Fprintln(known, o.Value)
		}
	}
}

func (l *leakage) rulesOf(t *testing.T, sheet string, std *standard.Standard) *terms.Rules {
	t.Helper()
	key := sheet + " " + string(std.Ref())
	if l.rules[key] == nil {
		text, err := terms.Builtin(sheet)
		if err != nil {
			t.Fatal(err)
		}
		if l.rules[key], err = terms.Compile(text, std); err != nil {
			t.Fatal(err)
		}
	}
	return l.rules[key]
}

// handmade fills every identifying field and every text of a standard. Every
// third member says that it does not know the victim.
func (l *leakage) handmade(t *testing.T, std *standard.Standard, m int) []byte {
	t.Helper()
	var statements []report.Statement
	var seen []report.Observable
	for _, f := range std.Fields() {
		if f.IsObservable() {
			continue
		}
		word := strings.Map(letters, f.Path)
		switch {
		case f.Path == "victim.victim_id" && m == 0:
			statements = append(statements, report.Statement{Path: f.Path, Value: planted})
		case f.Path == "victim.victim_id" && m%3 == 1:
			statements = append(statements, report.Statement{Path: f.Path, Value: "unknown"})
		case f.Class == standard.Identifying:
			statements = append(statements, report.Statement{Path: f.Path, Value: fmt.Sprintf("Qvx%s Fjörd & \"Co\" <%d>", word, m)})
		case f.Class == standard.Narrative:
			statements = append(statements, report.Statement{Path: f.Path, Value: fmt.Sprintf("Vrouw Wynand-Quill%d rang from +31 20 555 %04d about %s; her <supervisor> \"Älva\" & the till were involved.", m, m, word)})
		}
	}
	for _, s := range [][2]string{
		{"security_incident", "Confirmed"}, {"reporter.role", "victim"}, {"victim.industry", map[standard.Ref]string{"finance/1.0": "522110", "health/1.0": "622110"}[std.Ref()]},
		{"victim.country", "US"}, {"timeline.incident", "2026-02-03"}, {"action.hacking.variety", "SQLi"}, {"actor.external.variety", "Activist"},
	} {
		statements = append(statements, report.Statement{Path: s[0], Value: s[1]})
	}
	for typ, value := range map[observable.Type]string{
		observable.Email: fmt.Sprintf("Ines.Vondervelt%d@zyrafa-quux.example", m), observable.Account: fmt.Sprintf("ZYRAFA\\qvondervelt%03d", m),
		observable.Phone: fmt.Sprintf("+49 30 9018%05d", 20000+m), observable.IBAN: []string{"DE89 3704 0044 0532 0130 00", "GB82 WEST 1234 5698 7654 32", "FR14 2004 1010 0505 0001 3M02 606"}[m%3],
		observable.Person: fmt.Sprintf("Ottoline Fenwickstrøm-Quist %d", m), observable.Organisation: fmt.Sprintf("Wexqvarn Holdings %d Ltd.", m),
	} {
		if _, ok := observable.Canonical(typ, value); !ok {
			t.Fatalf("%q has no canonical form as %s", value, typ)
		}
		seen = append(seen, report.Observable{Type: typ, Value: value, Role: "other"})
	}
	r := report.New(std, fmt.Sprintf("CASE/Qvx/2026-%04d", m), statements, seen)
	if problems := report.Validate(std, r); report.Failed(problems) {
		t.Fatalf("the handmade report is not valid: %v", problems)
	}
	text, err := report.Encode(std, r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// report has everyone join and report, and the hub derive everything. All that
// passes between members and servers is searched on its way.
func (l *leakage) report(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	for _, p := range l.world.Members() {
		s, err := l.trust.Seat(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		s.Member.Hub.HTTP.Transport = recorder{l, p.Stake, s.Member.Hub.HTTP.Transport}
	}
	l.hook(t)
	demo := Demo{Reports: l.world.settings.Reports}
	tally := newTally()
	lanes := newLanes(ctx, l.trust, tally, demo)
	for d := range l.world.Documents {
		if !lanes.put(d) {
			break
		}
	}
	if err := lanes.wait(); err != nil {
		t.Fatal(err)
	}
	own := 0
	for _, h := range l.own {
		s := l.trust.Members[h.member]
		account, err := s.Tell(ctx, bytes.NewReader(h.json), "case.json", "report")
		if err != nil || account.Lost() > 0 {
			t.Fatalf("member %d lost %d reports: %v", h.member, account.Lost(), err)
		}
		d, err := s.Send(ctx)
		if err != nil {
			t.Fatal(err)
		}
		own += d.Accepted
	}
	if own != len(l.own) || tally.accepted == 0 {
		t.Fatalf("%d of %d handmade and %d simulated reports were accepted", own, len(l.own), tally.accepted)
	}
	for _, n := range l.world.NilReports() {
		if err := l.trust.Members[n.Member].Nil(ctx, report.Nil{Sector: n.Sector, Period: n.Period}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.trust.Members[n.Member].Send(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.trust.Hub.Consolidate.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := l.trust.Hub.Snapshot(ctx); err != nil {
		t.Fatal(err)
	}
	made, err := l.trust.Hub.Release(ctx)
	if err != nil || len(made) < 2 {
		t.Fatalf("%d releases: %v", len(made), err)
	}
}

// lockedBuffer is written by many goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// Bytes is a copy of what was written.
func (l *lockedBuffer) Bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.b.Bytes())
}
