package mapping

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/formats/misp"
)

var updateMISP = flag.Bool("update-misp", false, "write docs/misp.md anew")

const mispPage = "../docs/misp.md"

func TestTheDocumentationOfMISPIsCurrent(t *testing.T) {
	want := documentMISP()
	if *updateMISP {
		if err := os.WriteFile(mispPage, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(mispPage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Error("docs/misp.md does not say what the tables say; run `go generate ./mapping`")
	}
}

// mispRules explains the rules of repair, in the order of the page.
var mispRules = []struct{ rule, found, read string }{
	{misp.RuleEnvelope, "an event without `Event` around it, as libraries keep it", "the event"},
	{misp.RuleText, "a number or truth value where a text belongs, `\"distribution\": 3`", "the text"},
	{misp.RuleBoolean, "a text or number where a truth value belongs, `\"to_ids\": \"1\"`", "the truth value"},
	{misp.RuleList, "one object where a list belongs", "a list of one"},
	{misp.RuleName, "a tag as a bare text", "a tag of that name"},
	{mispUUID, "a UUID in capitals, braces or without hyphens", "its one form"},
	{mispEpoch, "a moment in seconds, milliseconds or microseconds since 1970", "the moment, in whole seconds"},
	{mispTitle, "an info longer than a title may be", "the summary"},
	{mispDistribution, "a distribution, where nobody wrote a TLP label", "own organisation: TLP:AMBER+STRICT; sharing group: TLP:AMBER; this community: TLP:GREEN"},
	{mispSeparator, "`host:port` where the type wants a bar between them", "both halves"},
	{mispKind, "a value of another type than its attribute says, such as a host's name as a URL", "an observable of the type that it is"},
	{mispDetected, "an attribute of no type (`text`, `other`, `hex`, `comment`) whose value leaves no doubt", "a digest, a wallet, an IBAN or a CVE"},
	{mispScheme, "a URL of a scheme other than those of the web and FTP, such as `smb://`", "a URL, which has no canonical spelling and so no token"},
	{mispTwice, "the same value in the same role, or the same code, once more", "one, seen over the whole time and as often as both"},
	{mispDay, "(writing) a date that is less precise than MISP wants, or more", "the first day of it, or the day; for the first and last time seen, the start of the day"},
	{mispInfo, "(writing) a report without a title", "`Incident`"},
}

// documentMISP writes docs/misp.md from the tables.
func documentMISP() []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("<!-- Made by `go generate ./mapping` from the tables of mapping. Do not edit. -->")
	line("# MISP: how events are read and written\n")
	line("%s", strings.ReplaceAll(mispIntroduction, "'", "`"))
	line("\n## Types of attributes\n")
	line(`A type that joins two others with a bar (filename and md5) is taken by its halves:
each becomes an observable of its own or is listed with a reason. A digest that
is not one of the whole file keeps its name before it ("imphash:…"): it is shown
to whom the terms grant it, gets no token, and is never taken for an MD5.
`)
	line("| type | becomes | role | or is listed, because |\n|---|---|---|---|")
	documentTypes(line, mispTypes)
	line("\nThe role of a digest or file name in the categories Payload delivery and Payload installation is *payload*, that of everything in Targeting data *target*.\n")
	line("In objects the relation says more than the type. These come first:\n")
	line("| object and relation | becomes | role | or is listed, because |\n|---|---|---|---|")
	documentTypes(line, mispRelations)
	documentTags(line)
	line("\n## Repairs\n\n| rule | found | read as |\n|---|---|---|")
	for _, r := range mispRules {
		line("| `%s` | %s | %s |", r.rule, r.found, r.read)
	}
	line("\nDates, codes and texts are repaired by the rules of [veris.md](veris.md) besides.\n")
	line("%s", strings.ReplaceAll(mispEnd, "'", "`"))
	return b.Bytes()
}

const mispIntroduction = `Concord reads events of [MISP](https://www.misp-project.org) in its core format and
writes them:

'''
concord convert --from misp --to report event.json > reports.jsonl
concord convert --from report --to misp reports.jsonl > events.jsonl
concord convert --from misp --explain event.json   # what became of each attribute
concord validate --format misp event.json          # against the core format
concord member submit event.misp.json
'''

A file holds one event, with or without its envelope ('Event'), what an instance
answers ('response', with one event or many), an array, JSON Lines, or several
one after the other; it may be compressed with gzip and be in UTF-8 or UTF-16.
Events are taken one at a time, also out of a response; one event has at most
16 MiB, files inside it included.

**Each attribute becomes an observable or a statement, or is listed with a
reason**; the account counts it once, as 'Attribute[type]'. An attribute that is
deleted at its source is listed. An event that is no JSON, or in which nothing of
an event stands, is refused with its line, and the others are taken.

**Who wrote, keeps or may see an event is never passed on**: the mail address of
its creator, organisations, sharing groups, users, authors, sources of sightings.
All are listed as left out, and so are ids: the UUID of the event is kept at its
owner as the native id of the case and never leaves.

| of the event | becomes |
|---|---|
| 'info' | 'incident.title' |
| 'date' | 'timeline.incident' |
| 'EventReport' | 'summary', from the first |
| 'Sighting' | the count of the observable, unless it denies |
| 'first_seen', 'last_seen' | the same of the observable; an attribute without them takes those of its object |
| 'Tag', 'Galaxy' | see below |
| 'threat_level_id', 'analysis', comments, proposals, links to other events | listed: the standard has no field |`

const mispEnd = `## Writing

An event is written with UUIDs of its own, new each time and random, so that
nothing leads back to the report or its values. With a TLP tag its distribution is
0: who imports it decides how far it goes, within the tag. It names nobody but whom
the report names. Observables become attributes, or objects of one attribute where
MISP has no type (wallets of other currencies, accounts, organisations). Codes
become tags: TLP, PAP, RSIT, techniques of ATT&CK by their ids, and all that
VERIS has a code for in the taxonomy 'veris'. Amounts, texts and what else MISP
has no place for are counted as not mapped.

## The feed

A MISP instance pulls from a hub what its member may have. 'concord member token
--for defend' prints the address and a token; in MISP, add a feed:

| field | value |
|---|---|
| URL | the address, such as 'https://hub.example/feeds/misp' |
| source format, input source | MISP Feed, network |
| headers | 'Authorization: Bearer TOKEN' (or Basic: the member's id, with the token as password) |
| distribution | your organisation only: MISP puts its own setting in place of the event's; the label says how far it goes |

'manifest.json' names the events with the time of their last change and the SHA-256
of each, 'hashes.csv' holds the MD5 of each value with its event, 'UUID.json' is an
event. All three are made for whoever asks.

- **Values** are the rows of '/feeds/indicators.csv', in each of the member's sectors
and for each purpose of the token: what the contributors' terms let the member have
exact. Make a token for one purpose, since a value stands once for each. Types
for which MISP has no place are left out.
- **An event** gathers the values that came into the feed on a day, a thousand at most,
and keeps them. It is by the hub ('Orgc'), and bears the tags
'concord:sector="…"' and 'concord:purpose="…"', by which MISP's rules for a feed can
choose.
- **Markings**: each attribute bears its TLP label and its PAP label ('PAP:GREEN' …), the event
the strictest of them. By which day copies are deleted, if by any, stands in the comment.
- **Ids** are made per member, purpose and sector with a key of the hub, so that two
members who compare them learn nothing. Only the hub's own is the same to all.
- **Times** tell the day. Within the day they count changes, a second each, so that an
instance fetches an event again exactly when it changed.
- **What is taken back** (an erased report, a suspended contributor, terms that were
narrowed) is gone from the feed with the next request, and its event counts as
changed. MISP keeps what it has pulled although the manifest names the event no more, or
the event holds the attribute no more. So for 90 days the event tells it: the attribute
stands there under its id as 'deleted', of the type 'comment', with 'Taken back: delete
what you keep of it' in place of the value. An instance that pulls in that time writes that
over what it has, and deletes it. The labels of an event in which all was taken back are
the strictest. 'hashes.csv' lists none of it. Whoever pulls less often must delete by itself; the
agreement binds it to do so.

## Validating

'concord validate --format misp' holds each event to
draft-dulaunoy-misp-core-format-20. What breaks a MUST of it is an error with its
path, such as 'Event.Attribute[3].type'. Three things are taken with a warning
although the draft says MUST or SHALL: members that only one instance knows and
feeds leave out (numbered ids, 'distribution' and 'deleted' of attributes,
'object_uuid' of references), a number or text where another kind of JSON
is described, and types and categories that the draft does not list, since
both lists grow. A warning is also given for the mail address of a creator, for
digests of the wrong length and for a last time before the first.`

func documentTypes(line printLine, table map[string]mispType) {
	type row struct{ names, becomes, role, reason string }
	var rows []row
	at := map[row]int{}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		t := table[name]
		var r row
		switch {
		case t.field != "":
			r.becomes = "`" + t.field + "`"
		case t.prefix != "":
			r.becomes = "file-hash, named"
		default:
			r.becomes = strings.Join(t.types, ", else ")
		}
		r.role, r.reason = t.role, t.reason
		if i, known := at[r]; known {
			rows[i].names += ", `" + name + "`"
			continue
		}
		at[r] = len(rows)
		r.names = "`" + name + "`"
		rows = append(rows, r)
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.reason, b.reason) })
	for _, r := range rows {
		line("| %s | %s | %s | %s |", r.names, r.becomes, r.role, r.reason)
	}
}

func documentTags(line printLine) {
	line("\n## Tags and clusters\n")
	line(`The strictest label of the event and of its attributes is that of the report: what
binds a part binds the whole. A cluster is known by its tag or by its galaxy.
`)
	line("| tag or galaxy | becomes |\n|---|---|")
	for _, row := range [][2]string{
		{"`tlp:…`", "`marking.tlp`; white is TLP:CLEAR"}, {"`PAP:…`", "`marking.pap`"}, {"`rsit:class=\"type\"`, galaxy `rsit`", "`classification.rsit`"},
		{"`veris:path:to:field=\"code\"`", "the field with that path in VERIS"},
		{"galaxies of attack patterns", "`attack.techniques`, by the id at the end of the name or among the external ids"},
		{"galaxies `threat-actor`, `…-intrusion-set`", "`actor.external.name`"},
		{"galaxies `ransomware`, `malpedia`, `rat`, `banker`, `tool`, `…-malware` and the like", "`action.malware.name`"},
		{"galaxies `target-information`, `country`", "`victim.country`"},
		{"`estimative-language:confidence-in-analytic-judgment`", "`confidence`"},
	} {
		line("| %s | %s |", row[0], row[1])
	}
	for _, tag := range slices.Sorted(maps.Keys(mispTaxonomies)) {
		m := mispTaxonomies[tag]
		var to []string
		if m.rsit != "" {
			to = append(to, "`classification.rsit` "+m.rsit)
		}
		if m.malware != "" {
			to = append(to, "`action.malware.variety` "+m.malware)
		}
		line("| `%s` | %s |", tag, strings.Join(to, ", "))
	}
}

func TestTheTablesOfMISPHoldNoBars(t *testing.T) {
	for _, r := range mispRules {
		if strings.Contains(r.found+r.read, "|") {
			t.Errorf("%s holds a bar", r.rule)
		}
	}
	for name, row := range mispTypes {
		if strings.Contains(name+row.reason, "|") {
			t.Errorf("%s holds a bar", name)
		}
	}
}
