package consolidate

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/linkage"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// The statements that are compared with those of other reports.
const (
	victimPath    = "victim.victim_id"
	referencePath = "reporter.reference"
	recordsPath   = "attribute.confidentiality.data_total"
	industryPath  = "victim.industry"
	countryPath   = "victim.country"
)

// The codes by which a report says that it does not know.
const (
	noIndustry = "00"
	noCountry  = "Unknown"
)

// datePaths says which date is of what.
var datePaths = map[string]linkage.DateKind{
	"timeline.incident":     linkage.Occurred,
	"timeline.discovered":   linkage.Discovered,
	"timeline.notification": linkage.Notified,
}

// tellsLittle are the types of observables that many unrelated incidents
// share whatever their number: they say how, not who. They tie nothing.
var tellsLittle = map[string]bool{
	observable.CVE: true, observable.ASN: true, observable.UserAgent: true, observable.Organisation: true,
}

// factOf reads off a report what is remembered of it.
func (r *Room) factOf(rec receive.Received) Fact {
	row, told := rec.Row(), rec.Report()
	f := Fact{
		Seq: row.Seq, First: row.Seq, Member: row.Member, Report: row.Report, Sector: row.Sector,
		Group: row.OwnerGroup, Contributor: contributor(told, row.OwnerGroup), Received: row.Received,
		Observables: len(told.Observables),
	}
	f.Own = wire.IDFrom[wire.IncidentID]('i', r.derive("incident", f.key()))
	f.OwnCampaign = wire.IDFrom[wire.CampaignID]('k', r.derive("campaign", f.key()))
	f.Compared = compared(told)
	f.Compared.Report = r.number(f.key())
	f.Compared.Source = string(row.Member)
	return f
}

// contributor is whom thresholds count for a report; the rooms downstream
// write it in the same way.
func contributor(m report.Minimised, group wire.OwnerGroup) string {
	if m.OnBehalf != "" {
		return "on behalf " + m.OnBehalf
	}
	return string(group)
}

// derive makes 128 bits from a report's name, under the hub's key: stable over
// rebuilds, and to be guessed by nobody who knows the report's id.
func (r *Room) derive(what string, k ReportKey) (bits [16]byte) {
	mac := hmac.New(sha256.New, r.Key)
	mac.Write([]byte("concord consolidate " + what + " v1\x00" + string(k.Member) + "\x00" + string(k.Report)))
	copy(bits[:], mac.Sum(nil))
	return bits
}

// number is a report's number for linkage, which breaks ties by it: it must
// not depend on the order of arrival.
func (r *Room) number(k ReportKey) int64 {
	bits := r.derive("number", k)
	return int64(binary.BigEndian.Uint64(bits[:8]) >> 1)
}

// compared reads off what linkage compares, each in the narrowest of the forms
// in which it left.
func compared(m report.Minimised) (f linkage.Fact) {
	f.OnBehalf = m.OnBehalf
	dates := map[linkage.DateKind]linkage.Dates{}
	for _, s := range m.Said {
		kind, isDate := datePaths[s.Path]
		switch {
		case s.Path == victimPath && s.Form.Kind == standard.Token && s.Row == 0:
			f.Victim = s.Value
		case s.Path == referencePath && s.Form.Kind == standard.Token:
			f.References = append(f.References, s.Value)
		case s.Path == recordsPath:
			if n, ok := amount(s); ok && (!f.Records.Known || n.High-n.Low < f.Records.High-f.Records.Low) {
				f.Records = n
			}
		case isDate:
			first, last, ok := days(s)
			if old, has := dates[kind]; ok && (!has || last-first < old.Last-old.First) {
				dates[kind] = linkage.Dates{Kind: kind, First: first, Last: last}
			}
		}
	}
	for _, kind := range []linkage.DateKind{linkage.Occurred, linkage.Discovered, linkage.Notified} {
		if d, ok := dates[kind]; ok {
			f.Dates = append(f.Dates, d)
		}
	}
	f.Observables = tokens(m.Observables)
	f.Actions = actions(m.Said)
	f.Industry, f.Country = industry(m.Said), country(m.Said)
	return f
}

// actions are the kinds of action of which anything is told, ascending.
func actions(said []report.Said) (kinds []string) {
	for _, s := range said {
		rest, ok := strings.CutPrefix(s.Path, "action.")
		if kind, _, _ := strings.Cut(rest, "."); ok && s.Form.Kind != standard.Counted {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// industry is the first two digits of the victim's industry, which are left
// whatever the level to which it was coarsened; "" if it is not told.
func industry(said []report.Said) string {
	for _, s := range said {
		if s.Path == industryPath && isValue(s.Form) && len(s.Value) >= 2 && s.Value[:2] != noIndustry {
			return s.Value[:2]
		}
	}
	return ""
}

// country is the victim's country, if one only is told by its code.
func country(said []report.Said) (code string) {
	for _, s := range said {
		if s.Path != countryPath || s.Form.Kind != standard.Exact || s.Value == code || s.Value == noCountry {
			continue
		}
		if code != "" {
			return ""
		}
		code = s.Value
	}
	return code
}

// tokens lists the tokens of observables, each once and in order. One that is
// common wherever it was told is common.
func tokens(seen []report.Seen) []linkage.Observable {
	var all []linkage.Observable
	for _, o := range seen {
		if o.Token != "" {
			all = append(all, linkage.Observable{Token: o.Token, Type: o.Type, Common: o.Common != "" || tellsLittle[o.Type]})
		}
	}
	slices.SortFunc(all, func(a, b linkage.Observable) int {
		if a.Token == b.Token && a.Common != b.Common {
			if a.Common {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Token, b.Token)
	})
	return slices.CompactFunc(all, func(a, b linkage.Observable) bool { return a.Token == b.Token })
}

// amount reads a number, exact or in a band, as a closed interval.
func amount(s report.Said) (linkage.Range, bool) {
	switch s.Form.Kind {
	case standard.Exact:
		if v, err := strconv.ParseFloat(s.Value, 64); err == nil && v >= 0 {
			return linkage.Range{Low: v, High: v, Known: true}, true
		}
	case standard.Generalised:
		if low, high, ok := standard.ParseBand(s.Value); ok {
			// A band excludes its upper bound; what it counts is whole.
			return linkage.Range{Low: max(low, 0), High: min(high-1, math.MaxInt64), Known: true}, true
		}
	}
	return linkage.Range{}, false
}

// days reads a date of any precision, exact or coarsened, as a range of days
// since 1970.
func days(s report.Said) (first, last int32, ok bool) {
	if s.Form.Kind != standard.Exact && s.Form.Kind != standard.Generalised {
		return 0, 0, false
	}
	from, to, ok := span(s.Value)
	if !ok {
		return 0, 0, false
	}
	return dayNumber(from), dayNumber(to), true
}

// span reads "2014", "2014-Q1", "2014-02", "2014-02-03" or a moment of a day
// as its first and last day.
func span(v string) (first, last time.Time, ok bool) {
	if len(v) == 7 && v[5] == 'Q' {
		year, err := time.Parse("2006", v[:4])
		if err != nil || v[4] != '-' || v[6] < '1' || v[6] > '4' {
			return first, last, false
		}
		first = year.AddDate(0, 3*int(v[6]-'1'), 0)
		return first, first.AddDate(0, 3, -1), true
	}
	for _, p := range []struct {
		layout        string
		years, months int
	}{{"2006", 1, 0}, {"2006-01", 0, 1}, {time.DateOnly, 0, 0}, {time.RFC3339, 0, 0}} {
		t, err := time.Parse(p.layout, v)
		if err != nil {
			continue
		}
		first, last = t.UTC(), t.UTC()
		if p.years+p.months > 0 {
			last = first.AddDate(p.years, p.months, -1)
		}
		return first, last, true
	}
	return first, last, false
}

// dayNumber counts days since 1970; the day before is −1.
func dayNumber(t time.Time) int32 {
	return int32(math.Floor(float64(t.Unix()) / 86400))
}

// blockKey is a blocking key as it is stored: hashed, with the number of facts
// up to which it is told apart.
type blockKey struct {
	hash int64
	// most is the number of facts beyond which the key ties nothing any more.
	most int
}

// blockKeys are the keys under which a fact is found by those that it could be
// joined with.
func blockKeys(f linkage.Fact) []blockKey {
	names := linkage.Keys(f)
	keys := make([]blockKey, len(names))
	for i, name := range names {
		keys[i] = blockKeyOf(name)
	}
	return keys
}

// tokenKey is the blocking key of one observable that is not common.
func tokenKey(o linkage.Observable) blockKey {
	return blockKeyOf(linkage.Keys(linkage.Fact{Observables: []linkage.Observable{o}})[0])
}

func blockKeyOf(name string) blockKey {
	sum := sha256.Sum256([]byte(name))
	k := blockKey{hash: int64(binary.BigEndian.Uint64(sum[:8])), most: maxBlock}
	if name[0] == 'o' {
		k.most = linkage.Defaults.Rare
	}
	return k
}

// maxBlock bounds what one victim's token costs: a name that more reports
// share than this one is no name of an organisation.
const maxBlock = 4000
