package terms

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
)

// Sentence says a clause in plain English: "Law-enforcement members may, to
// investigate, receive victim identity as a token." Fields are called by
// their titles if a standard is given, else by their paths.
func Sentence(c Clause, std *standard.Standard) string {
	to := make([]string, len(c.To))
	for i, r := range c.To {
		to[i] = r.words()
	}
	purposes := make([]string, len(c.For))
	for i, p := range c.For {
		purposes[i] = purposeWords(p)
	}
	var fields []string
	for _, f := range c.Fields {
		if inStandard(f, std) {
			fields = append(fields, fieldWords(f, std))
		}
	}
	s := fmt.Sprintf("%s may, to %s, receive %s %s, %s.", anyOf(to, "and"), anyOf(purposes, "or"),
		anyOf(fields, "and"), formWords(c.Form), markingWords(c.marking()))
	return strings.Join(append([]string{strings.ToUpper(s[:1]) + s[1:]}, c.further()...), " ")
}

// further are the sentences about when the clause holds, and about what goes
// with it beside the marking.
func (c Clause) further() []string {
	var only, all []string
	if c.After != 0 {
		only = append(only, "from "+spanWords(c.After)+" after the hub received the report on")
	}
	if c.From != "" {
		only = append(only, "from the beginning of "+string(c.From)+" (UTC) on")
	}
	if c.Until != "" {
		only = append(only, "until the beginning of "+string(c.Until)+" (UTC)")
	}
	if c.Groups != 0 {
		only = append(only, fmt.Sprintf("while at least %d owner groups stand behind the incident", c.Groups))
	}
	if within := c.When.ContributedWithin; within != 0 {
		only = append(only, "if a report of the recipient was accepted within the last "+spanWords(within))
	}
	if c.Keep != 0 {
		only = append(only, "until "+spanWords(c.Keep)+" after the hub received the report")
	}
	if len(only) > 0 {
		all = append(all, "This holds only "+anyOf(only, "and")+".")
	}
	if c.Keep != 0 {
		all = append(all, "By the end of those "+spanWords(c.Keep)+" they have deleted their copies.")
	}
	all = append(all, actionWords(c.permitted())+" ("+c.permitted()+").")
	switch c.Attribution {
	case NotAttributed:
		all = append(all, "They are not told who reported it, not even of which stake.")
	case ByName:
		all = append(all, "They are told by name who reported it.")
	}
	return all
}

// RetentionSentence says how long the hub keeps reports under the sheet; "" if
// the sheet sets no end.
func (s *Sheet) RetentionSentence() string {
	if s.Retention == 0 {
		return ""
	}
	return fmt.Sprintf("The hub destroys each report, with its key, %s after it received it.", spanWords(s.Retention))
}

func actionWords(pap string) string {
	switch pap {
	case "PAP:CLEAR":
		return "They may do with it whatever the law allows"
	case "PAP:GREEN":
		return "They may act on it, also where an attacker may notice, as by blocking"
	case "PAP:AMBER":
		return "They may look it up elsewhere, as long as no attacker can notice"
	}
	return "They may look for it only in what they hold themselves, where no attacker can notice"
}

func (to Recipient) words() string {
	who := "all members"
	if to.Stake != AnyStake {
		who = to.Stake + " members"
	}
	if len(to.Kinds) > 0 {
		kinds := make([]string, len(to.Kinds))
		for i, k := range to.Kinds {
			kinds[i] = kindWords(k)
		}
		who += " that are " + anyOf(kinds, "or")
	}
	switch to.Sector {
	case "", AnySector:
	case OwnSector:
		who += " of the report's own sector"
	default:
		who += " of the sector " + to.Sector
	}
	if len(to.Members) > 0 {
		ids := make([]string, len(to.Members))
		for i, id := range to.Members {
			ids[i] = string(id)
		}
		who += " called " + anyOf(ids, "or")
	}
	if len(to.Roles) > 0 {
		who += " with the role " + anyOf(to.Roles, "or")
	}
	if len(to.Jurisdictions) > 0 {
		who += " under the law of " + anyOf(to.Jurisdictions, "or")
	}
	if len(to.Projects) > 0 {
		who += " within the project " + anyOf(to.Projects, "or")
	}
	return who
}

func kindWords(k member.Kind) string {
	switch k {
	case "isac":
		return "information sharing centres"
	case "cert":
		return "CERTs"
	case "responder":
		return "incident responders"
	case "police":
		return "police forces"
	case "university":
		return "universities"
	}
	return string(k) + "s"
}

func purposeWords(p member.Purpose) string {
	if p == member.Defend {
		return "defend themselves"
	}
	return string(p)
}

// inStandard reports whether an entry speaks of anything in the standard, if
// one is given; a sentence leaves out what it does without.
func inStandard(target string, std *standard.Standard) bool {
	return std == nil || slices.ContainsFunc(std.Fields(), func(f standard.Field) bool { return names(target, f) })
}

func fieldWords(target string, std *standard.Standard) string {
	target = strings.TrimSuffix(target, optional)
	if class, ok := strings.CutPrefix(target, classPrefix); ok {
		switch standard.Class(class) {
		case standard.Descriptive:
			return "all descriptive fields"
		case standard.QuasiIdentifier:
			return "all fields that could single somebody out"
		case standard.Identifying:
			return "all fields that identify"
		case standard.Amount:
			return "all amounts"
		case standard.Indicator:
			return "all indicators"
		case standard.Narrative:
			return "all narratives"
		}
	}
	if branch, ok := strings.CutSuffix(target, branchSuffix); ok {
		return "everything under " + branch
	}
	if std != nil {
		if f, ok := std.Field(target); ok && f.Title != "" {
			return listable(lowerFirst(f.Title))
		}
	}
	return target
}

// listable puts what a title says after a comma into brackets, so that it can
// stand in a list: "loss in all (at least)".
func listable(title string) string {
	if before, after, ok := strings.Cut(title, ", "); ok {
		return before + " (" + after + ")"
	}
	return title
}

// lowerFirst lowers the first letter of a title, but not of one that begins
// with an abbreviation.
func lowerFirst(title string) string {
	if len(title) > 1 && strings.ToUpper(title[:2]) == title[:2] {
		return title
	}
	return strings.ToLower(title[:1]) + title[1:]
}

func formWords(f standard.Form) string {
	switch f.Kind {
	case standard.Exact:
		return "exactly as reported"
	case standard.Token:
		return "as a token"
	case standard.Generalised:
		return "coarsened to " + strings.NewReplacer("-", " ", "_", " ").Replace(f.Level)
	case standard.Counted:
		return "only within protected sums"
	}
	return "not at all"
}

func markingWords(tlp string) string {
	switch tlp {
	case "TLP:CLEAR":
		return "free to pass on (TLP:CLEAR)"
	case "TLP:GREEN":
		return "to be passed on within their community only (TLP:GREEN)"
	case "TLP:AMBER":
		return "to be passed on within their organisation and to its clients only (TLP:AMBER)"
	case "TLP:AMBER+STRICT":
		return "to be passed on within their organisation only (TLP:AMBER+STRICT)"
	}
	return "for the recipients' eyes only (TLP:RED)"
}

func anyOf(words []string, conjunction string) string {
	switch len(words) {
	case 0:
		return "nothing"
	case 1:
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}

// spanWords writes a length of time as people say it.
func spanWords(s Span) string {
	n, unit := int(time.Duration(s)/time.Hour), "hour"
	if n%24 == 0 {
		n, unit = n/24, "day"
	}
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
