package hub

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/web/look"
	"github.com/concord-trust/concord/wire"
)

const cookieName = "concord_session"

// token guards a form: it can be made only for this cookie.
func (s *Site) token(cookie string) string {
	mac := hmac.New(sha256.New, s.FormKey)
	mac.Write([]byte("concord form v1\x00" + cookie))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (s *Site) checkToken(r *http.Request, cookie string) bool {
	return hmac.Equal([]byte(r.PostFormValue("token")), []byte(s.token(cookie)))
}

// plain renders a page for somebody who is not signed in.
func (s *Site) plain(w http.ResponseWriter, status int, page, title string, body any) {
	err := s.pages.Render(w, status, page, look.Frame{Title: title, Site: s.Title, Icon: iconPath, Custody: wire.SingleCustody,
		Rooms: []look.Room{{Href: "/words", Name: "Words"}}, Body: body})
	if err != nil {
		s.Log.Error("page failed", "page", page, "cause", err)
	}
}

// welcomeBody is what a visitor learns before signing in.
type welcomeBody struct {
	Why     string
	Sectors []deliver.Sector
}

// welcome is what somebody sees who is not signed in.
func (s *Site) welcome(w http.ResponseWriter, status int, why string) {
	title := "Three sides share what they know of cybercrime here, each on its own terms"
	if why != "" || status == http.StatusUnauthorized {
		title = "Sign in to see this page"
	}
	s.plain(w, status, "welcome", title, welcomeBody{why, s.Deliver.Sectors})
}

// signinBody holds a code, or why there is none.
type signinBody struct {
	Code, Why string
	Out       bool // has just signed out
}

// signin shows a button rather than signing in at once: programs that look
// into links before a person does would use the link up.
func (s *Site) signin(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	body := signinBody{Code: q.Get("code"), Out: q.Get("out") != ""}
	title := "Sign in with a link from your own organisation"
	switch {
	case body.Out:
		title = "You are signed out"
	case body.Code != "":
		title = "One click signs you in on this device"
	}
	s.renderSignin(w, http.StatusOK, title, body)
}

func (s *Site) renderSignin(w http.ResponseWriter, status int, title string, body signinBody) {
	// The address holds the code: no page that is opened from here learns it.
	w.Header().Set("Referrer-Policy", "no-referrer")
	s.plain(w, status, "signin", title, body)
}

// foreign refuses a form that another site sent: it could sign somebody in as
// somebody else.
func (s *Site) foreign(w http.ResponseWriter, _ *http.Request) {
	s.plain(w, http.StatusForbidden, "sorry", "This form was sent from another site",
		sorryBody{Fault: fault.New(fault.Forbidden, "form.foreign", "nothing was done; open the link of your organisation in this browser and press its button")})
}

// maxForm is the largest form that these pages send, in bytes.
const maxForm = 1 << 16

func (s *Site) redeem(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	cookie, session, err := s.Door.Redeem(r.Context(), r.PostFormValue("code"))
	if err != nil {
		f := fault.Public(err)
		if f.Kind == fault.Internal {
			s.Log.Error("sign-in failed", "code", f.Code, "cause", err)
		}
		s.renderSignin(w, s.Status(err), "This link does not sign you in", signinBody{Why: f.Message})
		return
	}
	// Lax, not Strict: a link to an incident, followed from a letter, opens
	// it. What changes anything is a POST, and guarded by a token besides.
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: cookie, Path: "/", HttpOnly: true, Secure: s.Secure,
		SameSite: http.SameSiteLaxMode, Expires: session.Expires})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *Site) logout(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	c, err := r.Cookie(cookieName)
	if err != nil || !s.checkToken(r, c.Value) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	if err := s.Door.Logout(r.Context(), c.Value); err != nil {
		s.Log.Error("sign-out failed", "cause", err)
		s.plain(w, s.Status(err), "sorry", "You are still signed in", sorryBody{Fault: fault.Public(err)})
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode, MaxAge: -1})
	http.Redirect(w, r, "/signin?out=1", http.StatusSeeOther)
}

// sorryBody is an error with the ways on.
type sorryBody struct {
	Fault    *fault.Error
	Sectors  []deliver.Sector
	Purposes []look.Room
}

// sorry shows an error to somebody signed in, with the ways on.
func (s *Site) sorry(v visit, err error) {
	f := fault.Public(err)
	if f.Kind == fault.Internal && v.r.Context().Err() == nil {
		s.Log.Error("page failed", "code", f.Code, "cause", err)
	}
	body := sorryBody{Fault: f, Sectors: s.Deliver.MySectors(v.viewer)}
	for _, p := range v.session.Purposes {
		body.Purposes = append(body.Purposes, look.Room{Href: v.with("for", string(p)), Name: string(p)})
	}
	if err := s.show(v, view{page: "sorry", title: sorryTitle(f), status: s.Status(err), body: body}); err != nil {
		s.Log.Error("error page failed", "cause", err)
	}
}

func sorryTitle(f *fault.Error) string {
	switch f.Kind {
	case fault.NotFound:
		if strings.HasPrefix(f.Code, "sector.") {
			return "Your organisation does not take part in this sector"
		}
		return "There is nothing here that may be shown to you"
	case fault.Forbidden, fault.Unauthenticated:
		return "Your agreement does not allow this"
	case fault.Invalid, fault.TooLarge, fault.Usage:
		return "This address cannot be understood"
	case fault.Unavailable:
		return "The hub cannot answer just now"
	case fault.Gone:
		return "This was withdrawn, and its files are gone"
	}
	return "Something went wrong at our side"
}

// elsewhere answers for addresses that are no page, whoever asks, and for
// methods that a page does not take.
func (s *Site) elsewhere(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "This address is only for looking.", http.StatusMethodNotAllowed)
		return
	}
	s.sorry(s.perhapsKnown(w, r), fault.New(fault.NotFound, "page.not_found",
		"there is no page at this address; programs find theirs in /openapi.json"))
}

// perhapsKnown is the visit of somebody who need not have signed in.
func (s *Site) perhapsKnown(w http.ResponseWriter, r *http.Request) visit {
	if c, err := r.Cookie(cookieName); err == nil {
		if known, err := s.visit(w, r, c.Value); err == nil {
			return known
		}
	}
	return visit{w: w, r: r}
}

// words explains the vocabulary; anybody may read it.
func (s *Site) words(w http.ResponseWriter, r *http.Request) {
	if err := s.show(s.perhapsKnown(w, r), view{page: "words", title: "The words used here, and what they mean", kicker: "Words"}); err != nil {
		s.Log.Error("page failed", "page", "words", "cause", err)
	}
}
