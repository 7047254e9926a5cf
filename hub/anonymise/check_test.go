package anonymise_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/anonymise"
)

// forgery is a release in the hands of somebody who changes it.
type forgery struct {
	t       *testing.T
	content map[string][]byte
	about   map[string]any
	head    []string
	rows    [][]string
}

func forge(t *testing.T, content map[string][]byte) *forgery {
	t.Helper()
	f := &forgery{t: t, content: maps.Clone(content)}
	f.head, f.rows = cells(t, content)
	if err := json.Unmarshal(content["release.json"], &f.about); err != nil {
		t.Fatal(err)
	}
	return f
}

// set changes a cell of the first n records.
func (f *forgery) set(column, value string, n int) {
	at := slices.Index(f.head, column)
	if at < 0 {
		f.t.Fatalf("no column %s", column)
	}
	for i := range n {
		f.rows[i][at] = value
	}
}

// add adds a column with one value.
func (f *forgery) add(column, value string) {
	f.head = append(f.head, column)
	for i := range f.rows {
		f.rows[i] = append(f.rows[i], value)
	}
}

// csv, lines, parquet and describe write the table anew, in one form each.
func (f *forgery) csv()     { f.write("incidents.csv", anonymise.WriteCSV) }
func (f *forgery) lines()   { f.write("incidents.jsonl", anonymise.WriteJSONL) }
func (f *forgery) parquet() { f.write("incidents.parquet", anonymise.WriteParquet) }

func (f *forgery) write(name string, as func([]string, [][]string) ([]byte, error)) {
	data, err := as(f.head, f.rows)
	if err != nil {
		f.t.Fatal(err)
	}
	f.content[name] = data
}

func (f *forgery) describe() {
	data, err := json.Marshal(f.about)
	if err != nil {
		f.t.Fatal(err)
	}
	f.content["release.json"] = data
}

// everywhere writes all forms and the description of the changed table.
func (f *forgery) everywhere() {
	f.about["columns"], f.about["records"] = f.head, len(f.rows)
	f.csv()
	f.lines()
	f.parquet()
	f.describe()
}

// sum makes the checksums fit again.
func (f *forgery) sum() {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.content)) {
		if name != "SHA256SUMS" {
			fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(f.content[name]), name)
		}
	}
	f.content["SHA256SUMS"] = []byte(b.String())
}

func TestCheckRefusesATamperedRelease(t *testing.T) {
	tr := newTrust(t)
	tr.population(300, 7)
	_, released := tr.release()
	if err := anonymise.CheckAtLeast(released, 5); err != nil {
		t.Fatalf("as released: %v", err)
	}
	planted := token("planted")
	for _, c := range []struct {
		name, code string
		tamper     func(f *forgery)
		// keep the checksums of the release
		keep bool
	}{
		{"a cell, and nothing else", "release.checksum", func(f *forgery) { f.set("victim.country", "FR", 1); f.csv() }, true},
		{"a cell of the table alone", "release.jsonl", func(f *forgery) { f.set("action.hacking.variety", "Zzz", 1); f.csv() }, false},
		{"a cell of all but Parquet", "release.parquet", func(f *forgery) { f.set("action.hacking.variety", "Zzz", 1); f.csv(); f.lines() }, false},
		{"a rare combination in all forms", "release.not_anonymous", func(f *forgery) { f.set("victim.industry", "999", 1); f.everywhere() }, false},
		{"a suppressed record put back", "release.columns", func(f *forgery) {
			f.rows = append(f.rows, slices.Clone(f.rows[0]))
			f.csv()
			f.lines()
			f.parquet()
		}, false},
		{"a suppressed record put back and counted", "release.not_anonymous", func(f *forgery) {
			f.rows = append(f.rows, slices.Clone(f.rows[0]))
			f.rows[len(f.rows)-1][slices.Index(f.head, "victim.industry")] = "111"
			f.everywhere()
		}, false},
		{"a record taken away", "release.columns", func(f *forgery) { f.rows = f.rows[1:]; f.csv(); f.lines(); f.parquet() }, false},
		{"k of one", "release.k", func(f *forgery) { f.about["k"] = 1; f.describe() }, false},
		{"k lowered below what the reader wants", "release.k", func(f *forgery) { f.about["k"] = 3; f.describe() }, false},
		{"a value finer than its level", "release.level", func(f *forgery) {
			f.about["levels"].(map[string]any)["timeline.incident"] = "year"
			f.set("timeline.incident", "2024-03-01", len(f.rows))
			f.everywhere()
		}, false},
		{"a quasi-identifier no longer named as one", "release.quasi", func(f *forgery) {
			f.about["quasi_identifiers"] = []string{"victim.industry", "victim.employee_count", "victim.country"}
			f.describe()
		}, false},
		{"a code that one record has", "release.rare_code", func(f *forgery) { f.set("action.hacking.variety", "Cryptanalysis; Zzz", 1); f.everywhere() }, false},
		{"an exact amount", "release.amount", func(f *forgery) { f.set("attribute.confidentiality.data_total", "1234", 20); f.everywhere() }, false},
		{"a column that identifies", "release.column_added", func(f *forgery) { f.add("victim.victim_id", "A bank"); f.everywhere() }, false},
		{"a column of free text", "release.column_added", func(f *forgery) { f.add("summary", "text"); f.everywhere() }, false},
		{"a column of the victim's state", "release.column_added", func(f *forgery) { f.add("victim.state", "Bremen"); f.everywhere() }, false},
		{"a column that no standard knows", "release.column_added", func(f *forgery) { f.add("row", "1"); f.everywhere() }, false},
		{"a column twice", "release.columns", func(f *forgery) {
			f.add("victim.country", "FR")
			f.about["columns"] = f.head
			f.csv()
			f.describe()
			f.content["incidents.jsonl"] = bytes.ReplaceAll(f.content["incidents.jsonl"], []byte(`"victim.country":"US"`), []byte(`"victim.country":"FR"`))
		}, false},
		{"a column of JSON Lines alone", "release.jsonl", func(f *forgery) {
			f.content["incidents.jsonl"] = bytes.Replace(f.content["incidents.jsonl"], []byte("{"), []byte(`{"victim.state":"Bremen",`), 1)
		}, false},
		{"a name twice in JSON Lines", "release.jsonl", func(f *forgery) {
			f.content["incidents.jsonl"] = bytes.Replace(f.content["incidents.jsonl"], []byte("{"), []byte(`{"victim.country":"Bremen",`), 1)
		}, false},
		{"a line too many", "release.jsonl", func(f *forgery) {
			f.content["incidents.jsonl"] = append(slices.Clone(f.content["incidents.jsonl"]), "{}\n"...)
		}, false},
		{"a column of Parquet alone", "release.parquet", func(f *forgery) { f.add("victim.state", "Bremen"); f.parquet() }, false},
		{"a column of Parquet missing", "release.parquet", func(f *forgery) {
			for i := range f.rows {
				f.rows[i] = f.rows[i][1:]
			}
			f.head = f.head[1:]
			f.parquet()
		}, false},
		{"a note in Parquet", "release.parquet", func(f *forgery) { f.content["incidents.parquet"] = noted(f.t, f.content["incidents.parquet"], planted) }, false},
		{"Parquet that is none", "release.parquet", func(f *forgery) { f.content["incidents.parquet"] = []byte("PAR1PAR1") }, false},
		{"a token in a cell", "release.token", func(f *forgery) { f.set("action.hacking.variety", planted, 20); f.everywhere() }, false},
		{"a token in the coverage", "release.token", func(f *forgery) {
			f.content["coverage.csv"] = append(slices.Clone(f.content["coverage.csv"]), planted...)
		}, false},
		{"a token in the description", "release.token", func(f *forgery) { f.about["cite"] = planted; f.describe() }, false},
		{"a token in the codebook", "release.token", func(f *forgery) {
			f.content["codebook.html"] = append(slices.Clone(f.content["codebook.html"]), "<!--"+planted+"-->"...)
		}, false},
		{"an incident's id in the description", "release.token", func(f *forgery) {
			f.about["cite"] = "see " + string(tr.incidents[0].Incident.ID)
			f.describe()
		}, false},
		{"something more in the description", "release.about", func(f *forgery) { f.about["notes"] = "by bank 3"; f.describe() }, false},
		{"a file more", "release.added_file", func(f *forgery) { f.content["notes.txt"] = []byte("by bank 3") }, false},
		{"a file without a checksum", "release.checksums", func(f *forgery) {
			first, rest, _ := bytes.Cut(f.content["SHA256SUMS"], []byte("\n"))
			_ = first
			f.content["SHA256SUMS"] = rest
		}, true},
		{"a checksum of a file elsewhere", "release.checksums", func(f *forgery) {
			f.content["SHA256SUMS"] = append(slices.Clone(f.content["SHA256SUMS"]), fmt.Sprintf("%x  ../../incidents.csv\n", sha256.Sum256(nil))...)
		}, true},
		{"a checksum twice", "release.checksums", func(f *forgery) {
			f.content["SHA256SUMS"] = append(slices.Clone(f.content["SHA256SUMS"]), f.content["SHA256SUMS"]...)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := forge(t, released)
			c.tamper(f)
			if !c.keep {
				f.sum()
			}
			err := anonymise.CheckAtLeast(f.content, 5)
			if err == nil || fault.Public(err).Code != c.code {
				t.Errorf("%v; %s is wanted", err, c.code)
			}
		})
	}
	for name := range released {
		t.Run("without "+name, func(t *testing.T) {
			f := forge(t, released)
			delete(f.content, name)
			if err := anonymise.CheckFiles(f.content); err == nil || fault.Public(err).Code != "release.missing_file" {
				t.Errorf("%v", err)
			}
		})
	}
}

// noted writes a Parquet file again with a note in its metadata.
func noted(t *testing.T, data []byte, note string) []byte {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := parquet.NewWriter(&b, f.Schema(), parquet.KeyValueMetadata("note", note))
	for _, g := range f.RowGroups() {
		if _, err := w.WriteRowGroup(g); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Whatever stands in the folder, the check answers and does not fall over.
func FuzzCheckAnswersWhateverStandsInTheFolder(f *testing.F) {
	tr := newTrust(f)
	tr.population(100, 7)
	_, released := tr.release()
	f.Add("incidents.csv", []byte("a,b\n1\n"))
	f.Add("incidents.jsonl", []byte("{\"a\":1}\n"))
	f.Add("incidents.parquet", []byte("PAR1"))
	f.Add("release.json", []byte(`{"k":5,"columns":[""],"records":0,"quasi_identifiers":["x"]}`))
	f.Add("SHA256SUMS", []byte("x  y\n"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		forged := maps.Clone(released)
		forged[name] = data
		if name != "SHA256SUMS" {
			var b strings.Builder
			for _, n := range slices.Sorted(maps.Keys(forged)) {
				if n != "SHA256SUMS" {
					fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(forged[n]), n)
				}
			}
			forged["SHA256SUMS"] = []byte(b.String())
		}
		if err := anonymise.CheckFiles(forged); err != nil && fault.Public(err).Code == "" {
			t.Errorf("an error without a code: %v", err)
		}
	})
}
