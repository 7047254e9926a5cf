package observable

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// words folds a name to bare words: no accents, no case, no punctuation. "&"
// is "and"; an apostrophe joins ("O'Neil", "Women's"), and so does a dot
// between single letters ("U.S.", "P.C."); everything else separates. It is
// applied until nothing changes: folding may give what decomposes further.
func words(v string) string {
	for range 4 {
		again := wordsOnce(v)
		if again == v {
			break
		}
		v = again
	}
	return v
}

func wordsOnce(v string) string {
	if isPlainASCII(v) {
		v = strings.ToLower(v)
	} else {
		v = cases.Fold().String(norm.NFKD.String(v))
	}
	rs := []rune(v)
	var b strings.Builder
	b.Grow(len(v))
	for i, r := range rs {
		switch {
		case unicode.Is(unicode.Mn, r), isApostrophe(r):
		case r == '&' || r == '+':
			b.WriteString(" and ")
		case r == '.' && singleLetterBefore(rs, i):
		case unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteRune(letter(r))
		default:
			b.WriteByte(' ')
		}
	}
	return spaced(norm.NFC.String(b.String()))
}

func isApostrophe(r rune) bool {
	switch r {
	case '\'', '’', '‘', '`', '´', 'ʼ', '′':
		return true
	}
	return false
}

func singleLetterBefore(rs []rune, i int) bool {
	return i > 0 && unicode.IsLetter(rs[i-1]) && (i == 1 || !unicode.IsLetter(rs[i-2]) && !unicode.IsDigit(rs[i-2]))
}

// letter maps letters that have no decomposition to what is written for them.
func letter(r rune) rune {
	switch r {
	case 'ø':
		return 'o'
	case 'ł':
		return 'l'
	case 'đ', 'ð':
		return 'd'
	case 'ı':
		return 'i'
	}
	return r
}

func canonicalPerson(v string) (string, bool) {
	v = words(v)
	return v, v != ""
}

// legalForms are dropped from the end of a name, however many follow each
// other: they are written by some and left out by others. Professional degrees
// behind a practitioner's name are among them.
var legalForms = setOf("inc", "incorporated", "llc", "llp", "lllp", "lp", "ltd", "limited", "plc", "corp", "corporation", "co", "company", "companies",
	"pc", "pa", "pllc", "pl", "sc", "md", "dds", "dmd", "dpm", "do", "od", "phd", "gmbh", "ag", "kg", "kgaa", "ohg", "eg", "ev", "se", "sa", "sas", "sarl", "srl",
	"spa", "sl", "bv", "nv", "ab", "as", "asa", "oy", "oyj", "aps", "pty", "pte", "kk", "kft", "zrt", "doo", "sro", "spzoo", "ooo", "oao", "zao", "pao", "jsc",
	"group", "holding", "holdings", "na", "fsb", "the", "and", "of")

// abbreviations are written out, since sources differ in them; articles and
// titles fall away.
var abbreviations = map[string]string{"st": "saint", "ste": "sainte", "mt": "mount", "ft": "fort", "dept": "department", "dep": "department",
	"univ": "university", "hosp": "hospital", "med": "medical", "ctr": "center", "cntr": "center", "centre": "center", "assoc": "associates", "assocs": "associates",
	"assn": "association", "svcs": "services", "svc": "services", "service": "services", "intl": "international", "natl": "national", "govt": "government", "mgmt": "management",
	"grp": "group", "bros": "brothers", "dr": "", "drs": "", "doctor": "", "doctors": "", "the": "", "a": "", "an": "", "healthcare": "health care", "systems": "system"}

// tradingAs begin the name under which somebody trades: the name before them
// is kept.
var tradingAs = []string{" dba ", " d b a ", " doing business as ", " aka ", " a k a ", " fka ", " formerly known as ", " trading as ", " t a "}

// generic words describe and do not name: a name of nothing else ("gas
// station", "Ministry of Health", "an unnamed hospital") stands for too many
// to be compared.
var generic = setOf("and", "of", "for", "in", "unknown", "unnamed", "unidentified", "undisclosed", "unspecified", "anonymous", "various", "multiple", "several", "other", "some",
	"mass", "event", "victim", "victims", "customer", "customers", "individual", "individuals", "person", "people", "employee", "user", "users", "resident", "residents",
	"company", "companies", "organization", "organizations", "organisation", "organisations", "business", "businesses", "firm", "firms", "corporation", "enterprise", "entity", "agency", "agencies",
	"private", "public", "local", "small", "large", "bank", "banks", "atm", "atms", "financial", "institution", "institutions", "insurance", "insurer", "insurers",
	"hospital", "hospitals", "clinic", "clinics", "medical", "dental", "physician", "practice", "pharmacy", "pharmacies", "health", "provider", "office", "offices",
	"school", "schools", "district", "education", "gas", "station", "stations", "store", "stores", "shop", "shops", "retailer", "retailers", "supermarket",
	"restaurant", "restaurants", "hotel", "hotels", "casino", "church", "airport", "airline", "airlines",
	"police", "department", "departments", "ministry", "government", "govt", "county", "city", "town", "municipality", "military", "army", "prison",
	"website", "websites", "web", "site", "sites", "server", "contractor", "vendor")

// canonicalOrganisation brings names of organisations that sources spell
// differently to one: bare words ([words]), without what stands in brackets,
// without a trading name, abbreviations written out, articles and titles
// dropped, and legal forms dropped from the end (as long as more than one
// letter stays). A name of nothing but [generic] words is none. It is applied
// until nothing changes.
func canonicalOrganisation(v string) (string, bool) {
	for range 6 {
		again := organisationOnce(v)
		if again == v {
			break
		}
		v = again
	}
	if describes(v) {
		return "unknown", true
	}
	return v, v != ""
}

func organisationOnce(v string) string {
	bare := words(withoutBrackets(v))
	if bare == "" {
		bare = words(v)
	}
	padded := " " + bare + " "
	for _, t := range tradingAs {
		if i := strings.Index(padded, t); i > 1 {
			padded = padded[:i] + " "
		}
	}
	kept := make([]string, 0, 8)
	for _, w := range strings.Fields(padded) {
		long, ok := abbreviations[w]
		switch {
		case !ok:
			kept = append(kept, w)
		case long != "":
			kept = append(kept, strings.Fields(long)...)
		}
	}
	for len(kept) > 1 && legalForms[kept[len(kept)-1]] && (len(kept) > 2 || len(kept[0]) > 1) {
		kept = kept[:len(kept)-1]
	}
	if len(kept) == 0 {
		return bare
	}
	return strings.Join(kept, " ")
}

// describes reports whether a canonical name holds generic words only.
func describes(name string) bool {
	for _, w := range strings.Fields(name) {
		if !generic[w] {
			return false
		}
	}
	return true
}

// withoutBrackets drops what stands in round or square brackets: most often an
// abbreviation or a place.
func withoutBrackets(v string) string {
	if !strings.ContainsAny(v, "([)]") {
		return v
	}
	var b strings.Builder
	depth := 0
	for _, r := range v {
		switch r {
		case '(', '[':
			depth++
			b.WriteByte(' ')
		case ')', ']':
			depth = max(0, depth-1)
		default:
			if depth == 0 {
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}
