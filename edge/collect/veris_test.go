package collect

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// sector picks a standard as a hub with two sectors would.
func sector(r report.Report) standard.Ref {
	switch industry := r.Value("victim.industry"); {
	case strings.HasPrefix(industry, "52"):
		return "finance/1.0"
	case strings.HasPrefix(industry, "62"):
		return "health/1.0"
	}
	return "general/1.0"
}

// collected reads everything there is.
func collected(t testing.TB, in io.Reader, o Options) ([]Collected, mapping.Account) {
	t.Helper()
	var all []Collected
	account, err := Read(context.Background(), in, "file", o, func(c Collected) error {
		all = append(all, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, account
}

// written writes reports in a format.
func written(t testing.TB, all []Collected, to string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, to)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if err := w.Write(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const bank = `{"incident_id":"b1","summary":"s","victim":{"industry":"522110","country":["US"]},"action":{"hacking":{"variety":["SQLi"]}}}`
const clinic = `{"incident_id":"c1","victim":{"industry":"622110"},"action":{"error":{"variety":["Loss"]}}}`

func TestAnIncidentStandsUnderTheStandardOfItsSector(t *testing.T) {
	all, account := collected(t, strings.NewReader(bank+"\n\n"+clinic+"\n"), Options{Format: "veris", Standard: sector})
	if len(all) != 2 || account.Records != 2 || account.Reports != 2 {
		t.Fatalf("%d reports, account %s", len(all), account.Summary())
	}
	for i, want := range []struct {
		standard      standard.Ref
		native, where string
		digest        [sha256.Size]byte
	}{{"finance/1.0", "b1", "file:1", sha256.Sum256([]byte(bank))}, {"health/1.0", "c1", "file:3", sha256.Sum256([]byte(clinic))}} {
		c := all[i]
		if c.Report().Standard != want.standard || c.Native() != want.native || c.Where() != want.where || !bytes.Equal(c.Digest(), want.digest[:]) {
			t.Errorf("%s under %s, from %s", c.Native(), c.Report().Standard, c.Where())
		}
		std, err := standard.Builtin(want.standard)
		if err != nil {
			t.Fatal(err)
		}
		if ps := report.Validate(std, c.Report()); report.Failed(ps) {
			t.Errorf("%v", ps)
		}
	}
}

func TestAnUnknownStandardRefusesTheRecordAlone(t *testing.T) {
	pick := func(r report.Report) standard.Ref {
		if r.Native == "b1" {
			return "nowhere/9"
		}
		return "core/1.0"
	}
	all, account := collected(t, strings.NewReader(bank+clinic), Options{Format: "veris", Standard: pick})
	if at := account.Invalid(); len(all) != 1 || all[0].Native() != "c1" || len(at) != 1 || at[0].Record != 1 || at[0].Path != "standard" {
		t.Errorf("%d reports, invalid %v", len(all), at)
	}
}

// A standard that has its own counterparts in VERIS maps by them.
func TestAStandardOfItsOwnMapsByItsOwnCrosswalk(t *testing.T) {
	base, err := standard.Builtin("core/1.0")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := standard.Parse([]byte(`{"name":"own","version":"1.0","title":"t","description":"d","extends":"core/1.0","fields":[
		{"path":"own.github","title":"t","type":"text","requirement":"optional","class":"descriptive","default_form":"withheld","description":"d","crosswalk":{"veris":"plus.github"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	own, err := standard.Resolve(doc, func(standard.Ref) (*standard.Standard, error) { return base, nil })
	if err != nil {
		t.Fatal(err)
	}
	find := func(ref standard.Ref) (*standard.Standard, error) {
		if ref == own.Ref() {
			return own, nil
		}
		return standard.Builtin(ref)
	}
	all, account := collected(t, strings.NewReader(`{"summary":"s","plus":{"github":"17"}}`),
		Options{Format: "veris", Find: find, Standard: func(report.Report) standard.Ref { return own.Ref() }})
	if len(all) != 1 || all[0].Report().Value("own.github") != "17" || len(account.NotMapped()) != 0 {
		t.Errorf("%v, not mapped %v", all, account.NotMapped())
	}
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func utf16le(text string) []byte {
	out := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return out
}

func TestAStreamIsReadHoweverItIsWrapped(t *testing.T) {
	for name, in := range map[string][]byte{
		"JSON Lines":      []byte(bank + "\n" + clinic + "\n"),
		"one by one":      []byte(bank + clinic),
		"an array":        []byte("[" + bank + ",\n" + clinic + "]"),
		"with a mark":     []byte("\xef\xbb\xbf" + bank + "\n" + clinic),
		"in UTF-16":       utf16le(bank + "\r\n" + clinic),
		"compressed":      gzipped(t, []byte(bank+"\n"+clinic)),
		"in two members":  append(gzipped(t, []byte(bank)), gzipped(t, []byte(clinic))...),
		"UTF-16, gzipped": gzipped(t, utf16le(bank+clinic)),
	} {
		t.Run(name, func(t *testing.T) {
			all, account := collected(t, bytes.NewReader(in), Options{Format: "veris"})
			if len(all) != 2 || account.InvalidCount() > 0 || all[0].Native() != "b1" || all[1].Native() != "c1" {
				t.Errorf("%d reports, invalid %v", len(all), account.Invalid())
			}
		})
	}
}

func TestWhatIsBrokenIsListedAndCostsItselfAlone(t *testing.T) {
	zipped := gzipped(t, []byte(bank+"\n"+strings.Repeat(clinic+"\n", 2000)))
	damaged := slices.Clone(zipped)
	damaged[len(damaged)-6] ^= 0xff // of the checksum
	for _, c := range []struct {
		name    string
		in      []byte
		reports int
		line    int
		reason  string
	}{
		{"a value", []byte(`{"summary":"s","confidence":"Quantum"}`), 1, 1, "lists no code"},
		{"no object", []byte("7\n" + bank), 1, 1, "no JSON object"},
		{"nothing of use", []byte("{}\n" + bank), 1, 1, "says nothing"},
		{"truncated", []byte(bank + "\n" + bank[:40]), 1, 2, "ends too early"},
		{"a name twice", []byte(`{"a":1,"a":2}` + "\n" + bank), 1, 1, "twice"},
		{"not UTF-8", []byte("{\"summary\":\"\xff\"}\n" + bank), 1, 1, "not JSON"},
		{"nested deep", []byte(`{"a":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + "}\n" + bank), 1, 1, "nested"},
		{"no number", []byte(`{"a":NaN}` + "\n" + bank), 1, 1, "JSON"},
		{"too large", []byte(`{"a":"` + strings.Repeat("x", 17<<20) + `"}` + "\n" + bank), 1, 1, "larger than"},
		{"compressed and cut", zipped[:10], 0, 0, "compressed file"},
		{"compressed and damaged", damaged, 2001, 0, "compressed file"},
		{"compressed in its header alone", magic, 0, 0, "compressed file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, account := collected(t, bytes.NewReader(c.in), Options{Format: "veris"})
			at := account.Invalid()
			if len(all) != c.reports || len(at) != 1 {
				t.Fatalf("%d reports, invalid %v", len(all), at)
			}
			if at[0].File != "file" || at[0].Line != c.line || !strings.Contains(at[0].Reason, c.reason) {
				t.Errorf("%s", at[0])
			}
		})
	}
}

func TestAFailingSourceAndAnEndedContextEndReading(t *testing.T) {
	broken := errors.New("no more")
	for _, format := range []string{"veris", "report", "csv"} {
		_, err := Read(context.Background(), io.MultiReader(strings.NewReader(bank), &failing{broken}), "file", Options{Format: format}, func(Collected) error { return nil })
		if format != "csv" && !errors.Is(err, broken) {
			t.Errorf("%s: %v", format, err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := Read(ctx, strings.NewReader(bank), "file", Options{Format: format}, func(Collected) error { return nil }); format != "csv" && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", format, err)
		}
	}
	stop := errors.New("stop")
	account, err := Read(context.Background(), strings.NewReader(bank+clinic), "file", Options{Format: "veris"}, func(Collected) error { return stop })
	if err != stop || account.Records != 1 {
		t.Errorf("%v after %d records", err, account.Records)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func TestAnUnknownFormatIsSaid(t *testing.T) {
	if _, err := Read(context.Background(), strings.NewReader(""), "file", Options{Format: "xml"}, nil); fault.Public(err).Code != "collect.format" {
		t.Error(err)
	}
	if _, err := NewWriter(io.Discard, "xml"); fault.Public(err).Code != "collect.format" {
		t.Error(err)
	}
}

// endless repeats an incident with another id each time.
type endless struct {
	left, n int
	rest    []byte
}

func (e *endless) Read(b []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.left == 0 {
			return 0, io.EOF
		}
		e.left--
		e.n++
		e.rest = fmt.Appendf(nil, `{"incident_id":"n%d","x_%d":1,"schema_version":"1.3.4","summary":%q,"victim":{"industry":"52","country":["US","Narnia"]}}`+"\n",
			e.n, e.n, strings.Repeat("words ", 40))
	}
	n := copy(b, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func TestMemoryDoesNotGrowWithTheNumberOfRecords(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	// The account lists up to 10,000 places and 5,000 reasons, and the mapper
	// remembers 20,000 names: by then all of these are full.
	const full, all = 30000, 90000
	var early, late uint64
	w, err := NewWriter(io.Discard, "report")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	account, err := Read(context.Background(), &endless{left: all}, "file", Options{Format: "veris", Standard: sector}, func(c Collected) error {
		switch n++; n {
		case full:
			early = heap()
		case all:
			late = heap()
		}
		return w.Write(c)
	})
	if err != nil || account.Reports != all || account.InvalidCount() != all {
		t.Fatalf("%v, %s", err, account.Summary())
	}
	t.Logf("%d kB after %d records, %d kB after %d", early>>10, full, late>>10, all)
	if late > early+16<<20 {
		t.Errorf("the heap grew from %d to %d bytes", early, late)
	}
}

func TestReportsComeThroughAsTheyWere(t *testing.T) {
	all, _ := collected(t, strings.NewReader(bank+clinic), Options{Format: "veris", Standard: sector})
	first := written(t, all, "report")
	again, account := collected(t, bytes.NewReader(first), Options{Format: "report", Standard: sector})
	if account.Records != 2 || account.Reports != 2 || account.InvalidCount() > 0 {
		t.Errorf("account %s, %v", account.Summary(), account.Invalid())
	}
	if second := written(t, again, "report"); !bytes.Equal(first, second) {
		t.Errorf("%s\nnot\n%s", second, first)
	}
}

func TestIncidentsAreWrittenAsJSONLines(t *testing.T) {
	all, _ := collected(t, strings.NewReader(bank+clinic), Options{Format: "veris", Standard: sector})
	out := string(written(t, all, "veris"))
	want := strings.Replace(bank, `,"summary"`, `,"schema_version":"1.4.1","summary"`, 1)
	for _, line := range []string{want, clinic} {
		again, _ := collected(t, strings.NewReader(line), Options{Format: "veris", Standard: sector})
		if !strings.Contains(out, string(written(t, again, "veris"))) {
			t.Errorf("%s\nis not in\n%s", line, out)
		}
	}
	if strings.Count(out, "\n") != 2 || !strings.Contains(out, `"schema_version":"1.4.1"`) {
		t.Errorf("%s", out)
	}
}

// Real incidents: each becomes a report that is read again to the byte, also
// by way of VERIS.
func TestRealIncidentsBecomeReports(t *testing.T) {
	for _, name := range []string{"incidents.jsonl.gz", "incidents-2013-older-schema.jsonl.gz", "submitted-unvalidated-sample.jsonl.gz"} {
		t.Run(name, func(t *testing.T) {
			file, err := os.Open(shareddata.File(t, "vcdb", name)) // compressed
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			all, account := collected(t, file, Options{Format: "veris", Standard: sector})
			t.Log(account.Summary())
			if account.Records < 600 || account.Reports != account.Records {
				t.Errorf("%d of %d incidents became reports", account.Reports, account.Records)
			}
			reports := written(t, all, "report")
			again, second := collected(t, bytes.NewReader(reports), Options{Format: "report"})
			if second.InvalidCount() > 0 || !bytes.Equal(written(t, again, "report"), reports) {
				t.Errorf("reports do not come back: %v", second.Invalid())
			}
			incidents := written(t, all, "veris")
			third, account := collected(t, bytes.NewReader(incidents), Options{Format: "veris", Standard: sector})
			if account.InvalidCount() > 0 || len(account.Repaired()) > 0 {
				t.Errorf("what is written needs repair: %v %v", account.Invalid(), account.Repaired())
			}
			if !bytes.Equal(written(t, third, "report"), reports) {
				t.Error("reports do not come back by way of VERIS")
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(bank+"\n"+clinic), uint8(0))
	f.Add([]byte(`{"standard":"core/1.0","summary":"s"}`), uint8(1))
	f.Add([]byte("native,standard,summary\nn,core/1.0,s\n"), uint8(2))
	f.Add(gzipped(f, []byte(bank)), uint8(0))
	f.Add(utf16le(bank), uint8(0))
	formats := []string{"veris", "report", "csv"}
	f.Fuzz(func(t *testing.T, data []byte, format uint8) {
		w, err := NewWriter(io.Discard, formats[int(format/3)%3])
		if err != nil {
			t.Fatal(err)
		}
		reports := 0
		account, err := Read(context.Background(), bytes.NewReader(data), "file", Options{Format: formats[format%3], Standard: sector}, func(c Collected) error {
			reports++
			return w.Write(c)
		})
		if err != nil && fault.KindOf(err) == fault.Internal {
			t.Fatalf("the refusal is no fault: %v", err)
		}
		if account.Reports != reports || account.Records < reports {
			t.Fatalf("%d reports, and the account says %s", reports, account.Summary())
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
