package sim

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
)

// template is a kind of event: what it says in the standard's words, and how
// often it happens.
type template struct {
	name   string
	weight int
	// only is the one sector in which it happens, "" for all.
	only string
	say  [][2]string // path, one of the values separated by "|"
	// assets are rows of asset.assets.
	assets []string
	// data are kinds of data that may be disclosed; none: no disclosure.
	data []string
	// network says that infrastructure is seen; such events may belong to a
	// campaign.
	network bool
	// loss is the median loss, 0 for none; discovery its usual units of time.
	loss      float64
	discovery []string
	technique []string
}

var templates = []template{
	{"ransomware", 16, "", [][2]string{{"actor.external.variety", "Organized crime"}, {"actor.external.motive", "Financial"}, {"action.malware.variety", "Ransomware"},
		{"action.malware.vector", "Email attachment|Email link|Direct install"}, {"attribute.availability.variety", "Obscuration|Interruption"}, {"impact.overall_rating", "Damaging|Painful"},
		{"classification.rsit", "malicious-code:infected-system"}, {"discovery_method.external.variety", "Actor disclosure"}},
		[]string{"S - File", "U - Desktop or laptop"}, []string{"Personal", "Internal"}, true, 180000, []string{"Hours", "Days", "Weeks"}, []string{"T1486", "T1566.001", "T1078"}},
	{"phishing", 18, "", [][2]string{{"actor.external.variety", "Organized crime|Unaffiliated"}, {"actor.external.motive", "Financial"}, {"action.social.variety", "Phishing"},
		{"action.social.vector", "Email|SMS"}, {"action.social.target", "End-user|Finance|Customer"}, {"attribute.integrity.variety", "Misrepresentation"}, {"classification.rsit", "fraud:phishing"},
		{"discovery_method.internal.variety", "Reported by employee"}}, []string{"P - End-user", "S - Mail"}, []string{"Credentials"}, true, 12000, []string{"Minutes", "Hours", "Days"}, []string{"T1566", "T1566.002"}},
	{"payment fraud", 9, "finance", [][2]string{{"actor.external.variety", "Organized crime"}, {"actor.external.motive", "Financial"}, {"action.social.variety", "Pretexting"}, {"action.social.vector", "Email|Phone"},
		{"action.social.target", "Finance"}, {"attribute.integrity.variety", "Fraudulent transaction"}, {"discovery_method.external.variety", "Fraud detection|Customer"}, {"finance.fraud", "business-email-compromise|authorised-push-payment"}},
		[]string{"P - Finance"}, nil, true, 95000, []string{"Days", "Weeks"}, []string{"T1656"}},
	{"web breach", 13, "", [][2]string{{"actor.external.variety", "Unaffiliated|Organized crime|Activist"}, {"actor.external.motive", "Financial|Ideology|Fun"}, {"action.hacking.variety", "SQLi|Use of stolen creds|Exploit vuln"},
		{"action.hacking.vector", "Web application"}, {"classification.rsit", "intrusions:application-compromise"}, {"discovery_method.external.variety", "Security researcher|Customer|Unrelated 3rd party"}},
		[]string{"S - Web application", "S - Database"}, []string{"Personal", "Credentials", "Payment"}, true, 60000, []string{"Days", "Weeks", "Months"}, []string{"T1190", "T1078"}},
	{"denial of service", 7, "", [][2]string{{"actor.external.variety", "Activist|Unaffiliated"}, {"actor.external.motive", "Ideology|Grudge"}, {"action.hacking.variety", "DoS"}, {"action.hacking.vector", "Other network service"},
		{"attribute.availability.variety", "Interruption|Degradation"}, {"classification.rsit", "availability:dos"}, {"discovery_method.internal.variety", "Infrastructure monitoring"}},
		[]string{"S - Web application"}, nil, true, 20000, []string{"Minutes", "Hours"}, []string{"T1498"}},
	{"card skimming", 5, "finance", [][2]string{{"actor.external.variety", "Organized crime"}, {"actor.external.motive", "Financial"}, {"action.physical.variety", "Skimmer|Tampering"}, {"action.physical.vector", "Victim public area|Public facility"},
		{"attribute.integrity.variety", "Hardware tampering"}, {"discovery_method.external.variety", "Fraud detection|Law enforcement"}, {"finance.fraud", "card-present"}}, []string{"T - ATM", "U - POS terminal"}, []string{"Payment"}, false, 30000, []string{"Days", "Weeks"}, nil},
	{"stolen device", 8, "", [][2]string{{"actor.external.variety", "Unaffiliated"}, {"actor.external.motive", "Financial"}, {"action.physical.variety", "Theft"}, {"action.physical.vector", "Personal vehicle|Victim work area|Personal residence"},
		{"attribute.availability.variety", "Loss"}, {"discovery_method.internal.variety", "Reported by employee"}}, []string{"U - Laptop", "M - Documents"}, []string{"Personal", "Medical"}, false, 3000, []string{"Hours", "Days"}, nil},
	{"error", 14, "", [][2]string{{"actor.internal.variety", "End-user|System admin"}, {"actor.internal.motive", "NA"}, {"action.error.variety", "Misdelivery|Misconfiguration|Publishing error|Disposal error"},
		{"action.error.vector", "Carelessness|Inadequate processes"}, {"discovery_method.external.variety", "Customer|Unrelated 3rd party"}}, []string{"M - Documents", "S - File"}, []string{"Personal", "Bank"}, false, 4000, []string{"Days", "Weeks", "Months"}, nil},
	{"misuse", 9, "", [][2]string{{"actor.internal.variety", "End-user|Finance|System admin"}, {"actor.internal.motive", "Financial|Grudge|Fun"}, {"action.misuse.variety", "Privilege abuse|Data mishandling"}, {"action.misuse.vector", "LAN access|Remote access"},
		{"discovery_method.internal.variety", "Log review|Financial audit|Reported by employee"}}, []string{"S - Database", "S - Web application"}, []string{"Personal", "Internal"}, false, 25000, []string{"Weeks", "Months", "Years"}, []string{"T1078"}},
	{"supplier breach", 6, "", [][2]string{{"actor.partner.motive", "NA"}, {"action.error.variety", "Misconfiguration"}, {"action.error.vector", "Inadequate processes"}, {"action.hacking.variety", "Exploit misconfig"},
		{"discovery_method.external.variety", "Security researcher"}}, []string{"S - Other"}, []string{"Personal"}, true, 40000, []string{"Weeks", "Months"}, []string{"T1199"}},
	{"patient records", 8, "health", [][2]string{{"actor.internal.variety", "Doctor or nurse|End-user"}, {"actor.internal.motive", "Fun|Grudge"}, {"action.misuse.variety", "Privilege abuse"}, {"action.misuse.vector", "LAN access"},
		{"health.breach_type", "unauthorised-access-disclosure"}, {"discovery_method.internal.variety", "Log review"}}, []string{"S - Database"}, []string{"Medical"}, false, 8000, []string{"Weeks", "Months"}, nil},
	{"device loss", 6, "health", [][2]string{{"actor.external.variety", "Unaffiliated"}, {"actor.external.motive", "Unknown"}, {"action.physical.variety", "Theft"}, {"action.physical.vector", "Personal vehicle|Victim work area"},
		{"attribute.availability.variety", "Loss"}, {"health.breach_type", "theft"}, {"health.location", "laptop|other-portable-device"}}, []string{"U - Laptop"}, []string{"Medical", "Personal"}, false, 5000, []string{"Days"}, nil},
}

// occurrence is one event with its truth.
type occurrence struct {
	number  int
	sector  string
	what    template
	victim  victim
	at      time.Time
	loss    float64
	records int
	seen    []report.Observable
	picks   map[string]string // the value chosen for each path
}

// event makes the documents of the nth event, which happens at a moment, when
// perhaps one kind of event surges. It draws from a stream of its own.
func (w *World) event(n int, at time.Time, surge string) []Document {
	r := w.random(streamEvents, uint64(n))
	e := occurrence{number: n, sector: w.settings.Sectors[r.IntN(len(w.settings.Sectors))], at: w.past(at.Add(time.Duration(r.Int64N(int64(18 * time.Hour))))), picks: map[string]string{}}
	e.what = pickTemplate(r, e.sector, surge)
	e.victim = w.victims[e.sector].choose(r)
	if e.what.loss > 0 && r.IntN(3) > 0 {
		e.loss = math.Round(e.what.loss * math.Exp(1.4*r.NormFloat64()))
	}
	if len(e.what.data) > 0 {
		e.records = int(math.Exp(6 + 2.4*r.NormFloat64()))
	}
	for _, s := range e.what.say {
		options := strings.Split(s[1], "|")
		e.picks[s[0]] = options[r.IntN(len(options))]
	}
	if e.what.network {
		e.seen = w.infrastructure(r, n, e.at)
	}
	var out []Document
	for _, m := range w.tellers(r, e) {
		out = append(out, w.documents(r, e, m, len(out))...)
	}
	return out
}

// past is a moment, or the world's last if that has not come yet: nobody tells
// of the future.
func (w *World) past(at time.Time) time.Time {
	if end := w.settings.Until.UTC(); at.After(end) {
		return end
	}
	return at
}

// surging is how much likelier a kind of event is while it surges.
const surging = 5

func pickTemplate(r *rand.Rand, sector, surge string) template {
	weight := func(t template) int {
		switch {
		case t.only != "" && t.only != sector:
			return 0
		case t.name == surge:
			return surging * t.weight
		}
		return t.weight
	}
	total := 0
	for _, t := range templates {
		total += weight(t)
	}
	at := r.IntN(total)
	for _, t := range templates {
		if at -= weight(t); at < 0 {
			return t
		}
	}
	return templates[0]
}

// tellers chooses the members who tell of an event: the victim if it takes
// part, else whoever it turned to; sometimes police, responder, supervisor or
// a researcher besides.
func (w *World) tellers(r *rand.Rand, e occurrence) []int {
	var out []int
	one := func(kinds ...member.Kind) {
		var fit []int
		for m, p := range w.parties {
			if slices.Contains(kinds, p.Kind) && slices.Contains(p.Sectors, e.sector) && !slices.Contains(out, m) {
				fit = append(fit, m)
			}
		}
		if len(fit) > 0 {
			out = append(out, fit[r.IntN(len(fit))])
		}
	}
	if e.victim.member >= 0 && r.IntN(10) > 0 {
		out = append(out, e.victim.member)
	} else {
		one("isac", "responder", "police", "insurer", "cert", "regulator")
	}
	if r.IntN(100) < 17 {
		one("police")
	}
	if r.IntN(100) < 14 {
		one("responder", "cert")
	}
	if e.records > 500 && r.IntN(100) < 25 {
		one("regulator")
	}
	if r.IntN(100) < 5 {
		one("university", "institute")
	}
	if len(out) == 0 {
		one("firm", "police", "university")
	}
	return out
}

// infrastructure is what was seen of an attack: of a campaign that is active
// at the time, or of the event alone; and benign noise.
func (w *World) infrastructure(r *rand.Rand, n int, at time.Time) []report.Observable {
	var out []report.Observable
	day := at.Format("2006-01-02")
	add := func(typ, value, role string) {
		out = append(out, report.Observable{Type: typ, Value: value, Role: role, FirstSeen: day, LastSeen: w.past(at.Add(48 * time.Hour)).Format("2006-01-02"), Count: 1 + r.Int64N(40)})
	}
	stream, serial := streamEvents, uint64(n)
	if r.IntN(4) == 0 {
		// Campaigns begin one after the other, a few at a time, and rotate
		// their infrastructure every three weeks.
		active := max(3, w.settings.Reports/900)
		weeks := uint64(at.Sub(w.begin) / (21 * 24 * time.Hour))
		stream, serial = streamCampaigns, weeks*1000+uint64(r.IntN(active))
	}
	c := w.random(stream, serial|1<<40)
	word := []string{"secure", "login", "update", "portal", "invoice", "mail", "cdn", "verify"}[c.IntN(8)]
	host := fmt.Sprintf("%s-%s%d.%s", word, strings.ToLower(places[c.IntN(len(places))]), c.IntN(900)+100, []string{"net", "top", "online", "info"}[c.IntN(4)])
	ip := fmt.Sprintf("%d.%d.%d.%d", 45+c.IntN(100), c.IntN(256), c.IntN(256), 1+c.IntN(254))
	hash := fmt.Sprintf("%016x%016x%016x%016x", c.Uint64(), c.Uint64(), c.Uint64(), c.Uint64())
	for i, put := range []func(){
		func() { add(observable.Domain, host, "c2") },
		func() { add(observable.IP, ip, "c2") },
		func() { add(observable.FileHash, hash, "payload") },
		func() { add(observable.URL, "https://"+host+"/"+word, "phishing") },
		func() { add(observable.Email, "billing@"+host, "sender") },
		func() { add(observable.Account, "svc-"+word+strconv.Itoa(n), "target") },
	} {
		if i == 0 || r.IntN(2) == 0 {
			put()
		}
	}
	if r.IntN(3) == 0 {
		add(observable.IP, []string{"8.8.8.8", "10.0.0.5", "192.168.1.1", "1.1.1.1"}[r.IntN(4)], "other")
	}
	if r.IntN(5) == 0 {
		add(observable.Domain, []string{"google.com", "microsoft.com", "bit.ly"}[r.IntN(3)], "other")
	}
	return out
}

// documents are what one member sends of an event: a first report, and
// sometimes the same again, a correction, or something malformed.
func (w *World) documents(r *rand.Rand, e occurrence, m, position int) []Document {
	p := w.parties[m]
	native := fmt.Sprintf("%s-%07d-%d", strings.ToUpper(string(p.Kind[:3])), e.number, position)
	sent := e.at.Add(time.Duration(float64(36*time.Hour) * r.ExpFloat64()))
	if r.IntN(12) == 0 {
		sent = sent.Add(time.Duration(r.IntN(120)) * 24 * time.Hour) // late
	}
	d := Document{Member: m, Sector: e.sector, Native: native, Sent: sent, Event: e.number, Kind: First}
	body := w.tell(r, e, m)
	d.JSON, d.quarter = w.encode(e.sector, native, body, e), quarterOf(body["timeline.incident"][0])
	if r.IntN(90) == 0 {
		d.Kind, d.Event, d.JSON = Malformed, -1, malform(r, d.JSON)
		return []Document{d}
	}
	out := []Document{d}
	switch r.IntN(45) {
	case 0:
		again := d
		again.Kind, again.Sent = Resend, sent.Add(72*time.Hour)
		out = append(out, again)
	case 1:
		later := d
		later.Kind, later.Sent = Correction, sent.Add(time.Duration(10+r.IntN(30))*24*time.Hour)
		body["impact.overall_rating"] = []string{"Damaging"}
		later.JSON = w.encode(e.sector, native, body, e)
		out = append(out, later)
	}
	return out
}

// tell is what a member says of an event, by path: what it knows in its role,
// in its own spelling and precision.
func (w *World) tell(r *rand.Rand, e occurrence, m int) map[string][]string {
	p := w.parties[m]
	said := map[string][]string{
		"security_incident": {"Confirmed"}, "victim.industry": {e.victim.industry}, "victim.country": {e.victim.country},
		"summary": {fmt.Sprintf("%s at %s; contact the security desk of %s.", e.what.name, e.victim.name, e.victim.name)},
	}
	for path, v := range e.picks {
		said[path] = []string{v}
	}
	own := e.victim.member == m
	role := map[member.Kind]string{"police": "police", "responder": "responder", "regulator": "regulator", "insurer": "insurer", "isac": "isac", "cert": "cert", "university": "researcher", "institute": "researcher"}[p.Kind]
	day := e.at
	switch {
	case own:
		said["reporter.role"] = []string{"victim"}
		said["victim.victim_id"] = []string{e.victim.name}
		said["victim.employee_count"] = []string{e.victim.size}
		said["timeline.incident"] = []string{day.Format("2006-01-02")}
	default:
		said["reporter.role"] = []string{role}
		said["victim.victim_id"] = []string{spelled(r, e.victim.name)}
		day = w.past(day.AddDate(0, 0, r.IntN(7)-2))
		format := []string{"2006-01-02", "2006-01-02", "2006-01-02T15:04:05Z", "2006-01"}[r.IntN(4)]
		said["timeline.incident"] = []string{day.Format(format)}
	}
	if p.Kind == "regulator" {
		delete(said, "timeline.incident")
		said["timeline.incident"] = []string{e.at.Format("2006-01")}
		// Whom nobody has told yet is told of later.
		if told := e.at.AddDate(0, 0, 10+r.IntN(50)); told.Equal(w.past(told)) {
			said["timeline.notification"] = []string{told.Format("2006-01-02")}
		}
	}
	if (p.Kind == "isac" || p.Kind == "responder") && !own && r.IntN(2) == 0 {
		said["reporter.on_behalf_of"] = []string{e.victim.name}
	}
	if r.IntN(10) < 7 {
		said["timeline.discovery.unit"] = []string{e.what.discovery[r.IntN(len(e.what.discovery))]}
		said["timeline.discovery.value"] = []string{strconv.Itoa(1 + r.IntN(20))}
		said["timeline.containment.unit"] = []string{[]string{"Hours", "Days", "Weeks"}[r.IntN(3)]}
	}
	if e.loss > 0 {
		said["impact.overall_amount"] = []string{strconv.FormatFloat(e.loss, 'f', -1, 64)}
		said["impact.iso_currency_code"] = []string{"USD"}
	}
	if e.records > 0 {
		count := e.records
		if !own && r.IntN(5) == 0 {
			count = count * (90 + r.IntN(20)) / 100
		}
		said["attribute.confidentiality.data_total"] = []string{strconv.Itoa(count)}
		said["attribute.confidentiality.data_disclosure"] = []string{[]string{"Yes", "Potentially"}[r.IntN(2)]}
	}
	if len(e.what.technique) > 0 && p.Kind != "regulator" {
		said["attack.techniques"] = e.what.technique
	}
	if own {
		said["controls.cis"] = []string{strconv.Itoa(1 + r.IntN(18))}
		said["response.actions"] = []string{[]string{"isolated", "reset-credentials", "patched", "blocked", "restored"}[r.IntN(5)]}
		said["reporter.contact"] = []string{"soc@" + strings.ToLower(strings.Map(letters, e.victim.name)) + ".example"}
	}
	return said
}

func letters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return -1
}

// encode writes a report's JSON.
func (w *World) encode(sector, native string, said map[string][]string, e occurrence) []byte {
	std := w.standards[sector]
	var statements []report.Statement
	for path, values := range said {
		for row, v := range values {
			statements = append(statements, report.Statement{Path: path, Row: row, Value: v})
		}
	}
	for row, a := range e.what.assets {
		statements = append(statements, report.Statement{Path: "asset.assets.variety", Row: row, Value: a})
	}
	for row, d := range e.what.data {
		statements = append(statements, report.Statement{Path: "attribute.confidentiality.data.variety", Row: row, Value: d})
	}
	text, err := report.Encode(std, report.New(std, native, statements, e.seen))
	if err != nil {
		// The templates name only paths of the standards: a test encodes them
		// all.
		panic("sim: a template names a path that is not in the standard: " + err.Error())
	}
	return text
}

// malform breaks a report in one of the ways in which reports are broken.
func malform(r *rand.Rand, text []byte) []byte {
	switch r.IntN(4) {
	case 0:
		return text[:len(text)/2] // truncated
	case 1:
		return []byte(strings.Replace(string(text), `"security_incident":"Confirmed"`, `"security_incident":"Surely"`, 1))
	case 2:
		return []byte(strings.Replace(string(text), `{"`, `{"unheard_of":true,"`, 1))
	}
	var doc map[string]any
	if json.Unmarshal(text, &doc) == nil {
		if t, ok := doc["timeline"].(map[string]any); ok {
			t["incident"] = "2025-02-31"
		}
		if out, err := json.Marshal(doc); err == nil {
			return out
		}
	}
	return text[:len(text)/3]
}
