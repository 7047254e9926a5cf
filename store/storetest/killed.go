package storetest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/concord-trust/concord/wire"
)

// placeOfChild names, in the environment of a child process, the record that
// it writes until it is killed.
const placeOfChild = "CONCORD_STORETEST_PLACE"

// perContribution is how many reports each contribution of the child has.
const perContribution = 5

// Killed is the contract of durability: a process that is killed with SIGKILL
// while it commits loses nothing that it acknowledged, and leaves no half of a
// contribution. It starts the running test binary again, only for the calling
// test, which must be a top-level one.
func Killed(t *testing.T, open Open) {
	if place := os.Getenv(placeOfChild); place != "" {
		commitForever(t, open, place)
		return
	}
	f := newFixture(t, open)
	if err := f.hub.Close(); err != nil {
		t.Fatal(err)
	}
	// Killed at different moments, on the same record each time.
	total := 0
	for round, acknowledgements := range []int{1, 7, 20} {
		acknowledged := killAfter(t, f.place, fmt.Sprint("round", round), acknowledgements)
		total += len(acknowledged)
		h := open(t, f.place)
		checkWhole(t, h, f.member, acknowledged)
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if total < 28 {
		t.Fatalf("only %d contributions were acknowledged before the kills", total)
	}
}

// commitForever is the child: it tells each contribution that it got a receipt
// for, one a line, and goes on.
func commitForever(t *testing.T, open Open, place string) {
	h := open(t, place)
	m := id[wire.MemberID]('m', "first")
	for i := 0; ; i++ {
		name := fmt.Sprintf("%s-%d", os.Getenv(placeOfChild+"_NAME"), i)
		var reports []told
		for r := range perContribution {
			reports = append(reports, told{fmt.Sprint(name, "/", r), 0, strings.Repeat(name, 200)})
		}
		if _, _, err := send(context.Background(), h, m, name, reports...); err != nil {
			t.Fatal(err)
		}
		fmt.Println("acknowledged", name)
	}
}

func killAfter(t *testing.T, place, name string, acknowledgements int) (acknowledged []string) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=5m")
	child.Env = append(os.Environ(), placeOfChild+"="+place, placeOfChild+"_NAME="+name)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if c, ok := strings.CutPrefix(lines.Text(), "acknowledged "); ok {
			acknowledged = append(acknowledged, c)
		} else {
			t.Log(lines.Text())
		}
		if len(acknowledged) == acknowledgements {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			// What it still told before it died counts as well.
			acknowledgements = -1
		}
	}
	if err := child.Wait(); err == nil || acknowledgements != -1 {
		t.Fatalf("the child ended by itself after %d acknowledgements: %v", len(acknowledged), err)
	}
	return acknowledged
}

func checkWhole(t *testing.T, h Hub, m wire.MemberID, acknowledged []string) {
	t.Helper()
	for _, name := range acknowledged {
		receipt, err := h.Receipt(t.Context(), m, id[wire.ContributionID]('c', name))
		if err != nil || string(receipt) != "receipt of "+name {
			t.Errorf("%s was acknowledged; its receipt is %q, %v", name, receipt, err)
		}
	}
	rows, err := all(t.Context(), h, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if err := gapless(rows); err != nil {
		t.Error(err)
	}
	per := map[wire.ContributionID]int{}
	for _, r := range rows {
		per[r.Contribution]++
		if r.Erased() {
			t.Errorf("row %d has lost its key", r.Seq)
		}
	}
	for c, n := range per {
		if n != perContribution {
			t.Errorf("contribution %s has %d of %d rows", c, n, perContribution)
		}
	}
	for _, name := range acknowledged {
		if per[id[wire.ContributionID]('c', name)] == 0 {
			t.Errorf("the reports of %s, which was acknowledged, are gone", name)
		}
	}
}
