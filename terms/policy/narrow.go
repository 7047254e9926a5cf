package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/terms"
)

// Bound is the most that a policy permits. Unlike in a clause, what is empty
// does not bind.
type Bound struct {
	// TLP and PAP are the most open labels that are permitted still.
	TLP string `json:"tlp,omitzero"`
	PAP string `json:"pap,omitzero"`
	// Attribution is the most that may be told of who said it.
	Attribution terms.Attribution `json:"attribution,omitzero"`
	// From and Until are the days outside of which it permits nothing.
	From  terms.Date `json:"from,omitzero"`
	Until terms.Date `json:"until,omitzero"`
}

// strictest is the bound of a policy that restricts in a way that no clause
// can say.
var strictest = Bound{TLP: "TLP:RED", PAP: "PAP:RED", Attribution: terms.NotAttributed}

// And is the most that both permit.
func (b Bound) And(o Bound) Bound {
	b.TLP = stricter(b.TLP, o.TLP, terms.Strictness)
	b.PAP = stricter(b.PAP, o.PAP, terms.Caution)
	b.Attribution = stricter(b.Attribution, o.Attribution, terms.Discretion)
	b.From = max(b.From, o.From)
	b.Until = earlier(b.Until, o.Until)
	return b
}

// stricter is the stricter of two labels, of which an empty one does not bind.
func stricter[T ~string](a, b T, place func(T) int) T {
	if a == "" || b != "" && place(b) > place(a) {
		return b
	}
	return a
}

func earlier(a, b terms.Date) terms.Date {
	if a == "" || b == "" {
		return max(a, b)
	}
	return min(a, b)
}

// Narrow is a sheet under a bound: the same clauses, none of which grants more
// than it did, nor more than the bound permits. A clause that could grant
// nothing any more is left out, and told; if none is left, that is an error,
// since no sheet grants nothing. The version is one higher.
func Narrow(base *terms.Sheet, bound Bound) (*terms.Sheet, []Lost, error) {
	out := &terms.Sheet{Name: base.Name, Version: base.Version + 1, Title: base.Title, Retention: base.Retention}
	var lost []Lost
	for _, c := range base.Clauses {
		c.Fields, c.To, c.For = slices.Clone(c.Fields), slices.Clone(c.To), slices.Clone(c.For)
		// An empty label is the strictest already, or, of who said it, what it
		// means; only what is stricter is written.
		if bound.TLP != "" && terms.Strictness(bound.TLP) > terms.Strictness(c.TLP) {
			c.TLP = bound.TLP
		}
		if bound.PAP != "" && terms.Caution(bound.PAP) > terms.Caution(c.PAP) {
			c.PAP = bound.PAP
		}
		if bound.Attribution != "" && terms.Discretion(bound.Attribution) > terms.Discretion(c.Attribution) {
			c.Attribution = bound.Attribution
		}
		c.From, c.Until = max(c.From, bound.From), earlier(c.Until, bound.Until)
		if c.From != "" && c.Until != "" && c.Until <= c.From {
			lost = append(lost, Lost{Clause: c.ID, What: "the clause",
				Why: fmt.Sprintf("under the policy it would end on %s, before it begins on %s; it is left out", c.Until, c.From)})
			continue
		}
		out.Clauses = append(out.Clauses, c)
	}
	if len(out.Clauses) == 0 {
		return nil, lost, fault.New(fault.Invalid, "policy.nothing_left", "under the policy no clause of the sheet %s would grant anything; there is no sheet to write", base.Name)
	}
	return out, lost, out.Check()
}

// firstDay is the first whole day at or after a moment, lastDay the day before
// which all is over that is over at the moment: both permit no more than the
// moment does. exact says that nothing was rounded.
func firstDay(t time.Time) (d terms.Date, exact bool) {
	day := t.UTC().Truncate(24 * time.Hour)
	if day.Equal(t) {
		return terms.DateOf(t), true
	}
	return terms.DateOf(day.AddDate(0, 0, 1)), false
}

func lastDay(t time.Time) (d terms.Date, exact bool) {
	return terms.DateOf(t), t.UTC().Truncate(24 * time.Hour).Equal(t)
}
