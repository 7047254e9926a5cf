package misp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// valid is an event that breaks nothing.
const valid = `{"Event":{"uuid":"5bad262f-c810-4775-9e84-4a7d0a016219","info":"a","date":"2026-01-02","timestamp":"1767312000",
"publish_timestamp":"0","published":false,"threat_level_id":"4","analysis":"0","distribution":"0","id":"1","org_id":"1","orgc_id":"1","locked":false,
"Attribute":[{"uuid":"5bad262f-c810-4775-9e84-4a7d0a016210","type":"md5","category":"Payload delivery","value":"d41d8cd98f00b204e9800998ecf8427e",
"to_ids":true,"timestamp":"1767312000","distribution":"5","deleted":false,"event_id":"1"}]}}`

func TestWhatBreaksAMustIsRefusedAndAShouldWarned(t *testing.T) {
	for _, c := range []struct{ name, old, new, err, warn string }{
		{"nothing", "", "", "", ""},
		{"no uuid", `"uuid":"5bad262f-c810-4775-9e84-4a7d0a016219",`, "", "Event.uuid", ""},
		{"a uuid that is none", "4a7d0a016219", "x", "Event.uuid", ""},
		{"an empty info", `"info":"a"`, `"info":""`, "Event.info", ""},
		{"no date of the calendar", "2026-01-02", "2026-02-30", "Event.date", ""},
		{"a time before 1970", `"timestamp":"1767312000",` + "\n" + `"publish`, `"timestamp":"-1",` + "\n" + `"publish`, "Event.timestamp", ""},
		{"a threat level that there is not", `"threat_level_id":"4"`, `"threat_level_id":"5"`, "Event.threat_level_id", ""},
		{"an analysis with a zero before it", `"analysis":"0"`, `"analysis":"00"`, "Event.analysis", ""},
		{"a distribution of attributes on an event", `"distribution":"0"`, `"distribution":"5"`, "Event.distribution", ""},
		{"a sharing group without its distribution", `"id":"1"`, `"id":"1","sharing_group_id":"7"`, "Event.sharing_group_id", ""},
		{"a sharing group with its distribution", `"distribution":"0","id":"1"`, `"distribution":"4","sharing_group_id":"7","id":"1"`, "", ""},
		{"no value", `"value":"d41d8cd98f00b204e9800998ecf8427e",`, "", "Event.Attribute[0].value", ""},
		{"a type of another category", "Payload delivery", "Financial fraud", "Event.Attribute[0].type", ""},
		{"a type that nobody knows", `"md5"`, `"md7"`, "", "Event.Attribute[0].type"},
		{"a category that nobody knows", "Payload delivery", "Payloads", "", "Event.Attribute[0].category"},
		{"a digest of another length", "d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f", "", "Event.Attribute[0].value"},
		{"half a composite", `"type":"md5"`, `"type":"filename|md5"`, "", "Event.Attribute[0].value"},
		{"a number for a text", `"distribution":"5"`, `"distribution":5`, "", "Event.Attribute[0].distribution"},
		{"a text for a truth value", `"to_ids":true`, `"to_ids":"1"`, "", "Event.Attribute[0].to_ids"},
		{"no truth value at all", `"to_ids":true`, `"to_ids":"perhaps"`, "Event.Attribute[0].to_ids", ""},
		{"an object for a text", `"info":"a"`, `"info":{}`, "Event.info", ""},
		{"a file without data", `"type":"md5"`, `"type":"malware-sample"`, "Event.Attribute[0].data", ""},
		{"data in no base64", `"type":"md5"`, `"type":"malware-sample","data":"%"`, "Event.Attribute[0].data", ""},
		{"seen at no moment", `"deleted":false,`, `"deleted":false,"first_seen":"soon",`, "", "Event.Attribute[0].first_seen"},
		{"seen last before first", `"deleted":false,`, `"deleted":false,"first_seen":"2026-01-02T00:00:00Z","last_seen":"2026-01-01T00:00:00Z",`, "", "Event.Attribute[0].last_seen"},
		{"a long info", `"info":"a"`, `"info":"` + strings.Repeat("a", 257) + `"`, "", "Event.info"},
		{"an info of two lines", `"info":"a"`, `"info":"a\nb"`, "", "Event.info"},
		{"who made it", `"locked":false`, `"event_creator_email":"a@b.example"`, "", "Event.event_creator_email"},
		{"a tag without a name", `"locked":false`, `"Tag":[{"colour":"#000000"}]`, "Event.Tag[0].name", ""},
		{"a list that is none", `"locked":false`, `"Object":"x"`, "Event.Object", ""},
		{"an object without its template", `"locked":false`, `"Object":[{"name":"file","meta-category":"file","description":"d","template_version":"1","timestamp":"1","uuid":"5bad262f-c810-4775-9e84-4a7d0a016219","distribution":"5","deleted":false}]`, "Event.Object[0].template_uuid", ""},
		{"an organisation without its uuid", `"locked":false`, `"Orgc":{"name":"x","id":"1"}`, "Event.Orgc.uuid", ""},
		{"no envelope", `{"Event":`, ``, "", ""},
		{"another document", valid, `{"a":1}`, "", ""},
	} {
		data := strings.Replace(valid, c.old, c.new, 1)
		switch c.name {
		case "no envelope":
			data, c.warn = strings.TrimSuffix(data, "}"), " "
		case "another document":
			c.err = " "
		}
		found := Check([]byte(data))
		if len(found) != 1 {
			t.Fatalf("%s: %d events", c.name, len(found))
		}
		if got := paths(found[0].Errors); got != c.err {
			t.Errorf("%s: errors at %q, want %q", c.name, got, c.err)
		}
		if got := paths(found[0].Warnings); got != c.warn {
			t.Errorf("%s: warnings at %q, want %q", c.name, got, c.warn)
		}
	}
}

// paths joins where findings are; one without a path is a space.
func paths(findings []Finding) string {
	var all []string
	for _, f := range findings {
		if f.Path == "" {
			f.Path = " "
		}
		all = append(all, f.Path)
	}
	return strings.Join(slices.Compact(all), ", ")
}

func TestEveryRecordOfAStreamIsChecked(t *testing.T) {
	var got []string
	err := CheckAll(strings.NewReader(`{"response":[`+valid+","+valid+"]}\n{\"a\":1}\n{\"info\":"), func(c Checked) error {
		got = append(got, fmt.Sprintf("%d %s%s", c.Line, c.ID, paths(c.Errors)))
		return nil
	})
	want := []string{"1 5bad262f-c810-4775-9e84-4a7d0a016219", "4 5bad262f-c810-4775-9e84-4a7d0a016219", "8  ", "9  "}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}
