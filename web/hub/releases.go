package hub

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

type releasesBody struct {
	Sector deliver.Sector
	Items  []deliver.ReleaseView
	All    int    // before the filter
	Period period // in which they were made
	Links  links
	// Problem says what could not be understood of the period.
	Problem string
}

func (s *Site) releases(v visit) error {
	sector, err := s.sector(v)
	if err != nil {
		return err
	}
	format, err := v.format()
	if err != nil {
		return err
	}
	a, err := s.Deliver.ReleasesOf(v.r.Context(), v.viewer, sector.Name)
	if err != nil {
		return err
	}
	all := slices.Clone(a.Body())
	body := releasesBody{Sector: sector, All: len(all), Links: v.links("")}
	p := view{page: "releases", kicker: "Releases: datasets that are anonymised", sector: sector.Name}
	if body.Period, err = v.period(); err != nil {
		if format != "" {
			return err
		}
		body.Problem = fault.Public(err).Message
		p.title, p.status, p.body = "Nothing was looked for: one of the choices cannot be understood", http.StatusBadRequest, body
		return s.show(v, p)
	}
	body.Items = slices.DeleteFunc(all, func(r deliver.ReleaseView) bool { return !body.Period.holds(r.Made.UTC().Format("2006-01")) })
	switch format {
	case "json":
		return writeItems(v.w, sector.Name+"-releases", body.Items, "")
	case "csv":
		return releasesCSV(v.w, sector.Name, body.Items)
	}
	p.title, p.body = releasesTitle(body), body
	return s.show(v, p)
}

func releasesTitle(b releasesBody) string {
	switch {
	case b.All == 0:
		return "No dataset of this sector was released yet"
	case len(b.Items) == 0:
		return fmt.Sprintf("None of the %s was made%s", many(b.All, "release"), b.Period.words())
	}
	i := slices.IndexFunc(b.Items, func(r deliver.ReleaseView) bool { return r.Withdrawn == nil })
	if i < 0 {
		return "What was released of this sector was withdrawn"
	}
	newest := b.Items[i]
	return fmt.Sprintf("The newest dataset holds %s from %s to %s, each alike with at least %d others", many(newest.Records, "incident"), newest.From, newest.To, newest.K-1)
}

func releasesCSV(w http.ResponseWriter, sector string, items []deliver.ReleaseView) error {
	var rows [][]string
	for _, r := range items {
		rows = append(rows, []string{string(r.ID), r.Made.UTC().Format("2006-01-02"), r.From, r.To, strconv.Itoa(r.Records), strconv.Itoa(r.Suppressed),
			strconv.Itoa(r.K), strconv.Itoa(r.MinOwnerGroups), strconv.FormatFloat(r.Loss, 'f', 4, 64), r.Standard, withdrawnWord(r)})
	}
	return writeCSV(w, sector+"-releases", []string{"release", "made", "from", "to", "records", "left_out", "k", "min_owner_groups", "loss", "standard", "withdrawn"}, rows)
}

// withdrawnWord says of a withdrawn release in a word why; "" of others.
func withdrawnWord(r deliver.ReleaseView) string {
	if r.Withdrawn == nil {
		return ""
	}
	return r.Withdrawn.Code
}

// level is one quasi-identifier and how far it was coarsened.
type level struct{ Title, Codebook, Path, Level string }

// reason is a reason with the fields that it keeps out of a release.
type reason struct {
	Why    string
	Fields []string
}

// releaseFile is a file with what it is for.
type releaseFile struct {
	Name, For, Href, SHA256 string
	Size                    int64
}

type releaseBody struct {
	deliver.ReleaseView
	Files    []releaseFile
	Codebook string
	Levels   []level
	Reasons  []reason
	Held     int
	Share    float64 // of the incidents that were left out
	JSON     string
	May      mayDo
	// Address leads to the release from elsewhere; Sums is the SHA-256 of
	// SHA256SUMS, which stands for all files.
	Address, Sums string
}

// mayDo is what the viewer's own agreement says beside the release's terms.
type mayDo struct {
	Purposes []string
	Promises []string
	Project  *agreement.Project
	Until    string
}

func (v visit) mayDo() mayDo {
	a := v.standing.Agreement()
	may := mayDo{Promises: a.Undertakings, Project: a.Project, Until: a.Until.UTC().Format("2006-01-02")}
	for _, p := range a.Purposes {
		may.Purposes = append(may.Purposes, string(p))
	}
	return may
}

// address is where the page is to be found from elsewhere.
func (s *Site) address(v visit) string {
	scheme := "http://"
	if s.Secure {
		scheme = "https://"
	}
	return scheme + v.r.Host + v.r.URL.EscapedPath()
}

// fileUses says what each file of a release is for.
var fileUses = map[string]string{
	"incidents.csv": "the data as a table", "incidents.jsonl": "the data, one JSON object a line", "incidents.parquet": "the data in columns",
	"codebook.html": "what every column and code means", "coverage.csv": "how many owner groups stand behind the data, in bands",
	"release.json": "how the release was made, for programs", "SHA256SUMS": "checksums of the other files",
}

func (s *Site) release(v visit) error {
	a, err := s.Deliver.Release(v.r.Context(), v.viewer, wire.ReleaseID(v.r.PathValue("id")))
	if err != nil {
		return err
	}
	format, err := v.format()
	if err != nil {
		return err
	}
	r := a.Body()
	if format == "json" {
		return writeJSON(v.w, string(r.ID), a)
	}
	if r.Withdrawn != nil {
		title := "This release was withdrawn, and its files are gone"
		return s.show(v, view{page: "withdrawn", title: title, kicker: "Release " + string(r.ID), sector: r.Sector, body: r})
	}
	std, err := s.Standards(standard.Ref(r.Standard))
	if err != nil {
		return err
	}
	body := releaseBody{ReleaseView: r, Held: len(r.Withheld), JSON: v.with("format", "json"), May: v.mayDo(), Address: s.address(v)}
	if whole := r.Records + r.Suppressed; whole > 0 {
		body.Share = float64(r.Suppressed) / float64(whole)
	}
	for _, f := range r.Files {
		body.Files = append(body.Files, releaseFile{f.Name, fileUses[f.Name], v.to("/releases/" + string(r.ID) + "/" + f.Name), f.SHA256, f.Size})
		switch {
		case strings.HasPrefix(f.Name, "codebook."):
			body.Codebook = body.Files[len(body.Files)-1].Href
		case f.Name == anonymise.SumsName:
			body.Sums = f.SHA256
		}
	}
	paths := slices.SortedFunc(maps.Keys(r.Levels), func(a, b string) int { return std.Order(a) - std.Order(b) })
	for _, path := range paths {
		body.Levels = append(body.Levels, level{fieldTitle(std, path), "/v1/standards/" + r.Standard + "#f-" + path, path, levelWords(r.Levels[path])})
	}
	body.Reasons = reasons(std, r.Withheld)
	title := fmt.Sprintf("%s incidents from %s to %s, each alike with at least %d others", number(r.Records), r.From, r.To, r.K-1)
	return s.show(v, view{page: "release", title: title, kicker: "Release " + string(r.ID), sector: r.Sector, body: body})
}

func fieldTitle(std *standard.Standard, path string) string {
	if f, ok := std.Field(path); ok && f.Title != "" {
		return f.Title
	}
	return path
}

func levelWords(level string) string {
	switch level {
	case "", "exact", "as told":
		return "as finely as contributors let it leave"
	case standard.Any, "any":
		return "left out: every value would stand out"
	}
	return "coarsened to " + strings.ReplaceAll(level, "-", " ")
}

// reasons turns field → why into why → fields, the commonest first.
func reasons(std *standard.Standard, withheld map[string]string) []reason {
	var out []reason
	for _, path := range slices.SortedFunc(maps.Keys(withheld), func(a, b string) int { return std.Order(a) - std.Order(b) }) {
		why := withheld[path]
		i := slices.IndexFunc(out, func(r reason) bool { return r.Why == why })
		if i < 0 {
			i = len(out)
			out = append(out, reason{Why: why})
		}
		out[i].Fields = append(out[i].Fields, fieldTitle(std, path))
	}
	slices.SortStableFunc(out, func(a, b reason) int { return len(b.Fields) - len(a.Fields) })
	return out
}

func (s *Site) releaseFile(v visit) error {
	a, err := s.Deliver.ReleaseFile(v.r.Context(), v.viewer, wire.ReleaseID(v.r.PathValue("id")), v.r.PathValue("name"))
	if err != nil {
		return err
	}
	c := a.Body()
	h := v.w.Header()
	h.Set("Content-Type", c.MediaType)
	// The codebook brings a style sheet of its own, and may do nothing else.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox")
	if !strings.HasPrefix(c.MediaType, "text/html") {
		h.Set("Content-Disposition", "attachment; filename="+strconv.Quote(c.Name))
	}
	_, err = v.w.Write(c.Data)
	return err
}
