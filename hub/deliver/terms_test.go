package deliver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// fields over which the random terms speak.
var fields = []string{"victim.victim_id", "victim.industry", "victim.country", "timeline.incident", "action.hacking.variety", "impact.ransom.paid",
	"summary", "observable.ip", "observable.email"}

// sheetOf draws terms: up to six clauses, or one that grants nothing of use.
func sheetOf(t *rapid.T, std *standard.Standard, name string) *terms.Sheet {
	sheet := &terms.Sheet{Name: name, Version: 1}
	for i := range rapid.IntRange(1, 6).Draw(t, "clauses") {
		path := rapid.SampledFrom(fields).Draw(t, "field")
		f, _ := std.Field(path)
		forms := slices.DeleteFunc(std.FormsAllowed(f), func(f standard.Form) bool { return f.Kind == standard.Withheld || f.Kind == standard.Sealed })
		stakes := append(member.Stakes(), terms.AnyStake)
		sheet.Clauses = append(sheet.Clauses, terms.Clause{
			ID: fmt.Sprint("c", i), Fields: []string{path}, Form: rapid.SampledFrom(forms).Draw(t, "form"),
			To:  []terms.Recipient{{Stake: string(rapid.SampledFrom(stakes).Draw(t, "stake")), Sector: rapid.SampledFrom([]string{"own", "any", "finance", "health"}).Draw(t, "sector")}},
			For: []member.Purpose{rapid.SampledFrom(member.Purposes()).Draw(t, "purpose")},
			TLP: rapid.SampledFrom(terms.Markings()).Draw(t, "tlp"),
		})
	}
	return sheet
}

// granted is the test's own reading of a clause.
func granted(c terms.Clause, path string, v member.Viewer, sector string) bool {
	if c.Fields[0] != path || c.For[0] != v.Purpose {
		return false
	}
	to := c.To[0]
	if to.Stake != terms.AnyStake && to.Stake != string(v.Member.Stake) {
		return false
	}
	switch to.Sector {
	case "any":
		return true
	case "own":
		return v.Member.InSector(sector)
	}
	return v.Member.InSector(to.Sector)
}

// told is a value that a report said, before terms.
type told struct {
	sheet  *terms.Sheet
	own    bool
	sector string
	path   string
	value  string
}

// Whatever the terms of the contributors, and whoever asks for whatever
// purpose: no value, no pseudonym and no coarsened value is in any answer that
// no clause grants to this viewer; no token, no id and no name of a
// contributor is in any; and what the viewer reported itself is there.
func TestNothingAppearsThatNoClauseGrants(t *testing.T) {
	shown := 0
	rapid.Check(t, func(t *rapid.T) {
		tr := newTrust(t)
		sector := rapid.SampledFrom([]string{"finance", "health"})
		viewer := tr.join("viewer", rapid.SampledFrom(member.Stakes()).Draw(t, "viewer's stake"), sheetOf(t, tr.std, "viewer"),
			rapid.SampledFrom([][]string{{"finance"}, {"health"}, {"finance", "health"}}).Draw(t, "viewer's sectors")...)
		v := as(viewer, rapid.SampledFrom(member.Purposes()).Draw(t, "viewer's purpose"))
		var all []told
		n := 0
		for m := range 3 {
			tr.join(fmt.Sprint("bank-", m), member.Industry, sheetOf(t, tr.std, fmt.Sprint("bank-", m)), "finance", "health")
		}
		draw := func(name string) sending {
			n++
			s := sending{member: name, sector: sector.Draw(t, "sector"), says: [][2]string{
				{"victim.victim_id", fmt.Sprint("Victim Number ", n)}, {"victim.industry", fmt.Sprint(522100 + n)}, {"victim.country", []string{"DE", "FR", "JP", "BR"}[n%4]},
				{"timeline.incident", fmt.Sprintf("20%02d-%02d-%02d", 10+n, 1+n%12, 1+n)}, {"action.hacking.variety", fmt.Sprint("Variety ", n)},
				{"impact.ransom.paid", fmt.Sprint(100000 * n)}, {"summary", fmt.Sprint("Narrative number ", n)},
			}}
			s.seen = []report.Seen{{Type: "ip", Value: fmt.Sprint("192.0.2.", n)}, {Type: "email", Value: fmt.Sprintf("mule%d@example.net", n)},
				{Type: "ip", Value: "198.51.100.7"}} // shared by all
			sheet := tr.rules[idOf(name)].Sheet()
			for _, one := range s.says {
				all = append(all, told{sheet, name == "viewer", s.sector, one[0], one[1]})
			}
			for _, o := range s.seen {
				all = append(all, told{sheet, name == "viewer", s.sector, report.ObservablePath(o.Type), o.Value})
			}
			return s
		}
		first := tr.tell(draw("bank-0"), draw("bank-1"), draw("viewer"))
		second := tr.tell(draw("bank-1"), draw("bank-2"))
		tr.campaign(map[string]int{"ip": 1}, first, second)
		leaves := everything(tr, v)
		text := strings.Join(leaves, "\n")

		may, must := map[string]bool{}, map[string]bool{}
		var candidates []string
		for _, one := range all {
			f, _ := tr.std.Field(one.path)
			pseudonym := tr.room.Pseudonym(v, token(one.value))
			candidates = append(candidates, one.value, pseudonym, token(one.value))
			may[one.value] = may[one.value] || one.own
			may[pseudonym] = may[pseudonym] || one.own
			for _, level := range tr.std.Levels(f) {
				g, err := tr.std.Generalise(f, level, one.value)
				if err != nil {
					t.Fatal(err)
				}
				candidates = append(candidates, g)
				may[g] = may[g] || one.own || g == standard.Any
			}
			if !one.own && !slices.Contains(viewer.Sectors, one.sector) {
				continue
			}
			for _, c := range one.sheet.Clauses {
				if !granted(c, one.path, v, one.sector) {
					continue
				}
				switch c.Form.Kind {
				case standard.Exact:
					may[one.value], may[pseudonym] = true, true
				case standard.Token:
					may[pseudonym] = true
				}
				for _, level := range tr.std.Levels(f) {
					if c.Form.Kind == standard.Exact || c.Form.Kind == standard.Generalised && tr.std.AtLeastAsCoarse(f, level, c.Form.Level) {
						g, _ := tr.std.Generalise(f, level, one.value)
						may[g] = true
					}
				}
			}
			if leaving := tr.rules[idOf("viewer")].Leaving(one.path, time.Time{}); one.own && len(leaving) > 0 && leaving[0].Form.Kind == standard.Exact {
				must[one.value] = true
			}
		}
		for _, c := range candidates {
			// Short values stand alone in an answer; long ones are looked for
			// within sentences, too.
			if slices.Contains(leaves, c) || len(c) >= 10 && strings.Contains(text, c) {
				if !may[c] {
					t.Fatalf("%q is in the answers to a %s member of %v for %s, and no clause grants it", c, viewer.Stake, viewer.Sectors, v.Purpose)
				}
				shown++
			}
		}
		for _, told := range tr.incidents {
			for _, secret := range []string{string(told.Incident.ID)} {
				if strings.Contains(text, secret) {
					t.Fatalf("an incident's own id is told")
				}
			}
			for _, r := range told.Reports {
				row := r.Row()
				for _, secret := range []string{string(row.OwnerGroup), string(row.Member)} {
					if strings.Contains(text, secret) {
						t.Fatalf("who contributed is told: %s", secret)
					}
				}
				if row.Member != viewer.ID && strings.Contains(text, string(row.Report)) {
					t.Fatal("the id of another's report is told")
				}
			}
		}
		for value := range must {
			if !slices.Contains(leaves, value) {
				t.Fatalf("%q, which the viewer reported itself, is in no answer to it", value)
			}
		}
	})
	if shown == 0 {
		t.Fatal("nothing was ever shown: the test shows nothing")
	}
}

// everything asks for all that a viewer can ask for, and returns the strings in
// the answers.
func everything(tr *trust, v member.Viewer) (leaves []string) {
	ctx := context.Background()
	var answers []any
	put := func(view any, err error) {
		tr.t.Helper()
		if err != nil {
			tr.t.Fatal(err)
		}
		answers = append(answers, view)
	}
	for _, s := range tr.room.MySectors(v) {
		list, err := tr.room.Incidents(ctx, v, s.Name, "", 0)
		put(list.Body(), err)
		for _, i := range list.Body().Items {
			one, err := tr.room.Incident(ctx, v, i.ID)
			put(one.Body(), err)
		}
		cs, err := tr.room.Campaigns(ctx, v, s.Name, "", 0)
		put(cs.Body(), err)
		for _, c := range cs.Body().Items {
			one, err := tr.room.Campaign(ctx, v, c.ID)
			put(one.Body(), err)
		}
		feed, err := tr.room.Indicators(ctx, v, s.Name)
		put(feed.Body(), err)
	}
	mine, err := tr.room.Contributions(ctx, v, 0, 0)
	put(mine.Body(), err)
	for _, c := range mine.Body().Items {
		one, err := tr.room.Incident(ctx, v, c.Incident)
		put(one.Body(), err)
	}
	data, err := json.Marshal(answers)
	if err != nil {
		tr.t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		tr.t.Fatal(err)
	}
	var walk func(any)
	walk = func(x any) {
		switch x := x.(type) {
		case string:
			leaves = append(leaves, x)
		case []any:
			for _, y := range x {
				walk(y)
			}
		case map[string]any:
			for k, y := range x {
				leaves = append(leaves, k)
				walk(y)
			}
		}
	}
	walk(doc)
	return leaves
}
