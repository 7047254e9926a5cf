// Package misp reads and writes events of MISP as its core format
// (draft-dulaunoy-misp-core-format) and its instances, feeds and libraries
// write them.
//
//	{"Event":{"info":"Phishing wave","date":"2026-03-02",            Event{Info: "Phishing wave",
//	  "Attribute":[{"type":"domain","value":"login.example.net"}],     Attributes: [{Type: "domain", …}],
//	  "Object":[{"name":"file","Attribute":[…]}],            ──▶       Objects:    [{Name: "file", …}],
//	  "Tag":[{"name":"tlp:green"}],                                    Tags:       [{Name: "tlp:green"}],
//	  "Orgc":{"name":"…"}}}                                            Rest:       [{"Event.Orgc", 1}]}
//
// A file holds one event, with or without its envelope ("Event", or "response"
// as instances answer), an array, JSON Lines, or several after each other.
// Reading is a stream: one event in memory, also out of a "response".
//
// Nothing is lost silently: what is no part of an [Event] here (identities,
// ids and bookkeeping of an instance) is counted in Rest under its path, what
// cannot be read is listed in Flaws with its place, and what was read although
// it is written in another way than the format wants is counted in Applied by
// its rule. What the parts mean is for package mapping; what the format
// demands is checked by [Check].
package misp

// Event is one event.
type Event struct {
	UUID, ID string
	Info     string
	// Date of the event, as written; Timestamp of its last change, in seconds
	// since 1970.
	Date, Timestamp string
	// ThreatLevel is 1 (high) to 4 (undefined); Analysis 0 to 2 (complete).
	ThreatLevel, Analysis string
	// Distribution is 0 (own organisation) to 4 (sharing group).
	Distribution string
	Published    bool
	Attributes   []Attribute
	Objects      []Object
	Reports      []Report
	Tags         []Tag
	Clusters     []Cluster
	// Creator is written if it has a name. It is never read: who wrote an
	// event is not passed on.
	Creator Organisation

	// Rest counts what is no part of an Event, by path.
	Rest []Count
	// Flaws are places that could not be read.
	Flaws []Flaw
	// Applied lists the rules by which something was repaired.
	Applied []string
}

// Attribute is one value with its type, on its own or within an object.
type Attribute struct {
	UUID           string
	Type, Category string
	Value          string
	Comment        string
	// Relation says what the value is within its object ("filename").
	Relation string
	ToIDs    bool
	Deleted  bool
	// FirstSeen and LastSeen are moments in ISO 8601, as written.
	FirstSeen, LastSeen string
	Timestamp           string
	Distribution        string
	// Sightings counts how often the value was seen elsewhere.
	Sightings int64
	// File says that the attribute carries a file, which is not kept.
	File     bool
	Tags     []Tag
	Clusters []Cluster
}

// Object is a group of attributes after a template.
type Object struct {
	UUID                string
	Name, MetaCategory  string
	Description         string
	TemplateUUID        string
	TemplateVersion     string
	Comment             string
	Deleted             bool
	FirstSeen, LastSeen string
	Timestamp           string
	Distribution        string
	Attributes          []Attribute
	Tags                []Tag
}

// Report is a text on an event.
type Report struct{ UUID, Name, Content string }

// Tag is a label: a word, or a machine tag such as rsit:fraud="phishing".
type Tag struct{ Name string }

// Cluster is an entry of a galaxy, such as a technique or a threat actor.
type Cluster struct {
	// Galaxy is the type of its galaxy ("mitre-attack-pattern").
	Galaxy string
	Value  string
	// TagName is the tag by which the cluster is attached.
	TagName string
	// External are its ids in other catalogues ("T1566").
	External []string
}

// Count tells how often something stands at a path.
type Count struct {
	Path string
	N    int
}

// Flaw is a place that could not be read, and why.
type Flaw struct{ Path, Reason string }

// The rules by which events are repaired on reading; docs/misp.md explains
// them.
const (
	RuleEnvelope = "misp.envelope"     // an event without its name around it
	RuleText     = "misp.type.text"    // a number or truth value where a text belongs
	RuleBoolean  = "misp.type.boolean" // a text or number where a truth value belongs
	RuleList     = "misp.list"         // one thing where a list belongs
	RuleName     = "misp.tag.text"     // a tag as a bare text
)

// Composite tells whether a type of attributes joins two types, as
// "filename|md5" does, and which.
func Composite(typ string) (first, second string, ok bool) {
	for i := range len(typ) {
		if typ[i] == '|' {
			return typ[:i], typ[i+1:], true
		}
	}
	return typ, "", false
}
