package mapping

import (
	"strconv"
	"strings"

	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
)

// observable writes one observable: itself, tied to the incident, and, unless
// it is the victim's own, an indicator by which others find it.
func (w *stixWriting) observable(i int, o report.Observable) {
	canonical, ok := observable.Canonical(o.Type, o.Value)
	if !ok {
		w.account.Skip("observables", "the value says nothing, or is none of its type")
		return
	}
	name := strconv.Itoa(i)
	if o.Type == observable.CVE {
		v := w.begin("vulnerability", w.id("vulnerability", name)).With("name", canonical)
		v = v.With("external_references", stix.List{stix.Object{{Name: "source_name", Value: "cve"}, {Name: "external_id", Value: canonical}}})
		w.relate(w.incident, "related-to", w.put(v))
		w.unsaid(o, true)
		return
	}
	typ, property, value := sco(o, canonical)
	if typ == "" {
		w.account.Skip("observables", "STIX has no observable of the type "+o.Type)
		return
	}
	seen := ""
	if own := w.sco(typ, property, value, name); own != nil {
		seen = w.put(own)
		w.relate(w.incident, "related-to", seen)
	}
	if o.Role == "target" {
		w.dates(seen, name, w.inOrder(o))
		w.role(seen, o)
		return
	}
	indicator := w.indicator(stixPattern(typ, property, value), name, o)
	w.sighting(indicator, name, w.inOrder(o))
	w.role(seen, o)
}

// sco finds the type of a cyber-observable, its property ("hashes.MD5" stands
// in a dictionary) and how STIX writes the value.
func sco(o report.Observable, canonical string) (typ, property, value string) {
	switch o.Type {
	case observable.IP, observable.CIDR:
		if strings.Contains(canonical, ":") {
			return "ipv6-addr", "value", canonical
		}
		return "ipv4-addr", "value", canonical
	case observable.ASN:
		return "autonomous-system", "number", strings.TrimPrefix(canonical, "AS")
	case observable.Domain:
		return "domain-name", "value", canonical
	case observable.URL:
		return "url", "value", canonical
	case observable.Email:
		return "email-addr", "value", canonical
	case observable.FileHash:
		name := map[int]string{32: "MD5", 40: "SHA-1", 56: "SHA-224", 64: "SHA-256", 96: "SHA-384", 128: "SHA-512"}[len(canonical)]
		return "file", "hashes." + name, canonical
	case observable.FileName:
		return "file", "name", canonical
	case observable.Mutex:
		return "mutex", "name", canonical
	case observable.RegistryKey:
		return "windows-registry-key", "key", wholeHive(canonical)
	case observable.Account:
		return "user-account", "account_login", canonical
	case observable.UserAgent:
		return "network-traffic", "extensions.http-request-ext.request_header.User-Agent", canonical
	case observable.Wallet:
		return "cryptocurrency-wallet", "value", canonical
	}
	return "", "", ""
}

// wholeHive writes the root of a key in full, as STIX wants it.
func wholeHive(key string) string {
	root, rest, _ := strings.Cut(key, `\`)
	whole := map[string]string{"hklm": "HKEY_LOCAL_MACHINE", "hkcu": "HKEY_CURRENT_USER", "hkcr": "HKEY_CLASSES_ROOT", "hku": "HKEY_USERS", "hkcc": "HKEY_CURRENT_CONFIG"}[root]
	switch {
	case whole == "":
		return key
	case rest == "":
		return whole
	}
	return whole + `\` + rest
}

// sco writes the cyber-observable itself; nil where only a pattern can speak
// of the value.
func (w *stixWriting) sco(typ, property, value, name string) stix.Object {
	if typ == "network-traffic" || typ == "cryptocurrency-wallet" {
		return nil
	}
	o := w.marked(stix.Object{{Name: "type", Value: typ}, {Name: "spec_version", Value: "2.1"}, {Name: "id", Value: w.id(typ, name)}})
	if algorithm, ok := strings.CutPrefix(property, "hashes."); ok {
		return o.With("hashes", stix.Object{{Name: algorithm, Value: value}})
	}
	if typ == "autonomous-system" {
		return o.With(property, stix.Number(value))
	}
	return o.With(property, value)
}

// stixPattern writes the test for a value.
func stixPattern(typ, property, value string) string {
	path := stix.ObjectPath{Type: typ}
	for _, step := range strings.Split(property, ".") {
		path.Steps = append(path.Steps, stix.Step{Name: step})
	}
	literal := stix.Literal{Kind: "string", Text: value}
	if typ == "autonomous-system" {
		literal.Kind = "integer"
	}
	test := &stix.Comparison{Operator: "=", Path: path, Values: []stix.Literal{literal}}
	return (&stix.Pattern{Root: &stix.Observation{Test: test}}).String()
}

func (w *stixWriting) indicator(pattern, name string, o report.Observable) string {
	from := w.at
	if len(o.FirstSeen) >= len("2006-01-02") {
		from = moment(o.FirstSeen)
	}
	i := w.begin("indicator", w.id("indicator", name)).With("name", "Seen in the incident: "+o.Type)
	i = i.With("description", "A value of the type "+o.Type+" that was reported with the incident.").With("indicator_types", stix.List{"malicious-activity"})
	i = i.With("pattern", pattern).With("pattern_type", "stix").With("pattern_version", "2.1").With("valid_from", from)
	id := w.put(i)
	w.relate(id, "related-to", w.incident)
	return id
}

// moment writes a date of a report as a timestamp.
func moment(text string) string {
	const whole = "0001-01-01T00:00:00Z"
	if len(text) < len(whole) {
		return text + whole[len(text):]
	}
	return text
}

// inOrder drops a last day that is before the first, which STIX refuses.
func (w *stixWriting) inOrder(o report.Observable) report.Observable {
	if o.FirstSeen != "" && o.LastSeen != "" && moment(o.LastSeen) < moment(o.FirstSeen) {
		w.account.Skip("observables.last_seen", "it is before the first, which STIX refuses")
		o.LastSeen = ""
	}
	return o
}

// sighting writes when and how often an indicator was seen.
func (w *stixWriting) sighting(indicator, name string, o report.Observable) {
	if o.FirstSeen == "" && o.LastSeen == "" && o.Count == 0 {
		return
	}
	s := w.begin("sighting", w.id("sighting", name)).With("sighting_of_ref", indicator)
	if o.FirstSeen != "" {
		s = s.With("first_seen", moment(o.FirstSeen))
	}
	if o.LastSeen != "" {
		s = s.With("last_seen", moment(o.LastSeen))
	}
	if o.Count > 0 {
		s = s.With("count", stix.Number(strconv.FormatInt(min(o.Count, 999999999), 10)))
	}
	w.put(s)
}

// dates writes when a target was seen, which takes both ends.
func (w *stixWriting) dates(seen, name string, o report.Observable) {
	if seen == "" || o.FirstSeen == "" || o.LastSeen == "" {
		w.unsaid(report.Observable{FirstSeen: o.FirstSeen, LastSeen: o.LastSeen, Count: o.Count}, true)
		return
	}
	d := w.begin("observed-data", w.id("observed-data", name)).With("first_observed", moment(o.FirstSeen)).With("last_observed", moment(o.LastSeen))
	d = d.With("number_observed", stix.Number(strconv.FormatInt(max(1, min(o.Count, 999999999)), 10)))
	w.put(d.With("object_refs", stix.List{seen}))
}

// role writes the part that an observable played, as infrastructure that
// consists of it.
func (w *stixWriting) role(seen string, o report.Observable) {
	kind := map[string]string{"c2": "command-and-control", "exfiltration": "exfiltration", "phishing": "phishing", "target": "workstation", "source": "reconnaissance"}[o.Role]
	switch {
	case o.Role == "" || o.Role == "payload" && (o.Type == observable.FileHash || o.Type == observable.FileName):
		return
	case seen == "" || kind == "":
		w.account.Skip("observables.role", "STIX has no counterpart of this role")
		return
	}
	if w.roles[kind] == "" {
		i := w.begin("infrastructure", w.id("infrastructure", kind)).With("name", "Infrastructure: "+kind).With("infrastructure_types", stix.List{kind})
		w.roles[kind] = w.put(i)
		w.relate(w.incident, "related-to", w.roles[kind])
	}
	w.relate(w.roles[kind], "consists-of", seen)
}

// unsaid counts what an object does not say of an observable.
func (w *stixWriting) unsaid(o report.Observable, dates bool) {
	for _, p := range []struct {
		name string
		said bool
	}{{"role", o.Role != ""}, {"first_seen", dates && o.FirstSeen != ""}, {"last_seen", dates && o.LastSeen != ""}, {"count", dates && o.Count != 0}} {
		if p.said {
			w.account.Skip("observables."+p.name, "the object of STIX has no place for it")
		}
	}
}
