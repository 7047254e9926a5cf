package stix

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
)

const uuid = "8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"

// sdo writes an object of a type with what versioned objects need, and more.
func sdo(typ, more string) string {
	if more != "" {
		more = "," + more
	}
	return `{"type":"` + typ + `","spec_version":"2.1","id":"` + typ + `--` + uuid + `","created":"2024-01-01T00:00:00.000Z","modified":"2024-01-01T00:00:00.000Z"` + more + `}`
}

// sco writes a cyber-observable.
func sco(typ, more string) string {
	return `{"type":"` + typ + `","id":"` + typ + `--` + strings.Replace(uuid, "-4cbf", "-5cbf", 1) + `",` + more + `}`
}

func findings(t *testing.T, text string) []Finding {
	t.Helper()
	o, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return Validate(o)
}

func TestWhatBreaksAMustIsRefusedAtItsPath(t *testing.T) {
	ref := func(typ string) string { return `"` + typ + `--` + uuid + `"` }
	for _, c := range []struct{ path, object string }{
		{"type", `{"id":"x"}`},
		{"type", `{"type":"a_b","id":"a_b--` + uuid + `"}`},
		{"type", `{"type":"action","id":"action--` + uuid + `"}`},
		{"id", `{"type":"url","value":"https://a.example/"}`},
		{"id", `{"type":"url","id":"url--1","value":"https://a.example/"}`},
		{"id", `{"type":"url","id":"file--` + uuid + `","value":"https://a.example/"}`},
		{"id", `{"type":"process","id":"process--8e2e2d2b-17d4-5cbf-938f-98ee46b3cd3f","pid":1}`},
		{"spec_version", strings.Replace(sdo("campaign", `"name":"x"`), `"spec_version":"2.1",`, "", 1)},
		{"spec_version", strings.Replace(sdo("campaign", `"name":"x"`), `"2.1"`, `"1.2"`, 1)},
		{"name", sdo("campaign", "")},
		{"name", sdo("campaign", `"name":7`)},
		{"name", sdo("campaign", `"name":null`)},
		{"created", strings.Replace(sdo("campaign", `"name":"x"`), "00:00.000Z", "00:00Z", 1)},
		{"modified", strings.Replace(sdo("campaign", `"name":"x"`), `"modified":"2024`, `"modified":"2023`, 1)},
		{"first_seen", sdo("campaign", `"name":"x","first_seen":"2024-02-30T00:00:00Z"`)},
		{"first_seen", sdo("campaign", `"name":"x","first_seen":"2024-02-03T00:00:00+01:00"`)},
		{"last_seen", sdo("campaign", `"name":"x","first_seen":"2024-01-02T00:00:00.0000002Z","last_seen":"2024-01-02T00:00:00.0000001Z"`)},
		{"aliases", sdo("campaign", `"name":"x","aliases":[]`)},
		{"aliases[1]", sdo("campaign", `"name":"x","aliases":["a",1]`)},
		{"confidence", sdo("campaign", `"name":"x","confidence":101`)},
		{"confidence", sdo("campaign", `"name":"x","confidence":1e999999999`)},
		{"revoked", sdo("campaign", `"name":"x","revoked":"true"`)},
		{"lang", sdo("campaign", `"name":"x","lang":"not a tag"`)},
		{"severity", sdo("campaign", `"name":"x","severity":"high"`)},
		{"x-own", sdo("campaign", `"name":"x","x-own":1`)},
		{"ab", sdo("campaign", `"name":"x","ab":1`)},
		{"x_own.list", sdo("campaign", `"name":"x","x_own":{"list":[]}`)},
		{"created_by_ref", sdo("campaign", `"name":"x","created_by_ref":`+ref("tool"))},
		{"object_marking_refs[0]", sdo("campaign", `"name":"x","object_marking_refs":[`+ref("tool")+`]`)},
		{"external_references[0]", sdo("campaign", `"name":"x","external_references":[{"source_name":"a"}]`)},
		{"external_references[0].source_name", sdo("campaign", `"name":"x","external_references":[{"url":"https://a.example/"}]`)},
		{"external_references[0].external_id", sdo("campaign", `"name":"x","external_references":[{"source_name":"cve","external_id":"2016-1"}]`)},
		{"external_references[0].source_name", sdo("vulnerability", `"name":"x","external_references":[{"source_name":"a","external_id":"CVE-2021-44228"}]`)},
		{"mime_type", sco("artifact", `"payload_bin":"dGVzdA==","mime_type":"text"`)},
		{"external_references[0].url", sdo("campaign", `"name":"x","external_references":[{"source_name":"a","url":"a.example"}]`)},
		{"external_references[0].hashes.MD5", sdo("campaign", `"name":"x","external_references":[{"source_name":"a","url":"https://a.example/","hashes":{"MD5":"f00"}}]`)},
		{"granular_markings[0].selectors[0]", sdo("campaign", `"name":"x","granular_markings":[{"lang":"en","selectors":["nothing"]}]`)},
		{"granular_markings[0]", sdo("campaign", `"name":"x","granular_markings":[{"selectors":["name"]}]`)},
		{"granular_markings[0].marking_ref", sdo("campaign", `"name":"x","granular_markings":[{"marking_ref":`+ref("tool")+`,"selectors":["name"]}]`)},
		{"extensions.own", sdo("campaign", `"name":"x","extensions":{"own":{"a_b":1}}`)},
		{"extensions.extension-definition--" + uuid + ".extension_type", sdo("campaign", `"name":"x","extensions":{"extension-definition--`+uuid+`":{"abc":1}}`)},
		{"extensions.extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d.tlp_2_0", sdo("campaign", `"name":"x","extensions":{"`+TLPExtension+`":{"extension_type":"property-extension","tlp_2_0":"mauve"}}`)},
		{"pattern", sdo("indicator", `"pattern":"[a","pattern_type":"stix","valid_from":"2024-01-01T00:00:00Z"`)},
		{"valid_until", sdo("indicator", `"pattern":"[file:name = 'a']","pattern_type":"stix","valid_from":"2024-01-01T00:00:00Z","valid_until":"2024-01-01T00:00:00Z"`)},
		{"", sdo("location", `"city":"x"`)},
		{"", sdo("location", `"region":"asia","latitude":1`)},
		{"latitude", sdo("location", `"latitude":91,"longitude":1`)},
		{"name", sdo("malware", `"is_family":true`)},
		{"is_family", sdo("malware", `"is_family":"no"`)},
		{"", sdo("malware-analysis", `"product":"x"`)},
		{"analysis_ended", sdo("malware-analysis", `"product":"x","result":"benign","analysis_started":"2024-01-02T00:00:00Z","analysis_ended":"2024-01-01T00:00:00Z"`)},
		{"number_observed", sdo("observed-data", `"first_observed":"2024-01-01T00:00:00Z","last_observed":"2024-01-01T00:00:00Z","number_observed":0,"object_refs":[`+ref("url")+`]`)},
		{"object_refs[0]", sdo("observed-data", `"first_observed":"2024-01-01T00:00:00Z","last_observed":"2024-01-01T00:00:00Z","number_observed":1,"object_refs":[`+ref("tool")+`]`)},
		{"opinion", sdo("opinion", `"opinion":"maybe","object_refs":[`+ref("tool")+`]`)},
		{"source_ref", sdo("relationship", `"relationship_type":"uses","source_ref":`+ref("sighting")+`,"target_ref":`+ref("tool"))},
		{"relationship_type", sdo("relationship", `"relationship_type":"is part of","source_ref":`+ref("malware")+`,"target_ref":`+ref("tool"))},
		{"stop_time", sdo("relationship", `"relationship_type":"uses","source_ref":`+ref("malware")+`,"target_ref":`+ref("tool")+`,"start_time":"2024-01-01T00:00:00Z","stop_time":"2024-01-01T00:00:00Z"`)},
		{"where_sighted_refs[0]", sdo("sighting", `"sighting_of_ref":`+ref("tool")+`,"where_sighted_refs":[`+ref("tool")+`]`)},
		{"contents.es.a", sdo("language-content", `"object_ref":`+ref("tool")+`,"contents":{"es":{"a":"b"}}`)},
		{"extension_properties", sdo("extension-definition", `"created_by_ref":`+ref("identity")+`,"name":"x","schema":"x","version":"1.0","extension_types":["new-sdo"],"extension_properties":["abc"]`)},
		{"definition", `{"type":"marking-definition","spec_version":"2.1","id":"marking-definition--` + uuid + `","created":"2024-01-01T00:00:00Z"}`},
		{"id", `{"type":"marking-definition","spec_version":"2.1","id":"marking-definition--` + uuid + `","created":"2017-01-20T00:00:00.000Z","definition_type":"tlp","definition":{"tlp":"red"}}`},
		{"value", sco("ipv4-addr", `"value":"198.51.100.07"`)},
		{"value", sco("ipv6-addr", `"value":"198.51.100.7"`)},
		{"value", sco("mac-addr", `"value":"00-1A-2B-3C-4D-5E"`)},
		{"value", sco("email-addr", `"value":"A B <a@b.example>"`)},
		{"value", sco("url", `"value":"a.example"`)},
		{"number", sco("autonomous-system", `"number":"64496"`)},
		{"", sco("file", `"size":1`)},
		{"hashes.MD5", sco("file", `"hashes":{"MD5":"f00"}`)},
		{"name_enc", sco("file", `"name":"x","name_enc":"martian"`)},
		{"extensions.windows-pebinary-ext.time_date_stamp", sco("file", `"name":"x","extensions":{"windows-pebinary-ext":{"pe_type":"exe","time_date_stamp":"2016-11-31T08:17:27Z"}}`)},
		{"", sco("artifact", `"mime_type":"text/plain"`)},
		{"hashes", sco("artifact", `"url":"https://a.example/"`)},
		{"payload_bin", sco("artifact", `"payload_bin":"==="`)},
		{"body_multipart", sco("email-message", `"is_multipart":false,"body_multipart":[{"body":"x"}]`)},
		{"end", sco("network-traffic", `"protocols":["tcp"],"src_ref":`+ref("ipv4-addr")+`,"is_active":true,"end":"2024-01-01T00:00:00Z"`)},
		{"src_ref", sco("network-traffic", `"protocols":["tcp"],"src_ref":`+ref("file"))},
		{"src_port", sco("network-traffic", `"protocols":["tcp"],"src_port":65536,"src_ref":`+ref("ipv4-addr"))},
		{"key", sco("windows-registry-key", `"key":"HKLM\\Software"`)},
		{"cpe", sco("software", `"name":"x","cpe":"cpe:/a:x"`)},
		{"objects[0]", `{"type":"bundle","id":"bundle--` + uuid + `","objects":[1]}`},
	} {
		found := findings(t, c.object)
		at := false
		for _, f := range found {
			at = at || !f.Warning && f.Path == c.path
		}
		if !at {
			t.Errorf("nothing at %q of %s: %v", c.path, c.object, found)
		}
	}
}

func TestWhatBreaksAShouldIsTakenWithAWarning(t *testing.T) {
	for _, c := range []struct{ path, object string }{
		{"sectors[0]", sdo("identity", `"name":"x","sectors":["fishing"]`)},
		{"x_own", sdo("campaign", `"name":"x","x_own":1`)},
		{"type", sdo("x-own", `"name":"x"`)},
		{"id", strings.ReplaceAll(sdo("campaign", `"name":"x"`), "-4cbf", "-5cbf")},
		{"id", `{"type":"url","id":"url--` + uuid + `","value":"https://a.example/"}`},
		{"name", sdo("indicator", `"description":"x","pattern":"[file:name = 'a']","pattern_type":"stix","valid_from":"2024-01-01T00:00:00Z"`)},
		{"relationship_type", sdo("relationship", `"relationship_type":"mitigates","source_ref":"malware--`+uuid+`","target_ref":"campaign--`+uuid+`"`)},
		{"country", sdo("location", `"country":"xx"`)},
		{"mime_type", sco("file", `"name":"x","mime_type":"text"`)},
		{"hashes.own", sco("file", `"hashes":{"own":"x"}`)},
		{"src_ref", sco("network-traffic", `"protocols":["tcp"],"src_ref":"ipv4-addr--1"`)},
		{"objects", `{"type":"bundle","id":"bundle--` + uuid + `","objects":[` + sdo("campaign", `"name":"x"`) + `,` + sdo("campaign", `"name":"x"`) + `]}`},
		{"extensions.availability", sdo("impact", `"impact_category":"availability","extensions":{"`+ImpactExtension+`":{"extension_type":"new-sdo"},"availability":{"availability_impact":5}}`)},
	} {
		found := findings(t, c.object)
		at := false
		for _, f := range found {
			at = at || f.Warning && f.Path == c.path
		}
		if Failed(found) || !at {
			t.Errorf("%q of %s: %v", c.path, c.object, found)
		}
	}
}

func TestTheMarkingsOfTheTrafficLightProtocolAreKnown(t *testing.T) {
	for _, label := range []string{"TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"} {
		marking := TLPMarking(label)
		if found := Validate(marking); len(found) > 0 {
			t.Errorf("%s: %v", label, found)
		}
		if got := TLPOf(marking); got != label {
			t.Errorf("%s is read as %q", label, got)
		}
	}
	white := `{"type":"marking-definition","spec_version":"2.1","id":"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9","created":"2017-01-20T00:00:00.000Z","definition_type":"tlp","name":"TLP:WHITE","definition":{"tlp":"white"}}`
	if found := findings(t, white); len(found) > 0 {
		t.Errorf("white of version 1: %v", found)
	}
	o, err := Parse([]byte(white))
	if err != nil || TLPOf(o) != "TLP:CLEAR" || TLPMarking("TLP:MAUVE") != nil {
		t.Errorf("white is %q, %v", TLPOf(o), err)
	}
}

func TestAKeyedIdentifierTellsNothingWithoutItsKey(t *testing.T) {
	key, other := []byte("one key"), []byte("another")
	id := KeyedID(key, "indicator", "report 7, value 3")
	if !isID(id) || TypeOfID(id) != "indicator" || uuidVersion(id) != '4' {
		t.Errorf("%s is no identifier of version 4", id)
	}
	if id != KeyedID(key, "indicator", "report 7, value 3") {
		t.Error("the same name has two identifiers under one key")
	}
	for _, different := range []string{KeyedID(other, "indicator", "report 7, value 3"), KeyedID(key, "indicator", "report 7, value 4"), KeyedID(key, "url", "report 7, value 3")} {
		if id[len(id)-36:] == different[len(different)-36:] {
			t.Errorf("%s stands for two things", id)
		}
	}
	random, err := RandomID(bytes.NewReader(make([]byte, 16)), "url")
	if err != nil || random != "url--00000000-0000-4000-8000-000000000000" {
		t.Errorf("%s, %v", random, err)
	}
	if _, err := RandomID(bytes.NewReader(nil), "url"); err == nil {
		t.Error("an identifier without randomness")
	}
}

// anyValue draws JSON of any shape.
func anyValue(t *rapid.T, depth int) any {
	switch kind := rapid.IntRange(0, 6).Draw(t, "kind"); {
	case kind == 0 && depth > 0:
		l := List{}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			l = append(l, anyValue(t, depth-1))
		}
		return l
	case kind == 1 && depth > 0:
		return anyObject(t, depth-1)
	case kind == 2:
		return Number(rapid.StringMatching(`-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,4})?`).Draw(t, "number"))
	case kind == 3:
		return rapid.Bool().Draw(t, "boolean")
	case kind == 4:
		return nil
	}
	return rapid.String().Filter(func(s string) bool { return strings.ToValidUTF8(s, "") == s }).Draw(t, "text")
}

func anyObject(t *rapid.T, depth int) Object {
	o := Object{}
	for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z_"\\é]{1,6}`), 0, 4, rapid.ID[string]).Draw(t, "names") {
		o = o.With(name, anyValue(t, depth))
	}
	return o
}

func TestWhatIsParsedPrintsBackInItsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, err := Print(anyObject(t, 4))
		if err != nil {
			t.Fatal(err)
		}
		o, err := Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := Print(o)
		if err != nil || !bytes.Equal(text, again) {
			t.Fatalf("%s became %s, %v", text, again, err)
		}
	})
}

func TestBrokenObjectsAreRefusedAndCostNoOthers(t *testing.T) {
	for text, code := range map[string]string{
		`{"type":"a","type":"b"}`: "json.malformed",
		`{"type":"a"} x`:          "json.trailing",
		`{"type":"a"`:             "json.malformed",
		"{\"type\":\"\xff\"}":     "json.malformed",
		`[1]`:                     "stix.no_object",
		strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100): "json.too_deep",
	} {
		_, err := Parse([]byte(text))
		if f := fault.Public(err); err == nil || f.Code != code {
			t.Errorf("%s: %v (%s), not %s", text, err, f.Code, code)
		}
	}
	r := NewReader(strings.NewReader(sdo("campaign", `"name":"x"`) + "\n{\"type\":}\n" + sdo("tool", `"name":"x"`) + "\n"))
	var types []string
	bad := 0
	for {
		o, _, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			bad++
			continue
		}
		types = append(types, o.Type())
	}
	if strings.Join(types, " ") != "campaign tool" || bad != 1 {
		t.Errorf("%v read, %d bad", types, bad)
	}
}

func FuzzValidate(f *testing.F) {
	for _, seed := range []string{
		sdo("indicator", `"pattern":"[file:name = 'a']","pattern_type":"stix","valid_from":"2024-01-01T00:00:00Z"`),
		sdo("incident", `"name":"x","extensions":{"`+IncidentCore+`":{"extension_type":"property-extension"}}`),
		sco("file", `"hashes":{"MD5":"f00"},"extensions":{"ntfs-ext":{"sid":"1"}}`),
		`{"type":"bundle","id":"bundle--` + uuid + `","objects":[{"type":"observed-data","objects":{"0":{"type":"url","value":"x"}}}]}`,
		`{"type":"marking-definition","granular_markings":[{"selectors":["a.[1]"]}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := Parse(data)
		if err != nil {
			return
		}
		for _, one := range append(o.Objects(), o) {
			found := Validate(one)
			if len(found) > maxFindings {
				t.Fatalf("%d findings", len(found))
			}
			Failed(found)
		}
		text, err := Print(o)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(text) {
			t.Fatalf("%s is no JSON", text)
		}
	})
}

// benchmarkBundle is a bundle of indicators and the observables in them.
func benchmarkBundle() []byte {
	var b strings.Builder
	b.WriteString(`{"type":"bundle","id":"bundle--` + uuid + `","objects":[`)
	for i := range 500 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(sdo("indicator", `"name":"Poison Ivy","description":"A file that is part of it.","indicator_types":["malicious-activity"],"pattern":"[file:hashes.'SHA-256' = 'aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f' AND file:name = 'a.exe']","pattern_type":"stix","valid_from":"2024-01-01T00:00:00Z"`))
		b.WriteString("," + sco("file", `"hashes":{"SHA-256":"aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f"},"name":"a.exe","size":1280`))
	}
	return []byte(b.String() + "]}")
}

func BenchmarkValidate(b *testing.B) {
	data := benchmarkBundle()
	b.Run("validate", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			o, err := Parse(data)
			if err != nil {
				b.Fatal(err)
			}
			for _, one := range append(o.Objects(), o) {
				if Failed(Validate(one)) {
					b.Fatal(Validate(one))
				}
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var v any
			if err := json.Unmarshal(data, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkPattern(b *testing.B) {
	const text = "([file:hashes.'SHA-256' = 'aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f' AND file:name IN ('a.exe', 'b.exe')] FOLLOWEDBY [network-traffic:dst_ref.value ISSUBSET '198.51.100.0/24']) WITHIN 300 SECONDS"
	quoted, err := json.Marshal(text)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if _, err := ParsePattern(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) { // of the same text as a string
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			var s string
			if err := json.Unmarshal(quoted, &s); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestALargeBundleIsReadObjectByObject(t *testing.T) {
	one := sdo("campaign", `"name":"`+strings.Repeat("x", 1000)+`"`)
	const n = 20_000 // more than 16 MiB in all
	for _, c := range []struct {
		name, text     string
		objects, bad   int
		bundles, tools int
	}{
		{"type last", `{"id":"bundle--` + uuid + `","objects":[` + strings.Repeat(one+",\n", n) + one + `],"type":"bundle"}` + "\n" + sdo("tool", `"name":"x"`), n + 1, 0, 1, 1},
		{"broken off", `{"type":"bundle","objects":[` + strings.Repeat(one+",", n), n, 1, 0, 0},
		{"no object among objects", `{"type":"bundle","objects":[` + strings.Repeat(one+",", n) + `7]}`, n, 1, 1, 0},
		{"one object too large", `{"type":"bundle","objects":[` + one + `,{"type":"` + strings.Repeat("x", 17<<20) + `"}]}`, 1, 1, 0, 0},
	} {
		r := NewReader(strings.NewReader(c.text))
		count := map[string]int{}
		for {
			o, _, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				count["bad"]++
				continue
			}
			count[o.Type()]++
			if o.IsBundle() && o.Has("objects") {
				t.Errorf("%s: the bundle came whole", c.name)
			}
		}
		if count["campaign"] != c.objects || count["bad"] != c.bad || count["bundle"] != c.bundles || count["tool"] != c.tools {
			t.Errorf("%s: %v", c.name, count)
		}
	}
}
