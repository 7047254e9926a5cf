package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// victim is an organisation that can be hit.
type victim struct {
	name     string
	industry string
	size     string
	country  string
	member   int // index of the party that it is, −1 for none
}

// share of each kind of party in a trust of 60.
var cast = []struct {
	kind  member.Kind
	stake member.Stake
	of60  int
	// spread parties take part in every sector; the others in one each.
	spread bool
}{
	{"firm", member.Industry, 42, false},
	{"isac", member.Industry, 2, false},
	{"responder", member.Industry, 3, true},
	{"cert", member.Industry, 1, true},
	{"insurer", member.Industry, 2, false},
	{"police", member.LawEnforcement, 5, true},
	{"regulator", member.LawEnforcement, 2, false},
	{"university", member.Research, 2, true},
	{"institute", member.Research, 1, true},
}

// parties casts n members: at least one firm, police unit and university.
func parties(n int, sectors []string) []Party {
	var out []Party
	add := func(kind member.Kind, stake member.Stake, spread bool, i int) {
		p := Party{Stake: stake, Kind: kind, Sectors: sectors, Terms: "default"}
		if !spread {
			p.Sectors = []string{sectors[i%len(sectors)]}
		}
		p.Name = partyName(kind, p.Sectors[0], i)
		p.OwnerGroup = wire.OwnerGroup(fmt.Sprintf("g-%s-%d", kind, i))
		if kind == "police" && i > 2 {
			p.OwnerGroup = "g-police-2" // units of one force
		}
		if kind == "firm" {
			// A few owners hold two firms; some have terms of their own.
			if i%14 == 13 {
				p.OwnerGroup = wire.OwnerGroup(fmt.Sprintf("g-%s-%d", kind, i-2))
			}
			switch i % 9 {
			case 4:
				p.Terms = "cautious"
			case 6:
				p.Terms = "open-defence"
			case 8:
				p.Terms = "research-friendly"
			}
		}
		if kind == "insurer" {
			p.Terms = "police-partner"
		}
		out = append(out, p)
	}
	for _, c := range cast {
		count := max(c.of60*n/60, 0)
		if count == 0 && (c.kind == "firm" || c.kind == "police" || c.kind == "university") {
			count = 1
		}
		for i := range count {
			add(c.kind, c.stake, c.spread, i)
		}
	}
	for i := len(out); i < n; i++ {
		add("firm", member.Industry, false, i)
	}
	return out[:n]
}

var (
	places = []string{"Northwind", "Harrow", "Lakeside", "Bellmont", "Ostvale", "Kestrel", "Marlow", "Summerfield", "Grantham", "Silverbrook", "Redcliff", "Ashford", "Vantage",
		"Pinehurst", "Brightwater", "Calder", "Dunmore", "Eastgate", "Fairhaven", "Glenrock", "Highmoor", "Ironbridge", "Juniper", "Kingsway", "Larkspur", "Millstone",
		"Newbury", "Oakhaven", "Priory", "Quayside", "Rosewood", "Stonegate", "Thornhill", "Upland", "Verdant", "Westmere", "Yarrow", "Zephyr", "Amberley", "Bramwell"}
	saints     = []string{"St. Anne", "St. Brendan", "St. Clement", "St. Declan", "St. Edith", "St. Felix"}
	bankKinds  = []string{"Savings Bank", "Bank", "Credit Union", "Insurance", "Trust", "Payments", "Capital", "Mutual"}
	careKinds  = []string{"Medical Center", "Hospital", "Clinic", "Health System", "Dental Associates", "Pharmacy", "Care Group", "Laboratory"}
	otherKinds = []string{"Works", "Logistics", "Retail", "Energy", "Media", "University", "Foods", "Software"}
	founders   = []string{"First", "United", "Community", "National", "Regional", "Central", "Heritage", "Pioneer", "Liberty", "Crown", "Harbor", "Valley", "Summit", "Meridian", "Atlantic", "Pacific"}
	forms      = []string{"Inc.", "LLC", "Ltd.", "plc", "Corp.", "Co."}
)

func partyName(kind member.Kind, sector string, i int) string {
	switch kind {
	case "firm", "insurer":
		if kind == "insurer" {
			i += 41
		}
		return orgName(sector, i)
	case "isac":
		return strings.ToUpper(sector[:1]) + sector[1:] + " ISAC"
	case "cert":
		return "National CERT"
	case "responder":
		return places[(i*7+3)%len(places)] + " Incident Response"
	case "police":
		return []string{"Metropolitan Cybercrime Unit", "Federal Cyber Division", "Regional Police East", "Regional Police West", "Regional Police South"}[i%5]
	case "regulator":
		return strings.ToUpper(sector[:1]) + sector[1:] + " Supervisory Authority"
	case "university":
		return []string{"University of Amberley", "Calder Technical University"}[i%2]
	}
	return "Institute for Security Studies"
}

// orgName names the nth organisation of a sector, each once: first the plain
// names, then longer ones.
func orgName(sector string, n int) string {
	kinds := map[string][]string{"finance": bankKinds, "health": careKinds}[sector]
	if kinds == nil {
		kinds = otherKinds
	}
	place := places[n%len(places)]
	if sector == "health" && n%7 == 5 {
		place = saints[n/7%len(saints)]
	}
	name := place + " " + kinds[(n/len(places)+n)%len(kinds)]
	round := n / (len(places) * len(kinds))
	if round == 0 {
		return name
	}
	name = founders[(round-1)%len(founders)] + " " + name
	if round = (round - 1) / len(founders); round > 0 {
		name += " of " + places[(round-1)%len(places)]
	}
	if round /= len(places); round > 0 {
		name += fmt.Sprintf(" %d", round+1)
	}
	return name
}

// eventsPerVictim is how often an organisation that takes no part is hit in two
// years, on average; the number of organisations follows from it.
const eventsPerVictim = 2

var industries = map[string][]string{
	"finance": {"522110", "522130", "524113", "522320", "523930", "524210"},
	"health":  {"622110", "621111", "621210", "621511", "623110", "621610"},
	"general": {"336111", "445110", "517311", "611310", "541512", "221122"},
}

var (
	sizes     = []string{"1 to 10", "11 to 100", "101 to 1000", "1001 to 10000", "10001 to 25000"}
	countries = []string{"US", "US", "US", "GB", "DE", "FR", "NL", "CA", "IE", "SE"}
)

// crowd is a sector's organisations, members among them, of which some are hit
// far more often than others.
type crowd struct {
	all []victim
	// upTo is the sum of the weights of all up to and with each.
	upTo []float64
}

// victims makes a sector's crowd, with weights that fall as in Zipf's law.
// Events is how many events the sector is to have.
func victims(seed uint64, sector string, parties []Party, events int) crowd {
	r := rand.New(rand.NewPCG(seed, uint64(len(sector))))
	var c crowd
	taken := map[string]bool{}
	add := func(name string, m int) {
		if taken[name] {
			return
		}
		taken[name] = true
		all := industries[sector]
		c.all = append(c.all, victim{name: name, industry: all[r.IntN(len(all))], size: sizes[r.IntN(len(sizes))], country: countries[r.IntN(len(countries))], member: m})
	}
	for m, p := range parties {
		if (p.Kind == "firm" || p.Kind == "insurer") && p.Sectors[0] == sector {
			add(p.Name, m)
		}
	}
	members := len(c.all)
	population := max(60, events/eventsPerVictim)
	for n := 60; len(c.all) < members+population; n++ {
		add(orgName(sector, n), -1)
	}
	total := 0.0
	for i, rank := range r.Perm(len(c.all)) {
		weight := 1 / math.Pow(float64(rank+3), 0.6)
		if i < members {
			weight *= 6 // who takes part reports
		}
		total += weight
		c.upTo = append(c.upTo, total)
	}
	return c
}

// choose draws an organisation by weight.
func (c crowd) choose(r *rand.Rand) victim {
	at, _ := slices.BinarySearch(c.upTo, r.Float64()*c.upTo[len(c.upTo)-1])
	return c.all[at]
}

// spelled is a name as another source writes it.
func spelled(r *rand.Rand, name string) string {
	switch r.IntN(8) {
	case 0:
		return name + ", " + forms[r.IntN(len(forms))]
	case 1:
		return "The " + name
	case 2:
		return strings.ToUpper(name)
	case 3:
		return strings.Replace(name, "St. ", "Saint ", 1)
	case 4:
		return name + " " + forms[r.IntN(len(forms))]
	case 5:
		if r.IntN(5) == 0 { // a typing error: no canonical form mends it
			b := []byte(name)
			i := 1 + r.IntN(len(b)-2)
			b[i], b[i+1] = b[i+1], b[i]
			return string(b)
		}
	}
	return name
}
