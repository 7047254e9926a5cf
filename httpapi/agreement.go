package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/wire"
)

// Orders lists the authorities' orders of which a member may be told.
type Orders struct {
	Orders []admit.Order `json:"orders"`
}

func (h *Hub) registerAgreement(api huma.API) {
	huma.Register(api, at("GET", "/v1/agreement/offer", "renewal-offer", "The agreement that you may sign in place of your current one", asMember),
		wrap(h, func(ctx context.Context, in *struct {
			Authorization string `header:"Authorization"`
		}) (*rawJSON, error) {
			s, err := h.standing(ctx, in.Authorization, ScopeRead)
			if err != nil {
				return nil, err
			}
			offer, err := h.Door.RenewalOffer(ctx, s)
			if err != nil {
				return nil, err
			}
			text, err := wire.Canonical(offer)
			return &rawJSON{"application/json", text}, err
		}))

	huma.Register(api, at("GET", "/v1/orders", "orders", "Authorities' orders to the third party that concern you, as far as you may be told", asMember),
		wrap(h, func(ctx context.Context, in *struct {
			Authorization string `header:"Authorization"`
		}) (*body[Orders], error) {
			s, err := h.standing(ctx, in.Authorization, ScopeRead)
			if err != nil {
				return nil, err
			}
			all, err := h.Door.OrdersFor(ctx, s)
			if err != nil {
				return nil, err
			}
			return &body[Orders]{"private, no-store", Orders{append([]admit.Order{}, all...)}}, nil
		}))
}

// RenewalOffer asks for the agreement that the member may sign in place of its
// current one.
func (h HubClient) RenewalOffer(ctx context.Context) (offer agreement.Agreement, err error) {
	err = h.call(ctx, http.MethodGet, "/v1/agreement/offer", ScopeRead, nil, &offer)
	return offer, err
}
