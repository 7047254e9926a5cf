// Package bench measures Concord against others' programs, each beside the
// other in one run. `make bench` runs it.
package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// The same policies, said in three languages: who of which stake, kind and
// sector may receive which field exactly for which purpose, from how long after
// its receipt on, and until when.
type policies struct {
	sheet *terms.Sheet
	cedar strings.Builder
	rego  strings.Builder
}

// question is one decision that is asked of each.
type question struct {
	viewer   member.Viewer
	path     string
	received time.Time
}

const sector = "finance"

var (
	now      = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	purposes = []member.Purpose{member.Defend, member.Investigate, member.Study, member.Benchmark}
	parties  = []member.Member{
		{ID: "m-bank", Stake: member.Industry, Kind: "firm", Sectors: []string{sector}},
		{ID: "m-hospital", Stake: member.Industry, Kind: "firm", Sectors: []string{"health"}},
		{ID: "m-police", Stake: member.LawEnforcement, Kind: "police", Sectors: []string{sector, "health"}},
		{ID: "m-university", Stake: member.Research, Kind: "university", Sectors: []string{sector}},
	}
	afters = []int{0, 7, 30, 90, 365}
)

func exactPaths(std *standard.Standard) (paths []string) {
	for _, f := range std.Fields() {
		if std.CheckForm(f, standard.Form{Kind: standard.Exact}) == nil {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

func policiesOf(n int, paths []string, r *rand.Rand) *policies {
	p := &policies{sheet: &terms.Sheet{Name: "measured", Version: 1}}
	p.rego.WriteString("package measured\n\ndefault allow := false\n")
	for i := range n {
		who := parties[r.IntN(len(parties))]
		purpose, path := purposes[r.IntN(len(purposes))], paths[r.IntN(len(paths))]
		after, until := afters[r.IntN(len(afters))], now.AddDate(0, r.IntN(24)-6, 0).Truncate(24*time.Hour)
		own := r.IntN(2) == 0
		c := terms.Clause{ID: fmt.Sprintf("c%d", i), Fields: []string{path}, For: []member.Purpose{purpose}, Form: standard.Form{Kind: standard.Exact},
			To:    []terms.Recipient{{Stake: string(who.Stake), Sector: terms.AnySector, Kinds: []member.Kind{who.Kind}}},
			After: terms.Days(after), Until: terms.DateOf(until)}
		fmt.Fprintf(&p.cedar, "permit (principal, action == Action::%q, resource == Field::%q)\nwhen { principal.stake == %q && principal.kind == %q", purpose, path, who.Stake, who.Kind)
		fmt.Fprintf(&p.rego, "allow if {\n\tinput.purpose == %q\n\tinput.path == %q\n\tinput.stake == %q\n\tinput.kind == %q\n", purpose, path, who.Stake, who.Kind)
		if own {
			c.To[0].Sector = terms.OwnSector
			fmt.Fprintf(&p.cedar, " && principal.sectors.contains(context.sector)")
			fmt.Fprintf(&p.rego, "\tinput.sector in input.sectors\n")
		}
		fmt.Fprintf(&p.cedar, " && context.age >= %d && context.now < %d };\n", after*86400, until.Unix())
		fmt.Fprintf(&p.rego, "\tinput.age >= %d\n\tinput.now < %d\n}\n", after*86400, until.Unix())
		p.sheet.Clauses = append(p.sheet.Clauses, c)
	}
	return p
}

func questionsOf(n int, paths []string, r *rand.Rand) []question {
	all := make([]question, n)
	for i := range all {
		all[i] = question{
			viewer:   member.Viewer{Member: parties[r.IntN(len(parties))], Purpose: purposes[r.IntN(len(purposes))]},
			path:     paths[r.IntN(len(paths))],
			received: now.Add(-time.Duration(r.IntN(500*24)) * time.Hour),
		}
	}
	return all
}

// engine is a language with the policies and the questions in its own types,
// ready to be asked.
type engine struct {
	name string
	ask  func(question int) bool
}

// engines makes all of them. What can be made before a question is asked is
// made here, for each.
func engines(tb testing.TB, n int, questions []question, paths []string, r *rand.Rand) []engine {
	tb.Helper()
	p := policiesOf(n, paths, r)
	return append(concords(tb, p, questions), cedarOf(tb, p, questions), opaOf(tb, p, questions))
}

// concords are two: "decision" makes everything that depends on the recipient
// anew for each question, as the others do; "table" is asked as the hub asks,
// which makes a table for each recipient and purpose once.
func concords(tb testing.TB, p *policies, questions []question) []engine {
	rules := compiled(tb, p)
	exact := standard.Form{Kind: standard.Exact}
	type asker struct {
		id      string
		purpose member.Purpose
	}
	tables := map[asker]terms.Table{}
	of := make([]terms.Table, len(questions))
	for i, q := range questions {
		key := asker{string(q.viewer.Member.ID), q.viewer.Purpose}
		if _, ok := tables[key]; !ok {
			tables[key] = rules.For(q.viewer, sector)
		}
		of[i] = tables[key]
	}
	allows := func(t terms.Table, q question) bool {
		_, ok := t.At(terms.Moment{Received: q.received, Now: now}).Allows(q.path, exact)
		return ok
	}
	return []engine{
		{"table", func(i int) bool { return allows(of[i], questions[i]) }},
		{"decision", func(i int) bool { return allows(rules.For(questions[i].viewer, sector), questions[i]) }},
	}
}

func compiled(tb testing.TB, p *policies) *terms.Rules {
	tb.Helper()
	std, err := standard.Builtin(sector + "/1.0")
	if err != nil {
		tb.Fatal(err)
	}
	rules, err := terms.Compile(p.sheet, std)
	if err != nil {
		tb.Fatal(err)
	}
	return rules
}

func cedarOf(tb testing.TB, p *policies, questions []question) engine {
	set, err := cedar.NewPolicySetFromBytes("measured.cedar", []byte(p.cedar.String()))
	if err != nil {
		tb.Fatal(err)
	}
	entities := cedar.EntityMap{}
	for _, m := range parties {
		var sectors []cedar.Value
		for _, s := range m.Sectors {
			sectors = append(sectors, cedar.String(s))
		}
		id := cedar.NewEntityUID("Member", cedar.String(m.ID))
		entities[id] = cedar.Entity{UID: id, Attributes: cedar.NewRecord(cedar.RecordMap{
			"stake": cedar.String(m.Stake), "kind": cedar.String(m.Kind), "sectors": cedar.NewSet(sectors...)})}
	}
	requests := make([]cedar.Request, len(questions))
	for i, q := range questions {
		requests[i] = cedar.Request{
			Principal: cedar.NewEntityUID("Member", cedar.String(q.viewer.Member.ID)),
			Action:    cedar.NewEntityUID("Action", cedar.String(q.viewer.Purpose)),
			Resource:  cedar.NewEntityUID("Field", cedar.String(q.path)),
			Context: cedar.NewRecord(cedar.RecordMap{"sector": cedar.String(sector),
				"age": cedar.Long(now.Sub(q.received) / time.Second), "now": cedar.Long(now.Unix())}),
		}
	}
	return engine{"cedar-go", func(i int) bool {
		ok, _ := cedar.Authorize(set, entities, requests[i])
		return ok == cedar.Allow
	}}
}

func opaOf(tb testing.TB, p *policies, questions []question) engine {
	ctx := context.Background()
	query, err := rego.New(rego.Query("data.measured.allow"), rego.Module("measured.rego", p.rego.String())).PrepareForEval(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	inputs := make([]ast.Value, len(questions))
	for i, q := range questions {
		m := q.viewer.Member
		inputs[i], err = ast.InterfaceToValue(map[string]any{"purpose": string(q.viewer.Purpose), "path": q.path, "stake": string(m.Stake), "kind": string(m.Kind),
			"sectors": m.Sectors, "sector": sector, "age": int64(now.Sub(q.received) / time.Second), "now": now.Unix()})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return engine{"opa", func(i int) bool {
		result, err := query.Eval(ctx, rego.EvalParsedInput(inputs[i]))
		return err == nil && result.Allowed()
	}}
}

func source() *rand.Rand { return rand.New(rand.NewPCG(2026, 11)) }

func paths(tb testing.TB) []string {
	tb.Helper()
	std, err := standard.Builtin(sector + "/1.0")
	if err != nil {
		tb.Fatal(err)
	}
	return exactPaths(std)
}

// What is compared must be the same: each engine answers every question alike,
// and there are questions of both answers.
func TestTheSamePoliciesDecideTheSameInEachLanguage(t *testing.T) {
	for _, n := range []int{10, 100, 1000} {
		r, fields := source(), paths(t)
		questions := questionsOf(2000, fields, r)
		all := engines(t, n, questions, fields, r)
		granted := 0
		for i, q := range questions {
			want := all[0].ask(i)
			if want {
				granted++
			}
			for _, e := range all[1:] {
				if got := e.ask(i); got != want {
					t.Fatalf("%d clauses: %s says %v and %s says %v of %s to %s for %s", n, all[0].name, want, e.name, got, q.path, q.viewer.Member.ID, q.viewer.Purpose)
				}
			}
		}
		if granted == 0 || granted == len(questions) {
			t.Errorf("%d clauses: %d of %d questions are granted; that compares nothing", n, granted, len(questions))
		}
	}
}

// BenchmarkDecisions asks the same questions of each engine in turns: ns per
// decision, and how many times faster the table is than each other.
func BenchmarkDecisions(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("clauses=%d", n), func(b *testing.B) {
			r, fields := source(), paths(b)
			questions := questionsOf(256, fields, r)
			all := engines(b, n, questions, fields, r)
			took := make([]time.Duration, len(all))
			// The fast ones are asked more often, so that the clock is read seldom.
			repeat := []int{200, 4, 1, 1}
			for _, e := range all {
				e.ask(0)
			}
			for b.Loop() {
				for k, e := range all {
					start := time.Now()
					for range repeat[k] {
						for i := range questions {
							e.ask(i)
						}
					}
					took[k] += time.Since(start) / time.Duration(repeat[k])
				}
			}
			each := func(k int) float64 { return float64(took[k].Nanoseconds()) / float64(b.N*len(questions)) }
			for k, e := range all {
				b.ReportMetric(each(k), "ns/"+e.name)
				if k > 0 {
					b.ReportMetric(each(k)/each(0), e.name+"/table")
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkMillionReports applies the terms of one recipient, a sheet of 1,000
// clauses, to a field of a table of one million reports, and asks the others
// about a part of it: decisions a second.
func BenchmarkMillionReports(b *testing.B) {
	const reports, sample = 1_000_000, 2_000
	r, fields := source(), paths(b)
	path := fields[0]
	questions := questionsOf(reports, []string{path}, r)
	for i := range questions {
		questions[i].viewer = member.Viewer{Member: parties[0], Purpose: member.Defend}
	}
	p := policiesOf(1000, fields, r)
	rules, others := compiled(b, p), []engine{cedarOf(b, p, questions[:sample]), opaOf(b, p, questions[:sample])}
	received := make([]time.Time, reports)
	for i, q := range questions {
		received[i] = q.received
	}
	var whole time.Duration
	took := make([]time.Duration, len(others))
	for b.Loop() {
		start := time.Now()
		rules.For(questions[0].viewer, sector).Column(path, standard.Form{Kind: standard.Exact}, now, received, nil)
		whole += time.Since(start)
		for k, e := range others {
			start := time.Now()
			for i := range sample {
				e.ask(i)
			}
			took[k] += time.Since(start)
		}
	}
	b.ReportMetric(float64(b.N)*reports/whole.Seconds(), "column-decisions/s")
	for k, e := range others {
		b.ReportMetric(float64(b.N)*sample/took[k].Seconds(), e.name+"-decisions/s")
	}
	b.ReportMetric(0, "ns/op")
}
