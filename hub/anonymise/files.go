package anonymise

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms/policy"
)

// file is a file in the making.
type file struct {
	File
	content []byte
}

func newFile(name, mediaType string, content []byte) file {
	sum := sha256.Sum256(content)
	return file{File{Name: name, MediaType: mediaType, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}, content}
}

// Names of a release's files.
const (
	fileCSV      = "incidents.csv"
	fileJSONL    = "incidents.jsonl"
	fileParquet  = "incidents.parquet"
	fileCodebook = "codebook.html"
	fileCoverage = "coverage.csv"
	fileAbout    = "release.json"
	fileSums     = "SHA256SUMS"
)

// SumsName is the file whose checksum stands for all of them.
const SumsName = fileSums

// about is release.json: what a reader, or the separate check, must know.
type about struct {
	ID             string            `json:"id"`
	Sector         string            `json:"sector"`
	Title          string            `json:"title"`
	Made           string            `json:"made"`
	Standard       string            `json:"standard"`
	K              int               `json:"k"`
	MinOwnerGroups int               `json:"min_owner_groups"`
	Quasi          []string          `json:"quasi_identifiers"`
	Columns        []string          `json:"columns"`
	Levels         map[string]string `json:"levels"`
	Records        int               `json:"records"`
	Suppressed     int               `json:"suppressed"`
	RareRemoved    int               `json:"rare_removed"`
	Loss           float64           `json:"loss"`
	TLP            string            `json:"tlp"`
	DataUse        []policy.DataUse  `json:"data_use"`
	From           string            `json:"from"`
	To             string            `json:"to"`
	Cite           string            `json:"cite"`
	Withheld       map[string]string `json:"withheld"`
}

func (r *Room) files(rel Release, std *standard.Standard, t *table, done finished) ([]file, error) {
	var columns, quasi []string
	for _, f := range t.quasi {
		quasi = append(quasi, f.Path)
	}
	columns = append(columns, quasi...)
	for _, f := range t.attrs {
		columns = append(columns, f.Path)
	}
	table, err := writeCSV(columns, done.rows)
	if err != nil {
		return nil, err
	}
	lines, err := writeJSONL(columns, done.rows)
	if err != nil {
		return nil, err
	}
	columnar, err := writeParquet(columns, done.rows)
	if err != nil {
		return nil, err
	}
	var codebook bytes.Buffer
	if err := std.Codebook(&codebook, "html"); err != nil {
		return nil, fmt.Errorf("write the codebook: %w", err)
	}
	description, err := json.MarshalIndent(about{ID: string(rel.ID), Sector: rel.Sector, Title: rel.Title, Made: rel.Made.Format("2006-01-02T15:04:05Z"), Standard: rel.Standard,
		K: rel.K, MinOwnerGroups: rel.MinOwnerGroups, Quasi: quasi, Columns: columns, Levels: rel.Levels, Records: rel.Records, Suppressed: rel.Suppressed,
		RareRemoved: rel.RareRemoved, Loss: rel.Loss, TLP: rel.TLP, DataUse: rel.DataUse, From: rel.From, To: rel.To, Cite: rel.Cite, Withheld: rel.Withheld}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("describe the release: %w", err)
	}
	coverage, err := t.coverage(rel.MinOwnerGroups)
	if err != nil {
		return nil, err
	}
	files := []file{
		newFile(fileCSV, "text/csv; charset=utf-8", table),
		newFile(fileJSONL, "application/jsonl", lines),
		newFile(fileParquet, "application/vnd.apache.parquet", columnar),
		newFile(fileCodebook, "text/html; charset=utf-8", codebook.Bytes()),
		newFile(fileCoverage, "text/csv; charset=utf-8", coverage),
		newFile(fileAbout, "application/json", append(description, '\n')),
	}
	var sums strings.Builder
	for _, f := range files {
		fmt.Fprintf(&sums, "%s  %s\n", f.SHA256, f.Name)
	}
	return append(files, newFile(fileSums, "text/plain; charset=utf-8", []byte(sums.String()))), nil
}

func writeCSV(columns []string, rows [][]string) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(columns); err != nil {
		return nil, fmt.Errorf("write CSV: %w", err)
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, fmt.Errorf("write CSV: %w", err)
	}
	return b.Bytes(), nil
}

func writeJSONL(columns []string, rows [][]string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, row := range rows {
		line := map[string]string{}
		for i, c := range columns {
			if row[i] != unknownValue {
				line[c] = row[i]
			}
		}
		if err := enc.Encode(line); err != nil {
			return nil, fmt.Errorf("write JSON Lines: %w", err)
		}
	}
	return b.Bytes(), nil
}

// writeParquet writes all columns as optional strings; what is not known is
// null.
func writeParquet(columns []string, rows [][]string) ([]byte, error) {
	group := parquet.Group{}
	for _, c := range columns {
		group[c] = parquet.Compressed(parquet.Optional(parquet.String()), &parquet.Zstd)
	}
	order := slices.Clone(columns)
	slices.Sort(order) // as the format orders the columns of a group
	from := make([]int, len(order))
	for at, c := range order {
		from[at] = slices.Index(columns, c)
	}
	var b bytes.Buffer
	w := parquet.NewWriter(&b, parquet.NewSchema("incidents", group))
	for _, row := range rows {
		line := make(parquet.Row, len(order))
		for at := range order {
			v := row[from[at]]
			if v == unknownValue {
				line[at] = parquet.NullValue().Level(0, 0, at)
			} else {
				line[at] = parquet.ByteArrayValue([]byte(v)).Level(0, 1, at)
			}
		}
		if _, err := w.WriteRows([]parquet.Row{line}); err != nil {
			return nil, fmt.Errorf("write Parquet: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write Parquet: %w", err)
	}
	return b.Bytes(), nil
}

// coverage tells how many owner groups stand behind the data, by stake, by
// size of victim and by month, in bands. A category behind which fewer than
// the minimum stand is not named, since its name alone would tell that there
// is something: all of those are one line, which always stands.
func (t *table) coverage(minimum int) ([]byte, error) {
	rows := [][]string{}
	for _, d := range t.behind() {
		for _, category := range slices.Sorted(maps.Keys(d.groups)) {
			if n := len(d.groups[category]); n >= max(minimum, d.asked[category]) {
				rows = append(rows, []string{d.name, category, coverageBand(n)})
			}
		}
		rows = append(rows, []string{d.name, "all others", "withheld"})
	}
	return writeCSV([]string{"dimension", "category", "owner_groups"}, rows)
}

// dimension holds the owner groups behind each category, and how many terms ask
// for.
type dimension struct {
	name   string
	groups map[string]map[string]bool
	asked  map[string]int
}

func newDimension(name string) dimension {
	return dimension{name, map[string]map[string]bool{}, map[string]int{}}
}

func (d dimension) put(category, group string, asked int) {
	category = cmp.Or(category, "not known")
	if d.groups[category] == nil {
		d.groups[category] = map[string]bool{}
	}
	d.groups[category][group] = true
	d.asked[category] = max(d.asked[category], asked)
}

func (t *table) behind() []dimension {
	stake, size, month := newDimension("stake"), newDimension("size"), newDimension("month")
	for _, r := range t.rows {
		for _, c := range r.by {
			stake.put(string(c.stake), c.group, 0)
			category, asked := t.told(r, sizeOfVictim)
			size.put(category, c.group, asked)
			date, asked := t.told(r, timeOfIncident)
			month.put(date[:min(len("2006-01"), len(date))], c.group, asked)
		}
	}
	return []dimension{stake, size, month}
}

// told is what a row tells of a quasi-identifier, and how many owner groups
// that asks for.
func (t *table) told(r row, path string) (value string, asked int) {
	at := slices.IndexFunc(t.quasi, func(f standard.Field) bool { return f.Path == path })
	if at < 0 {
		return unknownValue, 0
	}
	return r.quasi[at], r.asked[at]
}

func coverageBand(n int) string {
	for _, b := range []int{50, 20, 10, 5} {
		if n >= b {
			return fmt.Sprintf("%d or more", b)
		}
	}
	return "fewer than 5"
}
