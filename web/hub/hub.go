// Package hub serves the pages of the third party: what a person who signed
// in may see, as sentences with numbers first and the evidence after.
//
//	cookie ──Door──▶ viewer, purpose ──deliver──▶ Answer ──▶ page, CSV, JSON or SVG
//
// No page has a field in which a report could be typed: that is the member's
// own desk (web/desk). Everything works without script, and every choice that
// a person makes on a page stands in its address.
package hub

import (
	"context"
	"embed"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/hub/reconcile"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/web/look"
	"github.com/concord-trust/concord/wire"
)

//go:embed pages/*.html
var pages embed.FS

// Door is the way in for people; hub/admit.Door.
type Door interface {
	Redeem(ctx context.Context, code string) (cookie string, s admit.Session, err error)
	Session(ctx context.Context, cookie string) (admit.Session, admit.Standing, error)
	Viewer(ctx context.Context, cookie string, p member.Purpose) (member.Viewer, admit.Session, error)
	Logout(ctx context.Context, cookie string) error
	OrdersFor(ctx context.Context, s admit.Standing) ([]admit.Order, error)
}

// Site is the hub's pages. Its fields are set once.
type Site struct {
	Title   string
	Door    Door
	Deliver *deliver.Room
	// Reconcile keeps what members request.
	Reconcile *reconcile.Room
	Standards func(standard.Ref) (*standard.Standard, error)
	// FormKey keys the tokens that guard forms against forgery.
	FormKey []byte
	// Secure marks cookies for https only.
	Secure bool
	Log    *slog.Logger
	// Status maps an error to an HTTP status; httpapi.Status.
	Status func(error) int

	pages *look.Pages
}

// Register adds the pages to mux.
func (s *Site) Register(mux *http.ServeMux) error {
	folder, err := fs.Sub(pages, "pages")
	if err != nil {
		return err
	}
	if s.pages, err = look.Load(folder, s.funcs()); err != nil {
		return err
	}
	for pattern, f := range map[string]func(visit) error{
		"GET /{$}":                                s.home,
		"GET /sectors/{sector}":                   s.picture,
		"GET /sectors/{sector}/statistics":        s.statistics,
		"GET /sectors/{sector}/statistics/{file}": s.statistic,
		"GET /sectors/{sector}/incidents":         s.incidents,
		"GET /incidents/{id}":                     s.incident,
		"GET /sectors/{sector}/campaigns":         s.campaigns,
		"GET /campaigns/{id}":                     s.campaign,
		"GET /sectors/{sector}/indicators":        s.indicators,
		"GET /sectors/{sector}/releases":          s.releases,
		"GET /releases/{id}":                      s.release,
		"GET /releases/{id}/{name}":               s.releaseFile,
		"GET /mine":                               s.mine,
		"GET /mine/{contribution}/receipt.json":   s.receipt,
		"GET /mine/recalls/{recall}/receipt.json": s.recallReceipt,
		"GET /notices":                            s.notices,
		"GET /terms":                              s.terms,
		"GET /reconcile":                          s.reconciled,
	} {
		mux.Handle(pattern, s.guard(s.page(f)))
	}
	mux.Handle("GET /words", s.guard(s.words))
	mux.Handle("GET /signin", s.guard(s.signin))
	own := http.NewCrossOriginProtection()
	own.SetDenyHandler(s.guard(s.foreign))
	mux.Handle("POST /signin", own.Handler(s.guard(s.redeem)))
	mux.Handle("POST /logout", own.Handler(s.guard(s.logout)))
	mux.Handle("POST /notices", own.Handler(s.guard(s.page(s.confirm))))
	mux.Handle("/", s.guard(s.elsewhere))
	mux.HandleFunc("GET "+iconPath, look.Icon)
	return nil
}

const iconPath = "/favicon.svg"

// guard sets what must hold of every answer; a page replaces the policy with
// its own.
func (s *Site) guard(f http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "private, no-store")
		if s.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		f(w, r)
	})
}

// visit is one request of somebody who signed in.
type visit struct {
	w        http.ResponseWriter
	r        *http.Request
	viewer   member.Viewer
	session  admit.Session
	standing admit.Standing
	cookie   string
}

// page wraps a handler with sign-in, purpose and errors.
func (s *Site) page(f func(v visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(cookieName)
		if err != nil {
			status := http.StatusUnauthorized
			if r.URL.Path == "/" {
				status = http.StatusOK
			}
			s.welcome(w, status, "")
			return
		}
		v, err := s.visit(w, r, c.Value)
		if fault.KindOf(err) == fault.Unauthenticated {
			s.welcome(w, http.StatusUnauthorized, fault.Public(err).Message)
			return
		}
		if err == nil {
			err = f(v)
		}
		if err != nil {
			s.sorry(v, err)
		}
	}
}

// visit finds who asks and for which purpose: the one named in the URL, else
// the first of the session's.
func (s *Site) visit(w http.ResponseWriter, r *http.Request, cookie string) (visit, error) {
	v := visit{w: w, r: r, cookie: cookie}
	var err error
	if v.session, v.standing, err = s.Door.Session(r.Context(), cookie); err != nil {
		return v, err
	}
	purpose := member.Purpose(r.URL.Query().Get("for"))
	if purpose == "" {
		purpose = first(v.session.Purposes)
	}
	viewer, _, err := s.Door.Viewer(r.Context(), cookie, purpose)
	if err != nil {
		v.viewer = member.Viewer{Member: v.standing.Member()}
		return v, err
	}
	v.viewer = viewer
	return v, nil
}

// first chooses the purpose that a stake mostly comes for.
func first(ps []member.Purpose) member.Purpose {
	for _, p := range []member.Purpose{member.Investigate, member.Defend, member.Study} {
		if slices.Contains(ps, p) {
			return p
		}
	}
	if len(ps) > 0 {
		return ps[0]
	}
	return ""
}

// view is a page to be shown.
type view struct {
	page string // the template
	// title says what the page found; kicker what it is.
	title, kicker string
	sector        string // "" for a page of no sector
	status        int    // 0 for 200
	body          any
}

// show renders a page within the frame.
func (s *Site) show(v visit, p view) error {
	if p.status == 0 {
		p.status = http.StatusOK
	}
	return s.pages.Render(v.w, p.status, p.page, look.Frame{
		Title: p.title, Site: s.Title, Kicker: p.kicker, Icon: iconPath,
		Rooms: s.rooms(v), Place: s.place(v, p.sector), For: v.kept(),
		Person: v.session.Person, Member: v.viewer.Member.Name, Token: s.token(v.cookie),
		Custody: wire.SingleCustody, Body: p.body,
	})
}

// kept is the purpose that links must carry on: none if it is the session's
// first, which is meant anyway.
func (v visit) kept() string {
	if p := v.viewer.Purpose; p != "" && p != first(v.session.Purposes) {
		return string(p)
	}
	return ""
}

// to is a link that keeps the purpose.
func (v visit) to(path string) string { return look.Frame{For: v.kept()}.To(path) }

// rooms is the navigation beside the sectors.
func (s *Site) rooms(v visit) []look.Room {
	if v.viewer.Member.ID == "" {
		return []look.Room{{Href: "/", Name: "Sign in", Current: v.r.URL.Path == "/"}, {Href: "/words", Name: "Words", Current: v.r.URL.Path == "/words"}}
	}
	rooms := []look.Room{{Href: "/", Name: "Sectors"}, {Href: "/mine", Name: "My contributions"}, {Href: "/terms", Name: myTerms(v)}, {Href: "/reconcile", Name: "Reconcile"}, {Href: "/notices", Name: "Taken back"}, {Href: "/words", Name: "Words"}}
	for i := range rooms {
		rooms[i].Current = rooms[i].Href == v.r.URL.Path
		rooms[i].Href = v.to(rooms[i].Href)
	}
	return rooms
}

// sectorRooms are the pages of every sector, as path and name.
var sectorRooms = [][2]string{{"", "Picture"}, {"/statistics", "Statistics"}, {"/incidents", "Incidents"}, {"/campaigns", "Campaigns"}, {"/indicators", "Indicators"}, {"/releases", "Releases"}}

// place is the navigation within a sector, and between the person's sectors
// and purposes.
func (s *Site) place(v visit, sector string) *look.Place {
	if sector == "" {
		return nil
	}
	p := &look.Place{}
	at := "" // the room at hand, to be kept on the way to another sector
	for _, r := range sectorRooms {
		base := "/sectors/" + sector + r[0]
		here := v.r.URL.Path == base || r[0] != "" && strings.HasPrefix(v.r.URL.Path, base+"/") ||
			strings.HasPrefix(v.r.URL.Path, r[0]+"/") && r[0] != ""
		if here {
			at = r[0]
		}
		p.Rooms = append(p.Rooms, look.Room{Href: v.to(base), Name: r[1], Current: here})
	}
	for _, other := range s.Deliver.MySectors(v.viewer) {
		if other.Name == sector {
			p.Name = other.Title
		} else {
			p.Others = append(p.Others, look.Room{Href: v.to("/sectors/" + other.Name + at), Name: other.Title})
		}
	}
	for _, purpose := range v.session.Purposes {
		p.Purposes = append(p.Purposes, look.Room{Href: v.with("for", string(purpose)), Name: string(purpose), Current: purpose == v.viewer.Purpose})
	}
	return p
}

// sector finds the sector of the address among the person's own.
func (s *Site) sector(v visit) (deliver.Sector, error) {
	return s.Deliver.Sector(v.viewer, v.r.PathValue("sector"))
}

// title of a sector of the person's.
func (s *Site) sectorTitle(v visit, name string) string {
	if sector, err := s.Deliver.Sector(v.viewer, name); err == nil {
		return sector.Title
	}
	return name
}

// standardOf is the standard of a sector by the person's agreement.
func (s *Site) standardOf(v visit, sector string) (*standard.Standard, error) {
	return s.Standards(v.standing.Agreement().Standards[sector])
}

func (s *Site) funcs() template.FuncMap {
	return template.FuncMap{
		"stake": func(s string) string { return stakeName(s) }, "form": formName, "bands": bandWords, "date": dateWords,
		"many": many, "percent": percent, "time": moment, "upper": upperFirst,
		"stakes": stakeNames, "reporting": reporting, "contributor": contributorName,
		"add": func(a, b int) int { return a + b },
	}
}
