// Package look is what the pages of the hub and of the member's desk have in
// common: the style sheet, the frame of a page, small parts (TLP labels,
// bands), and charts drawn as SVG on the server.
//
//	Pages{templates} ──Render(name, Frame{…}, view)──▶ HTML
//
// Pages need no script and make no request to anybody else.
package look

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

//go:embed assets/concord.css assets/icon.svg frame.html
var files embed.FS

// Room is one entry of a page's navigation.
type Room struct {
	Href, Name string
	Current    bool
}

// Place is where a page stands within a larger site, such as a sector: its
// name, the other places to go to, and the pages within it.
type Place struct {
	Name          string
	Others, Rooms []Room
	// Purposes are what the pages may be shown for, the one at hand current.
	Purposes []Room
}

// Frame is what surrounds a page's content.
type Frame struct {
	// Title says what the page found, not what it is.
	Title string
	// Site names the hub or the desk; Kicker stands small above the title.
	Site, Kicker string
	// Base stands before the paths of home and sign-out; empty at the hub.
	Base  string
	Rooms []Room
	// Place is the second line of navigation; nil for none.
	Place *Place
	// For is kept in the links of a page; see [Frame.To].
	For string
	// Icon is the path at which [Icon] is served; empty: nowhere.
	Icon string
	// Person and Member say who is signed in; empty: nobody.
	Person, Member string
	// Token goes into every form (CSRF).
	Token string
	// Custody is said at the foot of every page.
	Custody string
	Body    any
}

// To is a link within the site: it keeps the purpose for which the page at
// hand is shown, unless that is the one that is meant anyway.
func (f Frame) To(path string) string {
	if f.For == "" {
		return path
	}
	path, fragment, found := strings.Cut(path, "#")
	mark := "?"
	if strings.Contains(path, "?") {
		mark = "&"
	}
	path += mark + url.Values{"for": {f.For}}.Encode()
	if found {
		path += "#" + fragment
	}
	return path
}

// Pages is a set of page templates over the common frame.
type Pages struct {
	pages map[string]*template.Template
	style string
}

// partsFile holds templates that the pages of a folder share.
const partsFile = "parts.html"

// Load parses every *.html of the folder as a page named after its file. A
// page defines the template "page", and may use those that parts.html, if
// there is one, defines; further funcs may be given.
func Load(folder fs.FS, funcs template.FuncMap) (*Pages, error) {
	names, err := fs.Glob(folder, "*.html")
	if err != nil {
		return nil, fmt.Errorf("list page templates: %w", err)
	}
	css, err := files.ReadFile("assets/concord.css")
	if err != nil {
		return nil, fmt.Errorf("read the style sheet: %w", err)
	}
	// A folder may bring a style sheet of its own on top.
	if more, err := fs.ReadFile(folder, "style.css"); err == nil {
		css = append(css, more...)
	}
	p := &Pages{pages: map[string]*template.Template{}, style: string(css)}
	for _, name := range names {
		if name == partsFile {
			continue
		}
		t := template.New("frame.html").Funcs(parts()).Funcs(template.FuncMap{
			"style": func() template.CSS { return template.CSS(css) },
		}).Funcs(funcs)
		if t, err = t.ParseFS(files, "frame.html"); err != nil {
			return nil, fmt.Errorf("parse the frame: %w", err)
		}
		if slices.Contains(names, partsFile) {
			if t, err = t.ParseFS(folder, partsFile); err != nil {
				return nil, fmt.Errorf("parse the pages' parts: %w", err)
			}
		}
		if t, err = t.ParseFS(folder, name); err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
		p.pages[strings.TrimSuffix(name, ".html")] = t
	}
	return p, nil
}

// Render writes a page. Nothing is written if the template fails, so that the
// caller can still answer with an error.
func (p *Pages) Render(w http.ResponseWriter, status int, page string, f Frame) error {
	t, ok := p.pages[page]
	if !ok {
		return fmt.Errorf("there is no page %q", page)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "frame.html", f); err != nil {
		return fmt.Errorf("render page %s: %w", page, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy())
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Referrer-Policy") == "" {
		h.Set("Referrer-Policy", "same-origin")
	}
	h.Set("Cache-Control", "private, no-store")
	w.WriteHeader(status)
	_, err := b.WriteTo(w)
	return err
}

// Icon serves the little picture that browsers show beside a title.
func Icon(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=86400")
	http.ServeFileFS(w, r, files, "assets/icon.svg")
}

// policy allows our own style sheet by its hash and nothing else: no script,
// no frame, no foreign request.
func (p *Pages) policy() string {
	sum := sha256.Sum256([]byte(p.style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

func parts() template.FuncMap {
	return template.FuncMap{
		"tlp":   TLP,
		"join":  func(sep string, s []string) string { return strings.Join(s, sep) },
		"num":   Number,
		"list":  List,
		"dict":  dict,
		"dates": Dates,
	}
}

// dict makes one value of several for a template: names and values in turn.
func dict(pairs ...any) (map[string]any, error) {
	out := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict takes names and values in turn")
		}
		out[name] = pairs[i+1]
	}
	return out, nil
}

// dateText is a date or period as pages write it.
var dateText = regexp.MustCompile(`\b\d{4}-(?:\d{2}(?:-\d{2})?|Q\d)\b`)

// Dates writes text so that no line breaks within a date.
func Dates(text string) template.HTML {
	return template.HTML(dateText.ReplaceAllString(escape(text), `<span class="date">$0</span>`))
}

// TLP draws a TLP 2.0 label in its official colours.
func TLP(label string) template.HTML {
	if label == "" {
		return ""
	}
	class := "clear"
	for _, c := range []string{"red", "amber", "green"} {
		if strings.Contains(strings.ToLower(label), c) {
			class = c
		}
	}
	return template.HTML(`<span class="tlp tlp-` + class + `">` + template.HTMLEscapeString(label) + `</span>`)
}

// Number writes a figure with thin spaces between thousands.
func Number(v any) string {
	var s string
	switch n := v.(type) {
	case float64:
		if n == float64(int64(n)) {
			s = fmt.Sprintf("%d", int64(n))
		} else {
			return fmt.Sprintf("%.1f", n)
		}
	default:
		s = fmt.Sprint(n)
	}
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return sign + s
}

// List writes words as a sentence does: "a, b and c".
func List(words []string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}
