package look

import (
	"encoding/xml"
	"html/template"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"
)

// pageOf renders a page of one template within the frame.
func pageOf(t *testing.T, folder fs.FS, f Frame) *httptest.ResponseRecorder {
	t.Helper()
	p, err := Load(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := p.Render(w, http.StatusOK, "one", f); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestAPageMayUseThePartsOfItsFolder(t *testing.T) {
	folder := fstest.MapFS{
		"parts.html": {Data: []byte(`{{define "both"}}<b>{{.}}</b>{{end}}`)},
		"one.html":   {Data: []byte(`{{define "page"}}{{template "both" .Body}}{{end}}`)},
	}
	if body := pageOf(t, folder, Frame{Title: "A title", Body: "<x>"}).Body.String(); !strings.Contains(body, "<b>&lt;x&gt;</b>") {
		t.Errorf("the part is not in the page:\n%s", body)
	}
}

func TestThePolicyAllowsThePagesOwnStyleAndNothingElse(t *testing.T) {
	w := pageOf(t, fstest.MapFS{"one.html": {Data: []byte(`{{define "page"}}{{end}}`)}}, Frame{Title: "A title"})
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "script") {
		t.Errorf("the policy is %q", policy)
	}
}

func TestATemplateThatFailsWritesNothing(t *testing.T) {
	p, err := Load(fstest.MapFS{"one.html": {Data: []byte(`{{define "page"}}begun {{.Body.Absent}}{{end}}`)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := p.Render(w, http.StatusOK, "one", Frame{Body: struct{}{}}); err == nil || w.Body.Len() != 0 {
		t.Errorf("error %v, %d bytes written", err, w.Body.Len())
	}
}

func TestALinkKeepsThePurposeAndItsOwnParts(t *testing.T) {
	for _, c := range []struct{ purpose, path, want string }{
		{"", "/a", "/a"},
		{"study", "/a", "/a?for=study"},
		{"study", "/a?b=c", "/a?b=c&for=study"},
		{"study", "/a#part", "/a?for=study#part"},
	} {
		if got := (Frame{For: c.purpose}).To(c.path); got != c.want {
			t.Errorf("To(%q) for %q = %q, want %q", c.path, c.purpose, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		purpose := rapid.StringN(1, 20, -1).Draw(t, "purpose")
		u, err := url.Parse((Frame{For: purpose}).To("/a?b=c#d"))
		if err != nil || u.Query().Get("for") != purpose || u.Query().Get("b") != "c" || u.Fragment != "d" {
			t.Errorf("%q is lost in %v: %v", purpose, u, err)
		}
	})
}

func TestNumbersAreWrittenInThousands(t *testing.T) {
	for v, want := range map[any]string{0: "0", 999: "999", 1000: "1\u202f000", int64(-1234567): "−1\u202f234\u202f567", 1500.0: "1\u202f500", 2.25: "2.2"} {
		if got := Number(v); got != want {
			t.Errorf("Number(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestTextWithDatesIsEscapedAndEachDateKeptWhole(t *testing.T) {
	got := string(Dates(`<b> rose in 2026-Q3, until 2026-03-14 & 2026-04`))
	want := `&lt;b&gt; rose in <span class="date">2026-Q3</span>, until <span class="date">2026-03-14</span> &amp; <span class="date">2026-04</span>`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTLPLabelsAreInTheirOwnColours(t *testing.T) {
	for label, class := range map[string]string{"TLP:RED": "red", "TLP:AMBER": "amber", "TLP:AMBER+STRICT": "amber", "TLP:GREEN": "green", "TLP:CLEAR": "clear"} {
		if got := string(TLP(label)); !strings.Contains(got, "tlp-"+class) || !strings.Contains(got, template.HTMLEscapeString(label)) {
			t.Errorf("TLP(%s) = %s", label, got)
		}
	}
	if TLP("") != "" {
		t.Error("no label is drawn as one")
	}
}

// anyChart draws a chart of whatever labels and values.
func anyChart(t *rapid.T) Chart {
	bars := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Bar {
		return Bar{Label: rapid.String().Draw(t, "label"), Value: rapid.Float64Range(0, 1e12).Draw(t, "value"),
			Withheld: rapid.Bool().Draw(t, "withheld"), Open: rapid.Bool().Draw(t, "open"), Chance: rapid.Float64Range(0, 1e6).Draw(t, "chance")}
	}), 1, 12).Draw(t, "bars")
	alt := rapid.String().Draw(t, "alt")
	if rapid.Bool().Draw(t, "ranks") {
		return Ranks(alt, bars)
	}
	return Strips(alt, []Strip{{Label: rapid.String().Draw(t, "strip"), Note: "note", Bars: bars}})
}

// printable drops what XML cannot hold at all, as labels of ours never do.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xFFFE || r == 0xFFFF || r == 0xFFFD {
			return -1
		}
		return r
	}, s)
}

func TestAChartIsWellFormedWhateverItsLabelsSay(t *testing.T) {
	size := regexp.MustCompile(`(?:width|height)="(-[^"]*)"`)
	rapid.Check(t, func(t *rapid.T) {
		c := anyChart(t)
		file := printable(string(c.File("A title", []string{"Source: us"})))
		if err := xml.Unmarshal([]byte(file), &struct{ XMLName xml.Name }{}); err != nil {
			t.Errorf("the file is not XML: %v\n%s", err, file)
		}
		page := string(c.HTML())
		if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") {
			t.Errorf("the chart holds no number where one belongs:\n%s", page)
		}
		if bad := size.FindString(page); bad != "" {
			t.Errorf("something is drawn with the size %s", bad)
		}
	})
}

func TestAWithheldBarShowsNoValue(t *testing.T) {
	secret := Bar{Label: "2026-Q1", Value: 12345, Withheld: true, Chance: 111}
	same := Bar{Label: "2026-Q1", Value: 7, Withheld: true}
	other := Bar{Label: "2026-Q2", Value: 10}
	for name, draw := range map[string]func(...Bar) Chart{
		"ranks":  func(b ...Bar) Chart { return Ranks("alt", b) },
		"strips": func(b ...Bar) Chart { return Strips("alt", []Strip{{Label: "one", Bars: b}}) },
	} {
		if a, b := draw(secret, other).HTML(), draw(same, other).HTML(); a != b {
			t.Errorf("%s: the drawing depends on a withheld value", name)
		}
	}
}
