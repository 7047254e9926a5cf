package misp

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/fault"
)

// A feed is a folder of files that an instance pulls: manifest.json tells of
// each event what decides whether it is fetched (section 3 of the core format),
// hashes.csv by which values it can be found, and UUID.json is the event.

// The names of a feed's files; that of an event is its UUID with FeedEvent.
const (
	FeedManifest = "manifest.json"
	FeedHashes   = "hashes.csv"
	FeedEvent    = ".json"
)

// Organisation is who issues an event.
type Organisation struct{ Name, UUID string }

// Listed is an event as a feed holds it.
type Listed struct {
	UUID string
	// File is the event, in its envelope; Entry is what the manifest says of
	// it; Hashes are what hashes.csv says, one line for each value.
	File, Entry, Hashes []byte
}

// List prepares an event for a feed.
func List(e Event) (Listed, error) {
	file, err := Print(e)
	if err != nil {
		return Listed{}, err
	}
	sum := sha256.Sum256(file)
	var entry, hashes bytes.Buffer
	w := &writer{enc: jsontext.NewEncoder(&entry)}
	w.object(func() {
		w.creator(e.Creator)
		w.tags(e.Tags)
		w.text("info", e.Info)
		w.text("date", e.Date)
		w.text("analysis", e.Analysis)
		w.text("threat_level_id", e.ThreatLevel)
		w.text("timestamp", e.Timestamp)
		w.text("integrity:sha256", hex.EncodeToString(sum[:]))
	})
	if w.err != nil {
		return Listed{}, fault.New(fault.Invalid, "misp.unprintable", "a value cannot be written as JSON").Because(w.err)
	}
	for _, a := range e.all() {
		if a.Deleted {
			continue
		}
		for _, value := range a.parts() {
			// MISP looks values up by MD5; it protects nothing, and need not:
			// who may read this file may read the values.
			digest := md5.Sum([]byte(value))
			hashes.WriteString(hex.EncodeToString(digest[:]) + "," + e.UUID + "\n")
		}
	}
	return Listed{e.UUID, file, bytes.TrimRight(entry.Bytes(), "\n"), hashes.Bytes()}, nil
}

// Manifest joins the entries of events to the file that names them.
func Manifest(events []Listed) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range events {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n\"" + e.UUID + "\":") // a UUID needs no escapes
		b.Write(e.Entry)
	}
	b.WriteString("\n}\n")
	return b.Bytes()
}

// all lists the attributes of an event and of its objects.
func (e Event) all() []Attribute {
	all := slices.Clone(e.Attributes)
	for _, o := range e.Objects {
		all = append(all, o.Attributes...)
	}
	return all
}

// parts are the values that an attribute is looked up by.
func (a Attribute) parts() []string {
	if _, _, composite := Composite(a.Type); composite || a.Type == "malware-sample" {
		return strings.Split(a.Value, "|")
	}
	return []string{a.Value}
}
