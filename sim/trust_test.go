package sim

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

func TestAReportTravelsFromAMemberToEveryOther(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tr, err := Open(ctx, t.TempDir(), "127.0.0.1:0", slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}()
	var seats []*Seat
	for i, stake := range []member.Stake{member.Industry, member.LawEnforcement, member.Research} {
		kind := []member.Kind{"firm", "police", "university"}[i]
		s, err := tr.Seat(ctx, Party{Name: fmt.Sprint("Member ", i), Stake: stake, Kind: kind, OwnerGroup: wire.OwnerGroup(fmt.Sprint("g-", i)), Sectors: []string{"finance"}, Terms: "default"})
		if err != nil {
			t.Fatal(err)
		}
		seats = append(seats, s)
	}
	for i, s := range seats[:2] {
		doc := fmt.Sprintf(`{"native":"case-%d","victim":{"victim_id":"Northwind Savings Bank%s","industry":"522110","country":["US"]},"timeline":{"incident":"2026-03-1%d"},"action":{"hacking":{"variety":["Use of stolen creds"]}},"observables":[{"type":"domain","value":"login.northw1nd-bank.net","role":"phishing"}]}`,
			i, []string{"", ", Inc."}[i], i)
		account, err := s.Tell(ctx, strings.NewReader(doc), "case.json", "report")
		if err != nil || account.Lost() != 0 {
			t.Fatalf("lost %d: %v", account.Lost(), err)
		}
		d, err := s.Send(ctx)
		if err != nil || d.Accepted != 1 {
			t.Fatalf("delivery %+v: %v", d, err)
		}
	}
	if _, err := tr.Hub.Consolidate.Run(ctx); err != nil {
		t.Fatal(err)
	}
	n, err := tr.Hub.Consolidate.Counts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n.Incidents != 1 {
		t.Errorf("two reports of one event make %d incidents", n.Incidents)
	}
	page, err := seats[0].Member.Hub.Get(ctx, "/v1/sectors/finance/incidents?for=defend")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", page)
}
