// Package desk serves the member's own pages, at the member and on loopback
// only: write or import a report, see it as it is, as it will leave and as
// each audience will see it, send it, and follow what became of it.
//
//	form, file ──▶ collect ──▶ draft (in memory) ──▶ preview ──send──▶ Edge ──▶ outbox, hub
//
// The desk shows reports before anything was taken from them. So nothing of
// one is ever in a URL, a log or a file of the desk's, pages answer only to
// the names of this machine, and only to the browser that opened the link
// which the command printed: see [Desk.Open].
package desk

import (
	"context"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/web/look"
	"github.com/concord-trust/concord/wire"
)

//go:embed pages
var pages embed.FS

// Edge is the member's way out, as far as the desk uses it.
type Edge interface {
	// Rules are the member's terms for a standard; nil if the agreement does
	// not cover it.
	Rules(standard.Ref) *terms.Rules
	// StandardFor picks the standard of a report: the named sector's, or for
	// "" that of the member's sector which fits the victim.
	StandardFor(sector string) func(report.Report) standard.Ref
	// Preview shows what would leave of a report now, and what each audience
	// would see of it now and later.
	Preview(r collect.Collected, now, later time.Time) (minimise.Preview, error)
	// Queue minimises, tokenises and queues reports. After an error some may
	// be queued; queueing the same reports again counts them once.
	Queue(ctx context.Context, reports []collect.Collected) (Queued, error)
	// Nil queues nil reports: of these quarters there was nothing to report.
	Nil(ctx context.Context, nils []report.Nil) error
	// Deliver sends what waits. It MUST give up within seconds when the hub
	// does not answer: what waits is sent later.
	Deliver(ctx context.Context) (outbox.Delivery, error)
	// GivesBack says in a sentence what contributions were joined with; ready
	// is false while the hub has not consolidated them.
	GivesBack(ctx context.Context, ids []wire.ContributionID) (sentence string, ready bool, err error)
	// Login makes a one-use link to the hub's pages.
	Login(ctx context.Context, ask wire.LoginRequest) (wire.LoginLink, error)
	// Recall has the hub destroy reports, and returns the receipts that came;
	// what the hub could not take now is kept and asked again by Recalls.
	Recall(ctx context.Context, reports []wire.ReportID, reason string) ([]wire.Destruction, error)
	// Recalls asks again for what has no receipt, and for what the hub destroyed
	// by itself, and lists all, newest first; also with an error, if that is of
	// the hub alone.
	Recalls(ctx context.Context) ([]Destroyed, error)
}

// Queued is what became of reports on their way into the outbox.
type Queued struct {
	// New and Again count reports: queued anew, or sent before as they are.
	New, Again    int
	Failed        []Failure
	Contributions []wire.ContributionID
}

// Failure is one report that could not be prepared; the others go on.
type Failure struct{ Where, Code, Reason string }

// Outbox is what the desk reads of the queue; edge/outbox.Queue.
type Outbox interface {
	Entries(ctx context.Context, before int64, limit int) ([]outbox.Entry, error)
	Counts(ctx context.Context) (outbox.Counts, error)
}

// Desk is a member's pages. Its fields are set once, before [Desk.Handler].
type Desk struct {
	Agreement agreement.Agreement
	// Hub is the hub's URL, to be shown.
	Hub       string
	Edge      Edge
	Outbox    Outbox
	Standards func(standard.Ref) (*standard.Standard, error)
	// Address is where the desk listens, "127.0.0.1:8450": requests for
	// another host or port are refused.
	Address string
	// Link is told of links that open the desk. It prints them where only
	// the person at the desk reads them.
	Link func(url string)
	Now  func() time.Time
	// Random draws codes and cookies: crypto/rand.Reader outside tests.
	Random io.Reader
	// Status maps an error to an HTTP status; httpapi.Status.
	Status func(error) int
	Log    *slog.Logger

	base   string // the path below which the desk stands
	hosts  []string
	pages  *look.Pages
	door   door
	drafts drafts
}

const (
	siteName = "Concord desk"
	// iconPath is outside the desk's own path: the icon is no secret.
	iconPath = "/icon.svg"
)

// Handler assembles the pages.
func (d *Desk) Handler() (http.Handler, error) {
	var err error
	if d.hosts, err = ownHosts(d.Address); err != nil {
		return nil, err
	}
	secret, err := d.draw()
	if err != nil {
		return nil, err
	}
	d.base = "/" + secret
	folder, err := fs.Sub(pages, "pages")
	if err != nil {
		return nil, err
	}
	if d.pages, err = look.Load(folder, d.funcs()); err != nil {
		return nil, err
	}
	return d.guard(d.routes()), nil
}

// routes puts what anybody may ask for at the root, and the pages below the
// desk's own path.
func (d *Desk) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/", d.locked)
	mux.HandleFunc("GET "+iconPath, look.Icon)
	mux.HandleFunc("POST /link", d.newLink)
	mux.HandleFunc("GET "+d.base+"/open", d.opening)
	mux.HandleFunc("POST "+d.base+"/open", d.open)
	mux.HandleFunc(d.base+"/", d.page(d.nowhere))
	for _, route := range []struct {
		method, path string
		page         func(visit) error
	}{
		{"GET", "/{$}", d.home},
		{"GET", "/write", d.write},
		{"POST", "/write", d.written},
		{"GET", "/import", d.imports},
		{"POST", "/import", d.imported},
		{"GET", "/nil", d.nothing},
		{"POST", "/nil", d.nothingSaid},
		{"GET", "/drafts/{id}", d.draft},
		{"GET", "/drafts/{id}/change", d.change},
		{"GET", "/drafts/{id}/report.json", d.copy},
		{"POST", "/drafts/{id}/send", d.send},
		{"POST", "/drafts/{id}/drop", d.drop},
		{"GET", "/outbox", d.outbox},
		{"POST", "/outbox/send", d.sendNow},
		{"GET", "/outbox/{seq}", d.contribution},
		{"GET", "/outbox/{seq}/receipt.json", d.receipt},
		{"GET", "/outbox/{seq}/recall", d.askRecall},
		{"POST", "/outbox/{seq}/recall", d.recall},
		{"GET", "/recalls", d.recalls},
		{"GET", "/terms", d.terms},
		{"GET", "/words", d.words},
		{"GET", "/signin", d.askSignIn},
		{"POST", "/signin", d.signIn},
		{"POST", "/logout", d.logout},
	} {
		mux.HandleFunc(route.method+" "+d.base+route.path, d.page(route.page))
	}
	return mux
}

// visit is one request of the person at the desk.
type visit struct {
	w       http.ResponseWriter
	r       *http.Request
	session *session
	// form is what was posted; files are what was uploaded, by field.
	form  map[string][]string
	files map[string]upload
}

func (v visit) value(name string) string {
	if all := v.form[name]; len(all) > 0 {
		return all[0]
	}
	return ""
}

// page wraps a handler with the session, the form's token and errors.
func (d *Desk) page(f func(visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := visit{w: w, r: r, session: d.session(r)}
		if v.session == nil {
			d.locked(w, r)
			return
		}
		var err error
		if r.Method == http.MethodPost {
			err = d.posted(&v)
		}
		if err == nil {
			err = f(v)
		}
		if err != nil {
			d.sorry(v, err)
		}
	}
}

// show renders a page within the frame.
func (d *Desk) show(v visit, status int, page, title, kicker string, body any) error {
	return d.pages.Render(v.w, status, page, look.Frame{
		Title: title, Site: siteName, Base: d.base, Icon: iconPath, Kicker: kicker, Rooms: d.rooms(v.r.URL.Path),
		Person: "On this machine only", Member: d.Agreement.Member.Name, Token: v.session.token,
		Custody: wire.SingleCustody, Body: body,
	})
}

func (d *Desk) rooms(path string) []look.Room {
	rooms := []look.Room{{Href: "/", Name: "Overview"}, {Href: "/write", Name: "Write"}, {Href: "/import", Name: "Import"},
		{Href: "/outbox", Name: "Outbox"}, {Href: "/recalls", Name: "Taken back"}, {Href: "/terms", Name: "My terms"}, {Href: "/signin", Name: "Hub"}}
	path = strings.TrimPrefix(path, d.base)
	for i, r := range rooms {
		rooms[i].Current = path == r.Href || r.Href != "/" && strings.HasPrefix(path, r.Href+"/")
		rooms[i].Href = d.base + r.Href
	}
	return rooms
}

// sorry shows an error with the way on.
func (d *Desk) sorry(v visit, err error) {
	f := fault.Public(err)
	if f.Kind == fault.Internal && v.r.Context().Err() == nil {
		d.Log.Error("desk page failed", "code", f.Code, "cause", err)
	}
	title := map[fault.Kind]string{fault.NotFound: "This is not here, or not any more", fault.Forbidden: "This is not allowed",
		fault.Invalid: "This cannot be understood", fault.TooLarge: "This is too large for the desk",
		fault.Unavailable: "Somebody else does not answer now"}[f.Kind]
	if title == "" {
		title = "Something went wrong"
	}
	if err := d.show(v, d.Status(err), "sorry", title, "", f); err != nil {
		d.Log.Error("desk error page failed", "cause", err)
	}
}

// nowhere answers for paths that are no page.
func (d *Desk) nowhere(visit) error {
	return fault.New(fault.NotFound, "desk.no_page", "the desk has no such page")
}

func (d *Desk) redirect(v visit, path string) error {
	http.Redirect(v.w, v.r, d.base+path, http.StatusSeeOther)
	return nil
}

func (d *Desk) funcs() template.FuncMap {
	return template.FuncMap{
		"at":      func(path string) string { return d.base + path },
		"day":     func(t time.Time) string { return t.UTC().Format("2006-01-02") },
		"when":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" },
		"many":    many,
		"lastday": wire.LastDay,
		"reason":  func(code string) string { return reasonWords[code] },
		"stake":   stakeName,
		"add":     func(a, b int) int { return a + b },
		"list1":   func(n int) []int { return []int{n} },
	}
}

// many writes a number with its noun: "1 report", "3 reports".
func many(n any, one string) string {
	if fmt.Sprint(n) == "1" {
		return "1 " + one
	}
	return look.Number(n) + " " + one + "s"
}

func stakeName(s string) string { return strings.ReplaceAll(s, "-", " ") }
