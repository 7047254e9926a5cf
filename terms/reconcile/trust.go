package reconcile

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// MaxContributors a trust may have.
const MaxContributors = 2_000

// maxWeight keeps sums of weights exact.
const maxWeight = 1_000_000

// Trust is who contributes, on which terms.
type Trust struct {
	Contributors []Contributor
}

// Contributor is a member with what it contributes.
type Contributor struct {
	Name  string       `json:"name"`
	Title string       `json:"title,omitzero"`
	Stake member.Stake `json:"stake,omitzero"`
	Kind  member.Kind  `json:"kind,omitzero"`
	// Group is the owner group; by default the contributor is its own.
	Group  string `json:"group,omitzero"`
	Sector string `json:"sector,omitzero"`
	// Weight, or the number of Reports, is how much it counts for.
	Weight  *int64 `json:"weight,omitzero"`
	Reports *int64 `json:"reports,omitzero"`
	// Holds is the time of which it has reports, Agreed the time for which
	// its agreement is valid; nil is all.
	Holds  *Period `json:"holds,omitzero"`
	Agreed *Period `json:"agreed,omitzero"`
	// Never names what it will concede to nobody, as a sheet names fields.
	Never []string `json:"never,omitzero"`

	// Declined are fields that it refused to concede to this asker, until when
	// it is not asked again.
	Declined map[string]Day `json:"-"`
	// Rules are its sheet compiled already, possibly with other standards at
	// hand; else the sheet is held to the standard of the sector.
	Rules *terms.Rules `json:"-"`
	// Sheet is nil if it has none, or one that cannot be read.
	Sheet   *terms.Sheet `json:"-"`
	File    string       `json:"-"`
	Text    []byte       `json:"-"`
	Refused string       `json:"-"` // why the sheet cannot be used
}

// ContributorsFile is the name, without its ending, of the file beside the
// sheets that says who the contributors are.
const ContributorsFile = "contributors"

type contributorsFile struct {
	Contributors []Contributor `json:"contributors"`
}

// Gather makes a trust of the files of a folder: sheets, each called after
// its contributor, and possibly one about the contributors. What other files
// there are is left alone. A sheet that cannot be read costs nobody else
// anything: its contributor blocks, and says why.
func Gather(files map[string][]byte, req *Request) (Trust, error) {
	byName := map[string]*Contributor{}
	names := make([]string, 0, len(files))
	for name := range files {
		if slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var about *string
	for _, name := range names {
		base := strings.TrimSuffix(path.Base(name), path.Ext(name))
		if base == ContributorsFile {
			if about != nil {
				return Trust{}, fault.New(fault.Invalid, "contributors.twice", "%s says the same; keep one of them", path.Base(*about)).At(name)
			}
			about = &name
			continue
		}
		if other := byName[base]; other != nil {
			return Trust{}, fault.New(fault.Invalid, "contributors.twice", "%s is a sheet of the same contributor; keep one of them", path.Base(other.File)).At(name)
		}
		if !plainName.MatchString(base) {
			return Trust{}, fault.New(fault.Invalid, "contributors.name", "a sheet is called after its contributor, with lower-case letters, digits and dashes; rename it").At(name)
		}
		c := &Contributor{Name: base, File: name, Text: files[name]}
		if sheet, err := terms.Parse(name, files[name]); err != nil {
			c.Refused = fault.Public(err).Error()
		} else {
			c.Sheet = sheet
		}
		byName[base] = c
	}
	if about != nil {
		if err := describe(*about, files[*about], byName); err != nil {
			return Trust{}, err
		}
	}
	return complete(byName, req)
}

// describe adds what the file about the contributors says.
func describe(file string, data []byte, byName map[string]*Contributor) error {
	var all contributorsFile
	place, err := terms.ReadStrict(file, data, &all)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, c := range all.Contributors {
		at := func(part string) string { return place(fmt.Sprintf("/contributors/%d%s", i, part)) }
		if seen[c.Name] {
			return fault.New(fault.Invalid, "contributors.twice", "%q is described twice", c.Name).At(at("/name"))
		}
		seen[c.Name] = true
		if err := c.check(at); err != nil {
			return err
		}
		if sheet := byName[c.Name]; sheet != nil {
			c.Sheet, c.File, c.Text, c.Refused = sheet.Sheet, sheet.File, sheet.Text, sheet.Refused
		}
		byName[c.Name] = &c
	}
	return nil
}

func (c *Contributor) check(at func(string) string) error {
	bad := func(part, code, format string, args ...any) error {
		return fault.New(fault.Invalid, code, format, args...).At(at(part))
	}
	outside := func(n *int64) bool { return n != nil && (*n < 0 || *n > maxWeight) }
	switch {
	case !plainName.MatchString(c.Name):
		return bad("/name", "contributors.name", "a contributor has a name of lower-case letters, digits and dashes, that of its sheet")
	case c.Stake != "" && !c.Stake.Valid():
		return bad("/stake", "contributors.stake", "%q is no stake; use %s", c.Stake, list(member.Stakes()))
	case c.Kind != "" && !c.Kind.Valid():
		return bad("/kind", "contributors.kind", "%q is no kind of member; the kinds are %s", c.Kind, list(member.Kinds()))
	case c.Sector != "" && !plainName.MatchString(c.Sector):
		return bad("/sector", "contributors.sector", "a sector has a name of lower-case letters, digits and dashes")
	case outside(c.Weight):
		return bad("/weight", "contributors.weight", "a weight is a whole number from 0 to %d", maxWeight)
	case outside(c.Reports):
		return bad("/reports", "contributors.weight", "a number of reports is a whole number from 0 to %d", maxWeight)
	case c.Holds.backwards():
		return bad("/holds", "contributors.period", "the period ends before it begins")
	case c.Agreed.backwards():
		return bad("/agreed", "contributors.period", "the period ends before it begins")
	}
	return nil
}

// complete fills in what is not said: stake industry, kind firm, an owner
// group of its own, weight 1, and the sector of the request if it names one.
func complete(byName map[string]*Contributor, req *Request) (Trust, error) {
	if len(byName) == 0 {
		return Trust{}, fault.New(fault.Invalid, "contributors.none", "there is no sheet of terms (NAME.yaml) and no %s.yaml", ContributorsFile)
	}
	if len(byName) > MaxContributors {
		return Trust{}, fault.New(fault.TooLarge, "contributors.too_many", "there are %d contributors; at most %d are taken", len(byName), MaxContributors)
	}
	var t Trust
	for _, c := range byName {
		if c.Sector == "" {
			if len(req.Sectors) > 1 {
				return Trust{}, fault.New(fault.Invalid, "contributors.sector",
					"the request is about %s; say in %s.yaml in which sector %s is", strings.Join(req.Sectors, " and "), ContributorsFile, c.Name)
			}
			c.Sector = req.Sectors[0]
		}
		if c.Stake == "" {
			c.Stake = member.Industry
		}
		if c.Kind == "" {
			c.Kind = "firm"
		}
		if c.Group == "" {
			c.Group = c.Name
		}
		t.Contributors = append(t.Contributors, *c)
	}
	slices.SortFunc(t.Contributors, func(a, b Contributor) int { return strings.Compare(a.Name, b.Name) })
	return t, nil
}

func (c *Contributor) weight(m Measure) (int64, error) {
	switch m {
	case ByContributors:
		return 1, nil
	case ByReports:
		if c.Reports == nil {
			return 0, fault.New(fault.Invalid, "contributors.reports", "coverage is asked for by reports; say in %s.yaml how many %s has", ContributorsFile, c.Name)
		}
		return *c.Reports, nil
	}
	if c.Weight == nil {
		return 1, nil
	}
	return *c.Weight, nil
}

// compiled are the contributor's rules, nil if it has no sheet.
func (c *Contributor) compiled(std *standard.Standard) (*terms.Rules, error) {
	if c.Rules != nil || c.Sheet == nil {
		return c.Rules, nil
	}
	return terms.Compile(c.Sheet, std)
}

// never makes a test of what a contributor will not concede. A name is read
// as a sheet reads it: by a sheet that grants it.
func (c *Contributor) never(std *standard.Standard) (func(standard.Field) bool, error) {
	if len(c.Never) == 0 {
		return func(standard.Field) bool { return false }, nil
	}
	sheet := &terms.Sheet{Name: c.Name, Version: 1, Clauses: []terms.Clause{{
		ID: "never", Fields: c.Never, To: []terms.Recipient{{Stake: terms.AnyStake}},
		For: member.Purposes(), Form: standard.Form{Kind: standard.Counted},
	}}}
	rules, err := terms.Compile(sheet, std)
	if err != nil {
		var f *fault.Error
		if errors.As(err, &f) {
			return nil, fault.New(fault.Invalid, "contributors.never", "what %s never concedes: %s", c.Name, f.Message)
		}
		return nil, err
	}
	return func(f standard.Field) bool { return len(rules.Leaving(f.Path, time.Time{})) > 0 }, nil
}
