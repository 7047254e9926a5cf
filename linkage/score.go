package linkage

import (
	"math"
	"slices"
)

// Evidence is one reason for a link, or against it ("although …").
type Evidence string

// The kinds of evidence.
const (
	SameReference    Evidence = "a common case reference"
	SameVictim       Evidence = "the same victim"
	SameDay          Evidence = "the same day"
	NearDates        Evidence = "near dates"
	PlausibleDelay   Evidence = "a plausible delay of notification"
	SharedRare       Evidence = "a shared rare observable"
	SameRecords      Evidence = "matching numbers of records"
	VagueDates       Evidence = "although dates are vague or lie apart"
	Undated          Evidence = "although no dates can be compared"
	DifferentRecords Evidence = "although numbers of records differ"
	DifferentActions Evidence = "although actions differ"
	DifferentPlace   Evidence = "although countries differ"
	DifferentTrade   Evidence = "although industries differ"
)

// Link ties two reports.
type Link struct {
	A, B   int64 // A < B
	Weight float64
	// Evidence says why; Weights, beside it, what each reason adds to Weight.
	Evidence []Evidence
	Weights  []float64
}

func (l *Link) add(e Evidence, weight float64) {
	l.Weight += weight
	l.Evidence = append(l.Evidence, e)
	l.Weights = append(l.Weights, weight)
}

func (l Link) has(all ...Evidence) bool {
	for _, e := range all {
		if !slices.Contains(l.Evidence, e) {
			return false
		}
	}
	return true
}

// Score weighs a pair by itself; false if it is no link. All shared
// observables that are not marked as common count as rare: the caller marks
// those that too many facts share, as [Blocks] does.
func Score(a, b Fact, p Parameters) (Link, bool) {
	if b.Report < a.Report {
		a, b = b, a
	}
	l := Link{A: a.Report, B: b.Report}
	bothKnown := a.Victim != "" && b.Victim != ""
	if bothKnown && a.Victim != b.Victim {
		return l, false // rule 3
	}
	if meet(a.References, b.References) {
		l.add(SameReference, 5)
	}
	if bothKnown {
		l.add(SameVictim, 1)
	}
	if n := shared(a.Observables, b.Observables); n > 0 {
		l.add(SharedRare, 1+0.25*float64(min(n, 4)-1))
	}
	if len(l.Evidence) == 0 || !l.scoreDates(a, b, p) {
		return l, false
	}
	l.scoreCircumstances(a, b)
	if a.Source == b.Source && !l.joinsOneSource(a, b) {
		return l, false // rules 1 and 4
	}
	// A little less than the threshold is the threshold: sums of tenths.
	return l, l.Weight >= p.Threshold-1e-9
}

// joinsOneSource reports whether a link is strong enough for two reports of
// one source.
func (l Link) joinsOneSource(a, b Fact) bool {
	switch {
	case l.has(SameReference), l.has(SameVictim, SameDay, SharedRare):
		return true
	case a.OnBehalf != "" && b.OnBehalf != "" && a.OnBehalf != b.OnBehalf:
		return l.has(SameVictim, NearDates, SharedRare)
	}
	return false
}

func (l *Link) scoreCircumstances(a, b Fact) {
	if a.Records.Known && b.Records.Known {
		switch {
		case a.Records.Low > b.Records.High || b.Records.Low > a.Records.High:
			l.add(DifferentRecords, -0.8*apart(a.Records, b.Records))
		case min(a.Records.High, b.Records.High) > 1:
			l.add(SameRecords, 0.5-0.2*min(a.Records.doubt()+b.Records.doubt(), 1))
		}
	}
	if known(a.Actions) && known(b.Actions) && !meet(a.Actions, b.Actions) {
		l.add(DifferentActions, -1)
	}
	sameVictim := l.has(SameVictim)
	if a.Country != "" && b.Country != "" && a.Country != b.Country {
		if sameVictim {
			l.add(DifferentPlace, -0.2)
		} else {
			l.add(DifferentPlace, -0.4)
		}
	}
	if !sameVictim && a.Industry != "" && b.Industry != "" && a.Industry != b.Industry {
		l.add(DifferentTrade, -0.2)
	}
}

// doubt is 0 for a number told exactly, and 0.5 for one told in a band of half a
// decade or wider.
func (r Range) doubt() float64 {
	return min(math.Log10(max(r.High, 1)/max(r.Low, 1)), 0.5)
}

// known reports whether any action is told; to know that it is not known, in
// VERIS "unknown", says nothing.
func known(actions []string) bool {
	return len(actions) > 0 && !slices.Contains(actions, "unknown")
}

// apart weighs how much two intervals exclude each other: fully from a factor
// of three on.
func apart(a, b Range) float64 {
	if a.Low > b.High {
		a, b = b, a
	}
	if b.Low/max(a.High, 1) >= 3 {
		return 1
	}
	return 0.5
}

// meet reports whether two short lists share an entry that is not empty.
func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return s != "" && slices.Contains(b, s) })
}

// shared counts the observables that both saw and that are not common.
func shared(a, b []Observable) int {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	if len(a)*len(b) > 256 {
		return sharedByKey(a, b)
	}
	n := 0
	for i, o := range a {
		if o.ties() && !listed(a[:i], o) && listed(b, o) {
			n++
		}
	}
	return n
}

func (o Observable) ties() bool { return !o.Common && o.Token != "" }

// listed reports whether an observable stands in a list and may tie there.
func listed(all []Observable, o Observable) bool {
	return slices.Contains(all, Observable{Token: o.Token, Type: o.Type})
}

func sharedByKey(a, b []Observable) (n int) {
	seen := make(map[Observable]bool, len(a))
	for _, o := range a {
		if o.ties() {
			seen[o] = true
		}
	}
	for _, o := range b {
		if seen[o] {
			delete(seen, o)
			n++
		}
	}
	return n
}
