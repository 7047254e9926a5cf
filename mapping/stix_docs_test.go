package mapping

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var updateSTIX = flag.Bool("update-stix", false, "write docs/stix.md anew")

const stixPage = "../docs/stix.md"

func TestTheDocumentationOfSTIXIsCurrent(t *testing.T) {
	want := documentSTIX()
	if *updateSTIX {
		if err := os.WriteFile(stixPage, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(stixPage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Error("docs/stix.md does not say what the tables say; run `go generate ./mapping`")
	}
}

// TestTheTablesOfSTIXNameCodesOfTheStandard holds the tables to the standard.
func TestTheTablesOfSTIXNameCodesOfTheStandard(t *testing.T) {
	m := NewSTIX(builtin(t, "core/1.0"))
	for _, c := range stixTables {
		for _, path := range strings.Split(c.field, " or ") {
			cleaner := m.fields.byPath[path]
			if cleaner == nil {
				t.Fatalf("the standard has no field %s", path)
			}
			for term, code := range c.table {
				if !cleaner.listed(code) {
					t.Errorf("%s: %s is no code of %s", term, code, path)
				}
			}
		}
	}
	for term, row := range stixIncidentTypes {
		if row[0] != "" && m.actions[row[0]].path == "" {
			t.Errorf("%s: there is no action %s", term, row[0])
		}
		if rsit := m.fields.byPath["classification.rsit"]; row[1] != "" && !rsit.listed(row[1]) {
			t.Errorf("%s: there is no class %s", term, row[1])
		}
	}
}

// stixTables are the tables of terms, as the page shows them.
var stixTables = []struct {
	property, field string
	table           map[string]string
}{
	{"`determination` of an incident", "security_incident", stixDetermination},
	{"`detection_methods` of an incident", "discovery_method.internal.variety", stixDiscoveryInternal},
	{"`detection_methods` of an incident", "discovery_method.external.variety", stixDiscoveryExternal},
	{"`threat_actor_types`", "actor.external.variety", stixActorExternal},
	{"`threat_actor_types`", "actor.internal.variety", stixActorInternal},
	{"`primary_motivation`, `secondary_motivations`", "actor.external.motive or actor.internal.motive", stixMotive},
	{"`malware_types`", "action.malware.variety", stixMalware},
	{"`loss_type` of an impact", "attribute.confidentiality.data_disclosure", stixLoss},
	{"`alteration` of an impact", "attribute.integrity.variety", stixAlteration},
	{"`alteration` of an impact", "attribute.availability.variety", stixDestruction},
	{"`sectors` of a victim", "victim.industry", stixIndustry},
	{"`region` of a location", "victim.region or actor.external.region", stixRegion},
}

// documentSTIX writes docs/stix.md from the tables.
func documentSTIX() []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("<!-- Made by `go generate ./mapping` from the tables of mapping. Do not edit. -->")
	line("%s", strings.ReplaceAll(stixIntroduction, "'", "`"))
	line("\n## Terms\n")
	line("Other terms are taken if the standard has a code of that name (`state-affiliated`), else they stand in the account.\n")
	line("| property | term | field | code |\n|---|---|---|---|")
	for _, c := range stixTables {
		for _, term := range slices.Sorted(maps.Keys(c.table)) {
			line("| %s | `%s` | `%s` | %s |", c.property, term, strings.ReplaceAll(c.field, " or ", "` or `"), c.table[term])
		}
	}
	line("\n`incident_types` are the standard's varieties of actions, after their family or alone where that is enough (`malware-ransomware`, `sqli`), classes of RSIT (`fraud-phishing`), and these:\n")
	line("| type of incident | action | RSIT |\n|---|---|---|")
	for _, term := range slices.Sorted(maps.Keys(stixIncidentTypes)) {
		line("| `%s` | %s | %s |", term, stixIncidentTypes[term][0], stixIncidentTypes[term][1])
	}
	line("\nAn observable that an infrastructure consists of plays its part:\n\n| `infrastructure_types` | role |\n|---|---|")
	for _, term := range slices.Sorted(maps.Keys(stixRoles)) {
		line("| `%s` | %s |", term, stixRoles[term])
	}
	line("\nA task dates the incident, the end of containment and recovery, the start of others:\n\n| `task_types` | field |\n|---|---|")
	for _, term := range slices.Sorted(maps.Keys(stixTasks)) {
		line("| `%s` | `%s` |", term, stixTasks[term])
	}
	line("\n`criticality` from 0 to 100 is the overall rating in fifths: %s.", strings.Join(stixRatings, ", "))
	line("\n## Repairs\n\n| rule | found | read or written as |\n|---|---|---|")
	line("| `%s` | observations, and nothing that says when the incident happened | the first observation dates it |", stixFirstSeen)
	line("| `%s` | (writing) a report that does not say whether there was an incident | the extension wants a determination: `suspected`, which claims least |", stixSuspected)
	line("\nDates, codes and texts are repaired by the rules of [veris.md](veris.md) besides.\n")
	line("%s", strings.ReplaceAll(stixEnd, "'", "`"))
	return b.Bytes()
}

const stixIntroduction = `# STIX 2.1: how objects are checked, read and written

Concord checks, reads and writes [STIX 2.1](https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html):

'''
concord validate --format stix bundle.json            # object by object
concord validate --format stix-pattern patterns.txt   # one pattern a line
concord convert --from stix --to report bundle.json > reports.jsonl
concord convert --from report --to stix reports.jsonl > bundles.jsonl
concord convert --from stix --explain bundle.json     # what became of each value
concord member submit case.stix.json
'''

A file holds a bundle, an object, an array, JSON Lines, or several one after the
other; it may be compressed with gzip and be in UTF-8 or UTF-16. A bundle with
which a file begins may be of any size: one larger than 1 MiB is read object by
object, and of such a bundle, and of objects outside of bundles, 100,000 are taken
together. Other bundles, and single objects, have at most 16 MiB.

## What is checked

'validate' says of a bundle and of each object in it whether it is valid. What
breaks a MUST of the specification is an error, with its path:

- what every object owes: type, identifier (of that type, with a UUID),
  'spec_version', 'created' and 'modified' with milliseconds and in order; no
  null, no empty list, no reserved name, names of properties as they may be;
- the properties of all types (domain objects, relationships, cyber-observables,
  markings, language content, extension definitions, and 'impact', 'task' and
  'event' of the incident extension): what is required, of which kind, in which
  range; closed lists; types that a reference may lead to; timestamps of days
  that there are; ends that are not before their starts; lengths of hashes;
  selectors of granular markings that lead somewhere; the fixed identifiers of
  TLP 1 and 2.0; the extensions of the specification;
- patterns by the whole grammar, with line and column, and beyond it: one
  qualifier of a kind, tests of one object under AND, constants of IN of one
  kind, hashes of the right length, amounts above zero.

What breaks a SHOULD is a warning: terms that an open vocabulary lacks,
properties of one's own without an extension, relationships that the
specification does not name, identifiers of cyber-observables that are not made
of their value, URLs without hashes, deprecated properties, and what older
versions of the incident extension had.

A reference of a cyber-observable whose UUID is cut short is a warning too: it
leads nowhere, and the world has many. A pattern by itself is judged as tools
that match patterns judge it; in an indicator, names of types and properties
shorter than three letters are refused besides.

Patterns in JSON Lines stand in the property 'pattern'.

## What becomes a report

| in a bundle | becomes |
|---|---|
| one incident | one report, of everything in the bundle |
| several incidents | one report each, of what the incident leads to by references and relationships; what several lead to belongs to each |
| a report or grouping, without incidents | one report, of what it lists and that leads to |
| observed data that nothing above led to | one report each: something seen at a time |
| the rest, if indicators, observables, malware or the like are in it | one report for each 10,000 objects: a set of indicators |
| identities, locations, markings alone | nothing; they are listed |

From what many incidents share (an actor, a tool, an identity) the way goes on to
what it points at, never back to who else points there. Objects outside of
bundles are taken together with the others of their file. Of several versions of
an object in one bundle the last one counts. The identifier of the incident,
report, grouping or observed data is kept at its owner as the native id of the
case and never leaves.

| of the objects | becomes |
|---|---|
| 'name', 'description', 'confidence', 'external_references' of an incident, a report or a grouping | 'incident.title', 'summary', 'confidence', 'reference' |
| the incident core extension, under its definition's identifier, under another name, or in the incident itself | see Terms |
| 'event' | 'timeline.incident' (the first start), 'timeline.end' (the last end), as precise as the fidelity |
| 'task' | the other dates |
| 'impact', by its parts ('confidentiality-ext' or 'confidentiality'), or as lists in the incident | disclosure, records and kinds of data, loss of integrity and availability, amounts |
| identity that something targets or impacts, in which something was sighted, or that an impact names | 'victim.victim_id' (an organisation), 'victim.industry'; further ones 'victim.secondary.victim_id' |
| location of a victim or an actor | country, region, state |
| threat actor, intrusion set, campaign | 'actor.external', 'actor.internal', 'incident.campaign' |
| malware | 'action.malware' |
| attack pattern with a technique of ATT&CK | 'attack.techniques' |
| note | 'notes' |
| marking of TLP, version 1 or 2.0 | 'marking.tlp', the strictest of the group |
| indicator with a pattern of STIX | observables: values that a test holds for equal, in a set, or blocks of addresses. Not those that are negated, and none of an indicator that is only 'benign' |
| cyber-observables, also inside of observed data | observables of the types that Concord has, with the times and counts of observed data and sightings |
| vulnerability | an observable of the type 'cve' |

**Every value of every object** ends in a statement, in an observable, or in the
account with the reason why not. Who wrote an object, contacts and persons are
never taken.`

const stixEnd = `## What is written

A report becomes a bundle: an incident with the incident core extension, an event
and tasks for its dates, impacts, the victim as an identity with its location, the
actor, campaign, malware, techniques, and the observables: each as itself, tied to
the incident, and, unless its role is *target*, as an indicator with a sighting for
the times and counts. Roles are written as infrastructure. The TLP label is the
marking of every object. Codes for which a vocabulary has no term of its own are
written by the standard's name, in lower case with hyphens ('state-affiliated');
two codes that differ in case alone share a term. What STIX has no place for is in
the account.

Identifiers are new at every run and say nothing: native identifiers and those made
of a value (UUIDv5) would tell whom and what an object came from. They are of
version 4 for cyber-observables too, of which 'validate' warns.`
