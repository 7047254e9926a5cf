package misp

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/fault"
)

// Print writes an event as one line of JSON, in its envelope and without the
// line's end. It writes what an Event holds and nothing of an instance: no
// numbered ids, and no organisation but the creator that it was given.
func Print(e Event) ([]byte, error) {
	var out bytes.Buffer
	w := &writer{enc: jsontext.NewEncoder(&out)}
	w.object(func() {
		w.name("Event")
		w.object(func() { w.event(e) })
	})
	if w.err != nil {
		return nil, fault.New(fault.Invalid, "misp.unprintable", "a value cannot be written as JSON").Because(w.err)
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// writer writes tokens until the first error.
type writer struct {
	enc *jsontext.Encoder
	err error
}

func (w *writer) token(t jsontext.Token) {
	if w.err == nil {
		w.err = w.enc.WriteToken(t)
	}
}

func (w *writer) name(n string) { w.token(jsontext.String(n)) }

func (w *writer) object(members func()) {
	w.token(jsontext.BeginObject)
	members()
	w.token(jsontext.EndObject)
}

func (w *writer) list(name string, n int, item func(i int)) {
	if n == 0 {
		return
	}
	w.name(name)
	w.token(jsontext.BeginArray)
	for i := range n {
		w.object(func() { item(i) })
	}
	w.token(jsontext.EndArray)
}

// text writes a member that says something.
func (w *writer) text(name, value string) {
	if value != "" {
		w.name(name)
		w.token(jsontext.String(value))
	}
}

func (w *writer) boolean(name string, value bool) {
	w.name(name)
	w.token(jsontext.Bool(value))
}

func (w *writer) event(e Event) {
	w.text("uuid", e.UUID)
	w.text("info", e.Info)
	w.text("date", e.Date)
	w.text("timestamp", e.Timestamp)
	w.boolean("published", e.Published)
	w.text("publish_timestamp", publishTime(e))
	w.text("threat_level_id", e.ThreatLevel)
	w.text("analysis", e.Analysis)
	w.text("distribution", e.Distribution)
	w.creator(e.Creator)
	w.tags(e.Tags)
	w.list("Attribute", len(e.Attributes), func(i int) { w.attribute(e.Attributes[i]) })
	w.list("Object", len(e.Objects), func(i int) { w.group(e.Objects[i]) })
	w.list("EventReport", len(e.Reports), func(i int) {
		r := e.Reports[i]
		w.text("uuid", r.UUID)
		w.text("name", r.Name)
		w.text("content", r.Content)
		w.text("distribution", "5")
		w.text("timestamp", e.Timestamp)
		w.boolean("deleted", false)
	})
	w.clusters(e.Clusters)
}

func (w *writer) creator(o Organisation) {
	if o.Name == "" {
		return
	}
	w.name("Orgc")
	w.object(func() {
		w.text("name", o.Name)
		w.text("uuid", o.UUID)
	})
}

// publishTime is 0 for what was never published (section 2.2.1.9).
func publishTime(e Event) string {
	if e.Published {
		return e.Timestamp
	}
	return "0"
}

func (w *writer) attribute(a Attribute) {
	w.text("uuid", a.UUID)
	w.text("type", a.Type)
	w.text("category", a.Category)
	w.name("value")
	w.token(jsontext.String(a.Value))
	w.boolean("to_ids", a.ToIDs)
	w.text("object_relation", a.Relation)
	w.text("comment", a.Comment)
	w.text("timestamp", a.Timestamp)
	w.text("distribution", a.Distribution)
	w.boolean("deleted", a.Deleted)
	w.text("first_seen", a.FirstSeen)
	w.text("last_seen", a.LastSeen)
	w.tags(a.Tags)
	w.clusters(a.Clusters)
}

func (w *writer) group(o Object) {
	w.text("uuid", o.UUID)
	w.text("name", o.Name)
	w.text("meta-category", o.MetaCategory)
	w.text("description", o.Description)
	w.text("template_uuid", o.TemplateUUID)
	w.text("template_version", o.TemplateVersion)
	w.text("comment", o.Comment)
	w.text("timestamp", o.Timestamp)
	w.text("distribution", o.Distribution)
	w.boolean("deleted", o.Deleted)
	w.text("first_seen", o.FirstSeen)
	w.text("last_seen", o.LastSeen)
	w.tags(o.Tags)
	w.list("Attribute", len(o.Attributes), func(i int) { w.attribute(o.Attributes[i]) })
}

func (w *writer) tags(tags []Tag) {
	w.list("Tag", len(tags), func(i int) { w.text("name", tags[i].Name) })
}

// clusters writes each cluster in a galaxy of its own type.
func (w *writer) clusters(clusters []Cluster) {
	w.list("Galaxy", len(clusters), func(i int) {
		c := clusters[i]
		w.text("type", c.Galaxy)
		w.list("GalaxyCluster", 1, func(int) {
			w.text("type", c.Galaxy)
			w.text("value", c.Value)
			w.text("tag_name", c.TagName)
			if len(c.External) > 0 {
				w.name("meta")
				w.object(func() { w.externals(c.External) })
			}
		})
	})
}

func (w *writer) externals(ids []string) {
	w.name("external_id")
	w.token(jsontext.BeginArray)
	for _, id := range ids {
		w.token(jsontext.String(id))
	}
	w.token(jsontext.EndArray)
}
