package misp

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

func aListedEvent() Event {
	return Event{
		UUID: "5f6e0000-0000-4000-8000-000000000001", Info: `A "quoted" info`, Date: "2026-03-02", Timestamp: "1772409600", Published: true,
		ThreatLevel: "4", Analysis: "2", Distribution: "0", Creator: Organisation{"The Trust", "5f6e0000-0000-4000-8000-0000000000ff"},
		Tags:       []Tag{{"tlp:green"}},
		Attributes: []Attribute{{UUID: "5f6e0000-0000-4000-8000-000000000002", Type: "filename|md5", Category: "Payload delivery", Value: "a.exe|0cc175b9c0f1b6a831c399e269772661", Timestamp: "1772409600"}},
		Objects: []Object{{UUID: "5f6e0000-0000-4000-8000-000000000003", Name: "person", MetaCategory: "misc", Description: "A person", TemplateUUID: "a15b0477-e9d1-4b9c-9546-abe78a4f4248", TemplateVersion: "21", Timestamp: "1772409600",
			Attributes: []Attribute{{UUID: "5f6e0000-0000-4000-8000-000000000004", Type: "text", Category: "Person", Relation: "handle", Value: "mallory", Timestamp: "1772409600"}}}},
	}
}

func TestAManifestTellsOfEachEventWhatDecidesWhetherItIsFetched(t *testing.T) {
	e := aListedEvent()
	one, err := List(e)
	if err != nil {
		t.Fatal(err)
	}
	other := e
	other.UUID, other.Tags = "5f6e0000-0000-4000-8000-000000000009", nil
	two, err := List(other)
	if err != nil {
		t.Fatal(err)
	}
	var manifest map[string]map[string]any
	if err := json.Unmarshal(Manifest([]Listed{one, two}), &manifest); err != nil || len(manifest) != 2 {
		t.Fatal(manifest, err)
	}
	sum := sha256.Sum256(one.File)
	for name, want := range map[string]string{
		"info": e.Info, "date": e.Date, "timestamp": e.Timestamp, "analysis": "2", "threat_level_id": "4", "integrity:sha256": hex.EncodeToString(sum[:]),
	} {
		if got := manifest[e.UUID][name]; got != want {
			t.Errorf("%s is %v, expected %s", name, got, want)
		}
	}
	if by, _ := manifest[e.UUID]["Orgc"].(map[string]any); by["name"] != "The Trust" || by["uuid"] != e.Creator.UUID {
		t.Errorf("the creator is %v", by)
	}
	if strings.Contains(string(one.Entry), "mallory") {
		t.Error("the manifest tells a value")
	}
	for _, c := range Check(one.File) {
		if len(c.Errors) > 0 {
			t.Errorf("%v in %s", c.Errors, one.File)
		}
	}
}

func TestAFeedOfNoEventsHasAManifest(t *testing.T) {
	var none map[string]any
	if err := json.Unmarshal(Manifest(nil), &none); err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
}

func TestValuesAreHashedByTheirHalvesAndInObjects(t *testing.T) {
	e := aListedEvent()
	l, err := List(e)
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, v := range []string{"a.exe", "0cc175b9c0f1b6a831c399e269772661", "mallory"} {
		sum := md5.Sum([]byte(v))
		want += hex.EncodeToString(sum[:]) + "," + e.UUID + "\n"
	}
	if string(l.Hashes) != want {
		t.Errorf("%s\nexpected\n%s", l.Hashes, want)
	}
}

func TestWhoCreatedAnEventIsWrittenAndNotRead(t *testing.T) {
	line, err := Print(aListedEvent())
	if err != nil || !strings.Contains(string(line), `"Orgc":{"name":"The Trust"`) {
		t.Fatalf("%s, %v", line, err)
	}
	again, _, err := NewReader(bytes.NewReader(line)).Next()
	if err != nil || again.Info == "" || again.Creator != (Organisation{}) {
		t.Errorf("%+v, %v", again, err)
	}
}
