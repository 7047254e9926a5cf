package mapping

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/concord-trust/concord/formats/veris"
)

var updateVERIS = flag.Bool("update-veris", false, "write docs/veris.md anew")

const verisPage = "../docs/veris.md"

func TestTheDocumentationOfVERISIsCurrent(t *testing.T) {
	want := documentVERIS(NewVERIS(builtin(t, "core/1.0")))
	if *updateVERIS {
		if err := os.WriteFile(verisPage, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(verisPage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Error("docs/veris.md does not say what the tables say; run `go generate ./mapping`")
	}
}

// documentVERIS writes docs/veris.md from the tables and the crosswalk.
func documentVERIS(m *VERIS) []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`<!-- Made by ` + "`go generate ./mapping`" + ` from the tables of formats/veris and the crosswalk of the core standard. Do not edit. -->`)
	line("# VERIS: how incidents are read and written\n")
	line(`Concord reads incidents in [VERIS](https://verisframework.org) 1.2, 1.3.x and
1.4.x and writes version %s:

`+"```"+`
concord convert --from veris --to report incidents.jsonl.gz > reports.jsonl
concord convert --from report --to veris reports.jsonl > incidents.jsonl
concord convert --explain incidents.json      # what was mapped, repaired, left out, refused
`+"```"+`

A file holds one incident, an array, JSON Lines, or objects one after the other;
it may be compressed with gzip and be in UTF-8 or UTF-16. Incidents are taken one
at a time, so that the size of a file does not matter.

**Reading is lenient, and says so.** Each value of an incident ends in one of four
ways, and the account counts all of them:

- *mapped*: it became a statement of the report;
- *repaired*: a rule of this page was applied on the way; only the rules
  `+"`%s`, `%s`"+` and `+"`%s`"+` can leave nothing of a value;
- *not mapped*: the standard has no place for it, with path and reason;
- *invalid*: the standard has a place that does not take it, with file, line,
  path and reason. The rest of the incident is taken. An incident that is no JSON
  object, or of which nothing is left, is refused as a whole.

**The counterpart of a field is what the standard's crosswalk says.** Most fields
of the core stand at the path that VERIS gives them; the others are listed
[below](#paths). A field that a sector's standard adds has a counterpart if its
crosswalk names one.`, veris.Newest, veris.RuleEmpty, veris.RuleTwice, veris.RuleControl)
	documentRules(line)
	documentMoves(line)
	documentRenames(line)
	documentPaths(m, line)
	documentWriting(line)
	return b.Bytes()
}

type printLine = func(format string, args ...any)

func documentRules(line printLine) {
	line("\n## Repairs of writing\n")
	line("These change how a value is written, not what it says.\n")
	line("| rule | where | found | read as | why |\n|---|---|---|---|---|")
	for _, r := range veris.Rules() {
		line("| `%s` | %s | %s | %s | %s |", r.Name, r.Where, r.From, r.To, r.Reason)
	}
}

func documentMoves(line printLine) {
	line("\n## Paths that have another name\n")
	line(`A move that names a code is for that code alone, and only where the field at the
old path does not list it. The account names a move by its old path: "move
related_incidents".
`)
	line("| found at | only the code | read at | as the code | versions | why |\n|---|---|---|---|---|---|")
	for _, m := range veris.Moves() {
		line("| `%s` | %s | `%s` | %s | %s | %s |", m.From, m.Only, m.To, m.Code, m.Versions, m.Reason)
	}
}

func documentRenames(line printLine) {
	line("\n## Codes that have another name\n")
	line(`A rename applies only where the standard does not list the code as it is written;
where it lists the old code as well, what was written stays. A ` + "`*`" + ` stands for one
step of the path. The account names a rename by path and code: "code
security_incident = Yes".
`)
	line("| path | found | read as | versions | why |\n|---|---|---|---|---|")
	for _, r := range veris.Renames() {
		line("| `%s` | %s | %s | %s | %s |", r.Path, r.From, r.To, r.Versions, r.Reason)
	}
}

func documentPaths(m *VERIS, line printLine) {
	line("\n## Paths\n")
	line("Fields of `%s` that stand elsewhere than in VERIS, or are put together:\n", m.std.Ref())
	line("| VERIS | report | |\n|---|---|---|")
	for _, c := range m.fields.all {
		f := c.field
		to := m.byPath[f.Crosswalk.VERIS]
		switch {
		case to == nil:
		case m.byPath[to.path+".year"] != nil:
			line("| `%s.year`, `.month`, `.day`, `.time` | `%s` | one date, as precise as it is known |", to.path, f.Path)
		case to.kind == kindPresence:
			line("| `%s` | `%s` | true if the object is there, even if it is empty |", to.path, f.Path)
		case to.path != f.Path:
			line("| `%s` | `%s` | |", to.path, f.Path)
		}
	}
	line("| `ioc.indicator` | observables | where the type is plain from the value; the others are listed as not mapped |")
	line("| `incident_id` | `native` | besides the case reference: the id by which a report is known at its owner |")
	line("\nFields of VERIS without a counterpart, and what is said of them:\n")
	line("| VERIS | reason |\n|---|---|")
	for _, path := range []string{pathVersion, pathComment, "plus.…", "x_….…", "asset.governance", "…"} {
		line("| `%s` | %s |", path, m.whyNot(path))
	}
}

func documentWriting(line printLine) {
	line("\n## Writing\n")
	line(`A report is written as VERIS %s, by the same crosswalk read backwards: the core's
code lists are those of that version, with the older codes that real incidents
still carry; readers of VERIS know these by the renames above. Dates are taken
apart into their parts, rows of repeated groups become objects of their lists, and
a report without a case reference is written with its native id as
`+"`incident_id`"+`. Of an observable the value is written, as `+"`ioc.indicator`"+`. Fields
without a counterpart in VERIS, and what an indicator cannot say of an observable,
are counted as not mapped.`, veris.Newest)
}

// The page is a table: a bar in a cell would break it.
func TestTablesHoldNoBars(t *testing.T) {
	for _, r := range veris.Rules() {
		if strings.Contains(r.Where+r.From+r.To+r.Reason, "|") {
			t.Errorf("%s holds a bar", r.Name)
		}
	}
}
