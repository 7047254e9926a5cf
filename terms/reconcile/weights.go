package reconcile

import (
	_ "embed"
	"fmt"
	"slices"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

//go:embed weights.yaml
var defaultWeights []byte

// Weights is a cost model over the forms. All costs are whole points.
type Weights struct {
	// Ask is the cost of asking a contributor at all, Clause that of each
	// clause that it must read.
	Ask    int64      `json:"ask"`
	Clause int64      `json:"clause"`
	Forms  FormHeight `json:"forms"`
	// Classes weigh a step by the class of the field.
	Classes map[standard.Class]int64 `json:"classes"`
	// Contributors multiply all costs of those named.
	Contributors map[string]int64 `json:"contributors,omitzero"`
	// Delays say how much less a concession costs that holds each report back:
	// by days, ascending, and percentages that fall.
	Delays []Delay `json:"delays,omitzero"`
}

// FormHeight says how much each form tells.
type FormHeight struct {
	Withheld int64 `json:"withheld"`
	Counted  int64 `json:"counted"`
	Token    int64 `json:"token"`
	Coarsest int64 `json:"coarsest"`
	Finest   int64 `json:"finest"`
	Exact    int64 `json:"exact"`
}

// Delay prices a concession that holds each report back for some days: it
// costs so much of one that does not.
type Delay struct {
	Days    int   `json:"days"`
	Percent int64 `json:"percent"`
}

// maxPoints keeps sums of costs exact.
const maxPoints = 1_000

// DefaultWeights is the table of docs/terms.md.
func DefaultWeights() (*Weights, error) { return ParseWeights("weights.yaml", defaultWeights) }

// ParseWeights reads a cost model, strictly and as a whole: what is left out
// is refused, and not taken from the default.
func ParseWeights(file string, data []byte) (*Weights, error) {
	// Numbers that are missing must not pass for 0.
	w := &Weights{Ask: -1, Clause: -1, Forms: FormHeight{-1, -1, -1, -1, -1, -1}}
	place, err := terms.ReadStrict(file, data, w)
	if err != nil {
		return nil, err
	}
	bad := func(pointer, format string, args ...any) error {
		return fault.New(fault.Invalid, "weights.invalid", format, args...).At(place(pointer))
	}
	outside := func(n int64) bool { return n < 0 || n > maxPoints }
	f := w.Forms
	switch {
	case outside(w.Ask):
		return nil, bad("/ask", "ask is a whole number of points from 0 to %d", maxPoints)
	case outside(w.Clause):
		return nil, bad("/clause", "clause is a whole number of points from 0 to %d", maxPoints)
	case slices.ContainsFunc([]int64{f.Withheld, f.Counted, f.Token, f.Coarsest, f.Finest, f.Exact}, outside):
		return nil, bad("/forms", "forms names withheld, counted, token, coarsest, finest and exact, each a whole number from 0 to %d", maxPoints)
	case f.Withheld > f.Counted || f.Counted > f.Token || f.Counted > f.Coarsest || f.Coarsest > f.Finest || f.Token > f.Exact || f.Finest > f.Exact:
		return nil, bad("/forms", "a stronger form tells no less: withheld, counted, then token, and coarsest and finest, then exact")
	}
	for _, class := range standard.Classes() {
		if n, ok := w.Classes[class]; !ok || outside(n) {
			return nil, bad("/classes", "classes gives each of %s a whole number from 0 to %d", list(standard.Classes()), maxPoints)
		}
	}
	if len(w.Classes) != len(standard.Classes()) {
		return nil, bad("/classes", "the classes are %s and no others", list(standard.Classes()))
	}
	for _, n := range w.Contributors {
		if n < 1 || n > 10 {
			return nil, bad("/contributors", "a contributor's costs are multiplied by a whole number from 1 to 10")
		}
	}
	last := Delay{0, 100}
	for i, d := range w.Delays {
		if d.Days <= last.Days || terms.Days(d.Days) > terms.MaxSpan || d.Percent < 0 || d.Percent > last.Percent {
			return nil, bad(fmt.Sprintf("/delays/%d", i), "delays have more days from one to the next, up to %s, and percent from 100 to 0, never more than the one before", terms.MaxSpan)
		}
		last = d
	}
	return w, nil
}

// factor multiplies the costs of a contributor.
func (w *Weights) factor(contributor string) int64 {
	return max(1, w.Contributors[contributor])
}

// height is how much a form of a field tells.
func (w *Weights) height(std *standard.Standard, f standard.Field, form standard.Form) int64 {
	switch form.Kind {
	case standard.Exact:
		return w.Forms.Exact
	case standard.Token:
		return w.Forms.Token
	case standard.Counted:
		return w.Forms.Counted
	case standard.Generalised:
		levels := std.Levels(f) // fine to coarse, "any" last
		last := int64(max(1, len(levels)-1))
		return w.Forms.Coarsest + (w.Forms.Finest-w.Forms.Coarsest)*(last-int64(slices.Index(levels, form.Level)))/last
	}
	return w.Forms.Withheld
}

// step is the price of conceding a form of a field with a delay: what is told
// more than by the grants that count but for their delay, in each stretch of
// delays from its own on, and weighted by what that stretch is worth.
func (w *Weights) step(std *standard.Standard, f standard.Field, granted []grant, to standard.Form, from Delay) int64 {
	needed, hundredths := w.height(std, f, to), int64(0)
	for i, d := range w.stretches() {
		if d.Days < from.Days {
			continue
		}
		worth := d.Percent
		if i < len(w.Delays) {
			worth -= w.Delays[i].Percent
		}
		told := w.Forms.Withheld
		for _, g := range granted {
			switch {
			case g.after > time.Duration(terms.Days(d.Days)):
			case std.Weaker(f, to, g.form):
				told = needed
			case std.Weaker(f, g.form, to):
				told = max(told, w.height(std, f, g.form))
			}
		}
		hundredths += worth * (needed - told)
	}
	return (hundredths*w.Classes[f.Class] + 99) / 100
}

// stretches are the delays of the table, with none before them.
func (w *Weights) stretches() []Delay {
	return append([]Delay{{0, 100}}, w.Delays...)
}

// delay is the cheapest that is still useful, of equally cheap ones the
// shortest. It is the best for every concession: none costs less with a shorter
// one, and those of one contributor and form stand in one clause if they have
// the same.
func (w *Weights) delay(useful time.Duration) Delay {
	best := Delay{Percent: 100}
	for _, d := range w.Delays {
		if time.Duration(terms.Days(d.Days)) <= useful && d.Percent < best.Percent {
			best = d
		}
	}
	return best
}
