package misp

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/jsonrecords"
	"github.com/concord-trust/concord/internal/textin"
	"github.com/concord-trust/concord/wire"
)

// Checked is what the core format says of one event.
type Checked struct {
	ID   string // its UUID, "" if it has none
	Line int    // of the start of its record in a stream, from 1
	// Errors break a MUST, Warnings a SHOULD or what only an instance can say
	// and its feeds leave out.
	Errors, Warnings []Finding
}

// Finding is one thing wrong, and where: "Event.Attribute[3].type".
type Finding struct{ Path, Message string }

// maxFindings bounds how many findings of a kind are listed for one event.
const maxFindings = 1000

// Check holds a record to the core format (draft-dulaunoy-misp-core-format-20)
// and tells of each event in it. What cannot be read is one event with one
// error.
func Check(data []byte) []Checked {
	refused := func(f *fault.Error) []Checked {
		return []Checked{{Errors: []Finding{{f.Path, f.Message}}}}
	}
	if err := wire.Check(data); err != nil {
		return refused(fault.Public(err))
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		return refused(fault.New(fault.Invalid, "json.malformed", "the event cannot be read as JSON"))
	}
	var all []Checked
	for _, found := range eventsIn(doc) {
		c := &checking{}
		if !found.enveloped {
			c.warn("", "an event stands in an object under the name Event")
		}
		c.event(found.event)
		all = append(all, c.done)
	}
	if len(all) == 0 {
		return refused(notMISP)
	}
	return all
}

// CheckAll checks the events of a stream one after the other and hands each to
// yield. A record that is no event is handed over as one, with one error; an
// error is that of the underlying reader or of yield.
func CheckAll(in io.Reader, yield func(Checked) error) error {
	records := jsonrecords.NewReader(newEnvelope(textin.Reader(in)))
	for {
		record, err := records.Next()
		line := record.Line
		var found []Checked
		var bad *Bad
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, &bad):
			line, found = bad.Line, []Checked{{Errors: []Finding{{bad.Fault.Path, bad.Fault.Message}}}}
		case err != nil:
			return err
		default:
			found = Check(record.Bytes)
		}
		for _, one := range found {
			one.Line = line
			if err := yield(one); err != nil {
				return err
			}
		}
	}
}

type foundEvent struct {
	event     map[string]any
	enveloped bool
}

// eventsIn finds the events of a record, in the ways that Parse reads.
func eventsIn(doc any) []foundEvent {
	switch doc := doc.(type) {
	case []any:
		var all []foundEvent
		for _, one := range doc {
			all = append(all, eventsIn(one)...)
		}
		return all
	case map[string]any:
		if e, ok := doc["Event"].(map[string]any); ok {
			return []foundEvent{{e, true}}
		}
		if inside, ok := doc["response"]; ok {
			return eventsIn(inside)
		}
		for name := range doc {
			if isEvents(name) {
				return []foundEvent{{doc, false}}
			}
		}
	}
	return nil
}

// checking is one event being checked.
type checking struct{ done Checked }

func (c *checking) refuse(path, message string) { note(&c.done.Errors, path, message) }

func (c *checking) warn(path, message string) { note(&c.done.Warnings, path, message) }

func note(list *[]Finding, path, message string) {
	switch {
	case len(*list) < maxFindings:
		*list = append(*list, Finding{path, message})
	case len(*list) == maxFindings:
		*list = append(*list, Finding{"", "there is more, which is not listed"})
	}
}

// presence says how badly a member is wanted.
type presence uint8

const (
	may    presence = iota
	should          // or one that feeds leave out, because it is of one instance
	must
)

// rule is what the format says of one member.
type rule struct {
	name string
	want presence
	// wrong says what is wrong with a value, "" if nothing is.
	wrong func(text string) string
	// logical members are truth values; all others are texts.
	logical bool
}

var eventRules = []rule{
	{name: "uuid", want: must, wrong: notUUID}, {name: "info", want: must}, {name: "date", want: must, wrong: notDate},
	{name: "timestamp", want: must, wrong: notSeconds}, {name: "publish_timestamp", want: must, wrong: notSeconds},
	{name: "published", want: must, logical: true}, {name: "threat_level_id", want: must, wrong: outside(1, 4)},
	{name: "analysis", want: must, wrong: outside(0, 2)}, {name: "distribution", want: should, wrong: outside(0, 4)},
	{name: "id", want: should, wrong: notUnsigned}, {name: "org_id", want: should, wrong: notUnsigned}, {name: "orgc_id", want: should, wrong: notUnsigned},
	{name: "attribute_count", wrong: notUnsigned}, {name: "sharing_group_id", wrong: notUnsigned}, {name: "extends_uuid", wrong: notUUID},
	{name: "locked", logical: true},
}

var attributeRules = []rule{
	{name: "uuid", want: must, wrong: notUUID}, {name: "type", want: must}, {name: "category", want: must}, {name: "value", want: must},
	{name: "to_ids", want: must, logical: true}, {name: "timestamp", want: must, wrong: notSeconds}, {name: "distribution", want: should, wrong: outside(0, 5)},
	{name: "deleted", want: should, logical: true}, {name: "event_id", want: should, wrong: notUnsigned}, {name: "id", wrong: notUnsigned},
	{name: "sharing_group_id", wrong: notUnsigned}, {name: "comment"},
}

var objectRules = []rule{
	{name: "name", want: must}, {name: "meta-category", want: must}, {name: "description", want: must}, {name: "template_uuid", want: must, wrong: notUUID},
	{name: "template_version", want: must, wrong: notUnsigned}, {name: "timestamp", want: must, wrong: notSeconds}, {name: "uuid", want: should, wrong: notUUID},
	{name: "distribution", want: should, wrong: outside(0, 5)}, {name: "deleted", want: should, logical: true}, {name: "sharing_group_id", wrong: notUnsigned},
}

var organisationRules = []rule{
	{name: "uuid", want: must, wrong: notUUID}, {name: "name", want: should}, {name: "id", want: should, wrong: notUnsigned},
}

var referenceRules = []rule{
	{name: "referenced_uuid", want: must, wrong: notUUID}, {name: "relationship_type", want: must}, {name: "object_uuid", want: should, wrong: notUUID},
}

var reportRules = []rule{
	{name: "uuid", want: must, wrong: notUUID}, {name: "name", want: must}, {name: "content", want: must}, {name: "timestamp", wrong: notSeconds},
}

var sightingRules = []rule{
	{name: "type", want: must, wrong: outside(0, 3)}, {name: "date_sighting", want: must, wrong: notSeconds}, {name: "uuid", want: must, wrong: notUUID},
}

var tagRules = []rule{{name: "name", want: must}, {name: "colour", want: should}}

// members holds an object to its rules and returns its members as texts.
func (c *checking) members(path string, o map[string]any, rules []rule) map[string]string {
	texts := make(map[string]string, len(rules))
	for _, r := range rules {
		at := path + "." + r.name
		v, there := o[r.name]
		if !there || v == nil && r.want != must {
			switch r.want {
			case must:
				c.refuse(at, "it must be present")
			case should:
				c.warn(at, "it should be present")
			}
			continue
		}
		texts[r.name] = c.value(at, v, r)
	}
	return texts
}

// value holds one value to its rule and returns it as a text.
func (c *checking) value(at string, v any, r rule) string {
	text, kind := textOf(v)
	switch {
	case kind == "":
		c.refuse(at, "a text is expected")
		return ""
	case r.logical && kind != "boolean":
		if _, err := strconv.ParseBool(text); err != nil {
			c.refuse(at, "true or false is expected")
		} else {
			c.warn(at, "it should be written as true or false")
		}
		return text
	case !r.logical && kind != "string":
		c.warn(at, "it should be written as a text")
	}
	if text == "" && r.want == must {
		c.refuse(at, "it is empty")
	} else if text != "" && r.wrong != nil {
		if message := r.wrong(text); message != "" {
			c.refuse(at, message)
		}
	}
	return text
}

func textOf(v any) (text, kind string) {
	switch v := v.(type) {
	case string:
		return v, "string"
	case bool:
		return strconv.FormatBool(v), "boolean"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), "number"
	}
	return "", ""
}

func (c *checking) event(e map[string]any) {
	texts := c.members("Event", e, eventRules)
	c.done.ID = texts["uuid"]
	if utf8.RuneCountInString(texts["info"]) > 256 {
		c.warn("Event.info", "it should not be longer than 256 characters")
	}
	if strings.ContainsAny(texts["info"], "\r\n") {
		c.warn("Event.info", "it should stand on one line")
	}
	if texts["published"] == "true" && texts["publish_timestamp"] == "0" {
		c.warn("Event.publish_timestamp", "a published event was published at some time")
	}
	c.shared("Event", texts)
	if mail, _ := e["event_creator_email"].(string); mail != "" {
		c.warn("Event.event_creator_email", "it names a person; take it out before the event is passed on")
	}
	for _, name := range []string{"Org", "Orgc"} {
		if o, ok := e[name].(map[string]any); ok {
			c.members("Event."+name, o, organisationRules)
		}
	}
	c.attributes("Event", e)
	c.each("Event", "Object", e, func(at string, o map[string]any) {
		c.shared(at, c.members(at, o, objectRules))
		c.attributes(at, o)
		c.each(at, "ObjectReference", o, func(at string, o map[string]any) { c.members(at, o, referenceRules) })
	})
	c.each("Event", "EventReport", e, func(at string, o map[string]any) { c.members(at, o, reportRules) })
	c.tags("Event", e)
}

// shared: a sharing group is named where the distribution wants one.
func (c *checking) shared(at string, texts map[string]string) {
	group, distribution := texts["sharing_group_id"], texts["distribution"]
	if group != "" && group != "0" && distribution != "" && distribution != "4" {
		c.refuse(at+".sharing_group_id", "it must be 0 where the distribution is not 4")
	}
}

func (c *checking) tags(at string, o map[string]any) {
	c.each(at, "Tag", o, func(at string, o map[string]any) { c.members(at, o, tagRules) })
}

func (c *checking) attributes(at string, o map[string]any) {
	c.each(at, "Attribute", o, func(at string, a map[string]any) {
		texts := c.members(at, a, attributeRules)
		c.shared(at, texts)
		c.selection(at, texts["category"], texts["type"])
		c.content(at, texts["type"], texts["value"], a["data"])
		c.seen(at, a)
		c.tags(at, a)
		c.each(at, "Sighting", a, func(at string, o map[string]any) { c.members(at, o, sightingRules) })
	})
}

// selection: the type must be one that the category takes. Both lists grow,
// so that a name they do not hold is no mistake yet.
func (c *checking) selection(at, category, typ string) {
	switch {
	case category == "" || typ == "":
	case selections[category] == nil:
		c.warn(at+".category", "the format lists no such category")
	case !KnownType(typ):
		c.warn(at+".type", "the format lists no such type")
	case !Takes(category, typ):
		c.refuse(at+".type", "the category "+category+" does not take the type "+typ)
	}
}

var hexadecimal = regexp.MustCompile(`^[0-9A-Fa-f]+$`)

// digests are the lengths of digests in hexadecimal.
var digests = map[string]int{"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128, "imphash": 32, "authentihash": 64}

// content holds a value to its type as far as the shape of the value tells.
func (c *checking) content(at, typ, value string, data any) {
	first, second, composite := Composite(typ)
	parts := map[string]string{first: value}
	if composite && value != "" {
		i := strings.LastIndexByte(value, '|')
		if i < 0 {
			c.warn(at+".value", "the type joins two values, with | between them")
		} else {
			parts = map[string]string{first: value[:i], second: value[i+1:]}
		}
	}
	for typ, part := range parts {
		if n := digests[typ]; n > 0 && part != "" && (len(part) != n || !hexadecimal.MatchString(part)) {
			c.warn(at+".value", fmt.Sprintf("a digest %s has %d hexadecimal digits", typ, n))
		}
	}
	encoded, given := data.(string)
	switch {
	case typ != "attachment" && typ != "malware-sample":
	case !given || encoded == "":
		c.refuse(at+".data", "a file must come with its data")
	default:
		if _, err := base64.StdEncoding.DecodeString(encoded); err != nil {
			c.refuse(at+".data", "the data must be in base64")
		}
	}
}

// seen: the moments are in ISO 8601, the first before the last.
func (c *checking) seen(at string, o map[string]any) {
	var moments [2]time.Time
	for i, name := range []string{"first_seen", "last_seen"} {
		text, given := o[name].(string)
		if !given || text == "" {
			continue
		}
		moment, err := readMoment(text)
		if err != nil {
			c.warn(at+"."+name, "it should be a moment in ISO 8601")
		}
		moments[i] = moment
	}
	if !moments[0].IsZero() && !moments[1].IsZero() && moments[1].Before(moments[0]) {
		c.warn(at+".last_seen", "it is earlier than first_seen")
	}
}

func readMoment(text string) (t time.Time, err error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999", "2006-01-02"} {
		if t, err = time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return t, err
}

// each walks the objects of a list.
func (c *checking) each(at, name string, o map[string]any, item func(at string, o map[string]any)) {
	v := o[name]
	if v == nil {
		return
	}
	list, ok := v.([]any)
	if !ok {
		if one, is := v.(map[string]any); is {
			c.warn(at+"."+name, "it should be a list")
			item(at+"."+name, one)
			return
		}
		c.refuse(at+"."+name, "a list is expected")
		return
	}
	for i, one := range list {
		place := at + "." + name + "[" + strconv.Itoa(i) + "]"
		if o, is := one.(map[string]any); is {
			item(place, o)
		} else {
			c.refuse(place, "an object is expected")
		}
	}
}

var uuidPattern = regexp.MustCompile(`^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$`)

func notUUID(text string) string {
	if uuidPattern.MatchString(text) {
		return ""
	}
	return "it must be a UUID, as 5bad262f-c810-4775-9e84-4a7d0a016219"
}

func notDate(text string) string {
	if t, err := time.Parse("2006-01-02", text); err == nil && t.Format("2006-01-02") == text {
		return ""
	}
	return "it must be a date, as 2026-11-24"
}

func notUnsigned(text string) string {
	if _, err := strconv.ParseUint(text, 10, 64); err == nil {
		return ""
	}
	return "it must be a whole number that is not negative"
}

func notSeconds(text string) string {
	if n, err := strconv.ParseUint(text, 10, 64); err == nil && n <= math.MaxInt64 {
		return ""
	}
	return "it must be a number of seconds since 1970"
}

// outside makes a rule of the numbers that are listed.
func outside(first, last int) func(string) string {
	return func(text string) string {
		if n, err := strconv.Atoi(text); err == nil && n >= first && n <= last && strconv.Itoa(n) == text {
			return ""
		}
		return fmt.Sprintf("it must be a number from %d to %d", first, last)
	}
}
