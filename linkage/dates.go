package linkage

import "strconv"

// comparison is what two dates, or the best of several, say about each other.
type comparison struct {
	// known is false if there were none to compare.
	known bool
	// gap is the least number of days between them.
	gap int32
	// vague is how many days of doubt the two ranges leave together.
	vague int32
	// sameDay: both are told to the day, and it is the same.
	sameDay bool
}

// nearness is what the dates of two facts say about each other.
type nearness struct {
	// begun compares when the events began, later the later stages of the one
	// with the same stages of the other.
	begun, later comparison
	// delay is by how many days a later stage of the one follows an earlier
	// stage of the other, within the lag; ahead by how many it comes before.
	delay, ahead comparison
}

func (n nearness) comparable() bool {
	return n.begun.known || n.later.known || n.delay.known || n.ahead.known
}

// take keeps the comparison that speaks more for a link.
func (c *comparison) take(gap int32, x, y Dates) {
	o := comparison{true, gap, x.Last - x.First + y.Last - y.First, gap == 0 && x.First == x.Last && y.First == y.Last}
	if !c.known || o.gap < c.gap || o.gap == c.gap && o.vague < c.vague {
		*c = o
	}
}

func nearnessOf(a, b Fact) (n nearness) {
	for _, x := range a.Dates {
		for _, y := range b.Dates {
			gap := max(x.First-y.Last, y.First-x.Last, 0)
			early, late := x, y
			if x.Kind > y.Kind {
				early, late = y, x
			}
			switch {
			case x.Kind == y.Kind && x.Kind == Occurred:
				n.begun.take(gap, x, y)
			case x.Kind == y.Kind:
				n.later.take(gap, x, y)
			case late.Last < early.First:
				n.ahead.take(gap, x, y)
			default:
				n.delay.take(gap, x, y)
			}
		}
	}
	return n
}

// How many days of doubt two dates may leave together that are called near: up
// to three months or so fully, up to two quarters hardly, beyond not.
const (
	clear = 100
	hazy  = 200
)

// weight is that of two dates of the same kind; false if they lie too far
// apart.
func (c comparison) weight(p Parameters) (w float64, ok bool) {
	switch {
	case !c.known || c.gap > p.Near:
		return 0, false
	case c.sameDay:
		return 1, true
	}
	w = 0.6 - 1.2*float64(c.gap)/float64(max(p.Near, 1))
	switch {
	case c.vague > hazy && c.gap > 0:
		w = min(w, -0.3)
	case c.vague > hazy:
		w = -0.1
	case c.vague > clear:
		w = min(w, 0.1)
	}
	return w, true
}

// scoreDates adds what dates say; false if they refuse the pair.
func (l *Link) scoreDates(a, b Fact, p Parameters) bool {
	n := nearnessOf(a, b)
	best, ok := n.begun.weight(p)
	kind := kindOf(best)
	better := func(w float64, e Evidence) {
		if !ok || w > best {
			best, kind, ok = w, e, true
		}
	}
	if n.begun.known && !ok { // rule 5
		return l.has(SameReference)
	}
	// When events began decides, unless it is known too vaguely.
	if !n.begun.known || n.begun.vague > clear {
		if w, near := n.later.weight(p); near {
			better(w, kindOf(w))
		}
	}
	if !n.begun.known {
		if n.delay.known && n.delay.gap <= p.Lag && (l.has(SameVictim) || n.delay.gap <= p.Near) {
			better(0.25, PlausibleDelay)
		}
		if n.ahead.known && n.ahead.gap <= p.Near {
			better(0.1, NearDates)
		}
	}
	switch {
	case ok:
		l.add(kind, best)
	case n.comparable():
		return l.has(SameReference)
	default:
		l.add(Undated, -0.6)
	}
	return true
}

func kindOf(weight float64) Evidence {
	switch {
	case weight >= 1:
		return SameDay
	case weight > 0:
		return NearDates
	}
	return VagueDates
}

// begin is the days on which an event, or the events of a cluster, may have
// begun: First is the latest first day of any, Last the earliest last day.
type begin struct {
	first, last int32
	known       bool
}

func beginOf(f Fact) (b begin) {
	for _, d := range f.Dates {
		if d.Kind != Occurred {
			continue
		}
		if !b.known {
			b = begin{d.First, d.Last, true}
		}
		b.first, b.last = min(b.first, d.First), max(b.last, d.Last)
	}
	return b
}

// and narrows the days of two clusters to those of both.
func (b begin) and(o begin) begin {
	switch {
	case !b.known:
		return o
	case !o.known:
		return b
	}
	return begin{max(b.first, o.first), min(b.last, o.last), true}
}

// begunApart reports whether some event of the one began too long before or
// after some event of the other.
func begunApart(a, b begin, p Parameters) bool {
	return a.known && b.known && max(a.first-b.last, b.first-a.last) > p.Near
}

// String writes a range of days for tests and explanations.
func (d Dates) String() string {
	return strconv.Itoa(int(d.First)) + ".." + strconv.Itoa(int(d.Last))
}
