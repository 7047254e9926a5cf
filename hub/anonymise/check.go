package anonymise

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"io"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/kanonymity"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// tokenLength is how long a token is when written, in base64url.
const tokenLength = 43

// idLike are ids and pseudonyms as a hub issues them.
var idLike = regexp.MustCompile(`\b[rcimkag]-[a-z2-7]{26}\b|\bpseudonym-[0-9a-f]{16}\b`)

// tokenLike reports whether a run of base64url's letters looks like a token,
// or holds something that looks like an id or a pseudonym.
func tokenLike(run []byte) bool {
	const shortest = len("pseudonym-") + 16
	return len(run) >= tokenLength || len(run) >= shortest && idLike.Match(run)
}

// runs are the parts of a text that are made of base64url's letters.
func runs(text []byte) iter.Seq[[]byte] {
	return bytes.FieldsFuncSeq(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	})
}

// leastK is the least k that is any promise.
const leastK = 2

// releaseFiles are the files of a release, all of them and no others.
var releaseFiles = []string{fileCSV, fileJSONL, fileParquet, fileCodebook, fileCoverage, fileAbout, fileSums}

// CheckFiles holds the files of a release to its promise, from the files
// alone and by code of its own: see [CheckAtLeast].
func CheckFiles(content map[string][]byte) error { return CheckAtLeast(content, leastK) }

// CheckAtLeast is [CheckFiles] for a reader who demands at least k, whatever
// the release says of itself.
//
// It checks that no file is missing, added or changed; that CSV, JSON Lines
// and Parquet say the same and nothing more; that every column has a place in
// a release by the standard, and every quasi-identifier stands at the level
// that is stated; that every combination of quasi-identifiers is shared by k
// records, and so is every code of every other column; and that nothing in any
// file looks like a token or an id.
//
// It cannot see victims and owner groups, which never leave the hub: that k
// victims and enough owner groups stand behind each class is the hub's word.
// Nor can it see a change that is made in all files alike, with new checksums:
// for this compare the checksum of SHA256SUMS with the hub's.
func CheckAtLeast(content map[string][]byte, k int) error {
	if err := checkNames(content); err != nil {
		return err
	}
	var a about
	if err := wire.Decode(content[fileAbout], &a); err != nil {
		return wrong("release.about", fileAbout, "the description cannot be read").Because(err)
	}
	if a.K < max(k, leastK) {
		return wrong("release.k", fileAbout, "the release promises %d records alike; at least %d are wanted", a.K, max(k, leastK))
	}
	rows, err := csv.NewReader(bytes.NewReader(content[fileCSV])).ReadAll()
	if err != nil || len(rows) == 0 {
		return wrong("release.csv", fileCSV, "the table cannot be read")
	}
	head, rows := rows[0], rows[1:]
	if !slices.Equal(head, a.Columns) || len(rows) != a.Records {
		return wrong("release.columns", fileCSV, "columns or number of records are not what the description says")
	}
	checks := []func() error{
		func() error { return checkColumns(a) },
		func() error { return sameLines(content[fileJSONL], head, rows) },
		func() error { return sameParquet(content[fileParquet], head, rows) },
		func() error { return noToken(content) },
		func() error { return checkClasses(a, rows) },
		func() error { return checkCodes(a, rows) },
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// Stated is what the files of a release say of themselves.
type Stated struct {
	ID         string `json:"release"`
	K          int    `json:"k"`
	Records    int    `json:"records"`
	Suppressed int    `json:"suppressed"`
	// Sums is the SHA-256 of SHA256SUMS, in hexadecimal: the one figure to
	// compare with the hub's.
	Sums string `json:"sha256sums"`
}

// StatedBy reads what files that were checked say of themselves.
func StatedBy(content map[string][]byte) (Stated, error) {
	var a about
	if err := wire.Decode(content[fileAbout], &a); err != nil {
		return Stated{}, wrong("release.about", fileAbout, "the description cannot be read").Because(err)
	}
	sum := sha256.Sum256(content[fileSums])
	return Stated{a.ID, a.K, a.Records, a.Suppressed, hex.EncodeToString(sum[:])}, nil
}

func wrong(code, at, format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, code, format, args...).At(at)
}

// checkNames holds the folder to the list of a release's files, each with its
// checksum, once.
func checkNames(content map[string][]byte) error {
	for _, name := range releaseFiles {
		if content[name] == nil {
			return wrong("release.missing_file", name, "the file is missing; a release is checked as a whole")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(content)) {
		if !slices.Contains(releaseFiles, name) {
			return wrong("release.added_file", name, "the file is no part of a release; move it elsewhere and check again")
		}
	}
	summed := map[string]bool{fileSums: true}
	for line := range strings.Lines(string(content[fileSums])) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !ok || summed[name] || !slices.Contains(releaseFiles, name) {
			return wrong("release.checksums", fileSums, "each line is SUM, two spaces and the NAME of a file of the release, each once")
		}
		have := sha256.Sum256(content[name])
		if hex.EncodeToString(have[:]) != sum {
			return wrong("release.checksum", name, "the file is not the one that was released: its checksum differs")
		}
		summed[name] = true
	}
	if len(summed) != len(releaseFiles) {
		return wrong("release.checksums", fileSums, "a file of the release has no checksum")
	}
	return nil
}

// noToken looks through everything that can be read. Parquet holds what CSV
// does, which sameParquet makes sure of; checksums are hexadecimal runs.
func noToken(content map[string][]byte) error {
	for _, name := range []string{fileCSV, fileJSONL, fileCoverage, fileAbout, fileCodebook} {
		for run := range runs(content[name]) {
			// A codebook has long anchors and the hash of its standard, in lower
			// case; of a thousand million tokens hardly one has no capital letter.
			if name == fileCodebook && len(run) >= tokenLength && bytes.Equal(run, bytes.ToLower(run)) {
				continue
			}
			if tokenLike(run) {
				return wrong("release.token", name, "something in it looks like a token or an id")
			}
		}
	}
	return nil
}

// checkColumns holds the columns to what a release may hold by its standard.
func checkColumns(a about) error {
	seen := map[string]bool{}
	for _, c := range a.Columns {
		if seen[c] {
			return wrong("release.columns", fileAbout, "the column %q stands twice", c)
		}
		seen[c] = true
	}
	for _, q := range a.Quasi {
		if !seen[q] || a.Levels[q] == "" {
			return wrong("release.quasi", fileAbout, "the quasi-identifier %q is no column, or no level is stated for it", q)
		}
	}
	std, err := standard.Builtin(standard.Ref(a.Standard))
	if err != nil {
		return nil // a standard of the sector's own, which this program does not know
	}
	for _, c := range a.Columns {
		f, ok := std.Field(c)
		switch {
		case !ok:
			return wrong("release.column_added", fileAbout, "the standard %s has no field %q", a.Standard, c)
		case slices.Contains(quasiIdentifiers, c):
			if !slices.Contains(a.Quasi, c) {
				return wrong("release.quasi", fileAbout, "%q singles out and is not among the quasi-identifiers", c)
			}
		case leftOut(f) != "":
			return wrong("release.column_added", fileAbout, "%q has no place in a release: %s", c, leftOut(f))
		}
	}
	return nil
}

// checkClasses counts every combination of quasi-identifiers, and holds each
// value to the level that is stated for its column.
func checkClasses(a about, rows [][]string) error {
	quasi := make([][]string, len(rows))
	std, err := standard.Builtin(standard.Ref(a.Standard))
	for _, q := range a.Quasi {
		at := slices.Index(a.Columns, q)
		for i, r := range rows {
			if err == nil && !standsAt(std, q, a.Levels[q], r[at]) {
				return wrong("release.level", fileCSV, "record %d tells %q finer than the level %q that is stated", i+1, q, a.Levels[q])
			}
			quasi[i] = append(quasi[i], r[at])
		}
	}
	if r := kanonymity.Check(quasi, a.K); !r.OK() {
		return wrong("release.not_anonymous", fileCSV, "%d combinations of quasi-identifiers are shared by fewer than %d records; the smallest by %d", r.FailingClasses, a.K, r.Smallest)
	}
	return nil
}

func standsAt(std *standard.Standard, path, level, list string) bool {
	f, _ := std.Field(path)
	if level == asTold || list == unknownValue {
		return true
	}
	for v := range strings.SplitSeq(list, listed) {
		if !std.Coarsened(f, level, v) {
			return false
		}
	}
	return true
}

// checkCodes counts every code of every other column, and finds amounts that
// are no bands.
func checkCodes(a about, rows [][]string) error {
	for at, c := range a.Columns {
		if slices.Contains(a.Quasi, c) {
			continue
		}
		count := map[string]int{}
		for _, r := range rows {
			if r[at] == unknownValue {
				continue
			}
			for code := range strings.SplitSeq(r[at], listed) {
				count[code]++
			}
		}
		for code, n := range count {
			if n < a.K {
				return wrong("release.rare_code", fileCSV, "column %q has a value that fewer than %d records share", c, a.K)
			}
			if _, _, band := standard.ParseBand(code); slices.Contains(banded, c) && !band {
				return wrong("release.amount", fileCSV, "column %q has an amount that is no band", c)
			}
		}
	}
	return nil
}

// sameLines holds JSON Lines to the table: one object a record, with the
// values that are known, and nothing else.
func sameLines(data []byte, head []string, rows [][]string) error {
	n := 0
	for text := range bytes.Lines(data) {
		line := map[string]string{}
		if err := wire.Decode(text, &line); err != nil || n >= len(rows) {
			return wrong("release.jsonl", fileJSONL, "the lines are not the records of the table")
		}
		known := 0
		for c, name := range head {
			if line[name] != rows[n][c] {
				return wrong("release.jsonl", fileJSONL, "line %d differs from the table in column %q", n+1, name)
			}
			if rows[n][c] != unknownValue {
				known++
			}
		}
		if n++; len(line) != known {
			return wrong("release.jsonl", fileJSONL, "line %d holds something that the table does not", n)
		}
	}
	if n != len(rows) {
		return wrong("release.jsonl", fileJSONL, "the lines are not the records of the table")
	}
	return nil
}

// sameParquet holds the Parquet file to the table: the same columns, the same
// values, and no notes of anybody's.
func sameParquet(data []byte, head []string, rows [][]string) error {
	differs := wrong("release.parquet", fileParquet, "the Parquet file does not hold the records of the table")
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return differs.Because(err)
	}
	if len(f.Metadata().KeyValueMetadata) > 0 {
		return wrong("release.parquet", fileParquet, "the Parquet file carries notes beside the records of the table")
	}
	var at []int // by column of the file: its place in the table
	for _, c := range f.Schema().Fields() {
		at = append(at, slices.Index(head, c.Name()))
		if !c.Leaf() {
			return differs
		}
	}
	if ordered := slices.Sorted(slices.Values(at)); len(ordered) != len(head) || len(head) > 0 && (ordered[0] != 0 || len(slices.Compact(ordered)) != len(head)) {
		return differs
	}
	reader := parquet.NewReader(f)
	defer reader.Close()
	buffer := make([]parquet.Row, 64)
	for n := 0; ; {
		k, err := reader.ReadRows(buffer)
		for _, row := range buffer[:k] {
			if n >= len(rows) || !sameRow(row, at, rows[n]) {
				return differs
			}
			n++
		}
		switch {
		case err == io.EOF && n == len(rows):
			return nil
		case err != nil:
			return differs.Because(err)
		}
	}
}

func sameRow(row parquet.Row, at []int, want []string) bool {
	if len(row) != len(at) {
		return false
	}
	for _, v := range row {
		text := unknownValue
		if !v.IsNull() {
			text = string(v.ByteArray())
		}
		if want[at[v.Column()]] != text {
			return false
		}
	}
	return true
}
