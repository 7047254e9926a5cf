package terms

import (
	"fmt"
	"regexp"

	"golang.org/x/text/language"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// Limits of "groups": one group is no group, and more than this no sector has.
const (
	MinGroups = 2
	MaxGroups = 1000
)

const wantDate = "a day is written as 2026-01-31; it begins at midnight UTC"

// checkConditions finds the first mistake in what narrows a clause.
func (s *Sheet) checkConditions(i int, c Clause) *fault.Error {
	for _, span := range []struct {
		name []any
		Span
	}{{[]any{"after"}, c.After}, {[]any{"keep"}, c.Keep}, {[]any{"when", "contributed_within"}, c.When.ContributedWithin}} {
		if span.Span != 0 && !span.whole() {
			return s.badSpan(at(i, span.name...))
		}
	}
	for _, date := range []struct {
		name string
		Date
	}{{"from", c.From}, {"until", c.Until}} {
		if date.Date != "" && !date.valid() {
			return s.invalid(at(i, date.name), "terms.date", wantDate)
		}
	}
	switch {
	case c.Keep != 0 && c.Keep <= c.After:
		return s.invalid(at(i, "keep"), "terms.grants_nothing", "clause %q would never grant anything: it begins %s after receipt, and ends %s after receipt", c.ID, c.After, c.Keep)
	case c.From != "" && c.Until != "" && c.Until <= c.From:
		return s.invalid(at(i, "until"), "terms.grants_nothing", "clause %q would never grant anything: it ends before it begins", c.ID)
	case c.Groups != 0 && (c.Groups < MinGroups || c.Groups > MaxGroups):
		return s.invalid(at(i, "groups"), "terms.groups", "a clause asks for %d to %d owner groups; leave it out to ask for none", MinGroups, MaxGroups)
	}
	return nil
}

func (s *Sheet) badSpan(pointer string) *fault.Error {
	return s.invalid(pointer, "terms.span", "a length of time is a whole number of hours, days or weeks, at most ten years (%s)", MaxSpan)
}

var (
	projectName = regexp.MustCompile(`^p-[a-z0-9][a-z0-9-]{0,63}$`)
	countryCode = regexp.MustCompile(`^[A-Z]{2}$`)
)

// checkNamed finds the first mistake in whom a recipient names: members,
// roles, projects, countries.
func (s *Sheet) checkNamed(place string, r Recipient) *fault.Error {
	wrong := func(list string, j int, format string, args ...any) *fault.Error {
		return s.invalid(fmt.Sprintf("%s/%s/%d", place, list, j), "terms.recipient", format, args...)
	}
	for _, list := range []struct {
		name string
		n    int
	}{{"members", len(r.Members)}, {"roles", len(r.Roles)}, {"projects", len(r.Projects)}, {"jurisdictions", len(r.Jurisdictions)}} {
		if list.n > maxList {
			return s.invalid(place+"/"+list.name, "terms.too_large", "at most %d entries stand under %q", maxList, list.name)
		}
	}
	for j, m := range r.Members {
		if !wire.ValidID('m', m) {
			return wrong("members", j, "%q is no member's id; it begins with m- and the member can tell it", m)
		}
	}
	for j, role := range r.Roles {
		if !plainName.MatchString(role) {
			return wrong("roles", j, "%q is no role; a role is called by lower-case letters, digits and dashes", role)
		}
	}
	for j, p := range r.Projects {
		if !projectName.MatchString(p) {
			return wrong("projects", j, "%q is no project's id; it begins with p-", p)
		}
	}
	for j, code := range r.Jurisdictions {
		if !ValidCountry(code) {
			return wrong("jurisdictions", j, "%q is no country; write its code of two capital letters (ISO 3166-1 alpha-2): DE, FR, GB", code)
		}
	}
	return nil
}

// ValidCountry reports whether a code is that of a country (ISO 3166-1
// alpha-2) that exists: neither reserved, nor one that was renamed.
func ValidCountry(code string) bool {
	if !countryCode.MatchString(code) {
		return false
	}
	region, err := language.ParseRegion(code)
	return err == nil && region.IsCountry() && region.Canonicalize().String() == code
}
