package storetest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/wire"
)

// Shelves is the contract of deliver.Shelves.
func Shelves(t *testing.T, open Open) {
	for name, test := range map[string]func(*fixture, deliver.Shelves){
		"WhatIsThereWithItsDigestStaysInItsPlace": shelfStays,
		"WhatGoesLeavesItsNoticeAlone":            shelfRevokes,
		"ANoticeIsForgottenWhenItsTimeIsOver":     shelfForgets,
		"OfTwoWhoRestockOneWins":                  shelfTurns,
		"ASpanLeavesTheOthersAlone":               shelfSpans,
		"EveryFilterPicksWhatItSays":              shelfPicks,
		"AFormerListingGoesOnWithItsNumbers":      shelfGoesOn,
		"ShelvesDoNotMeet":                        shelvesApart,
		"WhatFailsChangesNothing":                 shelfFails,
		"AnErasureBlanksEveryBodyInItsPlace":      shelfBlanked,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, open)
			test(f, f.hub.(deliver.Shelves))
		})
	}
}

// ShelfItem is an item about n that says something; its body tells both.
func ShelfItem(n, says int) deliver.Item {
	item := deliver.Item{Name: deliver.Name(digest(fmt.Sprint("name ", n))[:24]), Digest: [16]byte(digest(fmt.Sprint(n, " says ", says))[:16]), Type: shelfType(n)}
	item.Make = func(p deliver.Place) (m deliver.Made, err error) {
		if m.Object = p.Object; m.Object == [16]byte{} {
			m.Object = [16]byte(digest(fmt.Sprint(n, " at ", p.N))[:16])
		}
		if n%5 == 4 {
			m.Version = shelfVersion
		}
		m.Body = fmt.Appendf(nil, "%d says %d", n, says)
		return m, nil
	}
	return item
}

var shelfVersion = epoch.Add(-1000 * time.Hour).Truncate(time.Second)

func shelfType(n int) string { return []string{"indicator", "incident", "marking"}[n%3] }

func shelfItems(n ...int) (items []deliver.Item) {
	for _, n := range n {
		items = append(items, ShelfItem(n, 0))
	}
	return items
}

func numbers(from, to int) (all []int) {
	for n := from; n < to; n++ {
		all = append(all, n)
	}
	return all
}

// shelfNotice leaves a notice of everything but markings.
func shelfNotice(typ string, p deliver.Place) ([]byte, bool, error) {
	return fmt.Appendf(nil, "%s %x is gone", typ, p.Object), typ != "marking", nil
}

func restockOf(turn int64, day time.Time, items []deliver.Item) deliver.Restock {
	slices.SortFunc(items, func(a, b deliver.Item) int { return a.Name.Compare(b.Name) })
	return deliver.Restock{Turn: turn, Day: day, Spans: []deliver.Span{deliver.Everything()}, Items: items, Revoke: shelfNotice, Stand: deliver.Stand{Basis: "b", Until: epoch}}
}

func (f *fixture) restock(s deliver.Shelves, shelf string, day time.Time, items ...deliver.Item) deliver.Stand {
	f.t.Helper()
	at, err := s.Stand(f.ctx, shelf)
	if err != nil {
		f.t.Fatal(err)
	}
	to, ok, err := s.Restock(f.ctx, shelf, restockOf(at.Turn, day, items))
	if err != nil || !ok || to.Turn != at.Turn+1 {
		f.t.Fatalf("turn %d after %d, %v, %v", to.Turn, at.Turn, ok, err)
	}
	return to
}

type picked struct {
	n     int64
	added time.Time
	body  string
}

func (f *fixture) pick(s deliver.Shelves, shelf string, w deliver.Selection) (all []picked, more bool) {
	f.t.Helper()
	if w.Limit = cmp.Or(w.Limit, 1000); w.Limit < 0 {
		f.t.Fatal("a limit below none")
	}
	_, more, err := s.Pick(f.ctx, shelf, w, func(n int64, added time.Time, body []byte) error {
		all = append(all, picked{n, added, string(bytes.Clone(body))})
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return all, more
}

func (f *fixture) everything(s deliver.Shelves, shelf string) []picked {
	f.t.Helper()
	all, _ := f.pick(s, shelf, deliver.Selection{Limit: 100_000})
	return all
}

func says(all []picked) (texts []string) {
	for _, p := range all {
		texts = append(texts, p.body)
	}
	return texts
}

func shelfStays(f *fixture, s deliver.Shelves) {
	if at, err := s.Stand(f.ctx, "a"); err != nil || at != (deliver.Stand{}) {
		f.t.Errorf("before the first: %+v, %v", at, err)
	}
	stand := f.restock(s, "a", listDay, shelfItems(1, 2, 3)...)
	if again, err := s.Stand(f.ctx, "a"); err != nil || again.Turn != stand.Turn || again.Basis != "b" || !again.Until.Equal(epoch) {
		f.t.Errorf("it stands at %+v, %v", again, err)
	}
	first := f.everything(s, "a")
	if len(first) != 3 || !first[0].added.Equal(listDay) {
		f.t.Fatalf("first %+v", first)
	}
	later := listDay.AddDate(0, 0, 3)
	f.restock(s, "a", later, append(shelfItems(1, 3, 4), ShelfItem(2, 7))...)
	all := f.everything(s, "a")
	if len(all) != 4 {
		f.t.Fatalf("then %+v", all)
	}
	for i, p := range all {
		old := slices.Contains(first, p)
		if old != (p.body == "1 says 0" || p.body == "3 says 0") || !old && p.added.Before(later) {
			f.t.Errorf("%+v came of %+v", p, first)
		}
		if i > 0 && (p.n <= all[i-1].n || !p.added.After(all[i-1].added)) {
			f.t.Errorf("%+v after %+v", p, all[i-1])
		}
	}
	f.restock(f.handle().(deliver.Shelves), "a", listDay.AddDate(0, 0, -9), shelfItems(1, 3, 4, 5)...) // the clock was set back
	if now := f.everything(s, "a"); now[len(now)-1].n <= all[3].n || !now[len(now)-1].added.After(all[3].added) {
		f.t.Errorf("a number or moment is given twice: %+v after %+v", now, all)
	}
}

func shelfRevokes(f *fixture, s deliver.Shelves) {
	f.restock(s, "a", listDay, shelfItems(0, 1, 2)...)
	before := f.everything(s, "a")
	f.restock(s, "a", listDay, shelfItems(1)...) // 0 leaves a notice, 2 none
	all := f.everything(s, "a")
	if len(all) != 2 || all[0].body != "1 says 0" || all[1].n <= before[2].n || !all[1].added.After(before[2].added) {
		f.t.Fatalf("%+v", all)
	}
	gone, _ := f.pick(s, "a", deliver.Selection{Revoked: true})
	if len(gone) != 1 || gone[0] != all[1] || gone[0].body[:9] != "indicator" {
		f.t.Errorf("gone are %+v", gone)
	}
	f.restock(s, "a", listDay, shelfItems(0, 1)...)
	if again, _ := f.pick(s, "a", deliver.Selection{Revoked: true}); !slices.Equal(gone, again) {
		f.t.Errorf("the notice is now %+v", again)
	}
	if now := f.everything(s, "a"); len(now) != 3 || now[2].body != "0 says 0" || now[2].n <= gone[0].n {
		f.t.Errorf("what came back: %+v", now)
	}
}

func shelfForgets(f *fixture, s deliver.Shelves) {
	f.restock(s, "a", listDay, shelfItems(0, 1)...)
	f.restock(s, "a", listDay, shelfItems(1)...)
	for i, forget := range []time.Time{listDay, listDay.Add(time.Hour)} {
		r := restockOf(int64(2+i), listDay, shelfItems(1))
		r.Forget = forget
		if _, ok, err := s.Restock(f.ctx, "a", r); !ok || err != nil {
			f.t.Fatal(ok, err)
		}
		if left := f.everything(s, "a"); len(left) != 2-i {
			f.t.Errorf("when what went before %v is forgotten: %+v", forget, left)
		}
	}
}

func shelfTurns(f *fixture, s deliver.Shelves) {
	other := f.handle().(deliver.Shelves)
	for turn := range int64(4) {
		var wg sync.WaitGroup
		won := make([]bool, 4)
		for i := range won {
			wg.Go(func() {
				r := restockOf(turn, listDay, append(shelfItems(numbers(0, 50)...), ShelfItem(100+i, int(turn))))
				to, ok, err := []deliver.Shelves{s, other}[i%2].Restock(f.ctx, "a", r)
				if won[i] = ok; err != nil || to.Turn != turn+1 {
					f.t.Errorf("turn %d, %v", to.Turn, err)
				}
			})
		}
		wg.Wait()
		if first := slices.Index(won, true); first < 0 || slices.Contains(won[first+1:], true) {
			f.t.Errorf("in turn %d won %v", turn, won)
		}
	}
	all := f.everything(s, "a")
	for i := range all[1:] {
		if all[i].n >= all[i+1].n {
			f.t.Errorf("a number twice: %+v", all)
		}
	}
}

func shelfSpans(f *fixture, s deliver.Shelves) {
	items := shelfItems(numbers(0, 90)...)
	slices.SortFunc(items, func(a, b deliver.Item) int { return a.Name.Compare(b.Name) })
	for i, part := range [][]deliver.Item{items[:30], items[30:60], items[60:]} {
		r := restockOf(int64(i), listDay, part)
		r.Spans = []deliver.Span{{From: part[0].Name, To: part[len(part)-1].Name}}
		if _, ok, err := s.Restock(f.ctx, "a", r); !ok || err != nil {
			f.t.Fatal(ok, err)
		}
	}
	before := f.everything(s, "a")
	if len(before) != 90 {
		f.t.Fatalf("%d objects", len(before))
	}
	r := restockOf(3, listDay, slices.Concat(items[3:5], items[45:46]))
	r.Spans = []deliver.Span{{From: items[3].Name, To: items[4].Name}, {From: items[40].Name, To: items[49].Name}}
	if _, ok, err := s.Restock(f.ctx, "a", r); !ok || err != nil {
		f.t.Fatal(ok, err)
	}
	kept := 0
	for _, p := range f.everything(s, "a") {
		if slices.Contains(before, p) {
			kept++
		}
	}
	if kept != 90-9 {
		f.t.Errorf("%d stayed where they were", kept)
	}
	r = restockOf(4, listDay, items[:3])
	r.Spans = []deliver.Span{{From: items[1].Name, To: items[2].Name}}
	if _, ok, err := s.Restock(f.ctx, "a", r); ok || err == nil {
		f.t.Error("an object before its span is taken")
	}
}

// shelfPicks holds every selection against the same over a list.
func shelfPicks(f *fixture, s deliver.Shelves) {
	f.restock(s, "a", listDay, shelfItems(numbers(0, 40)...)...)
	f.restock(s, "a", listDay.AddDate(0, 0, 1), shelfItems(numbers(6, 60)...)...)
	type known struct {
		picked
		object  [16]byte
		typ     string
		version time.Time
		revoked bool
	}
	var all []known
	for _, p := range f.everything(s, "a") {
		k := known{picked: p, version: p.added}
		var n, what int
		if _, err := fmt.Sscanf(p.body, "%d says %d", &n, &what); err == nil {
			k.typ, k.object = shelfType(n), [16]byte(digest(fmt.Sprint(n, " at ", p.n))[:16])
			if n%5 == 4 {
				k.version = shelfVersion
			}
		} else {
			var object []byte
			if _, err := fmt.Sscanf(p.body, "%s %x is gone", &k.typ, &object); err != nil {
				f.t.Fatal(p, err)
			}
			k.object, k.revoked = [16]byte(object), true
		}
		all = append(all, k)
	}
	rapid.Check(f.t, func(t *rapid.T) {
		some := rapid.SampledFrom(all)
		w := deliver.Selection{Limit: rapid.IntRange(1, 70).Draw(t, "limit"), Revoked: rapid.IntRange(0, 5).Draw(t, "revoked") == 0}
		if rapid.Bool().Draw(t, "after") {
			w.After = some.Draw(t, "from").n
		}
		if rapid.Bool().Draw(t, "added after") {
			w.AddedAfter = some.Draw(t, "since").added.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "nanoseconds")))
		}
		w.Types = rapid.SliceOfN(rapid.SampledFrom([]string{"indicator", "incident", "marking", "other"}), 0, 2).Draw(t, "types")
		for _, k := range rapid.SliceOfN(some, 0, 3).Draw(t, "objects") {
			w.Objects = append(w.Objects, k.object)
		}
		for _, k := range rapid.SliceOfN(some, 0, 3).Draw(t, "versions") {
			w.Versions = append(w.Versions, k.version.Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "finer"))))
		}
		var want []picked
		for _, k := range all {
			if k.n > w.After && k.added.After(w.AddedAfter) && (!w.Revoked || k.revoked) &&
				(len(w.Types) == 0 || slices.Contains(w.Types, k.typ)) && (len(w.Objects) == 0 || slices.Contains(w.Objects, k.object)) &&
				(len(w.Versions) == 0 || slices.ContainsFunc(w.Versions, k.version.Equal)) {
				want = append(want, k.picked)
			}
		}
		got, more := f.pick(s, "a", w)
		if wantMore := len(want) > w.Limit; more != wantMore || !slices.Equal(got, want[:min(len(want), w.Limit)]) {
			t.Fatalf("%+v picks\n%+v, more %v; want\n%+v", w, got, more, want)
		}
	})
}

func shelfGoesOn(f *fixture, s deliver.Shelves) {
	before := f.relist(f.hub.(collections), "a", listDay, entry(1, 0), entry(2, 0))
	f.restock(s, "a", listDay.AddDate(0, 0, -1), shelfItems(1)...)
	if all := f.everything(s, "a"); all[0].n <= before[1].N || !all[0].added.After(before[1].Added) {
		f.t.Errorf("%+v after %+v", all, before)
	}
}

func shelvesApart(f *fixture, s deliver.Shelves) {
	f.restock(s, "a", listDay, shelfItems(1, 2)...)
	f.restock(s, "b", listDay, shelfItems(2, 3)...)
	f.restock(s, "a", listDay, shelfItems(1)...)
	if all := says(f.everything(s, "b")); !slices.Equal(slices.Sorted(slices.Values(all)), []string{"2 says 0", "3 says 0"}) {
		f.t.Errorf("the other holds %v", all)
	}
}

func shelfFails(f *fixture, s deliver.Shelves) {
	f.restock(s, "a", listDay, shelfItems(1, 2)...)
	before := f.everything(s, "a")
	broken := ShelfItem(3, 0)
	broken.Make = func(deliver.Place) (deliver.Made, error) { return deliver.Made{}, fmt.Errorf("it cannot be made") }
	if _, ok, err := s.Restock(f.ctx, "a", restockOf(1, listDay, append(shelfItems(2), broken))); ok || err == nil {
		f.t.Error("what cannot be made is there")
	}
	if at, err := s.Stand(f.ctx, "a"); err != nil || at.Turn != 1 || !slices.Equal(before, f.everything(s, "a")) {
		f.t.Errorf("it stands at %+v, %v", at, err)
	}
}

func shelfBlanked(f *fixture, s deliver.Shelves) {
	f.send("c1", told{"a", 0, "one"})
	f.restock(s, "a", listDay, shelfItems(0, 1, 2)...)
	f.restock(s, "a", listDay, shelfItems(1, 2)...) // 0 leaves a notice
	before := f.everything(s, "a")
	if err := Erase(f.ctx, f.hub, f.member, id[wire.ReportID]('r', "a")); err != nil {
		f.t.Fatal(err)
	}
	stale := restockOf(2, listDay, shelfItems(1, 2))
	if _, ok, err := s.Restock(f.ctx, "a", stale); ok || err != nil {
		f.t.Errorf("what was computed before the erasure is put there after it: %v", err)
	}
	if at, err := s.Stand(f.ctx, "a"); err != nil || at.Basis != "" {
		f.t.Errorf("it stands at %+v, %v", at, err)
	}
	blank := 0
	for i, p := range f.everything(s, "a") {
		if p.n != before[i].n || p.body != "" && p != before[i] {
			f.t.Errorf("%+v became %+v", before[i], p)
		}
		if p.body == "" {
			blank++
		}
	}
	if blank != 2 {
		f.t.Errorf("%d objects are blank", blank)
	}
	f.restock(s, "a", listDay, shelfItems(1, 2)...)
	if after := f.everything(s, "a"); !slices.Equal(after, before) {
		f.t.Errorf("%+v became %+v", before, after)
	}
}
