package sim

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

const week = 7 * 24 * time.Hour

// rhythm says when events happen: more from year to year, unevenly from week
// to week, and in bursts, in which one kind of event is most of what happens.
type rhythm struct {
	begin time.Time
	// upTo is the share of all events up to the end of each week.
	upTo []float64
	// surge names the template that surges in a week, "" in most.
	surge []string
}

// bursts is how many there are in the two years.
const bursts = 9

func newRhythm(r *rand.Rand, begin time.Time, sectors []string) rhythm {
	weeks := int((period + week - 1) / week)
	rate := make([]float64, weeks)
	surge := make([]string, weeks)
	for i := range rate {
		rate[i] = (1 + 0.4*float64(i)/float64(weeks)) * math.Exp(0.2*r.NormFloat64())
	}
	for range bursts {
		at, what := r.IntN(weeks-2), burst(r, sectors)
		for i := range 1 + r.IntN(3) {
			rate[at+i] *= 2.2
			surge[at+i] = what
		}
	}
	total := 0.0
	for i, n := range rate {
		total += n
		rate[i] = total
	}
	for i := range rate {
		rate[i] /= total
	}
	return rhythm{begin, rate, surge}
}

// burst picks what comes in bursts: attacks over the network that happen in
// every sector.
func burst(r *rand.Rand, sectors []string) string {
	var fit []string
	for _, t := range templates {
		if t.network && (t.only == "" || len(sectors) == 1 && t.only == sectors[0]) {
			fit = append(fit, t.name)
		}
	}
	return fit[r.IntN(len(fit))]
}

// moment is when the event happens before which a share of all events has, and
// what surges then.
func (y rhythm) moment(share float64) (at time.Time, surge string) {
	i, _ := slices.BinarySearch(y.upTo, share)
	if i >= len(y.upTo) {
		return y.begin.Add(period), ""
	}
	before := 0.0
	if i > 0 {
		before = y.upTo[i-1]
	}
	within := (share - before) / (y.upTo[i] - before)
	at = y.begin.Add(time.Duration(i)*week + time.Duration(within*float64(week)))
	if end := y.begin.Add(period); at.After(end) {
		at = end
	}
	return at, y.surge[i]
}
