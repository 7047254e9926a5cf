package anonymise_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/terms"
)

func TestAReleaseCarriesTheDataUseCodesOfTheTermsItWasGatheredUnder(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*terms.Clause)
		want   string
	}{
		{"the default terms", func(*terms.Clause) {}, "GRU"},
		{"a limited time", func(c *terms.Clause) { c.Keep = terms.Days(365) }, "GRU TS"},
		{"research that is not for profit", func(c *terms.Clause) {
			for i := range c.To {
				c.To[i].Kinds = []member.Kind{"university", "institute"}
			}
		}, "GRU NPU"},
		{"within an organisation only", func(c *terms.Clause) { c.TLP = "TLP:AMBER+STRICT" }, "GRU IS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := newTrust(t)
			tr.population(100, 5)
			sheet, err := terms.Builtin("default")
			if err != nil {
				t.Fatal(err)
			}
			for i := range sheet.Clauses {
				c.change(&sheet.Clauses[i])
			}
			tr.sheet("default", sheet)
			rel, content := tr.release()
			if got := codesOf(rel); got != c.want {
				t.Errorf("codes %q, want %q", got, c.want)
			}
			var about anonymise.Release
			if err := json.Unmarshal(content["release.json"], &about); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(about.DataUse) != fmt.Sprint(rel.DataUse) {
				t.Errorf("release.json says %v, the release %v", about.DataUse, rel.DataUse)
			}
		})
	}
}

func codesOf(rel anonymise.Release) string {
	var all []string
	for _, u := range rel.DataUse {
		all = append(all, u.Code)
	}
	return strings.Join(all, " ")
}
