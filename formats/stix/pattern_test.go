package stix

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
)

func TestAPatternIsReadByTheWholeGrammar(t *testing.T) {
	for _, c := range []struct{ text, printed string }{
		{"[a:b=1]", "[a:b = 1]"},
		{"[a:b == 1 OR a:c <> .5]", "[a:b = 1 OR a:c != .5]"},
		{"[a:b NOT = true AND a:c >= -1.5]", "[a:b NOT = true AND a:c >= -1.5]"},
		{"[NOT EXISTS a:b AND EXISTS a:c]", "[NOT EXISTS a:b AND EXISTS a:c]"},
		{"[a:b IN () OR a:b NOT IN (1,2 , 3)]", "[a:b IN () OR a:b NOT IN (1, 2, 3)]"},
		{`[a:'x-y'.z[*].'q\'q'[3][-1] LIKE '\\%']`, `[a:'x-y'.z[*].'q\'q'[3][-1] LIKE '\\%']`},
		{"[a:b = h'ffD8' OR a:b = b'dGVzdA==' OR a:b = t'2024-02-30T23:59:60.5Z']", "[a:b = h'ffD8' OR a:b = b'dGVzdA==' OR a:b = t'2024-02-30T23:59:60.5Z']"},
		{"[ipv4-addr:value ISSUBSET '10.0.0.0/8' OR ipv4-addr:value NOT ISSUPERSET '10.0.0.1']", "[ipv4-addr:value ISSUBSET '10.0.0.0/8' OR ipv4-addr:value NOT ISSUPERSET '10.0.0.1']"},
		{"[(a:b = 1 OR a:c = 2) AND a:d = 3]", "[(a:b = 1 OR a:c = 2) AND a:d = 3]"},
		{"[a:b = 1] AND [a:b = 2] OR [a:b = 3] FOLLOWEDBY [a:b = 4]", "[a:b = 1] AND [a:b = 2] OR [a:b = 3] FOLLOWEDBY [a:b = 4]"},
		{"([a:b = 1] FOLLOWEDBY [a:b = 2]) WITHIN 5.5 SECONDS REPEATS 3 TIMES", "([a:b = 1] FOLLOWEDBY [a:b = 2]) WITHIN 5.5 SECONDS REPEATS 3 TIMES"},
		{"(([a:b = 1] REPEATS 2 TIMES)) REPEATS 2 TIMES", "(([a:b = 1] REPEATS 2 TIMES)) REPEATS 2 TIMES"},
		{"[a:b = 1] START t'2024-01-01T00:00:00Z' STOP t'2024-01-02T00:00:00Z'", "[a:b = 1] START t'2024-01-01T00:00:00Z' STOP t'2024-01-02T00:00:00Z'"},
		{"/* why */ [a:b\u00a0=\u20281] // so\n", "[a:b = 1]"},
	} {
		p, err := ParsePattern(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := p.String(); got != c.printed {
			t.Errorf("%s is printed as %s, not %s", c.text, got, c.printed)
		}
	}
}

func TestAndBindsStrongerThanOrAndThatThanFollowedby(t *testing.T) {
	p, err := ParsePattern("[a:b=1] AND [a:b=2] OR [a:b=3] FOLLOWEDBY [a:b=4]")
	if err != nil {
		t.Fatal(err)
	}
	or := p.Root.Operands[0]
	if p.Root.Operator != "FOLLOWEDBY" || or.Operator != "OR" || or.Operands[0].Operator != "AND" {
		t.Errorf("%s over %s over %s", p.Root.Operator, or.Operator, or.Operands[0].Operator)
	}
}

func TestARefusalNamesLineAndColumn(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "line 1, column 1: the pattern ends",
		"[a:b = 1":                    "line 1, column 9: the pattern ends where ] is expected",
		"[a:b =\n  =]":                "line 2, column 3: ",
		"[a:b = 'x]":                  "line 1, column 8: the text is not closed",
		`[a:b = '\d']`:                "line 1, column 9: a backslash",
		"[a:b > true]":                "line 1, column 8: ",
		"[a:b LIKE 5]":                "line 1, column 11: ",
		"[a:b-c = 1]":                 "line 1, column 4: a name with a hyphen",
		"[a:b[x] = 1]":                "line 1, column 6: ",
		"[a:AND = 1]":                 "line 1, column 4: ",
		"[a:b = 01]":                  "line 1, column 8: an integer has no leading zeros",
		"[a:b = 1] within 5 SECONDS":  "line 1, column 11: ",
		"[a:b = 1] REPEATS 1.5 TIMES": "line 1, column 19: ",
		"[a:b = 1] START t'2024-01-01T00:00:00Z'": "line 1, column 40: ",
		"[a:b = h'f']":        "line 1, column 8: ",
		"[a:b = b'=']":        "line 1, column 8: ",
		"[a:b = 1] [a:b = 2]": "line 1, column 11: ",
		"[é:b = 1]":           "line 1, column 2: ",
		"[a:b = /* 1]":        "line 1, column 8: the comment is not closed",
	} {
		_, err := ParsePattern(text)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, not %q", text, err, want)
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	const deep = 100_000
	for _, text := range []string{
		strings.Repeat("(", deep) + "[a:b=1]" + strings.Repeat(")", deep),
		"[" + strings.Repeat("(", deep) + "a:b=1" + strings.Repeat(")", deep) + "]",
	} {
		if _, err := ParsePattern(text); fault.KindOf(err) != fault.TooLarge {
			t.Errorf("%v", err)
		}
	}
	if _, err := ParsePattern(strings.Repeat("(", 60) + "[a:b=1]" + strings.Repeat(")", 60)); err != nil {
		t.Errorf("60 levels: %v", err)
	}
}

func TestALongChainNeedsNoDepth(t *testing.T) {
	text := "[domain-name:value = 'a.example'" + strings.Repeat(" OR domain-name:value = 'b.example'", 20_000) + "]"
	p, err := ParsePattern(text)
	if err != nil || len(p.Root.Test.Operands) != 20_001 {
		t.Fatal(err)
	}
}

func TestWhatTheLanguageDemandsBeyondItsGrammarIsChecked(t *testing.T) {
	for text, must := range map[string]string{
		"[file:hashes.MD5 = 'f00']":                                  "no MD5",
		"[file:hashes.'SHA-1' IN ('f00')]":                           "no SHA-1",
		"[file:name = 'a' AND url:value = 'b']":                      "one and the same object",
		"[(file:name = 'a' OR file:size = 1) AND url:value = 'b']":   "one and the same object",
		"[file:name = 'a'] REPEATS 0 TIMES":                          "greater than zero",
		"[file:name = 'a'] WITHIN 0.0 SECONDS":                       "greater than zero",
		"[file:name = 'a'] WITHIN 1 SECONDS WITHIN 2 SECONDS":        "twice",
		"[file:size IN (1, 'a')]":                                    "one kind",
		"[file:name = 'a' OR url:value = 'b']":                       "",
		"[(file:name = 'a' OR url:value = 'c') AND url:value = 'b']": "",
		"[file:size IN (1, 2.5)]":                                    "",
		"[file:hashes.MD5 LIKE 'f00%']":                              "",
		"[file:hashes.TLSH = 'x']":                                   "no TLSH",
		"[file:hashes.'x-own' = 'x']":                                "",
	} {
		p, err := ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		found := p.Check()
		if Failed(found) != (must != "") {
			t.Errorf("%s: %v", text, found)
		}
		if must != "" && !strings.Contains(found[0].Message, must) {
			t.Errorf("%s: %v, not %q", text, found, must)
		}
	}
}

func TestAnIndicatorIsHeldToTheLengthsOfNamesAndALonePatternWarned(t *testing.T) {
	found := CheckPattern("[ab:yz = 'x']")
	if Failed(found) || len(found) == 0 {
		t.Errorf("alone: %v", found)
	}
	if found := checkPattern("[ab:yz = 'x']", true, knownTypes); !Failed(found) {
		t.Errorf("in an indicator: %v", found)
	}
}

func TestObservablesAreTakenOutOfPatterns(t *testing.T) {
	for text, want := range map[string]string{
		"[ipv4-addr:value = '198.51.100.7' OR ipv4-addr:value = '198.51.100.0/24' OR ipv6-addr:value = '2001:db8::1/128']":                          "ip 198.51.100.7, cidr 198.51.100.0/24, ip 2001:db8::1",
		"[ipv4-addr:value ISSUBSET '198.51.100.0/24']":                                                                                              "cidr 198.51.100.0/24",
		"[domain-name:value IN ('a.example', 'b.example', 'a.example')]":                                                                            "domain a.example, domain b.example",
		"[domain-name:value != 'a.example' AND domain-name:value NOT = 'b.example' AND domain-name:value LIKE '%.example']":                         "",
		"[url:value = 'https://a.example/x'] FOLLOWEDBY [file:hashes.'SHA-1' = '0123456789012345678901234567890123456789' AND file:name = 'x.exe']": "url https://a.example/x, file-hash 0123456789012345678901234567890123456789, file-name x.exe",
		"[file:hashes[*] = '79054025255fb1a26e4bc422aef54eb4']":                                                                                     "file-hash 79054025255fb1a26e4bc422aef54eb4",
		"[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '203.0.113.33/32']":                                        "ip 203.0.113.33",
		"[network-traffic:dst_ref.value = 'c2.example']":                                                                                            "domain c2.example",
		"[email-message:to_refs[*].value = 'a@b.example']":                                                                                          "email a@b.example",
		"[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'Evil/1']":                                                    "user-agent Evil/1",
		"[autonomous-system:number = 64496]":                                                                                                        "asn 64496",
		"[windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\\\Software\\\\X']":                                                                        `registry-key HKEY_LOCAL_MACHINE\Software\X`,
		"[domain-name:value = 'unknown'] AND [x509-certificate:hashes.MD5 = '79054025255fb1a26e4bc422aef54eb4']":                                    "",
	} {
		p, err := ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range Observables(p) {
			got = append(got, s.Type+" "+s.Value)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %s", text, strings.Join(got, ", "))
		}
	}
}

// anyPattern draws patterns of every part of the grammar.
func anyPattern(t *rapid.T) *Pattern {
	name := rapid.StringMatching(`[a-z_][a-z0-9_]{0,8}`)
	anyText := rapid.StringOf(rapid.RuneFrom([]rune(`ab '\"%/éß日`)))
	literal := func() Literal {
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 0:
			return Literal{"integer", rapid.StringMatching(`[-+]?(0|[1-9][0-9]{0,5})`).Draw(t, "integer")}
		case 1:
			return Literal{"float", rapid.StringMatching(`[-+]?[0-9]{0,3}\.[0-9]{1,3}`).Draw(t, "float")}
		case 2:
			return Literal{"boolean", rapid.SampledFrom([]string{"true", "false"}).Draw(t, "boolean")}
		case 3:
			return Literal{"hex", rapid.StringMatching(`([0-9a-f]{2}){0,4}`).Draw(t, "hex")}
		case 4:
			return Literal{"binary", rapid.StringMatching(`([A-Za-z0-9+/]{4}){1,3}`).Draw(t, "binary")}
		case 5:
			return Literal{"timestamp", rapid.StringMatching(`20[0-9]{2}-0[1-9]-[12][0-9]T1[0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z`).Draw(t, "timestamp")}
		}
		return Literal{"string", anyText.Draw(t, "text")}
	}
	path := func() ObjectPath {
		p := ObjectPath{Type: rapid.StringMatching(`[a-z]{3}(-[a-z0-9]{1,4}){0,2}`).Filter(func(s string) bool { return !keywords[s] }).Draw(t, "type")}
		p.Steps = append(p.Steps, Step{Name: name.Draw(t, "step")})
		for range rapid.IntRange(0, 3).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "index") {
				p.Steps = append(p.Steps, Step{Index: rapid.StringMatching(`\*|0|-?[1-9][0-9]?`).Draw(t, "index")})
			} else {
				p.Steps = append(p.Steps, Step{Name: anyText.Draw(t, "name")})
			}
		}
		return p
	}
	var comparison func(depth int) *Comparison
	comparison = func(depth int) *Comparison {
		if depth > 0 && rapid.Bool().Draw(t, "compound") {
			c := &Comparison{Operator: rapid.SampledFrom([]string{"AND", "OR"}).Draw(t, "operator")}
			for range rapid.IntRange(2, 3).Draw(t, "operands") {
				c.Operands = append(c.Operands, comparison(depth-1))
			}
			return c
		}
		c := &Comparison{Path: path(), Negated: rapid.Bool().Draw(t, "negated")}
		c.Operator = rapid.SampledFrom([]string{"=", "!=", "<", ">=", "IN", "LIKE", "MATCHES", "ISSUBSET", "EXISTS"}).Draw(t, "operator")
		switch c.Operator {
		case "EXISTS":
		case "IN":
			for range rapid.IntRange(0, 3).Draw(t, "values") {
				c.Values = append(c.Values, literal())
			}
		case "LIKE", "MATCHES", "ISSUBSET":
			c.Values = []Literal{{"string", anyText.Draw(t, "text")}}
		case "<", ">=":
			c.Values = []Literal{rapid.Custom(func(*rapid.T) Literal { return literal() }).Filter(func(l Literal) bool { return l.Kind != "boolean" }).Draw(t, "ordered")}
		default:
			c.Values = []Literal{literal()}
		}
		return c
	}
	var observation func(depth int) *Observation
	observation = func(depth int) *Observation {
		o := &Observation{Test: comparison(2)}
		if depth > 0 && rapid.Bool().Draw(t, "compound") {
			o = &Observation{Grouped: true, Operator: rapid.SampledFrom(observationOperators).Draw(t, "operator")}
			for range rapid.IntRange(2, 3).Draw(t, "operands") {
				o.Operands = append(o.Operands, observation(depth-1))
			}
		}
		if rapid.Bool().Draw(t, "qualified") {
			o.Qualifiers = append(o.Qualifiers, Qualifier{Kind: "REPEATS", Amount: "2"}, Qualifier{Kind: "WITHIN", Amount: "1.5"},
				Qualifier{Kind: "START", Start: "2024-01-01T00:00:00Z", Stop: "2024-01-02T00:00:00.5Z"})
		}
		return o
	}
	return &Pattern{observation(3)}
}

func TestWhatIsPrintedReadsBackAsTheSamePattern(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		printed := anyPattern(t).String()
		again, err := ParsePattern(printed)
		if err != nil {
			t.Fatalf("%s: %v", printed, err)
		}
		if again.String() != printed {
			t.Fatalf("%s became %s", printed, again)
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{"[a:b = 1]", "([a:b IN ('x')] FOLLOWEDBY [c:d EXISTS e:f]) WITHIN 5 SECONDS", `[a:'b'[*] LIKE '\\\'']`, "[a:b=t'2024-01-01T00:00:00Z']", "/*", "h'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePattern(text)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid && fault.KindOf(err) != fault.TooLarge {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		p.Check()
		Observables(p)
		printed := p.String()
		again, err := ParsePattern(printed)
		if err != nil || again.String() != printed {
			t.Fatalf("%q is printed as %q, which reads as %v, %v", text, printed, again, err)
		}
	})
}
