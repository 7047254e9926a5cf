package veris

import "strings"

// Move is a path of one version that has another name in the newest.
type Move struct {
	From, To string // without list marks
	// Only restricts the move to one code; empty: every value moves.
	Only string
	// Code replaces the value where the new path says it otherwise.
	Code     string
	Versions string
	Reason   string
}

// Moves lists the paths that are read under another name. They apply always;
// a standard that knows the old path itself comes first.
func Moves() []Move { return moves }

var moves = []Move{
	{From: "security_compromise", To: "security_incident", Versions: "1.1 → 1.2", Reason: "renamed: it states whether this was an incident"},
	{From: "related_incidents", To: "campaign_id", Versions: "1.2 → 1.3", Reason: "renamed"},
	{From: "action.physical.location", To: "action.physical.vector", Versions: "1.2 → 1.3", Reason: "renamed: the vector of a physical action is the place"},
	{From: "action.physical.vector", Only: "Bypassed controls", To: "action.physical.variety", Versions: "1.2 → 1.3", Reason: "the old vectors became varieties"},
	{From: "action.physical.vector", Only: "Disabled controls", To: "action.physical.variety", Versions: "1.2 → 1.3", Reason: "the old vectors became varieties"},
	{From: "asset.governance", Only: "Personally owned", To: "asset.ownership", Code: "Employee", Versions: "1.3 → 1.3.1", Reason: "governance was divided into ownership, management and hosting"},
	{From: "asset.governance", Only: "3rd party owned", To: "asset.ownership", Code: "Partner", Versions: "1.3 → 1.3.1", Reason: "governance was divided into ownership, management and hosting"},
	{From: "asset.governance", Only: "3rd party managed", To: "asset.management", Code: "External", Versions: "1.3 → 1.3.1", Reason: "governance was divided into ownership, management and hosting"},
	{From: "asset.governance", Only: "3rd party hosted", To: "asset.hosting", Code: "External - unknown environment", Versions: "1.3 → 1.3.1", Reason: "governance was divided into ownership, management and hosting"},
	{From: "plus.attribute.confidentiality.data_subject", To: "attribute.confidentiality.data_victim", Versions: "1.2 → 1.3", Reason: "the extension became a field"},
	{From: "attribute.confidentiality.partner_data", To: "plus.attribute.confidentiality.partner_data", Versions: "1.3.4", Reason: "found without its plus"},
	{From: "plus.data_abuse", To: "plus.attribute.confidentiality.data_abuse", Versions: "1.3", Reason: "found without its group"},
	{From: "plus.credit_monitoring", To: "plus.attribute.confidentiality.credit_monitoring", Versions: "1.3", Reason: "found without its group"},
	{From: "plus.data_misuse", To: "plus.attribute.confidentiality.data_abuse", Versions: "1.3", Reason: "renamed"},
	{From: "plus.attribute.confidentiality.data_misuse", To: "plus.attribute.confidentiality.data_abuse", Versions: "1.3", Reason: "renamed"},
	{From: "timeline.notification", To: "plus.timeline.notification", Versions: "1.2", Reason: "found without its plus"},
	{From: "discovery_method.external", To: "discovery_method.external.variety", Versions: "1.3.3", Reason: "found without its last step"},
	{From: "discovery_method.internal", To: "discovery_method.internal.variety", Versions: "1.3.3", Reason: "found without its last step"},
	{From: "discovery_method.partner", To: "discovery_method.partner.variety", Versions: "1.3.3", Reason: "found without its last step"},
	{From: "asset.assets", To: "asset.assets.variety", Versions: "all", Reason: "found without its last step"},
	{From: "attribute.confidentiality.data", To: "attribute.confidentiality.data.variety", Versions: "all", Reason: "found without its last step"},
	{From: "impact.loss", To: "impact.loss.variety", Versions: "all", Reason: "found without its last step"},
	{From: "action.malware.variety", Only: "SQL injection", To: "action.hacking.variety", Code: "SQLi", Versions: "1.3.4 → 1.3.6", Reason: "a variety of hacking; only where the standard no longer lists the old code"},
	{From: "discovery_method.external.variety", Only: "Monitoring service", To: "discovery_method.partner.variety", Versions: "1.3.4 → 1.3.5", Reason: "who monitors for the victim is a partner; only where the standard no longer lists the old code"},
}

// Rename is a code of one version that has another name in a later one.
type Rename struct {
	// Path of the field; "*" stands for one step.
	Path     string
	From, To string
	Versions string
	Reason   string
}

// Renames lists codes that are read under another name. They apply where the
// standard does not list the code as it is written: a standard that lists
// both the old and the new name keeps what was written.
func Renames() []Rename { return renames }

var renames = []Rename{
	{"security_incident", "Yes", "Confirmed", "1.1 → 1.2", "the question became a state"},
	{"security_incident", "No", "False positive", "1.1 → 1.2", "the question became a state"},

	{"actor.external.variety", "State-sponsored", "State-affiliated", "1.0 → 1.1", "renamed"},
	{"actor.internal.variety", "Administrator", "System admin", "1.0 → 1.1", "renamed"},
	{"action.social.target", "Administrator", "System admin", "1.0 → 1.1", "renamed"},
	{"action.social.target", "End-user", "End-user or employee", "1.3.3 → 1.3.4", "one parent for end-user and employee"},
	{"action.social.vector", "Website", "Web application", "1.3.4 → 1.3.5", "one name in every action"},
	{"action.social.vector", "Personal", "In-person", "1.2", "renamed"},

	{"action.malware.variety", "Client-side", "Client-side attack", "1.0 → 1.1", "renamed"},
	{"action.malware.variety", "Spyware", "Spyware/Keylogger", "1.0 → 1.1", "renamed"},
	{"action.malware.variety", "Utility", "Adminware", "1.0 → 1.1", "renamed"},
	{"action.malware.variety", "Ram scraper", "RAM scraper", "1.3.4 → 1.3.5", "spelling"},
	{"action.malware.variety", "Click fraud", "Click fraud and cryptocurrency mining", "1.2 → 1.3", "widened"},
	{"action.malware.variety", "MitM", "AitM", "1.3.7 → 1.4.0", "renamed"},
	{"action.malware.vector", "Web download", "Web application - download", "1.3.4 → 1.3.5", "children of one parent"},
	{"action.malware.vector", "Web drive-by", "Web application - drive-by", "1.3.4 → 1.3.5", "children of one parent"},

	{"action.hacking.variety", "Stolen creds", "Use of stolen creds", "1.0 → 1.1", "renamed"},
	{"action.hacking.variety", "Backdoor or C2", "Use of backdoor or C2", "1.0 → 1.1", "renamed"},
	{"action.hacking.variety", "Use of backdoor or C2", "Backdoor", "1.3.5 → 1.3.6", "hacking uses a backdoor, malware provides it"},
	{"action.hacking.variety", "Footprinting", "Profile host", "1.3.5 → 1.3.6", "one name in hacking and malware"},
	{"action.hacking.variety", "HTTP Response Splitting", "HTTP response splitting", "1.3.5 → 1.3.6", "spelling"},
	{"action.hacking.variety", "MitM", "AitM", "1.3.7 → 1.4.0", "renamed"},
	{"action.hacking.vector", "Shell", "Command shell", "1.0 → 1.1", "renamed"},
	{"action.hacking.vector", "Backdoor or C2", "Backdoor", "1.3.5 → 1.3.6", "hacking uses a backdoor, malware provides it"},

	{"action.misuse.variety", "Embezzlement", "Possession abuse", "1.2 → 1.3", "renamed"},
	{"action.physical.variety", "Sabotage", "Destruction", "1.2 → 1.3", "renamed"},
	{"action.error.variety", "Omission", "Other", "1.3.6 → 1.3.7", "removed: the standard of VERIS moved it to Other"},

	{"asset.assets.variety", "U - ATM", "T - ATM", "1.1 → 1.2", "public terminals got their own letter"},
	{"asset.assets.variety", "U - Gas terminal", "T - Gas terminal", "1.1 → 1.2", "public terminals got their own letter"},
	{"asset.assets.variety", "U - PED pad", "T - PED pad", "1.1 → 1.2", "public terminals got their own letter"},
	{"asset.assets.variety", "U - Kiosk", "T - Kiosk", "1.1 → 1.2", "public terminals got their own letter"},
	{"asset.assets.variety", "U - Desktop", "U - Desktop or laptop", "1.3.3 → 1.3.4", "one parent for both"},
	{"asset.assets.variety", "U - Laptop", "U - Desktop or laptop", "1.3.3 → 1.3.4", "one parent for both"},
	{"asset.assets.variety", "P - Administrator", "P - System admin", "1.0 → 1.1", "renamed"},
	{"asset.assets.variety", "S - Other Server", "S - Other", "1.1 → 1.2", "the same twice"},
	{"asset.assets.variety", "S - Remote access", "N - Remote access", "1.4.0 → 1.4.1", "it is of the network"},
	{"asset.assets.variety", "N - HSM", "S - Secrets vault", "1.4.0 → 1.4.1", "widened"},
	{"asset.hosting", "External", "External - unknown environment", "1.2 → 1.3.1", "renamed"},

	{"attribute.integrity.variety", "Misappropriation", "Repurpose", "1.2 → 1.3", "renamed"},
	{"attribute.integrity.variety", "Modified data", "Modify data", "1.1 → 1.2", "tense"},
	{"attribute.integrity.variety", "Modified configuration", "Modify configuration", "1.1 → 1.2", "tense"},
	{"attribute.integrity.variety", "Modified privileges", "Modify privileges", "1.1 → 1.2", "tense"},
	{"attribute.confidentiality.data.variety", "Vitual currency", "Virtual currency", "1.3", "spelling"},

	{"action.misuse.result", "Infiltrate", "Other", "1.3.4 → 1.3.5", "removed from misuse"},

	{"discovery_method.external.variety", "Unrelated party", "Unrelated 3rd party", "1.2 → 1.3.3", "renamed"},
	{"discovery_method.external.variety", "Unrelated third party", "Unrelated 3rd party", "1.3 → 1.3.3", "renamed"},
	{"discovery_method.internal.variety", "Reported by user", "Reported by employee", "1.2 → 1.3", "renamed"},
	{"discovery_method.internal.variety", "IT audit", "It review", "1.2 → 1.3", "renamed"},

	{"plus.attribute.confidentiality.*", "Y", "Yes", "1.2 → 1.3", "written out"},
	{"plus.attribute.confidentiality.*", "N", "No", "1.2 → 1.3", "written out"},
	{"plus.attribute.confidentiality.*", "U", "Unknown", "1.2 → 1.3", "written out"},

	{"*.*.country", "UK", "GB", "all", "the code of ISO 3166-1"},
	{"*.country", "UK", "GB", "all", "the code of ISO 3166-1"},

	{"*.*.motive", "Not Applicable", "NA", "1.3.4 → 1.3.5", "one spelling"},
	{"*.*.motive", "Not applicable", "NA", "1.3.4 → 1.3.5", "one spelling"},
	{"timeline.*.unit", "Not Applicable", "NA", "1.3.4 → 1.3.5", "one spelling"},
	{"timeline.*.unit", "Not applicable", "NA", "1.3.4 → 1.3.5", "one spelling"},
}

// The rules that change how a value is written rather than what it says.
const (
	RuleName      = "name.trimmed"
	RuleNameCase  = "name.case"
	RuleNameFlat  = "name.flat"
	RuleVersion   = "version.dots"
	RuleEmpty     = "empty.removed"
	RuleTrim      = "text.trimmed"
	RuleControl   = "text.control"
	RuleForm      = "text.normalised"
	RuleTextLong  = "text.cut"
	RuleTypeText  = "type.text"
	RuleTypeNum   = "type.number"
	RuleTypeBool  = "type.boolean"
	RuleWhole     = "number.whole"
	RuleList      = "list.made"
	RuleSplit     = "list.split"
	RuleOne       = "list.one"
	RuleTwice     = "list.twice"
	RuleCase      = "code.case"
	RuleOther     = "code.other"
	RuleDiscovery = "discovery.split"
	RuleDateText  = "date.text"
	RuleDateParts = "date.parts"
	RuleDateSwap  = "date.swapped"
	RuleDateDay   = "date.day"
	RuleTime      = "date.time"
	RuleIndustry  = "industry.short"
	RuleIndustry6 = "industry.long"
)

// Rule is a repair that holds for many paths.
type Rule struct {
	Name     string
	Where    string // in words
	From, To string // an example
	Reason   string
}

// Rules lists the repairs of writing.
func Rules() []Rule { return rules }

var rules = []Rule{
	{RuleName, "every name", "`\" confidentiality\"`", "`\"confidentiality\"`", "names carry stray whitespace"},
	{RuleNameCase, "every name", "`Action.Hacking`", "`action.hacking`", "names differ in case alone"},
	{RuleNameFlat, "every name", "`{\"victim.industry\": \"52\"}`", "`{\"victim\": {\"industry\": \"52\"}}`", "flat exports write the path as the name"},
	{RuleVersion, "`schema_version`", "`1_3_4`", "`1.3.4`", "file names leaked into documents"},
	{RuleEmpty, "everywhere", "`\"\"`, `null`, `[]`, `{}`", "absent", "nothing is said; `actor.unknown`, `action.unknown` and `attribute.unknown` are kept, as their presence says something"},
	{RuleTrim, "every code", "`\"Hids \"`", "`\"Hids\"`", "stray whitespace at the ends; texts keep theirs"},
	{RuleControl, "every text", "`\"a\\u0003b\"`", "`\"a b\"`", "control characters are no text; line ends and tabs stay"},
	{RuleForm, "every text", "letter + accent", "accented letter", "Unicode form C, in which the standard keeps texts"},
	{RuleTextLong, "texts longer than the standard takes", "65,537 bytes", "65,536 bytes", "the rest is listed under *not mapped*"},
	{RuleTypeText, "texts written as numbers or booleans", "`12`", "`\"12\"`", "the type is the field's"},
	{RuleTypeNum, "numbers written as texts", "`\"1,545\"`", "`1545`", "the type is the field's"},
	{RuleTypeBool, "booleans written as texts", "`\"yes\"`", "`true`", "the type is the field's"},
	{RuleWhole, "whole numbers written with a fraction of zero or an exponent", "`2.0`", "`2`", "the value is the same"},
	{RuleList, "a value where a list belongs", "`\"US\"`", "`[\"US\"]`", "a list in later versions"},
	{RuleSplit, "several codes in one text", "`\"US, CA\"`", "`[\"US\",\"CA\"]`", "only where every part is a listed code"},
	{RuleOne, "a list where a value belongs", "`[\"High\"]`", "`\"High\"`", "one element: the value; several texts: joined by \"; \""},
	{RuleTwice, "lists", "`[\"Email\",\"Email\"]`", "`[\"Email\"]`", "a list says each value once"},
	{RuleCase, "every code", "`\"Ny\"`, `\"hids\"`", "`\"NY\"`, `\"Hids\"`", "the listed spelling, where only case, spaces or hyphens differ"},
	{RuleOther, "every code that nothing above explains", "`\"Quantum\"`", "`\"Other\"`, else `\"Unknown\"`", "always listed under *invalid* as well, with the code"},
	{RuleDiscovery, "`discovery_method` as a text", "`\"Int - log review\"`", "`discovery_method.internal.variety`: `[\"Log review\"]`", "1.2 to 1.3.2 wrote the side and the code in one; Ext, Int, Prt; `Unknown` and `Other` became booleans"},
	{RuleDateText, "dates written as one text or number", "`\"2014-02-03\"`, `2014`", "year 2014, month 2, day 3", "both styles are found"},
	{RuleDateParts, "parts of dates written as texts", "`\"02\"`, `\"Feb\"`", "`2`", "the type is the field's"},
	{RuleDateSwap, "dates whose parts stand in the wrong place", "month 20, day 7; year 7, day 2018", "month 7, day 20; year 2018, day 7", "only where the other reading is impossible"},
	{RuleDateDay, "a day or month that the calendar has not", "31 April", "April", "precision falls to what can be true; the part is listed under *invalid*"},
	{RuleTime, "`timeline.incident.time`", "`\"06:45 PM\"`, `\"18:45 UTC\"`", "`\"06:45:00 PM\"`", "one spelling, read as UTC"},
	{RuleIndustry, "industry codes", "`\"0\"`, `\"000\"`", "`\"000000\"`", "an unknown industry has one spelling where the standard does not take the one found"},
	{RuleIndustry6, "industry codes of seven or eight digits", "`\"9211120\"`", "`\"921112\"`", "vendors add digits to the six of NAICS; the first six say the industry"},
}

// MatchPath says whether a path fits a pattern of [Renames], in which "*"
// stands for one step.
func MatchPath(pattern, path string) bool {
	for pattern != "" && path != "" {
		p, restP, _ := strings.Cut(pattern, ".")
		s, restS, _ := strings.Cut(path, ".")
		if p != "*" && p != s {
			return false
		}
		pattern, path = restP, restS
	}
	return pattern == "" && path == ""
}

// ID names a move in accounts and in docs/veris.md.
func (m Move) ID() string {
	if m.Only != "" {
		return "move " + m.From + " = " + m.Only
	}
	return "move " + m.From
}

// ID names a rename in accounts and in docs/veris.md.
func (r Rename) ID() string { return "code " + r.Path + " = " + r.From }
