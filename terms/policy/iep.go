package policy

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// IEP is a policy of the Information Exchange Policy framework 2.0, as the JSON
// specification of FIRST (2019) writes it.
type IEP struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	// Version is 2.0.
	Version   jsontext.Value `json:"iep_version"`
	StartDate string         `json:"start_date"`
	// EndDate is null if the policy does not end.
	EndDate                    *string  `json:"end_date"`
	EncryptInTransit           string   `json:"encrypt_in_transit"`
	PermittedActions           string   `json:"permitted_actions"`
	AffectedPartyNotifications string   `json:"affected_party_notifications"`
	TLP                        string   `json:"tlp"`
	Attribution                string   `json:"attribution"`
	UnmodifiedResale           string   `json:"unmodified_resale"`
	ExternalReferences         []string `json:"external_references"`

	// Clauses are those that the policy is of, by id.
	Clauses []string `json:"-"`
}

// The words of IEP 2.0.
const (
	must    = "must"
	may     = "may"
	mustNot = "must-not"

	noActions       = "none"
	contactFirst    = "contact-for-instruction"
	internalActions = "internally-visible-actions"
	indirectActions = "externally-visible-indirect-actions"
	directActions   = "externally-visible-direct-actions"
)

// beginning stands for a policy that did not begin on any day: IEP wants one.
const beginning = "1970-01-01T00:00:00Z"

// iepNamespace is that of the policies' identifiers (UUIDv5): the same
// obligations of a sheet always have the same one.
var iepNamespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte(Namespace+"iep"))

// IEPs makes one policy of each distinct set of obligations in a sheet, in the
// order of its clauses, and tells what they cannot carry. None permits more
// than its clauses: where IEP lacks the word, the next stricter one is used.
// What a sheet does not speak of is permitted to nobody, except under
// TLP:CLEAR: affected parties are not notified, and what is passed on is
// encrypted. Nothing is ever to be resold.
func IEPs(s *terms.Sheet) ([]IEP, []Lost) {
	lost := unsaid(s, "IEP")
	var all []IEP
	at := map[string]int{}
	for _, c := range s.Clauses {
		p, gaps := iepOf(c)
		lost = append(lost, gaps...)
		key := strings.Join([]string{p.StartDate, orNull(p.EndDate), p.PermittedActions, p.TLP, p.Attribution, p.EncryptInTransit, p.AffectedPartyNotifications}, " ")
		i, ok := at[key]
		if !ok {
			i = len(all)
			at[key] = i
			p.ID = uuid.NewSHA1(iepNamespace, []byte(s.Name+"\n"+key)).String()
			all = append(all, p)
		}
		all[i].Clauses = append(all[i].Clauses, c.ID)
	}
	for i := range all {
		p := &all[i]
		p.Name = fmt.Sprintf("%s TLP:%s", s.Name, strings.ToUpper(p.TLP))
		if len(all) > 1 {
			p.Name = fmt.Sprintf("%s %d of %d, TLP:%s", s.Name, i+1, len(all), strings.ToUpper(p.TLP))
		}
		p.Description = fmt.Sprintf("How to handle what is received under the terms %s, version %d, clauses %s.", s.Name, s.Version, strings.Join(p.Clauses, ", "))
	}
	return all, sorted(s, lost)
}

func orNull(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

// iepOf makes the policy of one clause, but for what names it.
func iepOf(c terms.Clause) (IEP, []Lost) {
	var lost []Lost
	lose := func(what, why string) { lost = append(lost, Lost{Clause: c.ID, What: what, Why: why}) }
	p := IEP{Version: jsontext.Value("2.0"), StartDate: beginning, UnmodifiedResale: mustNot,
		EncryptInTransit: must, AffectedPartyNotifications: mustNot, ExternalReferences: []string{"https://www.first.org/tlp", "https://www.first.org/iep"}}
	switch tlp := marking(c); tlp {
	case "TLP:CLEAR":
		// Version 1, whose words IEP has, calls it white.
		p.TLP, p.EncryptInTransit, p.AffectedPartyNotifications = "white", may, may
	case "TLP:AMBER+STRICT":
		p.TLP = "red"
		lose("tlp "+tlp, "IEP has amber, which lets clients be told; it says red, which is stricter")
	default:
		p.TLP = strings.ToLower(strings.TrimPrefix(tlp, "TLP:"))
	}
	switch pap := actions(c); pap {
	case "PAP:CLEAR":
		p.PermittedActions = directActions
	case "PAP:GREEN":
		p.PermittedActions = indirectActions
		lose("pap "+pap, "IEP has no word for what attackers may notice but not be harmed by; it says "+indirectActions+", which is stricter")
	case "PAP:AMBER":
		p.PermittedActions = indirectActions
	default:
		p.PermittedActions = contactFirst
		lose("pap "+pap, "IEP has no word for looking and no more; it says "+contactFirst+", which is stricter")
	}
	if a := attribution(c); a == terms.ByName {
		p.Attribution = may
	} else {
		p.Attribution = mustNot
		lose("attribution "+string(a), "IEP knows only whether a provider may be named; it says must-not")
	}
	if c.Keep != 0 {
		lose("keep "+c.Keep.String(), "IEP has no word for when copies are deleted")
	}
	if c.From != "" {
		p.StartDate = string(c.From) + "T00:00:00Z"
	}
	if c.Until != "" {
		end := string(c.Until) + "T00:00:00Z"
		p.EndDate = &end
	}
	return p, lost
}

// ReadIEP reads what a policy of IEP 2.0 permits. The document is one policy,
// or a list of them of which id names one; it may be left out if there is only
// one. Errors are faults whose Path is a JSON pointer behind the file's name.
func ReadIEP(file string, data []byte, id string) (Bound, []Lost, error) {
	if err := wire.Check(data); err != nil {
		return Bound{}, nil, placed(file, err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return Bound{}, nil, fault.New(fault.Invalid, "json.malformed", "the policy cannot be read as JSON").At(file).Because(err)
	}
	all, list := v.([]any)
	if !list {
		all = []any{v}
	}
	var found []int
	for i, one := range all {
		if m, ok := one.(map[string]any); ok && (id == "" || m["id"] == id) {
			found = append(found, i)
		}
	}
	switch {
	case len(found) == 0 && id != "":
		return Bound{}, nil, fault.New(fault.NotFound, "policy.no_such", "the file has no policy of this id").At(file)
	case len(found) == 0:
		return Bound{}, nil, fault.New(fault.Invalid, "policy.no_policy", "a policy of IEP is a JSON object, or a list of them").At(file)
	case len(found) > 1:
		return Bound{}, nil, fault.New(fault.Invalid, "policy.several", "the file has %d policies; say by its id which one binds", len(found)).At(file)
	}
	pointer := ""
	if list {
		pointer = "/" + strconv.Itoa(found[0])
	}
	b, lost, err := boundOfIEP(all[found[0]].(map[string]any), pointer)
	return b, lost, placed(file, err)
}

// placed puts a file before the place that a fault names.
func placed(file string, err error) error {
	f, ok := err.(*fault.Error)
	if !ok {
		return err
	}
	return f.At(file + f.Path)
}

// iepReader reads the statements of one policy.
type iepReader struct {
	said    map[string]any
	pointer string
	lost    []Lost
	wrong   *fault.Error
}

func (r *iepReader) lose(key, what, why string) {
	r.lost = append(r.lost, Lost{At: r.pointer + "/" + escaped(key), What: what, Why: why})
}

func (r *iepReader) invalid(key, format string, args ...any) {
	if r.wrong == nil {
		r.wrong = fault.New(fault.Invalid, "policy.iep", format, args...).At(r.pointer + "/" + escaped(key))
	}
}

// word reads one of a statement's words. Some write them in capitals and with
// spaces, as the framework prints them.
func (r *iepReader) word(key string, words ...string) string {
	v, ok := r.said[key]
	if !ok || v == nil {
		return ""
	}
	s, _ := v.(string)
	s = strings.NewReplacer(" ", "-", "_", "-").Replace(strings.ToLower(strings.TrimSpace(s)))
	for _, w := range words {
		if s == w {
			return s
		}
	}
	r.invalid(key, "%s is one of %s", key, strings.Join(words, ", "))
	return ""
}

// moment reads a date; zero for none.
func (r *iepReader) moment(key string) time.Time {
	v, ok := r.said[key]
	if !ok || v == nil {
		return time.Time{}
	}
	s, _ := v.(string)
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		r.invalid(key, "%s is a moment as 2026-01-31T00:00:00Z", key)
	}
	return t
}

// iepStatements are the statements of IEP 2.0; what else stands in a policy is
// told.
var iepStatements = []string{"id", "name", "description", "iep_version", "start_date", "end_date", "encrypt_in_transit",
	"permitted_actions", "affected_party_notifications", "tlp", "attribution", "unmodified_resale", "external_references"}

// boundOfIEP is the most that a policy permits.
func boundOfIEP(said map[string]any, pointer string) (Bound, []Lost, error) {
	r := &iepReader{said: said, pointer: pointer}
	if _, is := said["id_ref"]; is {
		return Bound{}, nil, fault.New(fault.Invalid, "policy.reference", "this only refers to a policy; fetch the policy that it names and read that").At(pointer + "/id_ref")
	}
	switch v, ok := said["iep_version"]; {
	case !ok:
		return Bound{}, nil, fault.New(fault.Invalid, "policy.iep", "this is no policy of IEP 2.0: it has no iep_version").At(pointer)
	case v != 2.0 && v != "2.0":
		r.invalid("iep_version", "only policies of IEP 2.0 are read")
	}
	b := Bound{TLP: r.tlp(), PAP: r.actions(), Attribution: r.attribution()}
	b.From, b.Until = r.dates()
	r.rest()
	if r.wrong != nil {
		return Bound{}, nil, r.wrong
	}
	return b, r.lost, nil
}

func (r *iepReader) tlp() string {
	v, ok := r.said["tlp"]
	if !ok {
		r.lose("tlp", "tlp", "the policy does not say who else may be told; it is read as TLP:RED")
		return "TLP:RED"
	}
	s, _ := v.(string)
	label, err := ReadTLP(s)
	if err != nil {
		r.invalid("tlp", "tlp is one of red, amber, green, white")
	}
	return label
}

func (r *iepReader) actions() string {
	switch w := r.word("permitted_actions", noActions, contactFirst, internalActions, indirectActions, directActions); w {
	case directActions:
		return "PAP:CLEAR"
	case indirectActions:
		return "PAP:AMBER"
	case internalActions:
		return "PAP:RED"
	case "":
		if r.wrong == nil {
			r.lose("permitted_actions", "permitted_actions", "the policy does not say what may be done; it is read as PAP:RED")
		}
	default:
		r.lose("permitted_actions", "permitted_actions "+w, "a clause has no word for doing nothing at all, or for asking first; PAP:RED, the strictest, still permits looking for it in what one has")
	}
	return "PAP:RED"
}

func (r *iepReader) attribution() terms.Attribution {
	switch r.word("attribution", may, must, mustNot) {
	case may:
		return ""
	case must:
		r.lose("attribution", "attribution must", "a clause says who may be named, and cannot say that somebody must be")
		return ""
	case mustNot:
		return terms.ByStake
	}
	if r.wrong == nil {
		r.lose("attribution", "attribution", "the policy does not say whether its provider may be named; it is read as must-not")
	}
	return terms.ByStake
}

func (r *iepReader) dates() (from, until terms.Date) {
	if t := r.moment("start_date"); !t.IsZero() && t.After(time.Unix(0, 0)) {
		var exact bool
		if from, exact = firstDay(t); !exact {
			r.lose("start_date", "the time of day of start_date", "a clause begins at midnight UTC; it begins on "+string(from))
		}
	}
	if t := r.moment("end_date"); !t.IsZero() {
		var exact bool
		if until, exact = lastDay(t); !exact {
			r.lose("end_date", "the time of day of end_date", "a clause ends at midnight UTC; it ends before "+string(until))
		}
	}
	return from, until
}

// rest tells what a policy says that no clause can.
func (r *iepReader) rest() {
	if r.word("encrypt_in_transit", must, may) == must {
		r.lose("encrypt_in_transit", "encrypt_in_transit must", "a clause cannot say how what is passed on is sent")
	}
	if r.word("affected_party_notifications", may, mustNot) == mustNot {
		r.lose("affected_party_notifications", "affected_party_notifications must-not", "a clause says who may be told only by its marking")
	}
	// No clause grants resale, so must-not needs no word.
	r.word("unmodified_resale", may, mustNot)
	if s, _ := r.said["description"].(string); s != "" {
		r.lose("description", "description", "it is for people to read")
	}
	if refs, _ := r.said["external_references"].([]any); len(refs) > 0 {
		r.lose("external_references", "external_references", "what they refer to is not read")
	}
	for _, key := range sortedKeys(r.said) {
		if !known(iepStatements, key) {
			r.lose(key, clip(key), "it is no statement of IEP 2.0")
		}
	}
}
