package desk

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/web/look"
)

// How long the ways in stay open, and how many there are.
const (
	// LinkLife is how long a link that opens the desk can be used.
	LinkLife = 5 * time.Minute
	// sessionLife is the longest that a browser stays signed in, sessionIdle
	// how long after its last page.
	sessionLife = 12 * time.Hour
	sessionIdle = 2 * time.Hour
	maxLinks    = 8
	maxSessions = 8
	// linkEvery bounds how often somebody who is not signed in can have a
	// new link printed.
	linkEvery = 10 * time.Second
)

const cookieName = "concord_desk"

// door knows the open links and the signed-in browsers by the hashes of their
// codes and cookies. It forgets all when the process ends.
type door struct {
	mu       sync.Mutex
	links    map[[32]byte]time.Time // until when
	sessions map[[32]byte]*session
	printed  time.Time
}

// session is one browser at the desk.
type session struct {
	token         string // goes into every form
	created, seen time.Time

	mu    sync.Mutex
	notes []string // to be shown once
}

// note leaves a sentence for the next page.
func (s *session) note(sentence string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, sentence)
}

func (s *session) takeNotes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	notes := s.notes
	s.notes = nil
	return notes
}

// draw makes an unguessable text of 160 bits.
func (d *Desk) draw() (string, error) {
	var b [20]byte
	if _, err := io.ReadFull(d.Random, b[:]); err != nil {
		return "", fmt.Errorf("draw a secret of the desk: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:])), nil
}

// Open makes a link that opens the desk in one browser, once, within
// [LinkLife], and has it printed. Other users of the machine can reach the
// port but do not see the link, and without it they see no page.
//
// Cookies know no ports: what a browser keeps for 127.0.0.1 it sends to every
// port there, whoever listens. So the desk stands below a path that nobody can
// guess, and the cookie is bound to that path.
func (d *Desk) Open() error {
	code, err := d.draw()
	if err != nil {
		return err
	}
	now := d.Now()
	d.door.mu.Lock()
	if d.door.links == nil {
		d.door.links = map[[32]byte]time.Time{}
	}
	for hash, until := range d.door.links {
		if !now.Before(until) {
			delete(d.door.links, hash)
		}
	}
	full := len(d.door.links) >= maxLinks
	if !full {
		d.door.links[sha256.Sum256([]byte(code))] = now.Add(LinkLife)
	}
	d.door.printed = now
	d.door.mu.Unlock()
	if full {
		return fault.New(fault.Unavailable, "desk.links", "there are %d unused links already; use the last one that was printed", maxLinks)
	}
	d.Link("http://" + d.Address + d.base + "/open?code=" + code)
	return nil
}

// enter uses a link up and returns the cookie of a new session.
func (d *Desk) enter(code string) (string, error) {
	cookie, err := d.draw()
	if err != nil {
		return "", err
	}
	token, err := d.draw()
	if err != nil {
		return "", err
	}
	now := d.Now()
	d.door.mu.Lock()
	defer d.door.mu.Unlock()
	hash := sha256.Sum256([]byte(code))
	until, known := d.door.links[hash]
	delete(d.door.links, hash)
	if !known || !now.Before(until) {
		return "", fault.New(fault.Unauthenticated, "desk.link", "this link is unknown, used, or older than %d minutes; have a new one printed", int(LinkLife.Minutes()))
	}
	if d.door.sessions == nil {
		d.door.sessions = map[[32]byte]*session{}
	}
	if len(d.door.sessions) >= maxSessions {
		delete(d.door.sessions, d.door.idlest())
	}
	d.door.sessions[sha256.Sum256([]byte(cookie))] = &session{token: token, created: now, seen: now}
	return cookie, nil
}

func (o *door) idlest() (hash [32]byte) {
	var seen time.Time
	for h, s := range o.sessions {
		if seen.IsZero() || s.seen.Before(seen) {
			hash, seen = h, s.seen
		}
	}
	return hash
}

// session finds the browser that asks, or nil.
func (d *Desk) session(r *http.Request) *session {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	now := d.Now()
	d.door.mu.Lock()
	defer d.door.mu.Unlock()
	hash := sha256.Sum256([]byte(c.Value))
	s := d.door.sessions[hash]
	if s == nil {
		return nil
	}
	if now.Sub(s.created) >= sessionLife || now.Sub(s.seen) >= sessionIdle {
		delete(d.door.sessions, hash)
		return nil
	}
	s.seen = now
	return s
}

// ownHosts lists the names under which the desk answers. An address that is
// not on loopback is refused: what the desk shows is for this machine.
func ownHosts(address string) ([]string, error) {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || port == "0" || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fault.New(fault.Usage, "desk.not_loopback", "the desk shows reports as they are: it listens on loopback only (127.0.0.1:PORT)")
	}
	var hosts []string
	for _, name := range []string{"127.0.0.1", "localhost", "::1", host} {
		hosts = append(hosts, net.JoinHostPort(name, port))
		if port == "80" { // browsers leave it out
			hosts = append(hosts, strings.TrimSuffix(net.JoinHostPort(name, port), ":80"))
		}
	}
	return hosts, nil
}

// guard is what every request passes first: the host must be this machine's,
// so that no foreign name that was made to point here reads a page; what
// changes something must come from the desk's own pages.
func (d *Desk) guard(mux *http.ServeMux) http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "This was sent by another site, not by the desk's own pages; nothing was done.", http.StatusForbidden)
	}))
	pages := sameOrigin.Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		h := w.Header()
		h.Set("Cache-Control", "private, no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		rec := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		if !slices.Contains(d.hosts, strings.ToLower(r.Host)) {
			http.Error(rec, "The desk answers to this machine's own names only; open the link that the command printed.", http.StatusMisdirectedRequest)
		} else {
			pages.ServeHTTP(rec, r)
		}
		// The pattern, never the path: that holds the desk's secret.
		d.Log.Debug("desk request", "pattern", strings.Replace(r.Pattern, d.base, "", 1), "status", rec.status, "took", time.Since(start).Round(time.Microsecond))
	})
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the writer below.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// locked is what anybody sees who is not signed in: nothing.
func (d *Desk) locked(w http.ResponseWriter, r *http.Request) {
	d.lockedPage(w, http.StatusForbidden, "")
}

func (d *Desk) lockedPage(w http.ResponseWriter, status int, why string) {
	err := d.pages.Render(w, status, "locked", look.Frame{Title: "This desk opens with a link from its terminal", Site: siteName, Icon: iconPath, Body: why})
	if err != nil {
		d.Log.Error("desk page failed", "cause", err)
	}
}

// newLink has a new link printed at the terminal. Anybody on the machine may
// ask for it; only who reads the terminal can use it.
func (d *Desk) newLink(w http.ResponseWriter, r *http.Request) {
	d.door.mu.Lock()
	soon := d.Now().Sub(d.door.printed) < linkEvery
	d.door.mu.Unlock()
	if soon {
		d.lockedPage(w, http.StatusTooManyRequests, "A link was printed a moment ago; look at the terminal, or ask again in ten seconds.")
		return
	}
	if err := d.Open(); err != nil {
		d.lockedPage(w, d.Status(err), fault.Public(err).Message)
		return
	}
	d.lockedPage(w, http.StatusOK, "A new link was printed at the terminal in which `concord member serve` runs.")
}

// opening shows a button rather than opening at once: the cookie is then set
// by the desk's own page, and a program that looks into links first uses
// nothing up.
func (d *Desk) opening(w http.ResponseWriter, r *http.Request) {
	err := d.pages.Render(w, http.StatusOK, "open", look.Frame{Title: "Open the desk in this browser", Site: siteName, Base: d.base, Icon: iconPath, Body: r.URL.Query().Get("code")})
	if err != nil {
		d.Log.Error("desk page failed", "cause", err)
	}
}

func (d *Desk) open(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<12)
	cookie, err := d.enter(r.PostFormValue("code"))
	if err != nil {
		d.lockedPage(w, d.Status(err), fault.Public(err).Message)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: cookie, Path: d.base + "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, d.base+"/", http.StatusSeeOther)
}

// logout ends the session and forgets its drafts.
func (d *Desk) logout(v visit) error {
	c, err := v.r.Cookie(cookieName)
	if err != nil {
		return err
	}
	d.door.mu.Lock()
	delete(d.door.sessions, sha256.Sum256([]byte(c.Value)))
	d.door.mu.Unlock()
	d.drafts.dropAll(v.session)
	http.SetCookie(v.w, &http.Cookie{Name: cookieName, Path: d.base + "/", HttpOnly: true, MaxAge: -1})
	http.Redirect(v.w, v.r, "/", http.StatusSeeOther)
	return nil
}
