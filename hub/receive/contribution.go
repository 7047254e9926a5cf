package receive

import (
	"bytes"
	"errors"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// opened is a contribution as it came out of its envelope: what it says about
// itself, and each report, readable or not.
type opened struct {
	report.Contribution // without Reports
	made                time.Time
	reports             []offered
	// pushed is what the receipt says of how it came; "" if a member sent it.
	pushed string
}

// offered is one report of a contribution. If problem is set, the report could
// not be read, and nothing of it is reliable but its id, if it has one: that
// only names it to its sender.
type offered struct {
	report  report.Minimised
	problem error
}

// readContribution reads the plaintext of an envelope strictly, each report by
// itself. One that cannot be read is set aside with its problem, so that it
// takes none of its neighbours with it; anything wrong outside the reports is
// a fault of the whole.
func readContribution(plain []byte) (opened, error) {
	around, pieces, err := takeApart(plain)
	if errors.Is(err, errShape) {
		err = wire.Decode(plain, new(report.Contribution)) // says better what it is
		if err == nil {
			err = fault.New(fault.Invalid, "json.unexpected", "a contribution is one JSON object")
		}
	}
	if err != nil {
		return opened{}, err
	}
	var o opened
	if err := wire.Decode(around, &o.Contribution); err != nil {
		return opened{}, err
	}
	for _, p := range pieces {
		o.reports = append(o.reports, p.read())
	}
	return o, o.check()
}

// check holds what the contribution says about itself to its shape.
func (o *opened) check() error {
	if !wire.ValidID('c', o.ID) {
		return fault.New(fault.Invalid, "contribution.id", "the contribution's id is no id of a contribution").At("/id")
	}
	made, err := time.Parse(time.RFC3339, o.Made)
	if err != nil {
		return fault.New(fault.Invalid, "contribution.made", "made is no time as RFC 3339 writes it").At("/made")
	}
	o.made = made
	switch n := len(o.reports) + len(o.Nil); {
	case n == 0:
		return fault.New(fault.Invalid, "contribution.empty", "the contribution holds neither a report nor a nil report")
	case n > report.MaxReports:
		return fault.New(fault.TooLarge, "contribution.too_many", "the contribution holds %d reports; at most %d are taken at once: send them in parts", n, report.MaxReports)
	}
	return nil
}

// read reads one report strictly. One with more parts than a report can have
// is not even looked at: to build it would cost many times its size.
func (p piece) read() (r offered) {
	if p.parts > maxParts {
		r.problem = fault.New(fault.TooLarge, "report.too_many", "a report has at most %d statements and %d observables", report.MaxSaid, report.MaxObservables)
	} else if err := wire.Decode(p.text, &r.report); err != nil {
		r = offered{problem: err}
	}
	if r.problem != nil {
		r.report.ID = idOf(p.text)
	}
	return r
}

// idOf finds the id of a report that cannot be read, so that the answer can
// name it; empty if there is none. It looks no further than the id, which
// edges write first.
func idOf(text []byte) wire.ReportID {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	for dec.StackDepth() < 2 {
		name, err := dec.ReadToken()
		switch {
		case err != nil:
			return ""
		case name.Kind() != '"':
			continue // the opening bracket
		case name.String() != "id":
			if dec.SkipValue() != nil {
				return ""
			}
			continue
		}
		if value, err := dec.ReadToken(); err == nil && value.Kind() == '"' && wire.ValidID('r', wire.ReportID(value.String())) {
			return wire.ReportID(value.String())
		}
		return ""
	}
	return ""
}
