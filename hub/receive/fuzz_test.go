package receive

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

const contributionText = `{"agreement":"a-x","hub":"h","id":"c-aaaaaaaaaaaaaaaaaaaaaaaaaa","made":"2026-03-01T09:00:00Z","member":"m-x","reports":[` +
	`{"id":"r-aaaaaaaaaaaaaaaaaaaaaaaaaa","said":[{"form":"exact","path":"victim.country","value":"U\"]S"}],"sector":"finance","standard":"finance/1.0"},` +
	`{"id":"r-baaaaaaaaaaaaaaaaaaaaaaaaa","said":[],"sector":"finance","standard":"finance/1.0"}],"nil":[{"sector":"health","period":"2025-Q4"}]}`

// FuzzContribution: whatever is sent, reading it ends, without a panic, in a
// fault that can be mended or in reports within their limits; and what can be
// read strictly as a whole reads the same piece by piece.
func FuzzContribution(f *testing.F) {
	f.Add([]byte(contributionText))
	for _, bad := range []string{
		"", "{}", "[]", "null", `{"reports":`, `{"reports":[}]}`, `{"reports":[NaN,{"id":1}],"reports":[]}`, `{"reports":[[[[["\`, "{\"reports\":[\"\xff\"]}",
		`{"reports":[{}],}`, `{,"reports":[{}]}`, `{"reports":[{},]}`, `{"reports" [{}]}`, `{"a":1}}`, strings.Repeat("[", 1000),
	} {
		f.Add([]byte(bad))
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		var whole report.Contribution
		strict := wire.Decode(plain, &whole)
		o, err := readContribution(plain)
		if err != nil {
			if fault.KindOf(err) == fault.Internal {
				t.Fatalf("blamed on us: %v", err)
			}
			if strict == nil && strings.HasPrefix(fault.Public(err).Code, "json.") && string(bytes.TrimSpace(plain)) != "null" {
				t.Fatalf("as a whole it can be read, in pieces not: %v", err)
			}
			return
		}
		if n := len(o.reports) + len(o.Nil); n == 0 || n > report.MaxReports {
			t.Fatalf("%d reports were taken", n)
		}
		for i, r := range o.reports {
			if r.problem == nil && (len(r.report.Said)+len(r.report.Observables) > maxParts) {
				t.Fatalf("report %d is larger than may be", i)
			}
			if r.problem != nil && strict == nil {
				t.Fatalf("report %d can be read in the whole and not alone: %v", i, r.problem)
			}
		}
		if strict == nil && len(whole.Reports) != len(o.reports) {
			t.Fatalf("%d reports became %d", len(whole.Reports), len(o.reports))
		}
	})
}

// Cutting is exact on JSON: put together again the pieces are what was cut.
func TestTheCutterKeepsEveryByteOfEveryReport(t *testing.T) {
	text := rapid.Custom(func(t *rapid.T) any {
		return rapid.OneOf(rapid.String().AsAny(), rapid.Int().AsAny(), rapid.SliceOf(rapid.String()).AsAny(), rapid.MapOf(rapid.String(), rapid.String()).AsAny()).Draw(t, "value")
	})
	rapid.Check(t, func(t *rapid.T) {
		reports := rapid.SliceOfN(text, 0, 20).Draw(t, "reports")
		before, after := text.Draw(t, "before"), text.Draw(t, "after")
		indent := rapid.SampledFrom([]string{"", " ", "\t"}).Draw(t, "indent")
		doc := map[string]any{"a": before, "reports": reports, "z": after}
		plain, err := json.MarshalIndent(doc, "", indent)
		if err != nil {
			t.Fatal(err)
		}
		around, pieces, err := takeApart(plain)
		if err != nil || len(pieces) != len(reports) {
			t.Fatalf("%d pieces of %d reports, %v", len(pieces), len(reports), err)
		}
		var back map[string]any
		if err := json.Unmarshal(around, &back); err != nil || len(back["reports"].([]any)) != 0 {
			t.Fatalf("around them stands %s: %v", around, err)
		}
		for i, p := range pieces {
			want, err := json.Marshal(reports[i])
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := json.Compact(&got, p.text); err != nil || got.String() != string(want) {
				t.Fatalf("piece %d is %s, want %s", i, p.text, want)
			}
		}
	})
}
