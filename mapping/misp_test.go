package mapping

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/formats/misp"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
)

// mapEvent maps the members of an event, written as JSON without the envelope.
func mapEvent(t testing.TB, members string) (report.Report, []Place, *Account) {
	t.Helper()
	events, err := misp.NewParser().Parse([]byte(`{"Event":{` + members + `}}`))
	if err != nil || len(events) != 1 {
		t.Fatalf("%s: %v", members, err)
	}
	var a Account
	std := builtin(t, "core/1.0")
	r, places := NewMISP(std).FromMISP(events[0], &a)
	if ps := report.Validate(std, r); report.Failed(ps) {
		t.Fatalf("%s makes a report that its standard refuses: %v", members, ps)
	}
	return r, places, &a
}

// seenIn writes observables as "type=value" with their roles.
func seenIn(r report.Report) []string {
	var all []string
	for _, o := range r.Observables {
		s := o.Type + "=" + o.Value
		if o.Role != "" {
			s += " " + o.Role
		}
		all = append(all, s)
	}
	return all
}

func TestAttributesBecomeObservablesOrAreListed(t *testing.T) {
	const digest = "d41d8cd98f00b204e9800998ecf8427e"
	for _, c := range []struct {
		attribute string
		seen      []string
		listed    string // the reason, "" if nothing is left over
	}{
		{`"type":"ip-src","value":"192.0.2.1"`, []string{"ip=192.0.2.1 source"}, ""},
		{`"type":"ip-dst","value":"192.0.2.0/24"`, []string{"cidr=192.0.2.0/24"}, ""},
		{`"type":"ip-dst|port","value":"192.0.2.1|443"`, []string{"ip=192.0.2.1"}, "its second half: " + reasonPart},
		{`"type":"ip-dst|port","value":"192.0.2.1:443"`, []string{"ip=192.0.2.1"}, "its second half: " + reasonPart},
		{`"type":"domain|ip","value":"a.example|192.0.2.1"`, []string{"domain=a.example", "ip=192.0.2.1"}, ""},
		{`"type":"domain|ip","value":"a.example"`, []string{"domain=a.example"}, "its second half is missing"},
		{`"type":"hostname","value":"mail[.]a.example"`, []string{"domain=mail[.]a.example"}, ""},
		{`"type":"hostname","value":"localhost"`, nil, "this is no domain; write it like mail.example.org"},
		{`"type":"domain","value":"unknown"`, nil, "the value says that nothing is known"},
		{`"type":"url","value":"hxxp://a.example/x"`, []string{"url=hxxp://a.example/x"}, ""},
		{`"type":"url","value":"www.a.example"`, []string{"domain=www.a.example"}, ""},
		{`"type":"url","value":"smb://192.0.2.1/share/x.exe"`, []string{"url=smb://192.0.2.1/share/x.exe"}, ""},
		{`"type":"url","value":"Data/x.dat"`, nil, "this is no url; write it like https://www.example.org/path"},
		{`"type":"md5","category":"Payload delivery","value":"` + digest + `"`, []string{"file-hash=" + digest + " payload"}, ""},
		{`"type":"imphash","value":"` + digest + `"`, []string{"file-hash=imphash:" + digest}, ""},
		{`"type":"filename|md5","value":"C:\\a|b.exe|` + digest + `"`, []string{`file-name=C:\a|b.exe`, "file-hash=" + digest}, ""},
		{`"type":"filename|ssdeep","value":"a.exe|3:a:b"`, []string{"file-name=a.exe", "file-hash=ssdeep:3:a:b"}, ""},
		{`"type":"malware-sample","value":"a.exe|` + digest + `","data":"eA=="`, []string{"file-name=a.exe payload", "file-hash=" + digest}, ""},
		{`"type":"sha256","value":"short"`, nil, "this is no file-hash; write it like an MD5, SHA-1 or SHA-2 in hexadecimal"},
		{`"type":"email-src","value":"A <a@b.example>"`, []string{"email=A <a@b.example> sender"}, ""},
		{`"type":"target-email","value":"a@b.example"`, []string{"email=a@b.example target"}, ""},
		{`"type":"btc","value":"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"`, []string{"wallet=1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"}, ""},
		{`"type":"iban","value":"DE89 3704 0044 0532 0130 00"`, []string{"iban=DE89 3704 0044 0532 0130 00"}, ""},
		{`"type":"bank-account-nr","value":"DE89370400440532013000"`, []string{"iban=DE89370400440532013000"}, ""},
		{`"type":"bank-account-nr","value":"12345"`, nil, reasonMoney},
		{`"type":"AS","value":"64496"`, []string{"asn=64496"}, ""},
		{`"type":"mutex","value":"Global\\x"`, []string{`mutex=Global\x`}, ""},
		{`"type":"regkey|value","value":"HKCU\\Software\\A|1"`, []string{`registry-key=HKCU\Software\A`}, "its second half: " + reasonPart},
		{`"type":"vulnerability","value":"CVE-2021-44228"`, []string{"cve=CVE-2021-44228"}, ""},
		{`"type":"phone-number","value":"+49 30 1234567"`, []string{"phone=+49 30 1234567"}, ""},
		{`"type":"full-name","value":"Jane Roe"`, []string{"person=Jane Roe"}, ""},
		{`"type":"target-org","value":"Acme"`, []string{"organisation=Acme target"}, ""},
		{`"type":"github-username","value":"jroe"`, []string{"account=jroe"}, ""},
		{`"type":"user-agent","value":"Mozilla/5.0"`, []string{"user-agent=Mozilla/5.0"}, ""},
		{`"type":"other","value":"0x19539a179ddf8a02b772557d5036bdd0ac0b0fa7"`, []string{"wallet=0x19539a179ddf8a02b772557d5036bdd0ac0b0fa7"}, ""},
		{`"type":"other","value":"see a.example"`, nil, reasonText},
		{`"type":"yara","value":"rule a {}"`, nil, reasonRule},
		{`"type":"first-name","value":"Jane"`, nil, reasonPerson},
		{`"type":"hologram","value":"x"`, nil, reasonUnknown},
		{`"type":"domain","value":"a.example","deleted":true`, nil, reasonDeleted},
		{`"type":"domain","value":" "`, nil, "the attribute has no value"},
		{`"value":"x"`, nil, "the attribute has no type"},
	} {
		r, places, a := mapEvent(t, `"info":"a","Attribute":[{`+c.attribute+`}]`)
		if got := seenIn(r); !slices.Equal(got, c.seen) {
			t.Errorf("%s: %q, want %q", c.attribute, got, c.seen)
		}
		var listed []string
		for _, n := range a.NotMapped() {
			if strings.HasPrefix(n.Path, "Attribute[") {
				listed = append(listed, n.Reason)
			}
		}
		for _, p := range places {
			listed = append(listed, p.Reason)
		}
		if got := strings.Join(listed, "; "); got != c.listed {
			t.Errorf("%s: listed %q, want %q", c.attribute, got, c.listed)
		}
		for path, n := range a.Mapped() {
			if strings.HasPrefix(path, "Attribute[") && (n != 1 || len(c.seen) == 0) {
				t.Errorf("%s: %d values mapped at %s", c.attribute, n, path)
			}
		}
	}
}

func TestEveryTypeOfTheFormatHasARow(t *testing.T) {
	for _, typ := range misp.Types() {
		first, second, composite := misp.Composite(typ)
		for _, one := range []string{first, second} {
			if one == "" && !composite {
				continue
			}
			row, known := mispTypes[one]
			if !known {
				t.Errorf("the type %s has no row", one)
			}
			if n := len(row.types); n == 0 && row.prefix == "" && row.field == "" && row.reason == "" {
				t.Errorf("the row of %s says nothing", one)
			}
		}
	}
	std := builtin(t, "core/1.0")
	for _, table := range []map[string]mispType{mispTypes, mispRelations} {
		for name, row := range table {
			for _, typ := range row.types {
				if !observable.Valid(typ) {
					t.Errorf("%s: there are no observables of the type %s", name, typ)
				}
			}
			if row.role != "" && !slices.Contains(report.Roles(), row.role) {
				t.Errorf("%s: there is no role %s", name, row.role)
			}
			if _, known := std.Field(row.field); row.field != "" && !known {
				t.Errorf("%s: there is no field %s", name, row.field)
			}
		}
	}
}

func TestEveryTagOfTheTableMeansACodeOfTheStandard(t *testing.T) {
	f := newFields(builtin(t, "core/1.0"))
	for tag, m := range mispTaxonomies {
		for path, code := range map[string]string{"classification.rsit": m.rsit, "action.malware.variety": m.malware} {
			if code != "" && !f.byPath[path].listed(code) {
				t.Errorf("%s means %q, which %s does not list", tag, code, path)
			}
		}
		if m == (meaning{}) {
			t.Errorf("%s means nothing", tag)
		}
	}
}

func TestTagsAndClustersBecomeStatements(t *testing.T) {
	for _, c := range []struct {
		members, path string
		want          []string
	}{
		{`"Tag":[{"name":"tlp:white"}]`, "marking.tlp", []string{"TLP:CLEAR"}},
		{`"Tag":[{"name":"TLP:Amber+Strict"},{"name":"tlp:green"}]`, "marking.tlp", []string{"TLP:AMBER+STRICT"}},
		{`"Tag":[{"name":"tlp:green"}],"Attribute":[{"type":"domain","value":"a.example","Tag":[{"name":"tlp:red"}]}]`, "marking.tlp", []string{"TLP:RED"}},
		{`"Tag":[{"name":"tlp:green"}],"distribution":"0"`, "marking.tlp", []string{"TLP:GREEN"}},
		{`"distribution":"0"`, "marking.tlp", []string{"TLP:AMBER+STRICT"}},
		{`"distribution":"4"`, "marking.tlp", []string{"TLP:AMBER"}},
		{`"distribution":"3"`, "marking.tlp", nil},
		{`"Tag":[{"name":"tlp:ex:chr"}]`, "marking.tlp", nil},
		{`"Tag":[{"name":"PAP:GREEN"},{"name":"PAP:RED"}]`, "marking.pap", []string{"PAP:RED"}},
		{`"Tag":[{"name":"rsit:fraud=\"phishing\""},{"name":"rsit:intrusions"}]`, "classification.rsit", []string{"fraud:phishing", "intrusions"}},
		{`"Tag":[{"name":"ecsirt:malicious-code=\"c&c\""}]`, "classification.rsit", []string{"malicious-code:c2-server"}},
		{`"Tag":[{"name":"circl:incident-classification=\"ransomware\""}]`, "action.malware.variety", []string{"Ransomware"}},
		{`"Tag":[{"name":"veris:action:hacking:variety=\"SQLi\""}]`, "action.hacking.variety", []string{"SQLi"}},
		{`"Tag":[{"name":"veris:impact:loss:variety=\"Brand damage\""},{"name":"veris:impact:loss:variety=\"Operating costs\""}]`, "impact.loss.variety", []string{"Brand damage", "Operating costs"}},
		{`"Tag":[{"name":"misp-galaxy:mitre-attack-pattern=\"DNS - T1071.004\""}]`, "attack.techniques", []string{"T1071.004"}},
		{`"Galaxy":[{"type":"mitre-attack-pattern","GalaxyCluster":[{"value":"Phishing","tag_name":"x","meta":{"external_id":["CAPEC-98","T1566"]}}]}],"Tag":[{"name":"x"}]`, "attack.techniques", []string{"T1566"}},
		{`"Tag":[{"name":"misp-galaxy:threat-actor=\"Sofacy\""},{"name":"misp-galaxy:mitre-intrusion-set=\"APT28 - G0007\""}]`, "actor.external.name", []string{"Sofacy", "APT28 - G0007"}},
		{`"Tag":[{"name":"misp-galaxy:ransomware=\"LockBit\""},{"name":"misp-galaxy:rat=\"jRAT\""},{"name":"misp-galaxy:malpedia=\"LockBit\""}]`, "action.malware.name", []string{"LockBit; jRAT"}},
		{`"Tag":[{"name":"misp-galaxy:target-information=\"France\""}]`, "victim.country", []string{"FR"}},
		{`"Tag":[{"name":"estimative-language:confidence-in-analytic-judgment=\"high\""}]`, "confidence", []string{"High"}},
		{`"Object":[{"name":"victim","Attribute":[{"type":"target-org","object_relation":"name","value":"Acme"}]}]`, "victim.victim_id", []string{"Acme"}},
		{`"Attribute":[{"type":"target-location","value":"BY"}]`, "victim.country", []string{"BY"}},
		{`"date":"2026-03-02"`, "timeline.incident", []string{"2026-03-02"}},
		{`"EventReport":[{"name":"x","content":"What happened."}]`, "summary", []string{"What happened."}},
	} {
		r, _, _ := mapEvent(t, `"info":"a",`+c.members)
		if got := r.Get(c.path); !slices.Equal(got, c.want) {
			t.Errorf("%s: %s is %q, want %q", c.members, c.path, got, c.want)
		}
	}
}

func TestAFurtherVictimIsATargetedOrganisation(t *testing.T) {
	r, places, _ := mapEvent(t, `"Object":[{"name":"victim","Attribute":[{"type":"target-org","object_relation":"name","value":"Acme"},{"type":"target-org","object_relation":"name","value":"Beta"},{"type":"target-org","object_relation":"name","value":"Acme"}]}]`)
	if got := seenIn(r); r.Value("victim.victim_id") != "Acme" || !slices.Equal(got, []string{"organisation=Beta target"}) || len(places) > 0 {
		t.Errorf("%q and %q, %v", r.Value("victim.victim_id"), got, places)
	}
}

func TestAnAccountOfStrangeNamesStaysSmall(t *testing.T) {
	var names []string
	for i := range 3000 {
		names = append(names, fmt.Sprintf(`{"type":"type %d","value":"a.example"},{"type":"x%d","object_relation":"name","value":"Acme"}`, i, i))
	}
	list := strings.Join(names, ",")
	_, _, a := mapEvent(t, `"Attribute":[`+list+`],"Object":[{"name":"organization","Attribute":[`+list+`]}],"Tag":[{"name":"misp-galaxy:my-malware=\"x\""},{"name":"misp-galaxy:your-malware=\"y\""}]`)
	if n := len(a.Mapped()); n > 10 {
		t.Errorf("%d paths are counted as mapped", n)
	}
	if n := len(a.NotMapped()); n > maxReasons+1 {
		t.Errorf("%d reasons are told apart", n)
	}
}

func TestNoErrorHoldsAValue(t *testing.T) {
	_, places, a := mapEvent(t, `"Attribute":[{"type":"target-location","value":"Acme headquarters"},{"type":"domain","value":"Acme headquarters"},{"type":"sha1","value":"Acme headquarters"},{"type":"other","value":"Acme headquarters"}]`)
	account, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprint(places, string(account)); len(places) != 3 || strings.Contains(text, "Acme") {
		t.Errorf("%d places: %s", len(places), text)
	}
}

func TestALongInfoIsTheSummary(t *testing.T) {
	r, _, _ := mapEvent(t, `"info":"`+strings.Repeat("long ", 400)+`"`)
	if r.Value("incident.title") != "" || len(r.Value("summary")) < 1900 {
		t.Error("the info is cut")
	}
}

func TestAValueSaidTwiceIsOneObservable(t *testing.T) {
	r, _, a := mapEvent(t, `"Attribute":[
		{"type":"domain","value":"a.example","first_seen":"2026-01-05T00:00:00+00:00","last_seen":"1767916800000000","Sighting":[{"type":"0"}]},
		{"type":"hostname","value":"A[.]EXAMPLE","first_seen":"2026-01-02","last_seen":null,"Sighting":[{"type":"0"}]}]`)
	want := []report.Observable{{Type: "domain", Value: "a.example", FirstSeen: "2026-01-02", LastSeen: "2026-01-09T00:00:00Z", Count: 2}}
	if !reflect.DeepEqual(r.Observables, want) {
		t.Errorf("%+v, want %+v", r.Observables, want)
	}
	if m := a.Mapped(); m["Attribute[domain]"]+m["Attribute[hostname]"] != 2 {
		t.Errorf("both attributes became the observable, and the account says %v", m)
	}
}

// identities is what an event says of those who wrote, keep and may see it.
var identities = []string{"Creating CERT", "Keeping CERT", "analyst@cert.example", "Closed Circle", "58f0a7f3-0000-4000-8000-00000000000a",
	"5b000000-0000-4000-8000-00000000000b", "Jane Author", "SIEM of the bank"}

func TestIdentitiesAreNeverPassedOn(t *testing.T) {
	r, places, a := mapEvent(t, `"info":"a","uuid":"5b000000-0000-4000-8000-00000000000b","event_creator_email":"analyst@cert.example","distribution":"4","sharing_group_id":"3",
		"Org":{"name":"Keeping CERT","uuid":"58f0a7f3-0000-4000-8000-00000000000a"},"Orgc":{"name":"Creating CERT"},
		"SharingGroup":{"name":"Closed Circle","Organisation":{"name":"Creating CERT"}},
		"Galaxy":[{"type":"ransomware","GalaxyCluster":[{"value":"LockBit","authors":["Jane Author"]}]}],
		"ShadowAttribute":[{"Org":{"name":"Keeping CERT"}}],"RelatedEvent":[{"Event":{"Orgc":{"name":"Creating CERT"}}}],
		"Attribute":[{"type":"domain","value":"a.example","uuid":"58f0a7f3-0000-4000-8000-00000000000a","Sighting":[{"type":"0","source":"SIEM of the bank","Organisation":{"name":"Keeping CERT"}}]}]`)
	var back Account
	event, err := NewMISP(builtin(t, "core/1.0")).ToMISP(r, Issue{rand.Reader, time.Unix(1767312000, 0)}, &back)
	if err != nil {
		t.Fatal(err)
	}
	line, err := misp.Print(event)
	if err != nil {
		t.Fatal(err)
	}
	account, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	statements, err := json.Marshal([]any{r.Statements, r.Observables, places})
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range identities {
		for name, text := range map[string][]byte{"report": statements, "account": account, "event": line} {
			if bytes.Contains(text, []byte(who)) {
				t.Errorf("the %s says %q", name, who)
			}
		}
	}
	withheld := 0
	for _, n := range a.NotMapped() {
		if n.Reason == reasonIdentity {
			withheld += n.Count
		}
	}
	if want := 8; withheld != want { // mail, group and its id, two organisations, authors, source and organisation of a sighting
		t.Errorf("%d identities are listed as left out, want %d: %v", withheld, want, a.NotMapped())
	}
}

// writtenObservables makes observables as members report them.
func writtenObservables() *rapid.Generator[report.Observable] {
	values := map[string][]string{
		"ip": {"192.0.2.1", "2001:db8::1", "192[.]0[.]2[.]9"}, "cidr": {"198.51.100.0/24", "2001:db8::/32"}, "asn": {"AS64496", "64497"},
		"domain": {"a.example", "xn--mnchen-3ya.example", "b[.]example"}, "url": {"https://a.example/x?y=1#z", "hxxp://b.example/", "c.example/path", "smb://192.0.2.1/x"},
		"file-hash": {strings.Repeat("a1", 16), strings.Repeat("B2", 20), strings.Repeat("c3", 28), strings.Repeat("d4", 32), strings.Repeat("e5", 48), strings.Repeat("f6", 64), "imphash:" + strings.Repeat("a1", 16), "tlsh:T1AB"},
		"file-name": {"a.exe", `C:\x\b|c.dll`}, "wallet": {"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "0x19539a179ddf8a02b772557d5036bdd0ac0b0fa7", "46h7prr8CobGASRYKx36a7FNpQefBua6m7zHjLchodtjdahrZYmCiCuDK7g4CYiDnFBawFsDffMpFinwRYLMwd7QVV891GB"},
		"user-agent": {"Mozilla/5.0 (X11)"}, "mutex": {`Global\m|x`}, "registry-key": {`HKLM\Software\A`, `HKCU\B|C`}, "cve": {"CVE-2021-44228"},
		"email": {"a@b.example", "A <c@d.example>"}, "account": {"jroe", `DOM\x`}, "phone": {"+49 30 1234567"}, "iban": {"DE89 3704 0044 0532 0130 00"},
		"person": {"Jane Roe"}, "organisation": {"Acme Ltd"},
	}
	types := slices.Sorted(maps.Keys(values))
	return rapid.Custom(func(t *rapid.T) report.Observable {
		typ := rapid.SampledFrom(types).Draw(t, "type")
		return report.Observable{
			Type: typ, Value: rapid.SampledFrom(values[typ]).Draw(t, "value"),
			Role:      rapid.SampledFrom(append(report.Roles(), "")).Draw(t, "role"),
			FirstSeen: rapid.SampledFrom([]string{"", "2026-01-02T03:04:05Z"}).Draw(t, "first"),
			LastSeen:  rapid.SampledFrom([]string{"", "2026-02-03T04:05:06Z"}).Draw(t, "last"),
		}
	})
}

// sameValue is a value in its one spelling, as far as it has one.
func sameValue(o report.Observable) string {
	value, ok := observable.Canonical(o.Type, o.Value)
	if !ok {
		value = o.Value
	}
	return o.Type + " " + value
}

func TestAReportKeepsWhatItSawThroughMISP(t *testing.T) {
	std := builtin(t, "core/1.0")
	m := NewMISP(std)
	rapid.Check(t, func(t *rapid.T) {
		was := report.Report{
			Standard: std.Ref(),
			Statements: []report.Statement{
				{Path: "incident.title", Value: "A case"}, {Path: "timeline.incident", Value: rapid.SampledFrom([]string{"2026-01-02", "1999-12-31"}).Draw(t, "date")},
				{Path: "marking.tlp", Value: rapid.SampledFrom(tlpOrder).Draw(t, "tlp")}, {Path: "marking.pap", Value: rapid.SampledFrom(papOrder).Draw(t, "pap")},
				{Path: "attack.techniques", Value: "T1566.001"}, {Path: "classification.rsit", Value: rapid.SampledFrom([]string{"fraud:phishing", "intrusions"}).Draw(t, "rsit")},
				{Path: "action.hacking.variety", Value: "SQLi"}, {Path: "victim.victim_id", Value: "Acme Bank"}, {Path: "victim.country", Value: "FR"},
				{Path: "action.malware.name", Value: "LockBit; jRAT"}, {Path: "actor.external.name", Value: "Sofacy"},
			},
			Observables: rapid.SliceOfN(writtenObservables(), 0, 8).Draw(t, "observables"),
		}
		var a, b Account
		event, err := m.ToMISP(was, Issue{rand.Reader, time.Unix(1767312000, 0)}, &a)
		if err != nil {
			t.Fatal(err)
		}
		line, err := misp.Print(event)
		if err != nil {
			t.Fatal(err)
		}
		if checked := misp.Check(line); len(checked) != 1 || len(checked[0].Errors) > 0 {
			t.Fatalf("what is written breaks the format: %v", checked)
		}
		events, err := misp.NewParser().Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		is, places := m.FromMISP(events[0], &b)
		if len(places) > 0 {
			t.Fatalf("what was written is refused: %v\n%s", places, line)
		}
		skipped := map[string]bool{}
		for _, n := range a.NotMapped() {
			if rest, ok := strings.CutPrefix(n.Path, "observables."); ok && observable.Valid(rest) {
				skipped[rest] = true
			}
		}
		have := map[string]report.Observable{}
		for _, o := range is.Observables {
			all := have[sameValue(o)] // of every role
			widen(&all, o)
			have[sameValue(o)] = all
		}
		for _, o := range was.Observables {
			back, kept := have[sameValue(o)]
			if !kept && !skipped[o.Type] {
				t.Fatalf("%+v is lost\n%s", o, line)
			}
			if kept && (o.FirstSeen != "" && back.FirstSeen == "" || o.LastSeen != "" && back.LastSeen == "") {
				t.Fatalf("%+v is seen at no time any more", o)
			}
		}
		for _, s := range was.Statements {
			if got := is.Get(s.Path); !slices.Equal(got, was.Get(s.Path)) {
				t.Fatalf("%s is %q, was %q", s.Path, got, was.Get(s.Path))
			}
		}
	})
}

func TestEveryEventGetsIdsOfItsOwn(t *testing.T) {
	m := NewMISP(builtin(t, "core/1.0"))
	r := report.Report{Native: "case-1", Standard: "core/1.0", Observables: []report.Observable{{Type: "domain", Value: "a.example"}, {Type: "person", Value: "Jane Roe"}}}
	seen := map[string]bool{}
	for range 2 {
		var a Account
		e, err := m.ToMISP(r, Issue{rand.Reader, time.Unix(0, 0)}, &a)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{e.UUID, e.Attributes[0].UUID, e.Objects[0].UUID, e.Objects[0].Attributes[0].UUID} {
			if id == "" || seen[id] {
				t.Errorf("the id %q is used twice or empty", id)
			}
			seen[id] = true
		}
	}
	if _, err := m.ToMISP(r, Issue{strings.NewReader(""), time.Unix(0, 0)}, &Account{}); err == nil {
		t.Error("an event is issued without randomness")
	}
}

func FuzzFromMISP(f *testing.F) {
	for _, seed := range []string{
		`{"Event":{"info":"a","date":"2026-01-02","Attribute":[{"type":"domain|ip","value":"a.example|192.0.2.1","first_seen":"1","Tag":[{"name":"tlp:red"}]}]}}`,
		`{"Event":{"Object":[{"name":"victim","Attribute":[{"type":"text","object_relation":"name","value":"x"}]}],"Tag":[{"name":"veris:impact:loss:variety=\"Other\""},{"name":"rsit:a=\"b\""}]}}`,
		`{"Event":{"Galaxy":[{"type":"mitre-attack-pattern","GalaxyCluster":[{"value":"x - T1234"}]}],"distribution":"0","info":"\u0000"}}`,
	} {
		f.Add([]byte(seed))
	}
	std := builtin(f, "core/1.0")
	m := NewMISP(std)
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := misp.NewParser().Parse(data)
		if err != nil {
			return
		}
		for _, e := range events {
			var a Account
			r, _ := m.FromMISP(e, &a)
			if ps := report.Validate(std, r); report.Failed(ps) {
				t.Fatalf("the report is refused by its standard: %v", ps)
			}
			back, err := m.ToMISP(r, Issue{rand.Reader, time.Unix(0, 0)}, &a)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := misp.Print(back); err != nil {
				t.Fatal(err)
			}
		}
	})
}
