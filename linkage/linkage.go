// Package linkage decides which reports are about the same event, and which
// events belong to one campaign. It is pure: facts in, clusters with their
// evidence out.
//
//	Fact ──[Keys]──▶ blocking keys ──(caller)──▶ blocks of facts that share keys
//	pair ──[Score]──▶ link: the weight of what ties the two, and why
//	block ──[Clusters]──▶ clusters: reports of one event, with links that say why
//	sightings ──[Campaigns]──▶ events tied by rare shared tokens
//
// The result depends only on the set of facts, not on their order: pairs are
// scored by themselves, then joined greedily from the strongest on (ties by
// report number), under constraints that hold for whole clusters. A caller can
// therefore recompute only the blocks that a new fact touches; [Blocks] cuts a
// set of facts into parts that do not depend on each other.
//
// # Rules
//
//  1. The same victim and a near date alone never join two reports of one
//     source: whoever reports twice knows two events.
//  2. The same victim and compatible dates join reports of different sources,
//     unless what they say contradicts: numbers of records that exclude each
//     other, wholly different actions.
//  3. A shared rare observable and near dates join even where a victim is not
//     known; two different known victims are a campaign, never one incident.
//  4. A cluster holds at most one report of each source, unless two reports of
//     one have a common reference, or the same victim, day and rare
//     observable, or are relayed for different organisations and share victim,
//     date and rare observable.
//  5. When an event began is the hardest of dates: events known to have begun
//     more than [Parameters].Near days apart are never one, nor are they over
//     others. Where both say so to the month or better, no other date counts.
//
// # Weights
//
// A pair is a link from [Parameters].Threshold (1) on:
//
//	a common case reference                     +5
//	the same victim                             +1
//	shared rare observables                     +1, +0.25 for each further one up to four
//	dates of the same kind on the same day      +1
//	near dates of the same kind                 +0.6 falling to −0.6 at Near (120) days apart;
//	                                            at most +0.1 if they leave more than 100 days of doubt,
//	                                            −0.1 or −0.3 if they leave more than 200 (a year told)
//	notified or discovered within Lag (450)     +0.25
//	notified up to Near days before             +0.1 (a date of publication is often told as that of the event)
//	nothing is known of when                    −0.6
//	matching numbers of records                 +0.5 (of more than one record), down to +0.3 if told in bands
//	numbers that exclude each other             −0.4, from a factor of three on −0.8
//	wholly different actions                    −1
//	other country, other industry               −0.4, −0.2; of the same victim −0.2, 0
//
// Dates that are known and lie outside all of these refuse a pair, unless it
// has a common reference. Where a victim is not known, a notification must
// follow within Near days too.
//
// # Cost
//
// An observable that more than [Parameters].Rare facts share ties none of
// them. Facts under a victim or reference that more than 400 share are
// compared with their 32 neighbours in order of date only. The number of pairs
// is so at most proportional to the number of facts and keys.
//
// # Figures
//
// On real data (the 343 known pairs of VCDB and HHS; VCDB spread over 40
// sources and HHS over three, so that a victim keeps its reporter; records in
// half decades) recall is 0.854, and by rule 1 no VCDB incident is merged with
// another; of joins whose two sides tell numbers of people 1.5 % differ by a
// factor of two. With dates by the month recall is 0.860, by the year 0.863,
// without numbers of records 0.831. Of the pairs missed, 18 are rows that
// another VCDB incident of the same source took (VCDB tells some events
// twice), the others took another row
// of the same victim, are told with wholly different actions, or lie further
// apart in time than allowed. If the
// reporter is picked by the raw spelling of the victim, so that two members
// tell of some, 1.0 % of the incidents are merged, many of them told twice.
// The tests of this package hold these figures; sim holds them where one
// victim is hit often.
package linkage

import "slices"

// Fact is what is known of one report for linking. Days count from
// 1970-01-01. Tokens are compared as they are; "" is unknown.
type Fact struct {
	// Report is the report's number: unique, and free of order.
	Report int64
	// Source is the reporting member; thresholds use owner groups, linking
	// does not.
	Source string
	// OnBehalf is the token of whom the source relays for, if for anybody.
	OnBehalf string
	// Victim is the token of the victim's name.
	Victim string
	// Dates are when the event began, was discovered and was notified, each
	// as a range of days by its precision.
	Dates []Dates
	// Observables that were seen.
	Observables []Observable
	// Records affected as a closed interval; zero if unknown.
	Records Range
	// Actions are the kinds of action at the top level (hacking, error, …).
	Actions []string
	// Country and Industry of the victim, at a level that all facts share.
	Country, Industry string
	// References are tokens of case numbers that were shared on purpose.
	References []string
}

// DateKind says what a date is of, in the order in which things happen.
type DateKind uint8

// Kinds of dates.
const (
	Occurred DateKind = iota
	Discovered
	Notified
)

// Dates is a range of days [First, Last], as precise as is known.
type Dates struct {
	Kind        DateKind
	First, Last int32
}

// Range is a closed interval of numbers; Known tells an unknown one apart.
type Range struct {
	Low, High float64
	Known     bool
}

// Observable is a token with its type. Common ones (benign infrastructure)
// never tie.
type Observable struct {
	Token, Type string
	Common      bool
}

// Parameters of linking, in days and numbers of facts.
type Parameters struct {
	// Near is how far two dates of the same kind may lie apart.
	Near int32
	// Lag is how long after an event it may be discovered or notified.
	Lag int32
	// Rare is the largest number of facts that share an observable which can
	// still tie a pair.
	Rare int
	// Threshold is the least weight that joins a pair.
	Threshold float64
}

// Defaults are the parameters in use; the package's tests hold their figures
// on real data.
var Defaults = Parameters{Near: 120, Lag: 450, Rare: 12, Threshold: 1}

// Keys are a fact's blocking keys: only facts that share one can be joined.
// The first letter says what a key is of: v a victim, r a reference, o an
// observable.
func Keys(f Fact) []string {
	keys := make([]string, 0, 1+len(f.References)+len(f.Observables))
	if f.Victim != "" {
		keys = append(keys, "v"+f.Victim)
	}
	for _, r := range f.References {
		if r != "" {
			keys = append(keys, "r"+r)
		}
	}
	for _, o := range f.Observables {
		if !o.Common && o.Token != "" {
			keys = append(keys, observableKey(o))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func observableKey(o Observable) string { return "o" + o.Type + "\x00" + o.Token }
