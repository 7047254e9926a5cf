package taxiicheck

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Seen is what [Walk] met of a collection.
type Seen struct {
	Root, ID, Title string
	CanWrite        bool
	Objects         []json.RawMessage
	Added           []string // their date_added
}

// Walk reads all that a server shows, page by page, and holds it to what the
// protocol promises: the discovery resource leads to every root, each root to
// its collections; date_added grows strictly; the manifest and the objects
// tell the same; what is asked for alone is there; HEAD answers as GET.
func (c Client) Walk(pageSize int) (seen []Seen, failed []string) {
	w := walker{c: c, size: pageSize}
	var discovery struct {
		Roots []string `json:"api_roots"`
	}
	w.get("/taxii2/", &discovery)
	for _, root := range discovery.Roots {
		u, err := url.Parse(root)
		if err != nil || !strings.HasSuffix(u.Path, "/") {
			w.fail("the API root %q is no URL that ends with a slash", root)
			continue
		}
		var about struct {
			Versions []string `json:"versions"`
			Max      int64    `json:"max_content_length"`
		}
		w.get(u.Path, &about)
		if len(about.Versions) == 0 || about.Max <= 0 {
			w.fail("%s tells no version or no max_content_length", u.Path)
		}
		var list struct {
			Collections []struct {
				ID, Title string
				CanRead   bool `json:"can_read"`
				CanWrite  bool `json:"can_write"`
			} `json:"collections"`
		}
		w.get(u.Path+"collections/", &list)
		for _, found := range list.Collections {
			s := Seen{Root: u.Path, ID: found.ID, Title: found.Title, CanWrite: found.CanWrite}
			if found.CanRead {
				w.collection(&s)
			}
			seen = append(seen, s)
		}
	}
	return seen, w.failed
}

type walker struct {
	c      Client
	size   int
	failed []string
}

func (w *walker) fail(format string, args ...any) {
	w.failed = append(w.failed, fmt.Sprintf(format, args...))
}

func (w *walker) ask(method, path string) answer {
	a, err := w.c.do(method, path, http.Header{"Accept": {MediaType}, "Authorization": {w.c.Authorization}}, nil)
	if err != nil {
		w.fail("%s %s: %v", method, path, err)
	}
	return a
}

func (w *walker) get(path string, v any) answer {
	a := w.ask("GET", path)
	if a.status != 200 || !sameMedia(a.header.Get("Content-Type"), MediaType) {
		w.fail("GET %s: %d %s %.200s", path, a.status, a.header.Get("Content-Type"), a.body)
	} else if err := json.Unmarshal(a.body, v); err != nil {
		w.fail("GET %s: %v", path, err)
	}
	return a
}

type manifestEntry struct {
	ID      string
	Added   string `json:"date_added"`
	Version string
}

func (w *walker) collection(s *Seen) {
	base := s.Root + "collections/" + s.ID + "/"
	var manifest []manifestEntry
	for next := ""; ; {
		var page struct {
			More    bool
			Next    string
			Objects []manifestEntry
		}
		w.get(w.page(base+"manifest/", next), &page)
		manifest = append(manifest, page.Objects...)
		if next = page.Next; !page.More || next == "" {
			break
		}
	}
	last := ""
	for _, m := range manifest {
		if m.Added <= last {
			w.fail("%s: date_added %s comes after %s", base, m.Added, last)
		}
		last = m.Added
		s.Added = append(s.Added, m.Added)
	}
	for next := ""; ; {
		var page struct {
			More    bool
			Next    string
			Objects []json.RawMessage
		}
		at := len(s.Objects)
		path := w.page(base+"objects/", next)
		a := w.get(path, &page)
		s.Objects = append(s.Objects, page.Objects...)
		w.sameAsManifest(base, manifest, at, page.Objects, a)
		if head := w.ask("HEAD", path); head.status != a.status || len(head.body) > 0 ||
			head.header.Get("X-TAXII-Date-Added-Last") != a.header.Get("X-TAXII-Date-Added-Last") {
			w.fail("HEAD %s does not answer as GET", path)
		}
		if next = page.Next; !page.More || next == "" {
			break
		}
	}
	if len(s.Objects) != len(manifest) {
		w.fail("%s: %d objects, %d lines of manifest", base, len(s.Objects), len(manifest))
	}
	if len(manifest) > 0 {
		w.alone(base, manifest[len(manifest)/2])
	}
}

func (w *walker) page(path, next string) string {
	path += fmt.Sprintf("?limit=%d", w.size)
	if next != "" {
		path += "&next=" + url.QueryEscape(next)
	}
	return path
}

func (w *walker) sameAsManifest(base string, manifest []manifestEntry, at int, objects []json.RawMessage, a answer) {
	if len(objects) == 0 || at+len(objects) > len(manifest) {
		return // told by the count
	}
	for i, raw := range objects {
		var head struct{ ID string }
		if err := json.Unmarshal(raw, &head); err != nil || head.ID != manifest[at+i].ID {
			w.fail("%s: object %d is %s, the manifest says %s", base, at+i, head.ID, manifest[at+i].ID)
		}
	}
	if a.header.Get("X-TAXII-Date-Added-First") != manifest[at].Added || a.header.Get("X-TAXII-Date-Added-Last") != manifest[at+len(objects)-1].Added {
		w.fail("%s: the headers do not tell the page's first and last date_added", base)
	}
}

// alone asks for one object by its path, by a filter, and for its versions.
func (w *walker) alone(base string, m manifestEntry) {
	var one, filtered struct{ Objects []struct{ ID string } }
	w.get(base+"objects/"+m.ID+"/", &one)
	w.get(base+"objects/?match%5Bid%5D="+m.ID, &filtered)
	if len(one.Objects) != 1 || one.Objects[0].ID != m.ID || len(filtered.Objects) != 1 || filtered.Objects[0].ID != m.ID {
		w.fail("%s: %s is not there when it is asked for alone", base, m.ID)
	}
	var versions struct{ Versions []string }
	if w.get(base+"objects/"+m.ID+"/versions/", &versions); !strings.Contains(strings.Join(versions.Versions, " "), m.Version) {
		w.fail("%s: %s has versions %v, the manifest says %s", base, m.ID, versions.Versions, m.Version)
	}
	var after struct{ Objects []struct{ ID string } }
	w.get(base+"objects/"+m.ID+"/?added_after="+m.Added, &after)
	if len(after.Objects) > 0 {
		w.fail("%s: added_after is not exclusive", base)
	}
}
