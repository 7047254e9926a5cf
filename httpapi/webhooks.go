package httpapi

import (
	"context"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/wire"
)

// ScopeWebhook is for adding, listing and removing webhooks.
const ScopeWebhook = "webhook"

// Webhooks keeps members' webhooks; hub/notify.Room.
type Webhooks interface {
	Add(ctx context.Context, s admit.Standing, ask wire.WebhookRequest) (wire.Webhook, error)
	List(ctx context.Context, m wire.MemberID) (wire.Webhooks, error)
	Remove(ctx context.Context, m wire.MemberID, id wire.WebhookID) error
}

func (h *Hub) registerWebhooks(api huma.API) {
	huma.Register(api, at("POST", "/v1/webhooks", "webhook-add", "Have a URL of yours told that there is something new in a sector", asMember, taking[wire.WebhookRequest](api, maxBody)),
		wrap(h, func(ctx context.Context, in *struct {
			sent
			Authorization string `header:"Authorization"`
		}) (*body[wire.Webhook], error) {
			s, err := h.standing(ctx, in.Authorization, ScopeWebhook)
			if err != nil {
				return nil, err
			}
			ask, err := read[wire.WebhookRequest](in.RawBody)
			if err != nil {
				return nil, err
			}
			return plain(h.Webhooks.Add(ctx, s, ask))
		}))
	huma.Register(api, at("GET", "/v1/webhooks", "webhooks", "Your webhooks: whether they are live, and why not", asMember),
		wrap(h, func(ctx context.Context, in *struct {
			Authorization string `header:"Authorization"`
		}) (*body[wire.Webhooks], error) {
			s, err := h.standing(ctx, in.Authorization, ScopeWebhook)
			if err != nil {
				return nil, err
			}
			return plain(h.Webhooks.List(ctx, s.Member().ID))
		}))
	huma.Register(api, at("DELETE", "/v1/webhooks/{id}", "webhook-remove", "Remove a webhook; answers with those that are left", asMember),
		wrap(h, func(ctx context.Context, in *struct {
			Authorization string `header:"Authorization"`
			ID            string `path:"id"`
		}) (*body[wire.Webhooks], error) {
			s, err := h.standing(ctx, in.Authorization, ScopeWebhook)
			if err != nil {
				return nil, err
			}
			if err := h.Webhooks.Remove(ctx, s.Member().ID, wire.WebhookID(in.ID)); err != nil {
				return nil, err
			}
			return plain(h.Webhooks.List(ctx, s.Member().ID))
		}))
}

// AddWebhook has a URL told that there is something new.
func (h HubClient) AddWebhook(ctx context.Context, ask wire.WebhookRequest) (w wire.Webhook, err error) {
	err = h.call(ctx, http.MethodPost, "/v1/webhooks", ScopeWebhook, ask, &w)
	return w, err
}

// Webhooks lists the member's webhooks.
func (h HubClient) Webhooks(ctx context.Context) (all wire.Webhooks, err error) {
	err = h.call(ctx, http.MethodGet, "/v1/webhooks", ScopeWebhook, nil, &all)
	return all, err
}

// RemoveWebhook removes a webhook and lists those that are left.
func (h HubClient) RemoveWebhook(ctx context.Context, id wire.WebhookID) (left wire.Webhooks, err error) {
	err = h.call(ctx, http.MethodDelete, "/v1/webhooks/"+url.PathEscape(string(id)), ScopeWebhook, nil, &left)
	return left, err
}
