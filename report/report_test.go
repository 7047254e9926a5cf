package report

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

func TestWhatIsEncodedReadsBackAsItWas(t *testing.T) {
	for _, ref := range []standard.Ref{"core/1.0", "finance/1.0", "health/1.0"} {
		std := builtin(t, ref)
		rapid.Check(t, func(t *rapid.T) {
			r := wellFormed(std).Draw(t, "report")
			if ps := Validate(std, r); Failed(ps) {
				t.Fatalf("drew a report with problems: %v", ps)
			}
			data, err := Encode(std, r)
			if err != nil {
				t.Fatal(err)
			}
			if err := wire.Check(data); err != nil {
				t.Fatalf("%s: %v", data, err)
			}
			back, ps, err := Decode(std, data)
			if err != nil || len(ps) > 0 {
				t.Fatalf("%s: %v %v", data, ps, err)
			}
			if !reflect.DeepEqual(back, r) {
				t.Fatalf("came back as\n%+v, was\n%+v", back, r)
			}
			again, err := Encode(std, back)
			if err != nil || !bytes.Equal(again, data) {
				t.Fatalf("the second time %s, %v", again, err)
			}
		})
	}
}

func TestTheOrderOfStatementsDoesNotMatterToTheEncoding(t *testing.T) {
	std := builtin(t, "finance/1.0")
	rapid.Check(t, func(t *rapid.T) {
		r := wellFormed(std).Draw(t, "report")
		want, err := Encode(std, r)
		if err != nil {
			t.Fatal(err)
		}
		shuffled := r
		shuffled.Statements = rapid.Permutation(slices.Clone(r.Statements)).Draw(t, "order")
		got, err := Encode(std, shuffled)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%s, %v; want %s", got, err, want)
		}
	})
}

const example = `{
 "standard": "core/1.0", "native": "CASE-7",
 "observables": [{"type": "domain", "value": "login.example.net", "role": "phishing", "first_seen": "2026-11-24T09:00:00+01:00", "count": 3}],
 "victim": {"victim_id": "Example Bank", "industry": "522110", "country": ["US", "CA"], "locations_affected": 2.0},
 "timeline": {"incident": "2026-11-24", "discovery": {"unit": "Days", "value": 1.50}},
 "asset": {"assets": [{"variety": "S - Web application", "amount": 2}, {}, {"amount": 1}]},
 "discovery_method": {"other": true},
 "summary": "Two \"things\"\nhappened."
}`

func TestAReportReadsAsItIsWritten(t *testing.T) {
	std := builtin(t, "core/1.0")
	r, ps, err := Decode(std, []byte(example))
	if err != nil || len(ps) > 0 {
		t.Fatal(err, ps)
	}
	if r.Native != "CASE-7" || r.Standard != "core/1.0" {
		t.Errorf("read as %+v", r)
	}
	want := []Statement{
		{"summary", 0, "Two \"things\"\nhappened."},
		{"victim.victim_id", 0, "Example Bank"}, {"victim.industry", 0, "522110"},
		{"victim.country", 0, "US"}, {"victim.country", 1, "CA"}, {"victim.locations_affected", 0, "2"},
		{"timeline.incident", 0, "2026-11-24"}, {"timeline.discovery.unit", 0, "Days"}, {"timeline.discovery.value", 0, "1.5"},
		{"asset.assets.variety", 0, "S - Web application"}, {"asset.assets.amount", 0, "2"}, {"asset.assets.amount", 2, "1"},
		{"discovery_method.other", 0, "true"},
	}
	if !reflect.DeepEqual(r.Statements, want) {
		t.Errorf("statements\n%+v, want\n%+v", r.Statements, want)
	}
	if o := r.Observables; len(o) != 1 || o[0] != (Observable{Type: "domain", Value: "login.example.net", Role: "phishing", FirstSeen: "2026-11-24T08:00:00Z", Count: 3}) {
		t.Errorf("observables %+v", o)
	}
	if got := r.Get("victim.country"); !slices.Equal(got, []string{"US", "CA"}) || r.Value("victim.industry") != "522110" || r.Get("notes") != nil || r.Value("notes") != "" {
		t.Errorf("Get and Value say %v, %q", got, r.Value("victim.industry"))
	}
	if ps := Validate(std, r); len(ps) > 0 {
		t.Errorf("problems: %v", ps)
	}
	var line bytes.Buffer
	if err := EncodeTo(&line, std, r); err != nil || strings.Count(line.String(), "\n") != 1 || !strings.HasSuffix(line.String(), "}\n") {
		t.Errorf("%v: %s", err, &line)
	}
}

// decodeProblem reads a core report that has one thing wrong.
func TestWhatDoesNotFitTheStandardIsListedAndTheRestKept(t *testing.T) {
	std := builtin(t, "core/1.0")
	for _, c := range []struct{ name, property, path, code string }{
		{"unknown property", `"colour": "red"`, "colour", "report.unknown_field"},
		{"unknown property below", `"victim": {"colour": {"a": [1, {"b": null}]}}`, "victim.colour", "report.unknown_field"},
		{"unknown property of a row", `"asset": {"assets": [{"variety": "Unknown", "colour": 1}]}`, "asset.assets.colour", "report.unknown_field"},
		{"embedded foreign document", `"plus": {"veris": {"incident_id": "x"}}`, "plus", "report.unknown_field"},
		{"observables as a field", `"observable": {"ip": ["192.0.2.1"]}`, "observable", "report.unknown_field"},
		{"object for a value", `"victim": {"industry": {"code": "52"}}`, "victim.industry", "report.type"},
		{"value for an object", `"victim": "Example Bank"`, "victim", "report.type"},
		{"value for a list", `"victim": {"country": "US"}`, "victim.country", "report.type"},
		{"list for a value", `"victim": {"industry": ["52"]}`, "victim.industry", "report.type"},
		{"null", `"victim": {"industry": null}`, "victim.industry", "report.type"},
		{"number for a text", `"summary": 7`, "summary", "report.type"},
		{"text for a number", `"victim": {"locations_affected": "2"}`, "victim.locations_affected", "report.type"},
		{"text for a truth", `"discovery_method": {"other": "true"}`, "discovery_method.other", "report.type"},
		{"object for a group", `"asset": {"assets": {"variety": "Unknown"}}`, "asset.assets", "report.type"},
		{"value for a row", `"asset": {"assets": ["Unknown"]}`, "asset.assets", "report.type"},
		{"code outside the list", `"victim": {"country": ["US", "ZZ"]}`, "victim.country[1]", "value.code"},
		{"code of a row outside the list", `"asset": {"assets": [{}, {"variety": "S - Toaster"}]}`, "asset.assets[1].variety", "value.code"},
		{"fraction", `"victim": {"locations_affected": 2.5}`, "victim.locations_affected", "value.integer"},
		{"below nothing", `"victim": {"locations_affected": -1}`, "victim.locations_affected", "value.range"},
		{"no date", `"timeline": {"incident": "2018-02-29"}`, "timeline.incident", "value.date"},
		{"empty text", `"summary": ""`, "summary", "value.empty"},
		{"control character", `"summary": "a\u0000b"`, "summary", "value.control"},
		{"another standard", `"standard": "finance/1.0"`, "standard", "report.other_standard"},
		{"standard as number", `"standard": 1`, "standard", "report.type"},
		{"long native id", `"native": "` + strings.Repeat("x", MaxNative+1) + `"`, "native", "report.native"},
		{"observables as object", `"observables": {}`, "observables", "report.type"},
		{"observable as text", `"observables": ["192.0.2.1"]`, "observables[0]", "report.type"},
		{"unknown type of observable", `"observables": [{"type": "smell", "value": "x"}]`, "observables[0].type", "observable.type"},
		{"observable without value", `"observables": [{"type": "ip"}]`, "observables[0].value", "observable.value"},
		{"unknown role", `"observables": [{"type": "ip", "value": "x", "role": "king"}]`, "observables[0].role", "observable.role"},
		{"unknown property of an observable", `"observables": [{"type": "ip", "value": "x", "colour": 1}]`, "observables[0].colour", "observable.malformed"},
		{"count of another type", `"observables": [{"type": "ip", "value": "x", "count": "3"}]`, "observables[0].count", "observable.malformed"},
		{"negative count", `"observables": [{"type": "ip", "value": "x", "count": -3}]`, "observables[0].count", "observable.count"},
		{"no date of an observable", `"observables": [{"type": "ip", "value": "x", "last_seen": "now"}]`, "observables[0].last_seen", "observable.date"},
	} {
		r, ps, err := Decode(std, []byte(`{`+c.property+`, "confidence": "High"}`))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if len(ps) != 1 || ps[0].Path != c.path || ps[0].Code != c.code || ps[0].Severity != SeverityError || ps[0].Message == "" {
			t.Errorf("%s: %+v; want %s at %s", c.name, ps, c.code, c.path)
		}
		if r.Value("confidence") != "High" {
			t.Errorf("%s: what was right is lost", c.name)
		}
		if Failed(Validate(std, r)) {
			t.Errorf("%s: what was kept is wrong: %v", c.name, Validate(std, r))
		}
	}
}

func TestWhatIsNoReportAtAllIsAFault(t *testing.T) {
	std := builtin(t, "core/1.0")
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for _, c := range []struct {
		name, data string
		kind       fault.Kind
		code       string
	}{
		{"nothing", ``, fault.Invalid, "json.malformed"},
		{"cut off", `{"victim": {"industry": "52`, fault.Invalid, "json.malformed"},
		{"two documents", `{} {}`, fault.Invalid, "json.trailing"},
		{"a list", `[]`, fault.Invalid, "report.no_object"},
		{"a text", `"victim"`, fault.Invalid, "report.no_object"},
		{"not a number", `{"impact": {"downtime": NaN}}`, fault.Invalid, "json.malformed"},
		{"a name twice", `{"summary": "a", "summary": "b"}`, fault.Invalid, "json.malformed"},
		{"a name twice in what is skipped", `{"plus": {"a": 1, "a": 2}}`, fault.Invalid, "json.malformed"},
		{"a name twice in an observable", `{"observables": [{"type": "ip", "type": "ip"}]}`, fault.Invalid, "json.malformed"},
		{"no UTF-8", "{\"summary\": \"a\xff\"}", fault.Invalid, "json.malformed"},
		{"half a surrogate", `{"summary": "\ud800"}`, fault.Invalid, "json.malformed"},
		{"nested deep", `{"plus": ` + deep + `}`, fault.TooLarge, "json.too_deep"},
		{"nested deep in an observable", `{"observables": [{"type": ` + deep + `}]}`, fault.TooLarge, "json.too_deep"},
		{"huge", `{"summary": "` + strings.Repeat("x", wire.MaxDocument) + `"}`, fault.TooLarge, "json.too_large"},
	} {
		r, ps, err := Decode(std, []byte(c.data))
		if err == nil {
			t.Errorf("%s: read as %+v, %v", c.name, r, ps)
			continue
		}
		if f := fault.Public(err); f.Kind != c.kind || f.Code != c.code {
			t.Errorf("%s: %s %s (%v), want %s", c.name, f.Kind, f.Code, err, c.code)
		}
	}
}

func TestListsHaveABoundAndWhatIsRefusedLeavesNoGap(t *testing.T) {
	std := builtin(t, "core/1.0")
	r, ps, err := Decode(std, []byte(`{"victim": {"country": ["US", "ZZ", 7, "CA"]}}`))
	if err != nil || len(ps) != 2 || !reflect.DeepEqual(r.Statements, []Statement{{"victim.country", 0, "US"}, {"victim.country", 1, "CA"}}) {
		t.Errorf("%+v %v %v", r.Statements, ps, err)
	}
	many := `{"victim": {"country": [` + strings.Repeat(`"US",`, MaxSaid) + `"CA"]}, "asset": {"assets": [` + strings.Repeat(`{},`, MaxSaid) + `{"amount": 1}]}}`
	r, ps, err = Decode(std, []byte(many))
	if err != nil || len(ps) != 2 || ps[0].Code != "report.too_large" || ps[1].Code != "report.too_large" || len(r.Statements) != MaxSaid {
		t.Errorf("%d statements, %v, %v", len(r.Statements), ps, err)
	}
}

func TestProblemsNeverHoldValues(t *testing.T) {
	std := builtin(t, "core/1.0")
	const secret = "Jane-Q-Public-9137"
	raw, err := json.Marshal(map[string]any{
		"victim":      map[string]any{"industry": secret, "country": []string{secret}, "locations_affected": secret},
		"timeline":    map[string]any{"incident": secret},
		"marking":     secret,
		"summary":     secret + "\x00",
		"observables": []any{map[string]any{"type": secret, "value": secret, "role": secret, "first_seen": secret}, secret, map[string]any{"count": secret}},
		"standard":    secret,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, ps, err := Decode(std, raw)
	if err != nil || len(ps) < 8 {
		t.Fatal(err, ps)
	}
	for _, p := range ps {
		if strings.Contains(p.Path+p.Message, "9137") {
			t.Errorf("a problem holds the value: %+v", p)
		}
	}
}

func TestEncodeRefusesWhatDoesNotFit(t *testing.T) {
	std := builtin(t, "core/1.0")
	for name, r := range map[string]Report{
		"unknown field":           {Statements: []Statement{{"colour", 0, "red"}}},
		"observable as field":     {Statements: []Statement{{"observable.ip", 0, "192.0.2.1"}}},
		"row of a single value":   {Statements: []Statement{{"summary", 1, "x"}}},
		"negative row":            {Statements: []Statement{{"victim.country", -1, "US"}}},
		"huge row":                {Statements: []Statement{{"asset.assets.amount", 1 << 40, "1"}}},
		"two values in one row":   {Statements: []Statement{{"summary", 0, "x"}, {"summary", 0, "y"}}},
		"text for a number":       {Statements: []Statement{{"impact.downtime", 0, `1,"x":2`}}},
		"number with white space": {Statements: []Statement{{"impact.downtime", 0, " 1"}}},
		"two numbers":             {Statements: []Statement{{"impact.downtime", 0, "1 2"}}},
		"no truth":                {Statements: []Statement{{"discovery_method.other", 0, "maybe"}}},
		"broken text":             {Statements: []Statement{{"summary", 0, "a\xff"}}},
		"broken native id":        {Native: "a\xff"},
		"broken observable":       {Observables: []Observable{{Type: "ip", Value: "\xff"}}},
		"another standard":        {Standard: "finance/1.0"},
	} {
		if data, err := Encode(std, r); err == nil || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %s, %v", name, data, err)
		}
	}
}

func TestValidateListsErrorsAndWhatIsMissing(t *testing.T) {
	std := builtin(t, "core/1.0")
	full := []Statement{{"victim.industry", 0, "52"}, {"timeline.incident", 0, "2026"}}
	for _, c := range []struct {
		name       string
		statements []Statement
		path, code string
		severity   Severity
	}{
		{"missing", full[:1], "timeline.incident", "report.missing", SeverityWarning},
		{"unknown", append(full[:2:2], Statement{"colour", 0, "red"}), "colour", "report.unknown_field", SeverityError},
		{"not canonical", append(full[:2:2], Statement{"impact.downtime", 0, "2.0"}), "impact.downtime", "value.not_canonical", SeverityError},
		{"wrong", append(full[:2:2], Statement{"victim.country", 0, "ZZ"}), "victim.country[0]", "value.code", SeverityError},
		{"row", append(full[:2:2], Statement{"summary", 2, "x"}), "summary", "report.row", SeverityError},
		{"gap", append(full[:2:2], Statement{"victim.country", 1, "US"}), "victim.country[1]", "report.row", SeverityError},
		{"twice", append(full[:2:2], Statement{"asset.assets.amount", 1, "1"}, Statement{"asset.assets.amount", 1, "2"}), "asset.assets[1].amount", "report.twice", SeverityError},
	} {
		ps := Validate(std, Report{Standard: std.Ref(), Statements: c.statements})
		if len(ps) != 1 || ps[0].Path != c.path || ps[0].Code != c.code || ps[0].Severity != c.severity {
			t.Errorf("%s: %+v", c.name, ps)
		}
	}
	if ps := Validate(std, Report{Statements: full}); !Failed(ps) {
		t.Error("a report of no standard passes")
	}
}

func FuzzDecode(f *testing.F) {
	std := builtin(f, "finance/1.0")
	f.Add([]byte(strings.Replace(example, "core/1.0", "finance/1.0", 1)))
	f.Add([]byte(`{"victim":{"country":["US",null,"CA"]},"asset":{"assets":[{},{"amount":1e2}]}}`))
	f.Add([]byte(`{"impact":{"loss":[{"amount":-0.0e-5}]},"vict\u0069m":{"industry":"52"}}`))
	f.Add([]byte(`{"observables":[{"type":"ip","value":"192.0.2.1","first_seen":"2026"}],"plus":[[[]]]}`))
	f.Add([]byte(`{"timeline":{"incident":"2014-02-03T05:00:00+23:59"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, ps, err := Decode(std, data)
		if err != nil {
			if fault.KindOf(err) == fault.Internal {
				t.Fatalf("an internal fault: %v", err)
			}
			return
		}
		if wire.Check(data) != nil {
			t.Fatal("took what wire refuses")
		}
		if len(ps) == 0 && len(r.Statements) <= MaxSaid && Failed(Validate(std, r)) {
			t.Fatalf("without problems, and yet %v", Validate(std, r))
		}
		again, err := Encode(std, r)
		if err != nil {
			t.Fatal(err)
		}
		back, ps, err := Decode(std, again)
		if err != nil || len(ps) > 0 || !reflect.DeepEqual(back, r) {
			t.Fatalf("came back as %+v, %v, %v; was %+v", back, ps, err, r)
		}
	})
}

func TestAReportNamesItsStandardBeforeItIsRead(t *testing.T) {
	for data, want := range map[string]standard.Ref{example: "core/1.0", `{"summary":"x"}`: "", `[]`: "", `{"standard":7}`: "", ``: ""} {
		if got := StandardOf([]byte(data)); got != want {
			t.Errorf("%.20q names %q", data, got)
		}
	}
}
