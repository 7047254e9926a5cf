package tokenise_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

func minimised(t *testing.T, rep report.Report) minimise.Minimal {
	t.Helper()
	std, err := standard.Builtin("finance/1.0")
	if err != nil {
		t.Fatal(err)
	}
	sheet, err := terms.Builtin("default")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := terms.Compile(sheet, std)
	if err != nil {
		t.Fatal(err)
	}
	text, err := report.Encode(std, rep)
	if err != nil {
		t.Fatal(err)
	}
	var minimal []minimise.Minimal
	account, err := collect.Read(t.Context(), bytes.NewReader(text), "case.json", collect.Options{Format: "report"}, func(c collect.Collected) error {
		m, err := minimise.Minimise(c, rules, "finance", time.Time{})
		minimal = append(minimal, m)
		return err
	})
	if err != nil || len(minimal) != 1 {
		t.Fatalf("%d reports were read from %s: %v, %+v", len(minimal), text, err, account)
	}
	return minimal[0]
}
