package mapping

import (
	"regexp"
	"strings"

	"github.com/concord-trust/concord/formats/veris"
)

// machineTag is a tag taken apart: namespace:predicate="value".
type machineTag struct{ namespace, predicate, value string }

// readTag takes a tag apart; the predicate may hold colons itself, as those of
// the taxonomy of VERIS do.
func readTag(name string) machineTag {
	var t machineTag
	rest, value, _ := strings.Cut(name, "=")
	t.value = strings.Trim(strings.TrimSpace(value), `"`)
	t.namespace, t.predicate, _ = strings.Cut(strings.TrimSpace(rest), ":")
	t.namespace, t.predicate = strings.TrimSpace(t.namespace), strings.TrimSpace(t.predicate)
	return t
}

// The reasons for which tags are left out.
const (
	reasonTag      = "the standard has no counterpart for the tag"
	reasonGalaxy   = "the standard has no counterpart for clusters of this galaxy"
	reasonStricter = "another marking of the event is stricter, and a report has one"
)

// tlp and pap list labels by how they are tagged; the position tells which is
// stricter.
var (
	tlpOrder = []string{"TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"}
	papOrder = []string{"PAP:CLEAR", "PAP:GREEN", "PAP:AMBER", "PAP:RED"}
)

// label reads the label of a protocol; white is the old name of clear.
func label(protocol, word string) string {
	word = strings.ToUpper(strings.ReplaceAll(word, " ", ""))
	if word == "WHITE" {
		word = "CLEAR"
	}
	return protocol + ":" + word
}

// tag takes a tag by its namespace; each name once.
func (r *mispReading) tag(name string) {
	name = strings.TrimSpace(name)
	if name == "" || r.tags[name] {
		return
	}
	r.tags[name] = true
	t := readTag(name)
	switch strings.ToLower(t.namespace) {
	case "tlp":
		r.mark(&r.tlp, tlpOrder, label("TLP", t.predicate))
	case "pap":
		r.mark(&r.pap, papOrder, label("PAP", t.predicate))
	case "rsit":
		r.state("classification.rsit", strings.Trim(t.predicate+":"+t.value, ":"), "Tag.rsit")
	case "veris":
		r.verisTag(t)
	case "misp-galaxy":
		r.cluster(t.predicate, t.value, nil)
	case "estimative-language":
		if t.predicate == "confidence-in-analytic-judgment" {
			r.state("confidence", t.value, "Tag.estimative-language")
			return
		}
		r.skip("Tag.estimative-language", reasonTag)
	default:
		r.taxonomy(t)
	}
}

// mark keeps the strictest label: what binds a part of a report binds all of
// it.
func (r *mispReading) mark(have *string, order []string, found string) {
	place := "Tag." + strings.ToLower(order[0][:3])
	at, had := -1, -1
	for i, l := range order {
		if l == found {
			at = i
		}
		if l == *have {
			had = i
		}
	}
	switch {
	case at < 0:
		r.refuse(place, "there is no such label; the labels are "+strings.Join(order, ", "))
	case at == had:
		r.account.Repair(mispTwice)
	case at < had:
		r.skip(place, reasonStricter)
	default:
		if had >= 0 {
			r.skip(place, reasonStricter)
		}
		*have = found
	}
}

// verisTag states what a tag of the taxonomy of VERIS says: its predicate is
// the path.
func (r *mispReading) verisTag(t machineTag) {
	path := strings.ReplaceAll(t.predicate, ":", ".")
	c := r.m.byVERIS[path]
	if c == nil {
		r.skip("Tag.veris", "the standard has no counterpart for the path")
		return
	}
	r.state(c.field.Path, t.value, "Tag.veris")
}

// techniquePattern finds the id of a technique at the end of a cluster's name.
var techniquePattern = regexp.MustCompile(`\bT[0-9]{4}(?:\.[0-9]{3})?$`)

// cluster states what an entry of a galaxy says. What it became is counted
// under the kind of the galaxy, since anybody may name one of their own.
func (r *mispReading) cluster(galaxy, value string, external []string) {
	switch {
	case strings.HasSuffix(galaxy, "attack-pattern"):
		r.technique(galaxy, value, external)
	case galaxy == "threat-actor" || galaxy == "microsoft-activity-group" || galaxy == "360net-threat-actor" || strings.HasSuffix(galaxy, "intrusion-set"):
		r.state("actor.external.name", value, "Galaxy.threat-actor")
	case galaxy == "rsit":
		class, typ, _ := strings.Cut(value, ":")
		r.state("classification.rsit", strings.Trim(slug(class)+":"+slug(typ), ":"), "Galaxy.rsit")
	case galaxy == "target-information" || galaxy == "country":
		r.state("victim.country", value, "Galaxy.target-information")
	case malwareGalaxies[galaxy] || strings.HasSuffix(galaxy, "-malware"):
		if r.join("action.malware.name", value, "Galaxy.malware") {
			r.account.Map("Galaxy.malware")
		}
	default:
		r.skip("Galaxy."+galaxy, reasonGalaxy)
	}
}

// technique finds the id of a technique in its name or among its other ids.
func (r *mispReading) technique(galaxy, value string, external []string) {
	id := techniquePattern.FindString(strings.TrimSpace(value))
	for _, e := range external {
		if id == "" {
			id = techniquePattern.FindString(e)
		}
	}
	if id == "" {
		r.skip("Galaxy."+galaxy, "the technique is named without its id in ATT&CK")
		return
	}
	r.state("attack.techniques", id, "Galaxy.attack-pattern")
}

// malwareGalaxies are those whose clusters are names of malware.
var malwareGalaxies = map[string]bool{"ransomware": true, "malpedia": true, "rat": true, "banker": true, "botnet": true, "stealer": true,
	"backdoor": true, "android": true, "cryptominers": true, "exploit-kit": true, "tool": true, "mitre-tool": true, "wiper": true}

// slug writes a label of a taxonomy as its code.
func slug(label string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(label), " ", "-"))
}

// taxonomy states what a tag of another taxonomy means by the table.
func (r *mispReading) taxonomy(t machineTag) {
	key := strings.ToLower(strings.TrimSuffix(t.namespace+":"+t.predicate+"="+t.value, "="))
	row, known := mispTaxonomies[key]
	place := "Tag"
	if t.predicate != "" {
		place = shortPath("Tag." + t.namespace)
	}
	if !known {
		r.skip(place, reasonTag)
		return
	}
	for _, path := range []struct{ field, code string }{{"classification.rsit", row.rsit}, {"action.malware.variety", row.malware}} {
		if path.code != "" {
			r.state(path.field, path.code, place)
		}
	}
}

// meaning is what a tag says in the codes of the standard.
type meaning struct{ rsit, malware string }

// mispTaxonomies holds the tags of taxonomies that incident response teams
// use, and what they mean. RSIT descends from eCSIRT.net; where a class was
// divided the class alone is taken.
var mispTaxonomies = readTaxonomies(`
ecsirt:abusive-content spam=abusive-content:spam harmful-speech=abusive-content:harmful-speech violence=abusive-content:violence
ecsirt:malicious-code virus=malicious-code:infected-system worm=malicious-code:infected-system trojan=malicious-code:infected-system spyware=malicious-code:infected-system dialer=malicious-code:infected-system rootkit=malicious-code:infected-system malware=malicious-code botnet-drone=malicious-code:infected-system ransomware=malicious-code:infected-system malware-configuration=malicious-code:malware-configuration c&c=malicious-code:c2-server
ecsirt:information-gathering scanner=information-gathering:scanner sniffing=information-gathering:sniffing social-engineering=information-gathering:social-engineering
ecsirt:intrusion-attempts ids-alert=intrusion-attempts:ids-alert brute-force=intrusion-attempts:brute-force exploit=intrusion-attempts:exploit
ecsirt:intrusions privileged-account-compromise=intrusions:privileged-account-compromise unprivileged-account-compromise=intrusions:unprivileged-account-compromise application-compromise=intrusions:application-compromise bot=malicious-code:infected-system defacement=intrusions:application-compromise compromised=intrusions backdoor=intrusions:system-compromise
ecsirt:availability dos=availability:dos ddos=availability:ddos sabotage=availability:sabotage outage=availability:outage
ecsirt:information-content-security unauthorised-information-access=information-content-security:unauthorised-information-access unauthorised-information-modification=information-content-security:unauthorised-information-modification dropzone=information-content-security:data-leak
ecsirt:fraud unauthorized-use-of-resources=fraud:unauthorised-use-of-resources copyright=fraud:copyright masquerade=fraud:masquerade phishing=fraud:phishing
ecsirt:vulnerable vulnerable-service=vulnerable:vulnerable-system
ecsirt:other blacklist=other:other unknown=other:undetermined other=other:other
ecsirt:test test=test:test
common-taxonomy:malware infection=malicious-code:infected-system distribution=malicious-code:malware-distribution command-and-control=malicious-code:c2-server malicious-connection=malicious-code
common-taxonomy:availability dos-ddos=availability sabotage=availability:sabotage
common-taxonomy:information-gathering scanning=information-gathering:scanner sniffing=information-gathering:sniffing phishing=fraud:phishing
common-taxonomy:intrusion-attempt vulnerability-exploitation-attempt=intrusion-attempts:exploit login-attempt=intrusion-attempts:brute-force
common-taxonomy:intrusion vulnerability-exploitation=intrusions account-compromise=intrusions
common-taxonomy:information-security unauthorised-access=information-content-security:unauthorised-information-access unauthorised-modification-or-deletion=information-content-security:unauthorised-information-modification
common-taxonomy:fraud resources-misuse=fraud:unauthorised-use-of-resources false-representation=fraud:masquerade
common-taxonomy:abusive-content spam=abusive-content:spam copyright=fraud:copyright cse-racism-violence-incitement=abusive-content
common-taxonomy:other unclassified-incident=other:other undetermined-incident=other:undetermined
europol-incident:malware infection=malicious-code:infected-system distribution=malicious-code:malware-distribution c&c=malicious-code:c2-server undetermined=malicious-code
europol-incident:availability dos-ddos=availability sabotage=availability:sabotage
europol-incident:information-gathering scanning=information-gathering:scanner sniffing=information-gathering:sniffing phishing=fraud:phishing
europol-incident:intrusion-attempt exploitation-vulnerability=intrusion-attempts:exploit login-attempt=intrusion-attempts:brute-force
europol-incident:intrusion exploitation-vulnerability=intrusions compromising-account=intrusions
europol-incident:information-security unauthorized-access=information-content-security:unauthorised-information-access unauthorized-modification=information-content-security:unauthorised-information-modification
europol-incident:fraud illegitimate-use-resources=fraud:unauthorised-use-of-resources illegitimate-use-name=fraud:masquerade
europol-incident:abusive-content spam=abusive-content:spam copyright=fraud:copyright content-forbidden-by-law=abusive-content
europol-incident:other other=other:other
circl:incident-classification spam=abusive-content:spam system-compromise=intrusions:system-compromise sabotage=availability:sabotage scan=information-gathering:scanner denial-of-service=availability:dos copyright-issue=fraud:copyright phishing=fraud:phishing whaling=fraud:phishing smishing=fraud:phishing malware=malicious-code vulnerability=vulnerable:vulnerable-system information-leak=information-content-security:data-leak scam=fraud cryptojacking=fraud:unauthorised-use-of-resources ransomware=malicious-code,Ransomware locker=malicious-code,Ransomware screenlocker=malicious-code,Ransomware wiper=malicious-code,Destroy^data social-engineering=information-gathering:social-engineering
csirt_case_classification:incident-category dos=availability:dos compromised-asset=intrusions compromised-information=information-content-security malware=malicious-code
malware_classification:malware-category ransomware=,Ransomware worm=,Worm rootkit=,Rootkit downloader=,Downloader adware=,Adware spyware=,Spyware/Keylogger
ms-caro-malware:malware-type ransom=,Ransomware worm=,Worm adware=,Adware spyware=,Spyware/Keylogger trojandownloader=,Downloader
ms-caro-malware-full:malware-type ransom=,Ransomware worm=,Worm adware=,Adware spyware=,Spyware/Keylogger trojandownloader=,Downloader
`)

// readTaxonomies reads rows of a predicate, followed by its values, each with
// the class of RSIT and, after a comma, the variety of malware; ^ stands for a
// space.
func readTaxonomies(table string) map[string]meaning {
	all := map[string]meaning{}
	for line := range strings.Lines(table) {
		words := strings.Fields(line)
		for i, w := range words {
			if i == 0 {
				continue
			}
			value, codes, _ := strings.Cut(w, "=")
			rsit, malware, _ := strings.Cut(strings.ReplaceAll(codes, "^", " "), ",")
			all[words[0]+"="+value] = meaning{rsit, malware}
		}
	}
	return all
}

// verisPaths lists the fields that a tag of the taxonomy of VERIS can state,
// by their path there.
func (f *fields) verisPaths() map[string]*cleaner {
	paths := map[string]*cleaner{}
	for _, c := range f.all {
		if path := c.field.Crosswalk.VERIS; path != "" && c.field.CodeList != "" && paths[path] == nil {
			paths[path] = c
		}
	}
	return paths
}

// textOf makes a value of a text, for a cleaner.
func textOf(text string) veris.Value { return veris.Value{Kind: veris.String, Text: text} }
