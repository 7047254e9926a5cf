package reconcile

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

func files(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", "..", "examples", dir, "*.yaml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no examples in %s: %v", dir, err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		if all[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// example reconciles one request of the examples with their sheets.
func example(t testing.TB, request string) *Outcome {
	t.Helper()
	name := filepath.Join("..", "..", "examples", "requests", request+".yaml")
	req, err := ParseRequest(name, files(t, "requests")[name])
	if err != nil {
		t.Fatal(err)
	}
	trust, err := Gather(files(t, "terms"), req)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Reconcile(trust, req, weights(t), on(t, "2026-11-01"), builtin)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestEveryExampleIsReadAndReconciled(t *testing.T) {
	for name := range files(t, "terms") {
		if strings.HasSuffix(name, ContributorsFile+".yaml") {
			continue
		}
		if _, err := terms.Parse(name, files(t, "terms")[name]); err != nil {
			t.Error(err)
		}
	}
	for name := range files(t, "requests") {
		base := strings.TrimSuffix(filepath.Base(name), ".yaml")
		o := example(t, base)
		if o.Request != base || len(o.Refused) > 0 {
			t.Errorf("%s calls itself %s; refused: %v", base, o.Request, o.Refused)
		}
		if !o.Reached && len(o.Offers) == 0 {
			t.Errorf("%s: blocked, and nothing is offered: %v", base, o.OutOfReach)
		}
	}
}

func TestThePoliceRequestFlowsAfterTwoSmallConcessions(t *testing.T) {
	o := example(t, "trace-ransom")
	if o.Reached || len(o.Offers) == 0 {
		t.Fatalf("reached %v, offers %v", o.Reached, o.Offers)
	}
	got, _ := json.Marshal(o.Offers[0])
	want := `{"aim":"cheapest","concessions":[` +
		`{"contributor":"northwind-bank","stake":"industry","path":"timeline.incident","from":"generalised:month","to":"generalised:day","delay_days":0},` +
		`{"contributor":"northwind-bank","stake":"industry","path":"victim.victim_id","from":"withheld","to":"token","delay_days":0}],` +
		`"cost":50,"asked":1,"coverage":0.7589743589743589,"optimal":true}`
	if string(got) != want {
		t.Errorf("the offer is\n%s\nwant\n%s", got, want)
	}
	// 90 of Harbour's reports and 120 of Northwind's, of 650, miss the day.
	f := o.Fields[1]
	if f.Path != "timeline.incident" || f.CoverageNow != 410.0/650 || len(f.CoverageBy) != 1 || f.CoverageBy[0] != (Later{on(t, "2027-04-01"), 440.0 / 650}) {
		t.Errorf("the day flows so: %+v", f)
	}
	if o.LeftOut[0].Contributor != "alder-hospital" {
		t.Errorf("left out: %v", o.LeftOut)
	}
}

func TestADraftKeepsTheSheetAndSaysItsClauseAsASentence(t *testing.T) {
	o := example(t, "trace-ransom")
	a, err := o.Amend(o.Offers[0], "northwind-bank")
	if err != nil {
		t.Fatal(err)
	}
	mustContain(t, string(a.Text), "# Enough for a trend", "version: 4", "# Conceded to a counter-offer.", "id: trace-ransom-2", `fields: [`+``)
	if len(a.Clauses) != 2 || a.Clauses[0].Widened {
		t.Errorf("clauses: %+v", a.Clauses)
	}
	mustContain(t, a.Clauses[1].Text, "Law-enforcement members that are police forces of the report's own sector may, to investigate, receive", "as a token", "TLP:RED")
	if _, err := o.Amend(o.Offers[0], "coast-cert"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("whoever is not asked: %v", err)
	}
}

// A clause that an earlier concession added is widened by the next, since it
// says nothing else.
func TestAClauseThatSaysNothingElseIsWidened(t *testing.T) {
	req := mustRequest(t, strings.Replace(plainRequest, "form: exact", "form: exact, coverage: 1", 1))
	sheet := `{"name":"a","version":1,"clauses":[
		{"id":"mine","fields":["observable.wallet"],"to":[{"stake":"law-enforcement","kinds":["police"],"sector":"own"}],"for":["investigate"],"form":"token","attribution":"none"}]}`
	trust, err := Gather(map[string][]byte{"a.json": []byte(sheet)}, req)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Reconcile(trust, req, weights(t), on(t, "2026-11-01"), builtin)
	if err != nil {
		t.Fatal(err)
	}
	a, err := o.Amend(o.Offers[0], "a")
	if err != nil {
		t.Fatal(err)
	}
	again, err := terms.Parse("a.json", a.Text)
	if err != nil || len(again.Clauses) != 1 || again.Clauses[0].Form.Kind != standard.Exact || again.Version != 2 || !a.Clauses[0].Widened {
		t.Errorf("%v: %s", err, a.Text)
	}
}

const plainRequest = `name: plain
asks: {stake: law-enforcement, kind: police, sectors: [finance]}
purpose: investigate
sectors: [finance]
each: 0.8
fields:
  - {path: observable.wallet, form: exact}
`

func mustRequest(t testing.TB, text string) *Request {
	t.Helper()
	req, err := ParseRequest("r.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestWhatIsWrongIsRefusedWithItsPlace(t *testing.T) {
	sheet := map[string][]byte{"a.yaml": []byte("name: a\nversion: 1\nclauses:\n  - {id: x, fields: [observable.wallet], to: [{stake: any}], for: [defend], form: exact}\n")}
	run := func(request, contributors, weights string) error {
		req, err := ParseRequest("r.yaml", []byte(request))
		if err != nil {
			return err
		}
		all := map[string][]byte{"a.yaml": sheet["a.yaml"]}
		if contributors != "" {
			all["contributors.yaml"] = []byte(contributors)
		}
		trust, err := Gather(all, req)
		if err != nil {
			return err
		}
		w, err := ParseWeights("w.yaml", []byte(weights))
		if err != nil {
			return err
		}
		_, err = Reconcile(trust, req, w, on(t, "2026-11-01"), builtin)
		return err
	}
	with := func(old, new string) string { return strings.Replace(plainRequest, old, new, 1) }
	w := string(defaultWeights)
	for _, c := range []struct{ name, request, contributors, weights, code, place string }{
		{"a word that is not known", plainRequest + "colour: red\n", "", w, "json.unexpected", "r.yaml:8"},
		{"no stake", with("law-enforcement", "anybody"), "", w, "request.stake", "r.yaml:2"},
		{"no kind", with("kind: police", "kind: wizard"), "", w, "request.kind", "r.yaml:2"},
		{"no purpose", with("investigate", "gossip"), "", w, "request.purpose", "r.yaml:3"},
		{"a sector without a standard", with("sectors: [finance]\neach", "sectors: [space]\neach"), "", w, "request.sectors", "r.yaml:4"},
		{"no coverage", with("each: 0.8\n", ""), "", w, "request.coverage", "r.yaml:1"},
		{"more than all", with("0.8", "1.2"), "", w, "request.share", "r.yaml:5"},
		{"a percentage too fine", with("0.8", "80.123%"), "", w, "request.share", "r.yaml:5"},
		{"a date that is none", with("each", "by: tomorrow\neach"), "", w, "request.date", "r.yaml:5"},
		{"a period that ends first", with("each", "period: {from: 2026-02-01, until: 2026-01-01}\neach"), "", w, "request.period", "r.yaml:5"},
		{"no such measure", with("each", "measure: length\neach"), "", w, "request.measure", "r.yaml:5"},
		{"no such field", with("observable.wallet", "observable.purse"), "", w, "request.unknown_field", "r.yaml:7"},
		{"a form that the field cannot take", with("form: exact", "form: generalised:day"), "", w, "request.form", "r.yaml:7"},
		{"a form that is none", with("form: exact", "form: whole"), "", w, "form.unknown", "r.yaml:7"},
		{"nothing as a form", with("form: exact", "form: withheld"), "", w, "request.form", "r.yaml:7"},
		{"a field twice", plainRequest + "  - {path: observable.wallet, form: token}\n", "", w, "request.field_twice", "r.yaml:8"},
		{"reports that nobody counted", with("each", "measure: reports\neach"), "", w, "contributors.reports", ""},
		{"a contributor twice", plainRequest, "contributors:\n  - name: a\n  - name: a\n", w, "contributors.twice", "contributors.yaml:3"},
		{"a weight below nothing", plainRequest, "contributors:\n  - name: a\n    weight: -1\n", w, "contributors.weight", "contributors.yaml:3"},
		{"never a field that is none", plainRequest, "contributors:\n  - name: a\n    never: [purse]\n", w, "contributors.never", ""},
		{"all in another sector", plainRequest, "contributors:\n  - name: a\n    sector: health\n", w, "reconcile.nobody", ""},
		{"a price missing", plainRequest, "", strings.Replace(w, "  token: 6\n", "", 1), "weights.invalid", "w.yaml:11"},
		{"a stronger form that tells less", plainRequest, "", strings.Replace(w, "exact: 16", "exact: 1", 1), "weights.invalid", "w.yaml:11"},
		{"a class missing", plainRequest, "", strings.Replace(w, "  narrative: 8\n", "", 1), "weights.invalid", "w.yaml:20"},
		{"a class that is none", plainRequest, "", strings.Replace(w, "narrative: 8\n", "narrative: 8\n  weather: 8\n", 1), "weights.invalid", "w.yaml:20"},
	} {
		err := run(c.request, c.contributors, c.weights)
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != c.code || f.Path != c.place {
			t.Errorf("%s: %v (want %s at %s)", c.name, err, c.code, c.place)
		}
	}
	if err := run(plainRequest, "", w); err != nil {
		t.Errorf("all is right: %v", err)
	}
}

func TestASheetThatCannotBeReadBlocksAndCostsNobodyElseAnything(t *testing.T) {
	all := files(t, "terms")
	name := filepath.Join("..", "..", "examples", "terms", "coast-cert.yaml")
	all[name] = []byte("name: coast-cert\nversion: one\n")
	requests := filepath.Join("..", "..", "examples", "requests", "trace-ransom.yaml")
	req, err := ParseRequest(requests, files(t, "requests")[requests])
	if err != nil {
		t.Fatal(err)
	}
	trust, err := Gather(all, req)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Reconcile(trust, req, weights(t), on(t, "2026-11-01"), builtin)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Refused) != 1 || o.Refused[0].Contributor != "coast-cert" || !strings.Contains(o.Refused[0].Reason, "coast-cert.yaml:2") {
		t.Errorf("refused: %+v", o.Refused)
	}
	if o.Fields[0].CoverageNow != 330.0/650 {
		t.Errorf("of wallets %v flows", o.Fields[0].CoverageNow)
	}
	for _, offer := range o.Offers {
		if slices.Contains(asked(offer), "coast-cert") {
			t.Error("whoever has no readable sheet is asked")
		}
	}
}

func TestADelayIsCheaperOnlyIfTheModelSaysSoAndItIsInTime(t *testing.T) {
	req := mustRequest(t, strings.Replace(plainRequest, "each", "by: 2027-01-15\neach", 1))
	trust, err := Gather(map[string][]byte{"contributors.yaml": []byte("contributors: [{name: a}]")}, req)
	if err != nil {
		t.Fatal(err)
	}
	w := weights(t)
	for _, c := range []struct {
		delays []Delay
		days   int
		cost   int64
	}{
		{nil, 0, 31}, // 10 to ask, 5 for a clause, 16 for an indicator
		{[]Delay{{60, 50}}, 60, 23},
		{[]Delay{{60, 50}, {90, 10}}, 60, 23}, // ninety days are too late
		{[]Delay{{60, 100}}, 0, 31},
	} {
		w.Delays = c.delays
		o, err := Reconcile(trust, req, w, on(t, "2026-11-01"), builtin)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Offers[0]; got.Cost != c.cost || got.Concessions[0].DelayDays != c.days {
			t.Errorf("%v: cost %d after %d days", c.delays, got.Cost, got.Concessions[0].DelayDays)
		}
		a, err := o.Amend(o.Offers[0], "a")
		if err != nil {
			t.Fatal(err)
		}
		if clause := a.Sheet.Clauses[0]; clause.After != terms.Days(c.days) || strings.Contains(string(a.Text), "after: ") != (c.days > 0) {
			t.Errorf("%v: the draft says %s", c.delays, a.Text)
		}
	}
}

// What changes in time: one contributor for each way in which a clause may.
func TestAGrantCountsFromTheFirstSecondOfItsDayAndAsLateAsIsUseful(t *testing.T) {
	clause := func(more string) []byte {
		return []byte(`{"name":"x","version":1,"clauses":[{"id":"a","fields":["observable.wallet"],"to":[{"stake":"any"}],"for":["investigate"],"form":"exact"` + more + `}]}`)
	}
	sheets := map[string][]byte{
		"always.json": clause(``), "later.json": clause(`,"after":"30d"`), "noon.json": clause(`,"after":"12h"`), "late.json": clause(`,"after":"90d"`),
		"starts.json": clause(`,"from":"2026-12-24"`), "ends.json": clause(`,"until":"2026-12-01"`), "ended.json": clause(`,"until":"2026-11-01"`),
		"kept.json": clause(`,"keep":"1d"`), "rare.json": clause(`,"groups":3`), "mutual.json": clause(`,"when":{"contributed_within":"60d"}`),
	}
	for _, c := range []struct {
		name, more string
		now        float64
		later      []Later
		reasons    map[string]string
	}{
		{"a report of today", "", .3, []Later{{on(t, "2026-11-02"), .4}, {on(t, "2026-12-01"), .4}, {on(t, "2026-12-24"), .5}, {on(t, "2027-01-30"), .6}},
			map[string]string{"late": "only 90 days after receipt, and it is wanted at once", "starts": "it grants from 2026-12-24 on", "ended": "it ended on 2026-11-01",
				"rare": "fewer than 3 owner groups", "mutual": "none ever was"}},
		{"reports a month old", "delay: 30d\n", .5, []Later{{on(t, "2026-12-01"), .4}, {on(t, "2026-12-24"), .5}},
			map[string]string{"late": "only 90 days after receipt, and it is useful for 30 days"}},
		{"by then", "by: 2027-02-01\n", .3, []Later{{on(t, "2026-11-02"), .4}, {on(t, "2026-12-01"), .4}, {on(t, "2026-12-24"), .5}, {on(t, "2027-01-30"), .6}},
			map[string]string{"ends": "it ended on 2026-12-01", "late": "", "starts": ""}},
		{"of incidents with three groups", "groups: 3\ndelay: 2d\n", .5, []Later{{on(t, "2026-12-01"), .4}, {on(t, "2026-12-24"), .5}}, map[string]string{"rare": ""}},
	} {
		req := mustRequest(t, strings.Replace(plainRequest, "each", c.more+"each", 1))
		trust, err := Gather(sheets, req)
		if err != nil {
			t.Fatal(err)
		}
		o, err := Reconcile(trust, req, weights(t), on(t, "2026-11-01"), builtin)
		if err != nil {
			t.Fatal(err)
		}
		f := o.Fields[0]
		if f.CoverageNow != c.now || !slices.Equal(f.CoverageBy, distinct(c.now, c.later)) || !slices.Equal(o.CoverageBy, f.CoverageBy) {
			t.Errorf("%s: %v now, then %v; want %v, then %v", c.name, f.CoverageNow, f.CoverageBy, c.now, distinct(c.now, c.later))
		}
		for who, reason := range c.reasons {
			i := slices.IndexFunc(f.Blocked, func(b Blocked) bool { return b.Contributor == who })
			if (i >= 0) != (reason != "") || i >= 0 && !strings.Contains(f.Blocked[i].Reason, reason) {
				t.Errorf("%s: %s blocks: %+v; want %q", c.name, who, f.Blocked, reason)
			}
		}
	}
	// Who contributed on 1 October is reciprocated until 30 November.
	req := mustRequest(t, strings.Replace(plainRequest, "kind: police", "kind: police, contributed: 2026-10-01", 1))
	trust, err := Gather(map[string][]byte{"mutual.json": sheets["mutual.json"]}, req)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Reconcile(trust, req, weights(t), on(t, "2026-11-01"), builtin)
	if err != nil || o.CoverageNow != 1 || !slices.Equal(o.CoverageBy, []Later{{on(t, "2026-11-30"), 0}}) {
		t.Errorf("reciprocity: %v now, then %v (%v)", o.CoverageNow, o.CoverageBy, err)
	}
}

// distinct leaves out days on which nothing changes in sum.
func distinct(now float64, all []Later) []Later {
	out := []Later{}
	for _, l := range all {
		if l.Coverage != now {
			out = append(out, l)
		}
		now = l.Coverage
	}
	return out
}

func TestThePageHasTheTableOfCosts(t *testing.T) {
	page, err := os.ReadFile("../../docs/terms.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(defaultWeights), "\n\n")
	mustContain(t, string(page), strings.TrimSpace(table))
	for _, request := range []string{"trace-ransom", "losses-study"} {
		mustContain(t, string(page), "examples/requests/"+request+".yaml")
	}
	_, rest, _ := strings.Cut(string(page), "## Requests")
	_, rest, _ = strings.Cut(rest, "```yaml\n")
	shown, _, _ := strings.Cut(rest, "```")
	req, err := ParseRequest("docs/terms.md", []byte(shown))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := req.standards(builtin); err != nil {
		t.Error(err)
	}
	_, rest, _ = strings.Cut(rest, "```yaml\n")
	shown, _, _ = strings.Cut(rest, "```")
	if _, err := Gather(map[string][]byte{"contributors.yaml": []byte(shown)}, req); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(plainRequest))
	f.Add(defaultWeights)
	f.Add([]byte("contributors: [{name: a, holds: {from: 2024-01-01}, never: [summary]}]"))
	req := mustRequest(f, plainRequest)
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := ParseRequest("r.yaml", data); err == nil {
			if err := r.check(); err != nil {
				t.Errorf("read, and wrong: %v", err)
			}
		}
		if w, err := ParseWeights("w.yaml", data); err == nil && w.Forms.Exact < w.Forms.Withheld {
			t.Error("a cost model in which nothing tells more than everything")
		}
		if trust, err := Gather(map[string][]byte{"contributors.yaml": data}, req); err == nil && len(trust.Contributors) == 0 {
			t.Error("nobody is a trust")
		}
	})
}
