package kanonymity

import (
	"fmt"
	"math"
	"slices"
)

// Metric measures how much a transformation loses.
//
// A generalised value could stand for several values of its domain: a cell's
// share is their number by the size of the domain. From it each column gets a
// loss between 0, every value as it was, and 1, anything possible everywhere:
//
//	loss = (sum over rows of (share, or 1 if suppressed) − N/D) / (N − N/D)
//
// for N rows and a domain of D values (Iyengar, KDD 2002; normalised certainty
// penalty; "loss" of the ARX tool). The columns' losses, rounded down to ten
// decimals so that equal ones are equal, make the transformation's.
type Metric struct {
	// Weights of the quasi-identifiers, at least 0 and one of them above;
	// nil weighs all alike. Only their ratios matter.
	Weights []float64
	// Lean makes one kind of loss cheaper than the other: 0 is even, below 0
	// suppression costs less (at −1 a suppressed row loses no more than if
	// it were published), above 0 generalisation does (at 1 nothing). ARX's
	// factor of generalisation and suppression is (1 + Lean)/2.
	Lean float64
	// Aggregate makes one loss of the columns'.
	Aggregate Aggregate
}

// Aggregate is a way to compare transformations by their columns' losses.
type Aggregate uint8

const (
	// Mean is the weighted arithmetic mean.
	Mean Aggregate = iota
	// GeometricMean is the geometric mean of 1 + weight × loss, less 1,
	// weights being divided by the largest.
	GeometricMean
	// Rank compares the largest weighted loss first, then the second, and so
	// on: the worst column counts. [Result.Loss] is then the mean.
	Rank
)

// measure is a metric made ready for a table.
type measure struct {
	weights        []float64 // divided by the largest
	weightSum      float64
	generalisation float64 // what a generalised share costs
	suppression    float64 // what a suppressed row costs above its share
	aggregate      Aggregate
}

func (m Metric) measure(columns int) (measure, error) {
	out := measure{aggregate: m.Aggregate, weights: make([]float64, columns)}
	if !(m.Lean >= -1 && m.Lean <= 1) {
		return out, fmt.Errorf("the metric's lean must be between -1 and 1, not %v", m.Lean)
	}
	if m.Aggregate > Rank {
		return out, fmt.Errorf("the metric has no aggregate %d", m.Aggregate)
	}
	if m.Weights != nil && len(m.Weights) != columns {
		return out, fmt.Errorf("the metric has %d weights for %d quasi-identifiers", len(m.Weights), columns)
	}
	out.generalisation, out.suppression = 1-max(m.Lean, 0), 1+min(m.Lean, 0)
	largest := 0.0
	for q, w := range m.Weights {
		if !(w >= 0) || math.IsInf(w, 1) {
			return out, fmt.Errorf("the weight of quasi-identifier %d is %v; give a number that is not negative", q, w)
		}
		largest = max(largest, w)
	}
	for q := range out.weights {
		switch {
		case m.Weights == nil:
			out.weights[q] = 1
		case largest == 0:
			return out, fmt.Errorf("the metric weighs every quasi-identifier 0")
		default:
			out.weights[q] = m.Weights[q] / largest
		}
		out.weightSum += out.weights[q]
	}
	return out, nil
}

// column is the loss of one column. kept and lost are the values that the
// generalised values of kept and of suppressed rows stand for, summed over
// the rows: whole numbers, so that the loss does not depend on the order in
// which the search came to them.
func (m measure) column(rows, domain int, kept, lost int64, suppressed int) float64 {
	if rows == 0 {
		return 0
	}
	n, d := float64(rows), float64(domain)
	least := m.generalisation * n / d
	x := 0.0
	if domain == 1 {
		x = m.suppression * float64(suppressed) / n // only suppression can lose it
	} else {
		y := (m.generalisation*float64(kept)+(1-m.suppression)*float64(lost))/d + m.suppression*float64(suppressed)
		x = max(0, (y-least)/(n-least))
	}
	// The slack is above the error of the arithmetic, so that a value that
	// should have no further decimals is not rounded down to the one below.
	const decimals, slack = 1e10, 1e-3
	return math.Floor(x*decimals+slack) / decimals
}

// key appends what transformations are compared by, first element first.
func (m measure) key(into []float64, columns []float64) []float64 {
	switch m.aggregate {
	case GeometricMean:
		return append(into, m.geometric(columns))
	case Rank:
		start := len(into)
		for q, x := range columns {
			into = append(into, m.weights[q]*x)
		}
		slices.SortFunc(into[start:], func(a, b float64) int {
			switch {
			case a > b:
				return -1
			case a < b:
				return 1
			}
			return 0
		})
		return into
	default:
		return append(into, m.mean(columns))
	}
}

func (m measure) mean(columns []float64) float64 {
	if len(columns) == 0 {
		return 0
	}
	sum := 0.0
	for q, x := range columns {
		sum += m.weights[q] * x
	}
	return sum / m.weightSum
}

func (m measure) geometric(columns []float64) float64 {
	if len(columns) == 0 {
		return 0
	}
	product := 1.0
	for q, x := range columns {
		product *= m.weights[q]*x + 1
	}
	return math.Pow(product, 1/float64(len(columns))) - 1
}

// loss is the one number that a result states.
func (m measure) loss(columns []float64) float64 {
	if m.aggregate == GeometricMean {
		return m.geometric(columns)
	}
	return m.mean(columns)
}
