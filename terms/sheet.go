package terms

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// Limits of a sheet.
const (
	// MaxSheet is the largest sheet accepted, in bytes.
	MaxSheet = 1 << 20
	// MaxClauses a sheet may hold.
	MaxClauses = 1000
	// maxList is the longest list in a clause.
	maxList = 500
	// maxTitle is the longest title, in bytes.
	maxTitle = 200
)

//go:embed sheets/*.yaml
var builtins embed.FS

// Builtins names the sheets that come with the program, the default first.
func Builtins() []string {
	return []string{"default", "cautious", "open-defence", "research-friendly", "police-partner"}
}

// Builtin reads a sheet that comes with the program.
func Builtin(name string) (*Sheet, error) {
	if !slices.Contains(Builtins(), name) {
		return nil, fault.New(fault.NotFound, "terms.no_such_sheet",
			"there is no built-in sheet %q; the sheets are %s, or name a file", name, strings.Join(Builtins(), ", "))
	}
	data, err := BuiltinText(name)
	if err != nil {
		return nil, err
	}
	return Parse(name+".yaml", data)
}

// BuiltinText returns a built-in sheet as it is written, with its comments:
// something to copy and change.
func BuiltinText(name string) ([]byte, error) {
	data, err := builtins.ReadFile(path.Join("sheets", name+".yaml"))
	if err != nil {
		return nil, fault.New(fault.NotFound, "terms.no_such_sheet", "there is no built-in sheet %q", name).Because(err)
	}
	return data, nil
}

// Parse reads a sheet of terms, YAML or JSON, strictly; file is how errors
// call it. What can be checked without a standard is checked here (see
// [Sheet.Check]); [Compile] checks the rest. Errors are faults whose Path is
// "file:line"; of several mistakes they are joined.
func Parse(file string, data []byte) (*Sheet, error) {
	if len(data) > MaxSheet {
		return nil, fault.New(fault.TooLarge, "terms.too_large", "a sheet of terms has at most %d bytes", MaxSheet).At(file)
	}
	text, where, err := readYAML(file, data)
	if err != nil {
		return nil, err
	}
	s := &Sheet{}
	if err := where.decode(text, s); err != nil {
		return nil, err
	}
	s.source = where
	if err := s.Check(); err != nil {
		return nil, err
	}
	return s, nil
}

// Canonical returns the sheet as canonical JSON: the bytes that are hashed
// and, within an agreement, signed.
func (s *Sheet) Canonical() ([]byte, error) { return wire.Canonical(s) }

// Hash is the hex SHA-256 of the canonical sheet: its version for machines.
func (s *Sheet) Hash() (string, error) {
	b, err := s.Canonical()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// plainName is how sheets, clauses and sectors are called.
var plainName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// Check holds the sheet to everything that needs no standard: names, known
// stakes, kinds, purposes and markings, no empty list, no clause twice. A
// sheet that did not come from [Parse], for example within an agreement, is
// checked by [Compile] at the latest. The error joins the mistakes of all
// parts, of each clause the first.
func (s *Sheet) Check() error {
	if len(s.Clauses) > MaxClauses {
		return s.invalid("/clauses", "terms.too_large", "a sheet has at most %d clauses", MaxClauses)
	}
	var wrong []*fault.Error
	if !plainName.MatchString(s.Name) {
		wrong = append(wrong, s.invalid("/name", "terms.name", "a sheet has a name of lower-case letters, digits and dashes"))
	}
	if s.Version < 1 {
		wrong = append(wrong, s.invalid("/version", "terms.version", "a sheet has a version, a whole number from 1 on; raise it with every change"))
	}
	if len(s.Title) > maxTitle {
		wrong = append(wrong, s.invalid("/title", "terms.title", "a title has at most %d bytes", maxTitle))
	}
	if s.Retention != 0 && !s.Retention.whole() {
		wrong = append(wrong, s.badSpan("/retention"))
	}
	if len(s.Clauses) == 0 {
		wrong = append(wrong, s.invalid("/clauses", "terms.empty", "a sheet without clauses grants nothing at all; add a clause"))
	}
	seen := map[string]bool{}
	for i, c := range s.Clauses {
		if f := s.checkClause(i, c, seen); f != nil {
			wrong = append(wrong, f)
		}
	}
	return told(wrong)
}

// checkClause finds the first mistake of a clause; seen holds the ids of those
// before it.
func (s *Sheet) checkClause(i int, c Clause, seen map[string]bool) *fault.Error {
	twice := seen[c.ID]
	seen[c.ID] = true
	switch {
	case !plainName.MatchString(c.ID):
		return s.invalid(at(i, "id"), "terms.clause_id", "every clause has an id of lower-case letters, digits and dashes")
	case twice:
		return s.invalid(at(i, "id"), "terms.clause_twice", "there are two clauses %q; reasons name clauses, so each has its own id", c.ID)
	}
	for _, list := range []struct {
		name string
		n    int
	}{{"fields", len(c.Fields)}, {"to", len(c.To)}, {"for", len(c.For)}} {
		if list.n == 0 {
			return s.invalid(at(i, list.name), "terms.empty_list", "clause %q has nothing under %q and would grant nothing; fill it or delete the clause", c.ID, list.name)
		}
		if list.n > maxList {
			return s.invalid(at(i, list.name), "terms.too_large", "at most %d entries stand under %q", maxList, list.name)
		}
	}
	for j, r := range c.To {
		if err := s.checkRecipient(at(i, "to", j), r); err != nil {
			return err
		}
	}
	for j, p := range c.For {
		if !p.Valid() {
			return s.invalid(at(i, "for", j), "terms.purpose", "%q is no purpose; the purposes are %s", p, list(member.Purposes()))
		}
	}
	switch c.Form.Kind {
	case standard.Withheld:
		return s.invalid(at(i, "form"), "terms.grants_nothing", "clause %q grants nothing: what no clause grants is withheld already; delete it", c.ID)
	case standard.Sealed:
		return s.invalid(at(i, "form"), "terms.no_sealing", "nothing can be sealed yet, since one steward holds the whole key (%s); leave the field out, or grant it as a token", wire.SingleCustody)
	}
	if c.TLP != "" && !slices.Contains(markings[:], c.TLP) {
		return s.invalid(at(i, "tlp"), "terms.marking", "%q is no marking of TLP 2.0; use %s", c.TLP, list(markings[:]))
	}
	if c.PAP != "" && !slices.Contains(actions[:], c.PAP) {
		return s.invalid(at(i, "pap"), "terms.actions", "%q is no label of permitted actions; use %s", c.PAP, list(actions[:]))
	}
	if c.Attribution != "" && !slices.Contains(attributions[:], c.Attribution) {
		return s.invalid(at(i, "attribution"), "terms.attribution", "%q is no attribution; use %s", c.Attribution, list(attributions[:]))
	}
	return s.checkConditions(i, c)
}

func (s *Sheet) checkRecipient(place string, r Recipient) *fault.Error {
	if r.Stake != AnyStake && !member.Stake(r.Stake).Valid() {
		return s.invalid(place+"/stake", "terms.stake", "%q is no stake; use %s or %s", r.Stake, list(member.Stakes()), AnyStake)
	}
	if r.Sector != "" && !plainName.MatchString(r.Sector) {
		return s.invalid(place+"/sector", "terms.sector", "%q is no sector; use %s, %s or the name of one", r.Sector, OwnSector, AnySector)
	}
	if len(r.Kinds) > maxList {
		return s.invalid(place+"/kinds", "terms.too_large", "at most %d entries stand under %q", maxList, "kinds")
	}
	for j, k := range r.Kinds {
		if !k.Valid() {
			return s.invalid(fmt.Sprintf("%s/kinds/%d", place, j), "terms.kind", "%q is no kind of member; the kinds are %s", k, list(member.Kinds()))
		}
	}
	return s.checkNamed(place, r)
}

func (s *Sheet) invalid(pointer, code, format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, code, format, args...).At(s.source.of(pointer))
}

// at makes the JSON pointer of a part of clause i.
func at(i int, parts ...any) string {
	p := "/clauses/" + strconv.Itoa(i)
	for _, part := range parts {
		p += fmt.Sprintf("/%v", part)
	}
	return p
}

func list[T ~string](all []T) string {
	names := make([]string, len(all))
	for i, v := range all {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}
