package mapping

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/report"
)

// stixID writes an identifier that is easily told from others.
func stixID(typ string, n int) string {
	return fmt.Sprintf("%s--00000000-0000-4000-8000-%012d", typ, n)
}

// stixObject writes an object with an identifier of a number.
func stixObject(typ string, n int, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"type":%q,"spec_version":"2.1","id":%q%s}`, typ, stixID(typ, n), more)
}

func related(n int, kind, source, target string) string {
	return stixObject("relationship", n, fmt.Sprintf(`"relationship_type":%q,"source_ref":%q,"target_ref":%q`, kind, source, target))
}

func stixBundle(t testing.TB, objects ...string) []stix.Object {
	t.Helper()
	o, err := stix.Parse([]byte(`{"type":"bundle","id":"` + stixID("bundle", 0) + `","objects":[` + strings.Join(objects, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return o.Objects()
}

// fromSTIX maps the one group that objects are.
func fromSTIX(t testing.TB, objects ...string) (report.Report, Account) {
	t.Helper()
	var a Account
	groups := GroupSTIX(stixBundle(t, objects...), &a)
	if len(groups) != 1 {
		t.Fatalf("%d groups", len(groups))
	}
	r, places := NewSTIX(builtin(t, "core/1.0")).FromSTIX(groups[0], &a)
	for _, p := range places {
		a.Refuse(p)
	}
	return r, a
}

// stixSeen writes the observables of a report.
func stixSeen(r report.Report) []string {
	var out []string
	for _, o := range r.Observables {
		out = append(out, strings.TrimSpace(strings.Join([]string{o.Type, o.Value, o.Role, o.FirstSeen, o.LastSeen}, " ")))
	}
	return out
}

func TestAnIncidentIsReadWithItsExtensionInEverySpelling(t *testing.T) {
	const core = `"determination":"confirmed","investigation_status":"open","detection_methods":["user-reporting","message-from-attacker","internal-log-review"],` +
		`"incident_types":["ransomware","hacking-sqli","fraud-phishing","no such type"],"criticality":85`
	want := []string{
		"security_incident = Confirmed", "incident.title = Locked files", "action.hacking.variety = SQLi", "action.malware.variety = Ransomware",
		"classification.rsit = malicious-code:infected-system", "classification.rsit[1] = fraud:phishing",
		"discovery_method.external.variety = Actor disclosure", "discovery_method.internal.variety = Reported by employee", "discovery_method.internal.variety[1] = Log review",
		"impact.overall_rating = Catastrophic",
	}
	for _, more := range []string{
		`"extensions":{"` + stix.IncidentCore + `":{"extension_type":"property-extension",` + core + `}}`,
		`"extensions":{"incident-core-ext":{` + core + `}}`,
		core,
	} {
		r, a := fromSTIX(t, stixObject("incident", 1, `"name":"Locked files",`+more))
		if got := said(r); !slices.Equal(got, want) {
			t.Errorf("%s says\n%s", more, strings.Join(got, "\n"))
		}
		if r.Native != stixID("incident", 1) {
			t.Errorf("native is %q", r.Native)
		}
		if a.InvalidCount() > 0 {
			t.Errorf("invalid: %v", a.Invalid())
		}
	}
}

func TestWhatStandsAroundAnIncidentIsReadByItsRelations(t *testing.T) {
	incident, victim, person, actor, malware := stixID("incident", 1), stixID("identity", 2), stixID("identity", 3), stixID("threat-actor", 4), stixID("malware", 5)
	r, _ := fromSTIX(t,
		stixObject("incident", 1, `"name":"x"`),
		stixObject("identity", 2, `"name":"Northwind","identity_class":"organization","sectors":["financial-services"]`),
		stixObject("identity", 3, `"name":"A. Person","identity_class":"individual"`),
		stixObject("threat-actor", 4, `"name":"Gang","threat_actor_types":["crime-syndicate"],"primary_motivation":"personal-gain"`),
		stixObject("malware", 5, `"name":"Locker","is_family":true,"malware_types":["ransomware","own-kind"]`),
		stixObject("location", 6, `"country":"de","region":"western-europe"`), stixObject("location", 7, `"country":"KP"`),
		stixObject("attack-pattern", 8, `"name":"x","external_references":[{"source_name":"mitre-attack","external_id":"T1566.002"},{"source_name":"capec","external_id":"CAPEC-163"}]`),
		stixObject("vulnerability", 9, `"name":"CVE-2021-44228"`),
		stixObject("event", 10, `"status":"occurred","start_time":"2024-03-01T00:00:00Z","start_time_fidelity":"month"`),
		stixObject("event", 11, `"status":"occurred","start_time":"2024-02-07T12:00:00.5Z","end_time":"2024-04-01T00:00:00Z","end_time_fidelity":"day"`),
		stixObject("task", 12, `"outcome":"successful","task_types":["detected"],"start_time":"2024-02-08T00:00:00Z","start_time_fidelity":"day"`),
		stixObject("impact", 13, `"impact_category":"confidentiality","extensions":{"confidentiality-ext":{"loss_type":"confirmed-loss","information_type":"credentials","record_count":12}}`),
		stixObject("impact", 14, `"impact_category":"monetary","extensions":{"monetary":{"variety":"x","currency":"EUR","min_amount":10,"max_amount":20.5}}`),
		related(20, "targets", incident, victim), related(21, "contact-for", person, incident), related(22, "attributed-to", incident, actor),
		related(23, "located-at", victim, stixID("location", 6)), related(24, "located-at", actor, stixID("location", 7)), related(25, "uses", actor, malware),
	)
	want := []string{
		"incident.title = x", "victim.victim_id = Northwind", "victim.industry = 52", "victim.country = DE", "victim.region = 150155",
		"timeline.incident = 2024-02-07T12:00:00Z", "timeline.end = 2024-04-01", "timeline.discovered = 2024-02-08",
		"actor.external.variety = Organized crime", "actor.external.motive = Financial", "actor.external.country = KP", "actor.external.name = Gang",
		"action.malware.variety = Ransomware", "action.malware.name = Locker", "attack.techniques = T1566.002",
		"attribute.confidentiality.data_disclosure = Yes", "attribute.confidentiality.data_total = 12", "attribute.confidentiality.data.variety = Credentials",
		"impact.iso_currency_code = EUR", "impact.overall_min_amount = 10", "impact.overall_max_amount = 20.5",
	}
	if got := said(r); !slices.Equal(got, want) {
		t.Errorf("it says\n%s", strings.Join(got, "\n"))
	}
	if got := stixSeen(r); !slices.Equal(got, []string{"cve CVE-2021-44228"}) {
		t.Errorf("observables %v", got)
	}
	for _, s := range r.Statements {
		if strings.Contains(s.Value, "A. Person") {
			t.Errorf("the contact stands at %s", s.Path)
		}
	}
}

func TestObservablesAreReadOfEveryKindWithWhatIsKnownOfThem(t *testing.T) {
	c2 := stixID("domain-name", 3)
	r, a := fromSTIX(t,
		stixObject("incident", 1, `"name":"x"`),
		stixObject("ipv4-addr", 2, `"value":"198.51.100.0/24"`), stixObject("domain-name", 3, `"value":"c2.example"`),
		stixObject("file", 4, `"name":"a.exe","hashes":{"MD5":"79054025255fb1a26e4bc422aef54eb4"}`),
		stixObject("email-addr", 5, `"value":"phisher@example.org"`),
		stixObject("email-message", 6, `"is_multipart":false,"from_ref":"`+stixID("email-addr", 5)+`","subject":"x"`),
		stixObject("autonomous-system", 7, `"number":64496`), stixObject("mutex", 8, `"name":"Global\\x"`),
		stixObject("network-traffic", 9, `"protocols":["tcp"],"extensions":{"http-request-ext":{"request_method":"get","request_value":"/","request_header":{"User-Agent":"Evil/1"}}}`),
		stixObject("x509-certificate", 10, `"hashes":{"MD5":"79054025255fb1a26e4bc422aef54eb5"}`),
		stixObject("infrastructure", 11, `"name":"x","infrastructure_types":["command-and-control"]`), related(12, "consists-of", stixID("infrastructure", 11), c2),
		stixObject("observed-data", 13, `"first_observed":"2024-01-01T00:00:00Z","last_observed":"2024-01-03T00:00:00.7Z","number_observed":3,"object_refs":["`+c2+`"]`),
		stixObject("indicator", 14, `"pattern":"[domain-name:value = 'C2.example'] OR [url:value = 'https://c2.example/a']","pattern_type":"stix"`),
		stixObject("sighting", 15, `"sighting_of_ref":"`+stixID("indicator", 14)+`","first_seen":"2023-12-31T00:00:00Z"`),
		stixObject("indicator", 16, `"indicator_types":["benign"],"pattern":"[domain-name:value = 'www.example.org']","pattern_type":"stix"`),
		stixObject("indicator", 17, `"pattern":"alert tcp any any","pattern_type":"snort"`),
		stixObject("indicator", 18, `"pattern":"[broken","pattern_type":"stix"`),
		stixObject("domain-name", 19, `"value":"unknown"`),
	)
	want := []string{
		"cidr 198.51.100.0/24", "domain c2.example c2 2023-12-31T00:00:00Z 2024-01-03T00:00:00Z", "file-name a.exe", "file-hash 79054025255fb1a26e4bc422aef54eb4",
		"email phisher@example.org sender", "asn 64496", `mutex Global\x`, "user-agent Evil/1", "url https://c2.example/a  2023-12-31T00:00:00Z",
	}
	if got := stixSeen(r); !slices.Equal(got, want) {
		t.Errorf("it has seen\n%s", strings.Join(got, "\n"))
	}
	if n := r.Observables[1].Count; n != 3 {
		t.Errorf("seen %d times", n)
	}
	if got := r.Value("timeline.incident"); got != "2023-12-31T00:00:00Z" {
		t.Errorf("the first observation dates the incident, not %q", got)
	}
	if bad := a.Invalid(); len(bad) != 1 || bad[0].Path != "indicator.pattern" {
		t.Errorf("invalid %v", bad)
	}
	reasons := map[string]bool{}
	for _, n := range a.NotMapped() {
		reasons[n.Reason] = true
	}
	for _, reason := range []string{"the indicator says that this is benign", "a pattern for another tool; its observables cannot be told", "no observable of a type that the standard has, or no value of its type"} {
		if !reasons[reason] {
			t.Errorf("nothing was left out because %q", reason)
		}
	}
}

func TestTheStrictestMarkingOfAGroupHoldsForAll(t *testing.T) {
	amber := stix.TLPMarking("TLP:AMBER").ID()
	for _, c := range []struct{ more, want string }{
		{"", "TLP:AMBER"},
		{stixObject("marking-definition", 9, `"extensions":{"`+stix.TLPExtension+`":{"extension_type":"property-extension","tlp_2_0":"red"}}`), "TLP:RED"},
		{stixObject("domain-name", 9, `"value":"a.example","object_marking_refs":["marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"]`), "TLP:AMBER"},
	} {
		objects := []string{stixObject("incident", 1, `"name":"x","object_marking_refs":["`+amber+`"]`)}
		if c.more != "" {
			objects = append(objects, c.more)
		}
		r, _ := fromSTIX(t, objects...)
		if got := r.Value("marking.tlp"); got != c.want {
			t.Errorf("with %s it is %q", c.more, got)
		}
	}
}

func TestABundleBecomesAReportForEachThatSpeaksForOthers(t *testing.T) {
	ref := func(typ string, n int) string { return `"` + stixID(typ, n) + `"` }
	for _, c := range []struct {
		name    string
		objects []string
		want    []string // head and number of members
		left    int      // objects that belong to none
	}{
		{"one incident takes the whole bundle", []string{stixObject("incident", 1, ""), stixObject("url", 2, ""), stixObject("report", 3, "")}, []string{"incident 3"}, 0},
		{"several incidents keep what they lead to", []string{
			stixObject("incident", 1, ""), stixObject("incident", 2, ""), stixObject("malware", 3, ""), stixObject("indicator", 4, ""), stixObject("indicator", 5, ""),
			related(10, "uses", stixID("incident", 1), stixID("malware", 3)), related(11, "uses", stixID("incident", 2), stixID("malware", 3)),
			related(12, "related-to", stixID("indicator", 4), stixID("incident", 1)), related(13, "indicates", stixID("indicator", 5), stixID("malware", 3)),
		}, []string{"incident 5", "incident 3", " 2"}, 0},
		{"a report takes what it lists", []string{
			stixObject("report", 1, `"object_refs":[`+ref("indicator", 2)+`]`), stixObject("indicator", 2, ""), stixObject("url", 3, ""),
		}, []string{"report 2", " 1"}, 0},
		{"a report of incidents is none", []string{
			stixObject("incident", 1, ""), stixObject("incident", 2, ""), stixObject("report", 3, `"object_refs":[`+ref("incident", 1)+`]`),
		}, []string{"incident 1", "incident 1"}, 1},
		{"observed data take what was observed", []string{
			stixObject("observed-data", 1, `"object_refs":[`+ref("url", 2)+`]`), stixObject("url", 2, ""), stixObject("observed-data", 3, ""),
		}, []string{"observed-data 2", "observed-data 1"}, 0},
		{"indicators alone are one", []string{stixObject("indicator", 1, ""), stixObject("indicator", 2, ""), stixObject("identity", 3, "")}, []string{" 3"}, 0},
		{"identities and markings say nothing", []string{stixObject("identity", 1, ""), stixObject("marking-definition", 2, "")}, nil, 2},
		{"the last version counts", []string{
			stixObject("incident", 1, `"modified":"2024-01-02T00:00:00.000Z","name":"new"`), stixObject("incident", 1, `"modified":"2024-01-01T00:00:00.000Z","name":"old"`),
		}, []string{"incident 1"}, 1},
	} {
		var a Account
		var got []string
		for _, g := range GroupSTIX(stixBundle(t, c.objects...), &a) {
			got = append(got, fmt.Sprintf("%s %d", g.Head.Type(), len(g.members)))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
		left := 0
		for _, n := range a.NotMapped() {
			if strings.HasSuffix(n.Path, ".id") {
				left += n.Count
			}
		}
		if left != c.left {
			t.Errorf("%s: %d objects were left out", c.name, left)
		}
	}
}

// FuzzFromSTIX holds reading and mapping to not failing on anything, and what
// they make to being a report of the standard.
func FuzzFromSTIX(f *testing.F) {
	for _, seed := range []string{
		stixObject("incident", 1, `"name":"x","extensions":{"`+stix.IncidentCore+`":{"determination":"confirmed","confidentiality_impacts":[{"loss_type":"none"}]}}`),
		stixObject("indicator", 1, `"pattern":"[ipv4-addr:value ISSUBSET '10.0.0.0/8']","pattern_type":"stix"`),
		stixObject("observed-data", 1, `"first_observed":"2024-01-01T00:00:00Z","objects":{"0":{"type":"file","hashes":{"MD5":"79054025255fb1a26e4bc422aef54eb4"}}}`),
		stixObject("impact", 1, `"start_time":"2024-01-01T00:00:00Z","extensions":{"economic-ext":{"min_amount":-1e300,"currency":"?"}}`),
		related(1, "targets", stixID("incident", 1), stixID("relationship", 1)),
	} {
		f.Add([]byte(`{"type":"bundle","objects":[` + seed + `]}`))
	}
	std := builtin(f, "core/1.0")
	m := NewSTIX(std)
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := stix.Parse(data)
		if err != nil {
			return
		}
		var a Account
		for _, g := range GroupSTIX(o.Objects(), &a) {
			r, _ := m.FromSTIX(g, &a)
			for _, p := range report.Validate(std, r) {
				if p.Severity == report.SeverityError {
					t.Fatalf("%s makes a report with %v", data, p)
				}
			}
			if _, err := report.Encode(std, r); err != nil {
				t.Fatal(err)
			}
			if bundle, err := m.ToSTIX(r, numbered(), &a); err != nil {
				t.Fatal(err)
			} else if text, err := stix.Print(bundle); err != nil || !json.Valid(text) {
				t.Fatalf("%s, %v", text, err)
			}
		}
	})
}

func TestATermWithoutCounterpartStandsInTheAccountBesideThoseThatHaveOne(t *testing.T) {
	_, a := fromSTIX(t, stixObject("malware", 1, `"is_family":false,"malware_types":["ransomware","own-kind","worm"]`))
	skipped := 0
	for _, n := range a.NotMapped() {
		if n.Path == "malware.malware_types" {
			skipped += n.Count
		}
	}
	if mapped := a.Mapped()["malware.malware_types"]; mapped != 2 || skipped != 1 {
		t.Errorf("%d mapped, %d left out", mapped, skipped)
	}
}
