package sim

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// mapped is an import of a table with one of the example maps.
func mapped(t *testing.T, stake member.Stake, table, name, sector string, members int) Import {
	t.Helper()
	return Import{Stake: stake, Format: "csv", File: table, Sector: sector, Members: members, Options: func(o *collect.Options) error {
		file := filepath.Join("..", "examples", "maps", name)
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		o.Map, err = mapping.ParseMap(file, data)
		return err
	}}
}

// A victim keeps its reporter here, as in the figures of package linkage; what
// differs is that everything went the whole way of a report.
func TestRealReportsOfThreeStakesAreJoinedReleasedAndCounted(t *testing.T) {
	reports := map[string]consolidate.ReportKey{}
	rows := map[string]consolidate.ReportKey{}
	d := Demo{Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Imports: []Import{
		{Stake: member.Industry, Format: "veris", File: shareddata.File(t, "vcdb", "incidents.jsonl.gz"), Members: 40},
		mapped(t, member.LawEnforcement, shareddata.File(t, "hhs-ocr", "breach_report_archive.csv.gz"), "hhs.yaml", "health", 3),
		mapped(t, member.Research, shareddata.File(t, "eurepoc", "EuRepoC_Global_Database_1.1.csv.gz"), "eurepoc.yaml", "", 5),
	}}
	d.placed = func(in Import, native string, key consolidate.ReportKey) {
		switch in.Stake {
		case member.Industry:
			reports[native] = key
		case member.LawEnforcement:
			rows[rowKey(native)] = key
		}
	}
	trust, s, err := d.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := trust.Close(); err != nil {
			t.Error(err)
		}
	}()
	told, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", told)
	for why, n := range s.Refusals {
		t.Logf("%d refused: %s", n, why)
	}
	if s.Accepted+s.Duplicate+s.Refused != s.Submitted {
		t.Errorf("%d submitted, but %d accepted, %d duplicate and %d refused", s.Submitted, s.Accepted, s.Duplicate, s.Refused)
	}
	if s.Refused > 0 {
		t.Errorf("%d of %d reports were refused; every one is convertible", s.Refused, s.Submitted)
	}
	if s.Releases < 2 || s.Statistics == 0 {
		t.Errorf("%d releases and %d statistics", s.Releases, s.Statistics)
	}
	for _, r := range s.Made {
		if err := anonymise.CheckFiles(filesOf(t, trust, r.ID)); err != nil {
			t.Errorf("release %s: %v", r.ID, err)
		}
	}
	recall, merged := joins(t, trust, reports, rows)
	t.Logf("recall of the known pairs %.3f, VCDB incidents merged with another %.4f", recall, merged)
	if recall < 0.8 {
		t.Errorf("recall of the known pairs is %.3f; 0.8 is wanted", recall)
	}
	if merged > 0.01 {
		t.Errorf("%.4f of VCDB's incidents are merged with another; 0.01 may", merged)
	}
}

// rowKey cuts the native id of a row of the HHS table to what the known pairs
// name: entity, date and number of people.
func rowKey(native string) string {
	parts := strings.Split(native, " | ")
	if len(parts) < 4 {
		return native
	}
	return parts[0] + "|" + parts[3] + "|" + parts[2]
}

// joins measures recall of the known pairs, and the share of VCDB's incidents
// that are in one incident with another.
func joins(t *testing.T, trust *Trust, reports, rows map[string]consolidate.ReportKey) (recall, merged float64) {
	t.Helper()
	of := map[consolidate.ReportKey]wire.IncidentID{}
	if err := trust.Hub.Consolidate.Membership(t.Context(), func(k consolidate.ReportKey, i wire.IncidentID) error {
		of[k] = i
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(shareddata.Open(t, "linkage", "vcdb-hhs-pairs.jsonl"))
	pairs, found := 0, 0
	for in.Scan() {
		var p struct {
			ID     string `json:"vcdb_incident_id"`
			Entity string `json:"hhs_entity"`
			Date   string `json:"hhs_submission_date"`
			People int    `json:"individuals"`
		}
		if err := json.Unmarshal(in.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		row, ok := rows[fmt.Sprintf("%s|%s|%s", p.Entity, p.Date, strconv.Itoa(p.People))]
		if !ok {
			continue // its row stands in the other table
		}
		pairs++
		if i := of[row]; i != "" && of[reports[p.ID]] == i {
			found++
		}
	}
	if pairs < 200 {
		t.Fatalf("only %d of the known pairs were imported", pairs)
	}
	size := map[wire.IncidentID]int{}
	for _, k := range reports {
		size[of[k]]++
	}
	together := 0
	for _, n := range size {
		if n > 1 {
			together += n
		}
	}
	return float64(found) / float64(pairs), float64(together) / float64(len(reports))
}
