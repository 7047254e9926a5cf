package report

import (
	"fmt"
	"regexp"
	"time"

	"github.com/concord-trust/concord/fault"
)

// Nil says that a member had nothing to report in a sector and period
// ("2026-Q3"): nothing happened is not nothing reported.
type Nil struct {
	Sector string `json:"sector"`
	Period string `json:"period"`
}

var quarter = regexp.MustCompile(`^(20\d\d)-Q([1-4])$`)

// Begins is the first moment of the period, or a fault that says how a period
// is written.
func (n Nil) Begins() (time.Time, error) {
	m := quarter.FindStringSubmatch(n.Period)
	if m == nil {
		return time.Time{}, fault.New(fault.Invalid, "nil.period", "a period is a quarter, written 2026-Q3").At("period")
	}
	begins, err := time.Parse("2006-1", fmt.Sprintf("%s-%d", m[1], 3*int(m[2][0]-'1')+1))
	if err != nil {
		return time.Time{}, fmt.Errorf("read a quarter: %w", err)
	}
	return begins, nil
}
