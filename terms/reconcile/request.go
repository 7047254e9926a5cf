package reconcile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// Limits of a request.
const (
	// MaxFields a request may ask for.
	MaxFields = 200
	// MaxName is the longest name, so that clauses can be called after it.
	MaxName = 48
)

// Request is what a recipient needs: which fields, each in the weakest form
// that is still useful, for which purpose, of how much of the sector.
type Request struct {
	Name    string         `json:"name"`
	Title   string         `json:"title,omitzero"`
	Asks    Asker          `json:"asks"`
	Purpose member.Purpose `json:"purpose"`
	// Sectors are those of whose reports something is asked.
	Sectors []string `json:"sectors"`
	// Period is the time of which reports are asked for; nil is all.
	Period *Period `json:"period,omitzero"`
	// By is the day by which the coverage is wanted; the zero Day is today.
	By Day `json:"by,omitzero"`
	// Delay is how long after its receipt a report is still useful; zero: until
	// By.
	Delay terms.Span `json:"delay,omitzero"`
	// Groups is the least number of owner groups behind the incidents that are
	// asked about; zero: one.
	Groups int `json:"groups,omitzero"`
	// Measure of coverage; empty is [ByWeight].
	Measure Measure `json:"measure,omitzero"`
	// Coverage is the least wanted of all fields together, Each that of every
	// field that states none of its own.
	Coverage *Share `json:"coverage,omitzero"`
	Each     *Share `json:"each,omitzero"`
	Fields   []Need `json:"fields"`

	place func(pointer string) string
}

// Asker is who asks.
type Asker struct {
	Stake member.Stake `json:"stake"`
	Kind  member.Kind  `json:"kind"`
	// Sectors in which it takes part.
	Sectors []string `json:"sectors,omitzero"`
	// What clauses may ask of a recipient besides: which member it is, what its
	// agreement makes it, under whose law it stands, in which project it asks,
	// and on which day a report of it was last accepted.
	Member       wire.MemberID `json:"member,omitzero"`
	Roles        []string      `json:"roles,omitzero"`
	Jurisdiction string        `json:"jurisdiction,omitzero"`
	Project      string        `json:"project,omitzero"`
	Contributed  Day           `json:"contributed,omitzero"`
}

// viewer is the asker as clauses see it.
func (r *Request) viewer() member.Viewer {
	a := r.Asks
	return member.Viewer{
		Member:  member.Member{ID: a.Member, Stake: a.Stake, Kind: a.Kind, Sectors: a.Sectors, Roles: a.Roles, Jurisdiction: a.Jurisdiction},
		Purpose: r.Purpose, Project: a.Project, Contributed: a.Contributed.t,
	}
}

// Need is a field with the weakest form that is still useful.
type Need struct {
	Path     string        `json:"path"`
	Form     standard.Form `json:"form"`
	Coverage *Share        `json:"coverage,omitzero"`
}

// Measure says of what coverage is a share.
type Measure string

// The measures.
const (
	ByContributors Measure = "contributors"
	ByReports      Measure = "reports"
	ByWeight       Measure = "weight"
)

// Share is a part of a whole in ten thousandths: "0.8", "80%", 1.
type Share int64

const whole = 10_000

var shareText = regexp.MustCompile(`^(\d{1,3})(?:\.(\d{1,4}))?(%?)$`)

// UnmarshalJSON reads a share, written as a number or as a text.
func (s *Share) UnmarshalJSON(b []byte) error {
	m := shareText.FindStringSubmatch(strings.Trim(string(b), `"`))
	if m == nil {
		return fault.New(fault.Invalid, "request.share", "a share is written 0.8 or 80%%, with at most four digits behind the point")
	}
	n, err := strconv.ParseInt(m[1]+(m[2] + "0000")[:4], 10, 64)
	if err != nil {
		return err
	}
	if m[3] != "" {
		if n%100 != 0 {
			return fault.New(fault.Invalid, "request.share", "a percentage has at most two digits behind the point")
		}
		n /= 100
	}
	if n > whole {
		return fault.New(fault.Invalid, "request.share", "a share is at most 1, or 100%%")
	}
	*s = Share(n)
	return nil
}

// of is the least weight that is this share of all: rounded up.
func (s Share) of(all int64) int64 { return (int64(s)*all + whole - 1) / whole }

func (s Share) float() float64 { return float64(s) / whole }

// String writes the share as a percentage.
func (s Share) String() string { return percent(int64(s), whole) }

// Day is a date without a time, in UTC.
type Day struct{ t time.Time }

// DayOf is the day of a moment.
func DayOf(t time.Time) Day {
	return Day{t.UTC().Truncate(24 * time.Hour)}
}

// ParseDay reads "2027-06-30".
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Day{}, fault.New(fault.Invalid, "request.date", "a date is written as 2027-06-30")
	}
	return Day{t}, nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Day) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDay(string(b))
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String writes the date.
func (d Day) String() string { return d.t.Format(time.DateOnly) }

// IsZero reports whether no day is stated.
func (d Day) IsZero() bool { return d.t.IsZero() }

// After reports whether d is a later day than o.
func (d Day) After(o Day) bool { return d.t.After(o.t) }

func (d Day) next() Day         { return Day{d.t.AddDate(0, 0, 1)} }
func (d Day) compare(o Day) int { return d.t.Compare(o.t) }

// Period is a time from a day until a day, both included; a zero Until has no
// end. A nil period is all time.
type Period struct {
	From  Day `json:"from,omitzero"`
	Until Day `json:"until,omitzero"`
}

func (p *Period) holds(d Day) bool {
	return p == nil || !p.From.After(d) && (p.Until.IsZero() || !d.After(p.Until))
}

func (p *Period) meets(o *Period) bool {
	if p == nil || o == nil {
		return true
	}
	return (p.Until.IsZero() || !o.From.After(p.Until)) && (o.Until.IsZero() || !p.From.After(o.Until))
}

func (p *Period) backwards() bool {
	return p != nil && !p.Until.IsZero() && p.From.After(p.Until)
}

// ParseRequest reads a request, YAML or JSON, strictly; file is how errors
// call it. Whether its fields exist is known once standards are at hand.
func ParseRequest(file string, data []byte) (*Request, error) {
	r := &Request{}
	place, err := terms.ReadStrict(file, data, r)
	if err != nil {
		return nil, err
	}
	r.place = place
	return r, r.check()
}

var plainName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func (r *Request) check() error {
	switch {
	case !plainName.MatchString(r.Name) || len(r.Name) > MaxName:
		return r.invalid("/name", "request.name", "a request has a name of at most %d lower-case letters, digits and dashes", MaxName)
	case !r.Asks.Stake.Valid():
		return r.invalid("/asks/stake", "request.stake", "%q is no stake; use %s", r.Asks.Stake, list(member.Stakes()))
	case !r.Asks.Kind.Valid():
		return r.invalid("/asks/kind", "request.kind", "%q is no kind of member; the kinds are %s", r.Asks.Kind, list(member.Kinds()))
	case !r.Purpose.Valid():
		return r.invalid("/purpose", "request.purpose", "%q is no purpose; the purposes are %s", r.Purpose, list(member.Purposes()))
	case r.Measure != "" && !slices.Contains(measures(), r.Measure):
		return r.invalid("/measure", "request.measure", "%q is no measure of coverage; use %s", r.Measure, list(measures()))
	case r.Period.backwards():
		return r.invalid("/period", "request.period", "the period ends before it begins")
	case r.Groups < 0 || r.Groups > terms.MaxGroups:
		return r.invalid("/groups", "request.groups", "groups is how many owner groups stand behind the incidents asked about at least, from 1 to %d", terms.MaxGroups)
	case r.Asks.Member != "" && !wire.ValidID('m', r.Asks.Member):
		return r.invalid("/asks/member", "request.member", "%q is no member's id; it begins with m-", r.Asks.Member)
	case r.Asks.Jurisdiction != "" && !terms.ValidCountry(r.Asks.Jurisdiction):
		return r.invalid("/asks/jurisdiction", "request.jurisdiction", "%q is no country; write its code of two capital letters: DE, FR, GB", r.Asks.Jurisdiction)
	case len(r.Sectors) == 0:
		return r.invalid("/sectors", "request.sectors", "the request names no sector of whose reports it asks; add one")
	case len(r.Fields) == 0:
		return r.invalid("/fields", "request.fields", "the request asks for no field; add one")
	case len(r.Fields) > MaxFields:
		return r.invalid("/fields", "request.too_large", "a request asks for at most %d fields", MaxFields)
	}
	for i, s := range r.Sectors {
		if !plainName.MatchString(s) || slices.Contains(r.Sectors[:i], s) {
			return r.invalid(fmt.Sprintf("/sectors/%d", i), "request.sectors", "a sector is named once, by lower-case letters, digits and dashes")
		}
	}
	return r.checkFields()
}

func (r *Request) checkFields() error {
	stated := r.Coverage != nil || r.Each != nil
	for i, n := range r.Fields {
		at := fmt.Sprintf("/fields/%d", i)
		if slices.ContainsFunc(r.Fields[:i], func(o Need) bool { return o.Path == n.Path }) {
			return r.invalid(at+"/path", "request.field_twice", "%q is asked for twice", n.Path)
		}
		if n.Form.Kind == standard.Withheld || n.Form.Kind == standard.Sealed {
			return r.invalid(at+"/form", "request.form", "as %s nothing is received; state the weakest form that is still useful", n.Form)
		}
		stated = stated || n.Coverage != nil
	}
	if !stated {
		return r.invalid("", "request.coverage", "the request states no coverage; add coverage (of all fields together), each (of every field), or coverage beside a field")
	}
	return nil
}

func (r *Request) invalid(pointer, code, format string, args ...any) error {
	if r.place != nil {
		pointer = r.place(pointer)
	}
	return fault.New(fault.Invalid, code, format, args...).At(pointer)
}

func measures() []Measure { return []Measure{ByContributors, ByReports, ByWeight} }

func (r *Request) measure() Measure {
	if r.Measure == "" {
		return ByWeight
	}
	return r.Measure
}

// target is the least coverage of a field by itself.
func (r *Request) target(n Need) Share {
	switch {
	case n.Coverage != nil:
		return *n.Coverage
	case r.Each != nil:
		return *r.Each
	}
	return 0
}

// Check holds the request to the standards of its sectors.
func (r *Request) Check(standards func(sector string) (*standard.Standard, error)) error {
	_, err := r.standards(standards)
	return err
}

// standards finds the standard of each sector and holds the fields to them:
// each must exist in one at least, and be able to take its form where it does.
func (r *Request) standards(find func(string) (*standard.Standard, error)) (map[string]*standard.Standard, error) {
	stds := map[string]*standard.Standard{}
	for i, sector := range r.Sectors {
		std, err := find(sector)
		if err != nil {
			return nil, r.invalid(fmt.Sprintf("/sectors/%d", i), "request.sectors", "the sector %s has no standard here: %s", sector, fault.Public(err).Message)
		}
		stds[sector] = std
	}
	for i, n := range r.Fields {
		known := false
		for _, sector := range r.Sectors {
			f, ok := stds[sector].Field(n.Path)
			if !ok {
				continue
			}
			known = true
			if err := stds[sector].CheckForm(f, n.Form); err != nil {
				return nil, r.invalid(fmt.Sprintf("/fields/%d/form", i), "request.form", "%s cannot be received as %s: %s", n.Path, n.Form, fault.Public(err).Message)
			}
		}
		if !known {
			return nil, r.invalid(fmt.Sprintf("/fields/%d/path", i), "request.unknown_field", "no sector of the request has a field %q; `concord standard show` lists the fields", n.Path)
		}
	}
	return stds, nil
}

func list[T ~string](all []T) string {
	names := make([]string, len(all))
	for i, v := range all {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}
