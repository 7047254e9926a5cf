package outbox_test

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/edge/tokenise"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/terms"
)

// openQueue opens the member's record, as a member's process does.
func openQueue(t testing.TB, dir string) outbox.Queue {
	t.Helper()
	record, err := store.OpenMember(t.Context(), filepath.Join(dir, "member.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := record.Close(); err != nil {
			t.Error(err)
		}
	})
	return record
}

// tokenised is a report of a case with nothing in it that needs a steward.
func tokenised(t testing.TB, native, text string) tokenise.Tokenised {
	t.Helper()
	std, err := standard.Builtin("finance/1.0")
	if err != nil {
		t.Fatal(err)
	}
	sheet, err := terms.Parse("s.json", []byte(`{"name":"s","version":1,"clauses":[{"id":"a","fields":["action.malware.name"],
		"to":[{"stake":"any"}],"for":["defend"],"form":"exact"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := terms.Compile(sheet, std)
	if err != nil {
		t.Fatal(err)
	}
	document, err := report.Encode(std, report.Report{Native: native, Standard: "finance/1.0",
		Statements: []report.Statement{{Path: "action.malware.name", Value: text}}})
	if err != nil {
		t.Fatal(err)
	}
	var minimal []minimise.Minimal
	account, err := collect.Read(t.Context(), bytes.NewReader(document), "case.json", collect.Options{Format: "report"}, func(c collect.Collected) error {
		m, err := minimise.Minimise(c, rules, "finance", time.Time{})
		minimal = append(minimal, m)
		return err
	})
	if err != nil || len(minimal) != 1 {
		t.Fatalf("%d reports were read from %s: %v, %+v", len(minimal), document, err, account)
	}
	all, err := (&tokenise.Tokeniser{}).Tokenise(t.Context(), minimal)
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}
