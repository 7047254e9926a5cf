package httpapi

import (
	"context"
	"encoding/csv"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/analyse"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/hub/reconcile"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// Desk takes contributions; hub/receive.Desk.
type Desk interface {
	Receive(ctx context.Context, envelope []byte) (receipt []byte, err error)
}

// Door says who is asking; hub/admit.Door.
type Door interface {
	Offer(ctx context.Context, code string) (agreement.Agreement, error)
	Renew(ctx context.Context, signed []byte) (countersigned []byte, err error)
	RenewalOffer(ctx context.Context, s admit.Standing) (agreement.Agreement, error)
	OrdersFor(ctx context.Context, s admit.Standing) ([]admit.Order, error)
	Join(ctx context.Context, code string, signed []byte) (countersigned []byte, err error)
	Authenticate(ctx context.Context, credential, scope string) (admit.Standing, error)
	LoginLink(ctx context.Context, m wire.MemberID, person string, purposes []member.Purpose) (code string, expires time.Time, err error)
}

// Matcher says what a contribution gives back.
type Matcher interface {
	Matches(ctx context.Context, m wire.MemberID, c wire.ContributionID) (wire.Matches, error)
}

// Hub is what a hub serves. Its fields are set once.
type Hub struct {
	Info    func() wire.HubInfo
	Desk    Desk
	Door    Door
	Matcher Matcher
	Deliver *deliver.Room
	// Tokens makes tokens for tools, and TAXIIURL says where they ask; nil
	// where there are none.
	Tokens   TokenDoor
	TAXIIURL func() string
	// Feed serves MISP instances, and FeedURL says where; nil where nobody does.
	Feed    Feed
	FeedURL func() string
	// Webhooks keeps members' webhooks; nil where there are none.
	Webhooks Webhooks
	// Recalls destroys reports; nil where nothing is taken back.
	Recalls Recalls
	// Reconcile keeps requests; nil where there are none.
	Reconcile *reconcile.Room
	Standards func(standard.Ref) (*standard.Standard, error)
	// SignInURL makes of a code the link that signs a person in.
	SignInURL func(code string) string
	// Ready says whether the hub can do its work: see node.
	Ready func(ctx context.Context) error
	Log   *slog.Logger
}

// Caller is what every authenticated request carries.
type Caller struct {
	Authorization string `header:"Authorization" doc:"Concord CREDENTIAL: made by the member's key for this one request"`
	For           string `query:"for" doc:"the purpose of the answer; by default the first that the agreement allows" enum:"defend,investigate,study,benchmark,supervise,publish"`
}

// body is an answer in JSON. Only what deliver minted fits.
type body[T any] struct {
	CacheControl string `header:"Cache-Control"`
	Body         T
}

func answer[T any](a deliver.Answer[T], err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{"private, no-store", a.Body()}, nil
}

// plain is an answer that no report stands behind.
func plain[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{"no-store", v}, nil
}

// Register adds the hub's interface to mux and returns its description.
func (h *Hub) Register(mux *http.ServeMux) huma.API {
	config := huma.DefaultConfig("Concord hub", "1.0")
	config.DocsPath = "" // the documentation page would ask other hosts for scripts
	config.SchemasPath = "/schemas"
	config.CreateHooks = nil // no $schema links in answers
	config.Info.Description = "What members and recipients of a Concord hub ask of it. Errors are RFC 9457 problem documents with a stable `code`."
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"member": {Type: "apiKey", In: "header", Name: "Authorization", Description: "`Concord CREDENTIAL`: signed by the member's key, for one request, for two minutes."},
	}
	config.Transformers = append(config.Transformers, ownProblems)
	config.Formats = map[string]huma.Format{"application/json": plainJSON, "json": plainJSON}
	api := humago.New(mux, config)
	h.registerEdge(api)
	h.registerAgreement(api)
	h.registerAnswers(api)
	if h.Tokens != nil {
		h.registerTokens(api)
	}
	if h.Webhooks != nil {
		h.registerWebhooks(api)
	}
	if h.Recalls != nil {
		h.registerRecalls(api)
	}
	if h.Reconcile != nil {
		h.registerReconcile(api)
	}
	h.registerFiles(mux)
	describeFiles(api)
	if h.Feed != nil {
		h.registerFeed(mux)
		describeFeed(api)
	}
	finish(api)
	for _, machines := range []string{"/v1/", "/feeds/", "/schemas/"} {
		mux.HandleFunc(machines, elsewhere(mux, h.Log))
	}
	return api
}

var signed = []map[string][]string{{"member": {}}}

// at describes an operation.
func at(method, path, id, summary string, more ...func(*huma.Operation)) huma.Operation {
	op := huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, MaxBodyBytes: maxBody,
		Errors: []int{400, 401, 403, 404, 503}}
	for _, m := range more {
		m(&op)
	}
	return op
}

func asMember(op *huma.Operation) { op.Security = signed }

// wrap turns every error of a handler into a problem document.
func wrap[I, O any](h *Hub, f func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, in *I) (*O, error) {
		out, err := f(ctx, in)
		if err != nil {
			return nil, problem(h.Log, err)
		}
		return out, nil
	}
}

func (h *Hub) standing(ctx context.Context, header, scope string) (admit.Standing, error) {
	cred, err := credential(header)
	if err != nil {
		return admit.Standing{}, err
	}
	return h.Door.Authenticate(ctx, cred, scope)
}

// viewer authenticates a reading request and holds its purpose to the
// agreement.
func (h *Hub) viewer(ctx context.Context, c Caller) (member.Viewer, error) {
	s, err := h.standing(ctx, c.Authorization, ScopeRead)
	if err != nil {
		return member.Viewer{}, err
	}
	purpose := member.Purpose(c.For)
	if purpose == "" {
		allowed := s.Purposes()
		if len(allowed) == 0 {
			return member.Viewer{}, fault.New(fault.Forbidden, "purpose.none", "your agreement allows no purpose")
		}
		purpose = allowed[0]
	}
	return s.Viewer(purpose)
}

// Signed describes a DSSE envelope; package envelope reads it.
type Signed struct {
	Payload     string `json:"payload" contentEncoding:"base64"`
	PayloadType string `json:"payloadType"`
	Signatures  []struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig" contentEncoding:"base64"`
	} `json:"signatures"`
}

// rawJSON is a body of bytes that are JSON already.
type rawJSON struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (h *Hub) registerEdge(api huma.API) {
	huma.Register(api, at("GET", "/v1/hub", "hub", "What the hub says about itself: keys, sectors, stewards"),
		wrap(h, func(context.Context, *struct{}) (*body[wire.HubInfo], error) { return plain(h.Info(), nil) }))

	huma.Register(api, at("POST", "/v1/invitation", "invitation", "The agreement that an invitation offers, to be completed and signed", taking[wire.InvitationRequest](api, maxBody)),
		wrap(h, func(ctx context.Context, in *sent) (*rawJSON, error) {
			ask, err := read[wire.InvitationRequest](in.RawBody)
			if err != nil {
				return nil, err
			}
			offer, err := h.Door.Offer(ctx, ask.Code)
			if err != nil {
				return nil, err
			}
			text, err := wire.Canonical(offer)
			return &rawJSON{"application/json", text}, err
		}))

	huma.Register(api, at("POST", "/v1/agreement", "renew", "Renew the agreement: signed by the member's key", taking[wire.RenewRequest](api, maxBody)),
		wrap(h, func(ctx context.Context, in *sent) (*body[wire.JoinResponse], error) {
			ask, err := read[wire.RenewRequest](in.RawBody)
			if err != nil {
				return nil, err
			}
			both, err := h.Door.Renew(ctx, ask.Agreement)
			return plain(wire.JoinResponse{Agreement: both}, err)
		}))

	huma.Register(api, at("POST", "/v1/join", "join", "Join with an invitation and a signed agreement", taking[wire.JoinRequest](api, maxBody)),
		wrap(h, func(ctx context.Context, in *sent) (*body[wire.JoinResponse], error) {
			ask, err := read[wire.JoinRequest](in.RawBody)
			if err != nil {
				return nil, err
			}
			both, err := h.Door.Join(ctx, ask.Code, ask.Agreement)
			return plain(wire.JoinResponse{Agreement: both}, err)
		}))

	huma.Register(api, at("POST", "/v1/contributions", "submit", "Deliver an envelope (DSSE, sealed to the hub); answers with the signed receipt", taking[Signed](api, MaxEnvelope)),
		wrap(h, func(ctx context.Context, in *sent) (*rawJSON, error) {
			receipt, err := h.Desk.Receive(ctx, in.RawBody)
			if err != nil {
				return nil, err
			}
			return &rawJSON{"application/json", receipt}, nil
		}))

	huma.Register(api, at("GET", "/v1/contributions/{id}/matches", "matches", "What a contribution gives back, in bands", asMember),
		wrap(h, func(ctx context.Context, in *struct {
			Authorization string `header:"Authorization"`
			ID            string `path:"id"`
		}) (*body[wire.Matches], error) {
			s, err := h.standing(ctx, in.Authorization, ScopeRead)
			if err != nil {
				return nil, err
			}
			m, err := h.Matcher.Matches(ctx, s.Member().ID, wire.ContributionID(in.ID))
			return plain(m, err)
		}))

	huma.Register(api, at("POST", "/v1/login", "login", "Make a one-use sign-in link for one of the member's people", asMember, taking[wire.LoginRequest](api, maxBody)),
		wrap(h, func(ctx context.Context, in *struct {
			sent
			Authorization string `header:"Authorization"`
		}) (*body[wire.LoginLink], error) {
			s, err := h.standing(ctx, in.Authorization, ScopeLogin)
			if err != nil {
				return nil, err
			}
			ask, err := read[wire.LoginRequest](in.RawBody)
			if err != nil {
				return nil, err
			}
			purposes := make([]member.Purpose, len(ask.Purposes))
			for i, p := range ask.Purposes {
				purposes[i] = member.Purpose(p)
			}
			code, expires, err := h.Door.LoginLink(ctx, s.Member().ID, ask.Person, purposes)
			if err != nil {
				return nil, err
			}
			return plain(wire.LoginLink{URL: h.SignInURL(code), Expires: expires.Format(time.RFC3339)}, nil)
		}))
}

// Paging selects a page of a list.
type Paging struct {
	Before string `query:"before" doc:"the cursor that the page before gave as next"`
	Limit  int    `query:"limit" minimum:"1" maximum:"50" default:"50"`
}

// InSector selects a sector's list.
type InSector struct {
	Caller
	Paging
	Sector string `path:"sector"`
}

func (h *Hub) registerAnswers(api huma.API) {
	huma.Register(api, at("GET", "/v1/sectors/{sector}/picture", "picture", "What happens in a sector: findings and protected tables", asMember),
		wrap(h, func(ctx context.Context, in *InSector) (*body[deliver.PictureView], error) {
			v, err := h.viewer(ctx, in.Caller)
			if err != nil {
				return nil, err
			}
			return answer(h.Deliver.Picture(ctx, v, in.Sector))
		}))
	huma.Register(api, at("GET", "/v1/sectors/{sector}/statistics/{name}", "statistic", "One protected table", asMember),
		wrap(h, func(ctx context.Context, in *struct {
			InSector
			Name string `path:"name"`
		}) (*body[analyse.Table], error) {
			v, err := h.viewer(ctx, in.Caller)
			if err != nil {
				return nil, err
			}
			return answer(h.Deliver.Table(ctx, v, in.Sector, in.Name))
		}))
	huma.Register(api, at("GET", "/v1/sectors/{sector}/incidents", "incidents", "A sector's incidents, as far as you may see them, newest first", asMember),
		wrap(h, func(ctx context.Context, in *InSector) (*body[deliver.Page[deliver.IncidentSummary]], error) {
			v, err := h.viewer(ctx, in.Caller)
			if err != nil {
				return nil, err
			}
			return answer(h.Deliver.Incidents(ctx, v, in.Sector, in.Before, in.Limit))
		}))
	huma.Register(api, at("GET", "/v1/incidents/{id}", "incident", "One incident: who (by stake) says what, why it is joined, and what is withheld", asMember),
		wrap(h, func(ctx context.Context, in *struct {
			Caller
			ID string `path:"id"`
		}) (*body[deliver.IncidentView], error) {
			v, err := h.viewer(ctx, in.Caller)
			if err != nil {
				return nil, err
			}
			return answer(h.Deliver.Incident(ctx, v, wire.IncidentID(in.ID)))
		}))
	huma.Register(api, at("GET", "/v1/sectors/{sector}/campaigns", "campaigns", "A sector's campaigns, newest first", asMember),
		wrap(h, func(ctx context.Context, in *InSector) (*body[deliver.Page[deliver.CampaignView]], error) {
			v, err := h.viewer(ctx, in.Caller)
			if err != nil {
				return nil, err
			}
			return answer(h.Deliver.Campaigns(ctx, v, in.Sector, in.Before, in.Limit))
		}))
	huma.Register(api, at("GET", "/v1/campaigns/{id}", "campaign", "One campaign and what ties it", asMember),
		wrap(h, func(ctx context.Context, in *struct {
			Caller
			ID string `path:"id"`
		}) (*body[deliver.CampaignView], error) {
			v, err := h.viewer(ctx, in.Caller)
			if err != nil {
				return nil, err
			}
			return answer(h.Deliver.Campaign(ctx, v, wire.CampaignID(in.ID)))
		}))
	huma.Register(api, at("GET", "/v1/sectors/{sector}/releases", "releases", "A sector's releases, newest first", asMember),
		wrap(h, func(ctx context.Context, in *struct {
			Caller
			Sector string `path:"sector"`
		}) (*body[deliver.Page[deliver.ReleaseView]], error) {
			v, err := h.viewer(ctx, in.Caller)
			if err != nil {
				return nil, err
			}
			all, err := h.Deliver.ReleasesOf(ctx, v, in.Sector)
			return answer(deliver.OnePage(all), err)
		}))
	huma.Register(api, at("GET", "/v1/releases/{id}", "release", "One release: how it was made, what was lost, how to cite it", asMember),
		wrap(h, func(ctx context.Context, in *struct {
			Caller
			ID string `path:"id"`
		}) (*body[deliver.ReleaseView], error) {
			v, err := h.viewer(ctx, in.Caller)
			if err != nil {
				return nil, err
			}
			return answer(h.Deliver.Release(ctx, v, wire.ReleaseID(in.ID)))
		}))
	huma.Register(api, at("GET", "/v1/me/reports", "my-reports", "Your own reports: what became of them", asMember),
		wrap(h, func(ctx context.Context, in *struct {
			Caller
			Paging
		}) (*body[deliver.Page[deliver.ContributionView]], error) {
			v, err := h.viewer(ctx, in.Caller)
			if err != nil {
				return nil, err
			}
			before, err := cursor(in.Before)
			if err != nil {
				return nil, err
			}
			return answer(h.Deliver.Contributions(ctx, v, before, in.Limit))
		}))
}

func cursor(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.New(fault.Invalid, "page.cursor", "this is no cursor; leave before out for the first page, and follow next from there")
	}
	return n, nil
}

// registerFiles adds what is fetched as files rather than as JSON.
func (h *Hub) registerFiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/releases/{id}/files/{name}", h.file(func(w http.ResponseWriter, r *http.Request, v member.Viewer) error {
		a, err := h.Deliver.ReleaseFile(r.Context(), v, wire.ReleaseID(r.PathValue("id")), r.PathValue("name"))
		if err != nil {
			return err
		}
		WriteContent(w, a)
		return nil
	}))
	mux.HandleFunc("GET /feeds/indicators.csv", h.file(func(w http.ResponseWriter, r *http.Request, v member.Viewer) error {
		sector := r.URL.Query().Get("sector")
		if sector == "" {
			if mine := h.Deliver.MySectors(v); len(mine) > 0 {
				sector = mine[0].Name
			}
		}
		a, err := h.Deliver.Indicators(r.Context(), v, sector)
		if err != nil {
			return err
		}
		return WriteIndicators(w, a)
	}))
	mux.HandleFunc("GET /v1/standards/{name}/{version}", func(w http.ResponseWriter, r *http.Request) {
		std, err := h.Standards(standard.Ref(r.PathValue("name") + "/" + r.PathValue("version")))
		if err != nil {
			WriteProblem(w, h.Log, err)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		if err := std.Codebook(w, "html"); err != nil {
			h.Log.Error("codebook", "cause", err)
		}
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", readyz("hub", h.Ready, h.Log))
}

// readyz answers whether a node can do its work now. Whoever asks is told the
// code of what is wrong, and the operator's log the rest.
func readyz(role string, ready func(context.Context) error, log *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := ready(r.Context()); err != nil {
			code := fault.Public(err).Code
			log.Warn("not ready", "code", code, "cause", err)
			WriteProblem(w, log, fault.New(fault.Unavailable, role+".not_ready", "the %s is not ready: %s", role, code).Because(err))
			return
		}
		io.WriteString(w, "ready\n") //nolint:errcheck // the peer is gone; nothing is left to do
	}
}

// describeFiles adds to the description what registerFiles serves.
func describeFiles(api huma.API) {
	text := textParam
	add := func(op huma.Operation, media string, params ...*huma.Param) { describe(api, op, media, params...) }
	purpose := text("for", "query", "the purpose of the answer; by default the first that the agreement allows", false)
	add(at("GET", "/v1/releases/{id}/files/{name}", "release-file", "One file of a release", asMember), "application/octet-stream",
		text("id", "path", "the release", true), text("name", "path", "as the release lists it", true), purpose)
	add(at("GET", "/feeds/indicators.csv", "indicators", "Indicators as CSV: value, type, last seen, members in bands, TLP, PAP, the day by which copies are deleted", asMember), "text/csv",
		text("sector", "query", "by default the first of your sectors", false), purpose)
	add(at("GET", "/v1/standards/{name}/{version}", "codebook", "The codebook of a standard, as a page"), "text/html",
		text("name", "path", "for example finance", true), text("version", "path", "for example 1.0", true))
	add(at("GET", "/healthz", "health", "Whether the process is up"), "text/plain")
	add(at("GET", "/readyz", "readiness", "Whether the record can be written, its schema is known and the clock is right"), "text/plain")
}

// describe adds an operation whose answer is a file.
func describe(api huma.API, op huma.Operation, media string, params ...*huma.Param) {
	op.Parameters = params
	op.Responses = map[string]*huma.Response{
		"200":     {Description: "OK", Content: map[string]*huma.MediaType{media: {}}},
		"default": {Description: "Error", Content: map[string]*huma.MediaType{"application/problem+json": {}}},
	}
	op.Errors = nil
	api.OpenAPI().AddOperation(&op)
}

func textParam(name, in, doc string, required bool) *huma.Param {
	return &huma.Param{Name: name, In: in, Description: doc, Required: required, Schema: &huma.Schema{Type: huma.TypeString}}
}

func (h *Hub) file(f func(http.ResponseWriter, *http.Request, member.Viewer) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := h.viewer(r.Context(), Caller{Authorization: r.Header.Get("Authorization"), For: r.URL.Query().Get("for")})
		if err == nil {
			err = f(w, r, v)
		}
		if err != nil {
			WriteProblem(w, h.Log, err)
		}
	}
}

// WriteContent answers with a file that deliver minted.
func WriteContent(w http.ResponseWriter, a deliver.Answer[deliver.Content]) {
	c := a.Body()
	w.Header().Set("Content-Type", c.MediaType)
	w.Header().Set("Content-Disposition", "attachment; filename="+strconv.Quote(c.Name))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Digest", "sha-256="+c.SHA256)
	w.Header().Set("Cache-Control", "private, no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(c.Data)))
	w.Write(c.Data) //nolint:errcheck // the peer is gone; nothing is left to do
}

// WriteIndicators answers with the indicator feed as CSV (RFC 4180): value,
// type, last seen (date or month), members (band), TLP, PAP, and the day by which
// copies are deleted, empty if they may be kept. Columns are only ever added at
// the end.
func WriteIndicators(w http.ResponseWriter, a deliver.Answer[[]deliver.IndicatorRow]) error {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="indicators.csv"`)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "private, no-store")
	out := csv.NewWriter(w)
	if err := out.Write([]string{"value", "type", "last_seen", "members", "tlp", "pap", "delete_by"}); err != nil {
		return err
	}
	for _, i := range a.Body() {
		if err := out.Write([]string{i.Value, i.Type, i.LastSeen, i.Members, i.TLP, i.PAP, i.DeleteBy}); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
