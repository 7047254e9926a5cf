package collect

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/formats/tabular"
	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// realTables are tables of the world for which there are example maps.
var realTables = []struct {
	name, file string
	folder     string
	rows       int
}{
	{"hhs.yaml", "breach_report_archive.csv.gz", "hhs-ocr", 2000},
	{"hhs.yaml", "breach_report_under_investigation.csv.gz", "hhs-ocr", 500},
	{"eurepoc.yaml", "EuRepoC_Global_Database_1.1.csv.gz", "eurepoc", 1000},
}

func TestEveryRowOfRealTablesBecomesAReportOrIsListed(t *testing.T) {
	for _, c := range realTables {
		reports := 0
		account, err := Read(context.Background(), shareddata.Open(t, c.folder, c.file), c.file, Options{Format: "csv", Map: exampleMap(t, "maps", c.name)}, func(r Collected) error {
			reports++
			holdToStandard(t, r.Report())
			if n := len(r.Report().Statements); n > report.MaxSaid {
				t.Errorf("%s has %d statements", r.Where(), n)
			}
			if r.Report().Value("victim.industry") == "" {
				t.Errorf("%s has no industry, which the standard requires", r.Where())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for _, p := range account.Invalid() {
			if p.Path == "" {
				refused++
			}
			if p.Line == 0 || p.Reason == "" {
				t.Errorf("%s: an invalid place without line or reason: %v", c.file, p)
			}
		}
		t.Logf("%s: %d rows, %d reports, %d rows listed, %d values listed", c.file, account.Records, reports, refused, account.InvalidCount()-refused)
		if account.Records != reports+refused || account.Reports != reports {
			t.Errorf("%s: %d rows are %d reports and %d listed", c.file, account.Records, reports, refused)
		}
		if account.Records < c.rows || reports*100 < account.Records*99 {
			t.Errorf("%s: %d reports of %d rows; 99 %% are wanted", c.file, reports, account.Records)
		}
		if invalid := account.InvalidCount() - refused; invalid*200 > account.Records {
			t.Errorf("%s: %d values are invalid; the map knows too few codes: %v", c.file, invalid, account.InvalidByReason())
		}
	}
}

// rowByRow calls yield with each row of a real table and the account of it
// alone.
func rowByRow(t *testing.T, folder, file, name string, change func(column string, cell string) string, yield func(columns []string, row tabular.Row, r report.Report, ok bool, a *mapping.Account)) {
	t.Helper()
	m := exampleMap(t, "maps", name)
	std, err := standard.Builtin(m.Standard())
	if err != nil {
		t.Fatal(err)
	}
	table, err := mapping.NewTable(std, m)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := tabular.NewReader(shareddata.Open(t, folder, file), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Bind(rows.Columns()); err != nil {
		t.Fatal(err)
	}
	for {
		row, err := rows.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, column := range rows.Columns() {
			row.Cells[i] = change(column, row.Cells[i])
		}
		var a mapping.Account
		r, ok := table.FromRow(row, &a)
		yield(rows.Columns(), row, r, ok, &a)
	}
}

func TestNoCellOfRealTablesIsDroppedSilently(t *testing.T) {
	asIs := func(_, cell string) string { return cell }
	for _, c := range realTables {
		unused := map[string]bool{}
		rowByRow(t, c.folder, c.file, c.name, asIs, func(columns []string, row tabular.Row, _ report.Report, ok bool, a *mapping.Account) {
			if !ok {
				t.Errorf("%s:%d is no report: %v", c.file, row.Line, a.Invalid())
			}
			mapped, others := a.Mapped(), slices.Concat(a.NotMapped(), a.InvalidByReason())
			for i, column := range columns {
				listed := slices.ContainsFunc(others, func(u mapping.NotMapped) bool { return u.Path == column })
				if strings.TrimSpace(row.Cells[i]) != "" && mapped[column] == 0 && !listed {
					t.Errorf("%s:%d: nothing is said of the cell under %s", c.file, row.Line, column)
				}
			}
			for _, u := range a.NotMapped() {
				if strings.Contains(u.Reason, "does not use this column") {
					unused[u.Path] = true
				}
			}
		})
		if len(unused) > 0 {
			t.Errorf("%s: the map does not speak of %v", c.file, unused)
		}
	}
}

// What a value says verbatim is found in the report again: the parts of the
// standard cannot have been taken from elsewhere.
func TestNamesDatesAndNumbersOfRealRowsArriveUnchanged(t *testing.T) {
	asIs := func(_, cell string) string { return cell }
	for _, file := range []string{realTables[0].file, realTables[1].file} {
		rowByRow(t, "hhs-ocr", file, "hhs.yaml", asIs, func(columns []string, row tabular.Row, r report.Report, _ bool, _ *mapping.Account) {
			cell := map[string]string{}
			for i, c := range columns {
				cell[c] = strings.TrimSpace(row.Cells[i])
			}
			d := strings.Split(cell["Breach Submission Date"], "/")
			for path, want := range map[string]string{
				"victim.victim_id": cell["Name of Covered Entity"], "victim.state": cell["State"],
				"attribute.confidentiality.data_total": cell["Individuals Affected"],
				"timeline.notification":                d[2] + "-" + d[0] + "-" + d[1],
				"timeline.incident":                    "", // the table does not tell it
			} {
				if got := r.Value(path); got != want {
					t.Errorf("%s:%d: %s is %q, not %q", file, row.Line, path, got, want)
				}
			}
			if got, want := len(r.Get("health.breach_type")), strings.Count(cell["Type of Breach"], ",")+1; got != want && cell["Type of Breach"] != "" {
				t.Errorf("%s:%d: %d types of breach, not %d", file, row.Line, got, want)
			}
		})
	}
}

func TestUnknownCodesNeverRefuseARow(t *testing.T) {
	for _, c := range realTables {
		n, listed := 0, 0
		strange := func(column, cell string) string {
			if n++; cell == "" || strings.Contains(strings.ToLower(column), "name") || column == "ID" {
				return cell
			}
			return fmt.Sprintf("Never Seen %d", n%7)
		}
		rowByRow(t, c.folder, c.file, c.name, strange, func(_ []string, row tabular.Row, r report.Report, ok bool, a *mapping.Account) {
			if !ok {
				t.Errorf("%s:%d is refused: %v", c.file, row.Line, a.Invalid())
				return
			}
			holdToStandard(t, r)
			listed += a.InvalidCount()
		})
		if listed == 0 {
			t.Errorf("%s: no strange value was listed", c.file)
		}
	}
}
