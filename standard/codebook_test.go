package standard

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func written(t *testing.T, s *Standard, format string) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Codebook(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestACodebookNamesEverythingThatItsStandardHas(t *testing.T) {
	for _, ref := range Builtins() {
		s := builtin(t, ref)
		for _, format := range CodebookFormats() {
			text := written(t, s, format)
			for _, f := range s.Fields() {
				if !strings.Contains(text, f.Path) {
					t.Errorf("%s as %s lacks the field %s", ref, format, f.Path)
				}
			}
			d := s.Resolved()
			for _, l := range d.CodeLists {
				if !strings.Contains(text, l.Name) {
					t.Errorf("%s as %s lacks the code list %s", ref, format, l.Name)
				}
			}
			for _, want := range []string{s.Hash(), d.Title, d.Version, "Northern America", "TLP:AMBER", "1000..3000", "half-decade"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s as %s lacks %q", ref, format, want)
				}
			}
			if again := written(t, s, format); again != text {
				t.Errorf("%s as %s is written otherwise the second time", ref, format)
			}
		}
	}
}

func TestTheCodebookPageStandsByItself(t *testing.T) {
	page := written(t, builtin(t, "finance/1.0"), "html")
	ids, links := map[string]bool{}, []string{}
	z := html.NewTokenizer(strings.NewReader(page))
	var open []string
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			if z.Err() != io.EOF {
				t.Fatal(z.Err())
			}
			break
		}
		tok := z.Token()
		if kind == html.StartTagToken && tok.Data != "meta" {
			open = append(open, tok.Data)
		}
		if kind == html.EndTagToken {
			if len(open) == 0 || open[len(open)-1] != tok.Data {
				t.Fatalf("</%s> closes %v", tok.Data, open)
			}
			open = open[:len(open)-1]
		}
		switch tok.Data {
		case "script", "img", "link", "iframe", "object":
			t.Errorf("the page has a <%s>", tok.Data)
		}
		for _, a := range tok.Attr {
			switch a.Key {
			case "id":
				if ids[a.Val] {
					t.Errorf("the id %q stands twice", a.Val)
				}
				ids[a.Val] = true
			case "href", "src", "aria-labelledby":
				links = append(links, a.Val)
			}
		}
	}
	if len(open) > 0 {
		t.Errorf("never closed: %v", open)
	}
	for _, l := range links {
		if !ids[strings.TrimPrefix(l, "#")] {
			t.Errorf("the page links to %q, which it does not have", l)
		}
	}
	if !strings.Contains(page, `<html lang="en">`) || !strings.Contains(page, "Cite as") {
		t.Error("the page says neither its language nor how to cite it")
	}
}

func TestWordsOfADocumentDoNotBecomeMarkup(t *testing.T) {
	s, faults := ValidateDocument(edit(t, `"description": "When."`, `"description": "<script>alert(1)</script>"`), none)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if page := written(t, s, "html"); strings.Contains(page, "<script") {
		t.Error("a description became a script")
	}
}

func TestTheCodebookForProgramsReadsBack(t *testing.T) {
	s := builtin(t, "health/1.0")
	var b Book
	if err := json.Unmarshal([]byte(written(t, s, "json")), &b); err != nil {
		t.Fatal(err)
	}
	fields := 0
	for _, section := range b.Sections {
		fields += len(section.Fields)
	}
	if fields != len(s.Fields()) || b.SHA256 != s.Hash() || b.Extends != "core/1.0" {
		t.Errorf("%d fields, %s, %s", fields, b.SHA256, b.Extends)
	}
}

func TestAnUnknownFormatOfCodebookIsRefused(t *testing.T) {
	if err := smallStandard(t).Codebook(io.Discard, "pdf"); err == nil || !strings.Contains(err.Error(), "markdown") {
		t.Errorf("refused as %v", err)
	}
}
