package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/reconcile"
	"github.com/concord-trust/concord/wire"
)

// ScopeRequest is for filing and withdrawing requests, and answering offers.
const ScopeRequest = "request"

// Requests lists a member's own requests.
type Requests struct {
	Requests []reconcile.RequestView `json:"requests"`
}

// Offers lists requests that concern a member as a contributor, with what
// offers ask of it.
type Offers struct {
	Requests []reconcile.ToMe `json:"requests"`
}

// Filed says under which id a request was filed, and when.
type Filed struct {
	ID    wire.RequestID `json:"id"`
	Filed time.Time      `json:"filed"`
}

// Done says that something is noted.
type Done struct {
	Noted bool `json:"noted"`
}

func (h *Hub) registerReconcile(api huma.API) {
	huma.Register(api, at("GET", "/v1/reconcile", "reconcile", "What is wanted and what flows between stakes, in bands and in time; with names for a mediator", asMember, h.courseAsTable),
		wrap(h, func(ctx context.Context, in *struct {
			Signer
			Format string `query:"format" enum:"json,csv" doc:"csv: the course from day to day as a table"`
		}) (*body[reconcile.Overview], error) {
			s, err := h.standing(ctx, in.Authorization, ScopeRead)
			if err != nil {
				return nil, err
			}
			return private(h.Reconcile.Overview(ctx, s))
		}))
	huma.Register(api, at("GET", "/v1/requests", "requests", "Your own open requests: what flows of them, and who blocks, in bands", asMember),
		wrap(h, func(ctx context.Context, in *Signer) (*body[Requests], error) {
			s, err := h.standing(ctx, in.Authorization, ScopeRead)
			if err != nil {
				return nil, err
			}
			all, err := h.Reconcile.Mine(ctx, s)
			return private(Requests{all}, err)
		}))
	huma.Register(api, at("POST", "/v1/requests", "request", "File a request", asMember, taking[wire.RequestFiling](api, maxBody)),
		wrap(h, func(ctx context.Context, in *struct {
			sent
			Authorization string `header:"Authorization"`
		}) (*body[Filed], error) {
			s, err := h.standing(ctx, in.Authorization, ScopeRequest)
			if err != nil {
				return nil, err
			}
			ask, err := read[wire.RequestFiling](in.RawBody)
			if err != nil {
				return nil, err
			}
			f, err := h.Reconcile.File(ctx, s, ask.Request)
			return private(Filed{f.ID, f.At}, err)
		}))
	huma.Register(api, at("DELETE", "/v1/requests/{id}", "request-withdraw", "Withdraw a request of your own", asMember),
		wrap(h, func(ctx context.Context, in *struct {
			Signer
			ID string `path:"id"`
		}) (*body[Done], error) {
			s, err := h.standing(ctx, in.Authorization, ScopeRequest)
			if err != nil {
				return nil, err
			}
			return private(Done{true}, h.Reconcile.Withdraw(ctx, s, wire.RequestID(in.ID)))
		}))
	huma.Register(api, at("GET", "/v1/offers", "offers", "The open requests that concern you as a contributor: what your own clauses make of them, and what offers ask of you", asMember),
		wrap(h, func(ctx context.Context, in *Signer) (*body[Offers], error) {
			s, err := h.standing(ctx, in.Authorization, ScopeRead)
			if err != nil {
				return nil, err
			}
			all, err := h.Reconcile.OffersTo(ctx, s)
			return private(Offers{all}, err)
		}))
	huma.Register(api, at("POST", "/v1/offers", "offer-answer", "Refuse an offer, or say that you accepted it by signing your agreement anew", asMember, taking[wire.OfferAnswer](api, maxBody)),
		wrap(h, func(ctx context.Context, in *struct {
			sent
			Authorization string `header:"Authorization"`
		}) (*body[Done], error) {
			s, err := h.standing(ctx, in.Authorization, ScopeRequest)
			if err != nil {
				return nil, err
			}
			a, err := read[wire.OfferAnswer](in.RawBody)
			if err != nil {
				return nil, err
			}
			return private(Done{true}, h.Reconcile.Answer(ctx, s, a))
		}))
}

// courseAsTable answers an operation with the course as CSV if that is asked
// for.
func (h *Hub) courseAsTable(op *huma.Operation) {
	op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		if ctx.Query("format") != "csv" {
			next(ctx)
			return
		}
		r, w := humago.Unwrap(ctx)
		s, err := h.standing(ctx.Context(), ctx.Header("Authorization"), ScopeRead)
		if err == nil {
			err = h.writeCourse(r.Context(), w, s)
		}
		if err != nil {
			WriteProblem(w, h.Log, err)
		}
	})
}

func (h *Hub) writeCourse(ctx context.Context, w http.ResponseWriter, s admit.Standing) error {
	all, err := h.Reconcile.Overview(ctx, s)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="paradox.csv"`)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "private, no-store")
	return reconcile.WriteCourse(w, all.Course)
}

// Signer is what a question carries that hangs on no purpose.
type Signer struct {
	Authorization string `header:"Authorization" doc:"Concord CREDENTIAL: made by the member's key for this one request"`
}

// private is an answer of which nobody keeps a copy on the way.
func private[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{"private, no-store", v}, nil
}

// Overview asks what is wanted and what flows.
func (h HubClient) Overview(ctx context.Context) (v reconcile.Overview, err error) {
	err = h.call(ctx, http.MethodGet, "/v1/reconcile", ScopeRead, nil, &v)
	return v, err
}

// Requests lists the member's own requests.
func (h HubClient) Requests(ctx context.Context) ([]reconcile.RequestView, error) {
	var all Requests
	err := h.call(ctx, http.MethodGet, "/v1/requests", ScopeRead, nil, &all)
	return all.Requests, err
}

// File files a request.
func (h HubClient) File(ctx context.Context, document string) (f Filed, err error) {
	err = h.call(ctx, http.MethodPost, "/v1/requests", ScopeRequest, wire.RequestFiling{Request: document}, &f)
	return f, err
}

// Withdraw withdraws a request.
func (h HubClient) Withdraw(ctx context.Context, id wire.RequestID) error {
	return h.call(ctx, http.MethodDelete, "/v1/requests/"+string(id), ScopeRequest, nil, &Done{})
}

// Offers lists the requests that concern the member as a contributor.
func (h HubClient) Offers(ctx context.Context) ([]reconcile.ToMe, error) {
	var all Offers
	err := h.call(ctx, http.MethodGet, "/v1/offers", ScopeRead, nil, &all)
	return all.Requests, err
}

// AnswerOffer tells the hub what the member answers to an offer.
func (h HubClient) AnswerOffer(ctx context.Context, a wire.OfferAnswer) error {
	return h.call(ctx, http.MethodPost, "/v1/offers", ScopeRequest, a, &Done{})
}
