package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// Scopes of credentials for what is taken back.
const (
	// ScopeConfirm is for confirming that copies are deleted.
	ScopeConfirm = "confirm"
	// ScopeHold is for listing the legal holds that one is to approve.
	ScopeHold = "hold"
)

// Recalls takes what members sign about taking back; hub/receive.Desk.
type Recalls interface {
	TakeBack(ctx context.Context, signed []byte) (receipt []byte, err error)
	HoldsOf(ctx context.Context, m wire.MemberID) (wire.Holds, error)
	Approve(ctx context.Context, signed []byte) (wire.HoldState, error)
}

func (h *Hub) registerRecalls(api huma.API) {
	huma.Register(api, at("POST", "/v1/recalls", "recall", "Recall reports: a request (DSSE) signed by the member's key; answers with the signed receipt of destruction", taking[Signed](api, maxBody)),
		wrap(h, func(ctx context.Context, in *sent) (*rawJSON, error) {
			receipt, err := h.Recalls.TakeBack(ctx, in.RawBody)
			if err != nil {
				return nil, err
			}
			return &rawJSON{"application/json", receipt}, nil
		}))
	huma.Register(api, at("GET", "/v1/me/recalls", "my-recalls", "What was destroyed of your own reports, the receipts, and how many of those who were given it confirmed, by stake in bands", asMember),
		wrap(h, func(ctx context.Context, in *struct{ Caller }) (*body[deliver.Page[deliver.RecallView]], error) {
			v, err := h.viewer(ctx, in.Caller)
			if err != nil {
				return nil, err
			}
			all, err := h.Deliver.Recalls(ctx, v)
			return answer(deliver.OnePage(all), err)
		}))
	huma.Register(api, at("GET", "/v1/notices", "notices", "What you are asked to delete your copies of", asMember),
		wrap(h, func(ctx context.Context, in *struct {
			Caller
			All bool `query:"all" doc:"also those that you have confirmed"`
		}) (*body[deliver.Page[deliver.NoticeView]], error) {
			v, err := h.viewer(ctx, in.Caller)
			if err != nil {
				return nil, err
			}
			all, err := h.Deliver.Notices(ctx, v, in.All)
			return answer(deliver.OnePage(all), err)
		}))
	huma.Register(api, at("POST", "/v1/notices", "confirm", "Confirm that your copies of what notices name are deleted", asMember, taking[wire.ConfirmRequest](api, maxBody)),
		wrap(h, func(ctx context.Context, in *struct {
			sent
			Authorization string `header:"Authorization"`
		}) (*body[wire.Confirmed], error) {
			s, err := h.standing(ctx, in.Authorization, ScopeConfirm)
			if err != nil {
				return nil, err
			}
			ask, err := read[wire.ConfirmRequest](in.RawBody)
			if err != nil {
				return nil, err
			}
			v, err := anyViewer(s)
			if err != nil {
				return nil, err
			}
			return plain(h.Deliver.Confirm(ctx, v, ask))
		}))
	h.registerHolds(api)
}

// anyViewer is a member as a recipient, whatever the purpose.
func anyViewer(s admit.Standing) (member.Viewer, error) {
	allowed := s.Purposes()
	if len(allowed) == 0 {
		return member.Viewer{}, fault.New(fault.Forbidden, "purpose.none", "your agreement allows no purpose")
	}
	return s.Viewer(allowed[0])
}

func (h *Hub) registerHolds(api huma.API) {
	huma.Register(api, at("GET", "/v1/holds", "holds", "Legal holds that you are asked to approve, or approved", asMember),
		wrap(h, func(ctx context.Context, in *struct {
			Authorization string `header:"Authorization"`
		}) (*body[wire.Holds], error) {
			s, err := h.standing(ctx, in.Authorization, ScopeHold)
			if err != nil {
				return nil, err
			}
			return plain(h.Recalls.HoldsOf(ctx, s.Member().ID))
		}))
	huma.Register(api, at("POST", "/v1/holds", "hold-approve", "Approve that a legal hold begins, or ends: signed (DSSE) by the approver's key", taking[Signed](api, maxBody)),
		wrap(h, func(ctx context.Context, in *sent) (*body[wire.HoldState], error) {
			return plain(h.Recalls.Approve(ctx, in.RawBody))
		}))
}

// TakeBack delivers a signed request to destroy reports, and returns the
// receipt.
func (h HubClient) TakeBack(ctx context.Context, signed []byte) ([]byte, error) {
	return h.do(ctx, http.MethodPost, "/v1/recalls", "", "application/json", signed)
}

// MyRecalls asks what was destroyed of the member's own reports.
func (h HubClient) MyRecalls(ctx context.Context) ([]deliver.RecallView, error) {
	var page deliver.Page[deliver.RecallView]
	err := h.call(ctx, http.MethodGet, "/v1/me/recalls", ScopeRead, nil, &page)
	return page.Items, err
}

// Notices asks what the member is to delete its copies of.
func (h HubClient) Notices(ctx context.Context, all bool) ([]deliver.NoticeView, error) {
	path := "/v1/notices"
	if all {
		path += "?all=true"
	}
	var page deliver.Page[deliver.NoticeView]
	err := h.call(ctx, http.MethodGet, path, ScopeRead, nil, &page)
	return page.Items, err
}

// Confirm confirms that copies are deleted.
func (h HubClient) Confirm(ctx context.Context, ask wire.ConfirmRequest) (done wire.Confirmed, err error) {
	err = h.call(ctx, http.MethodPost, "/v1/notices", ScopeConfirm, ask, &done)
	return done, err
}

// Holds lists the legal holds that the member is to approve.
func (h HubClient) Holds(ctx context.Context) (all wire.Holds, err error) {
	err = h.call(ctx, http.MethodGet, "/v1/holds", ScopeHold, nil, &all)
	return all, err
}

// ApproveHold delivers a signed approval.
func (h HubClient) ApproveHold(ctx context.Context, signed []byte) (s wire.HoldState, err error) {
	data, err := h.do(ctx, http.MethodPost, "/v1/holds", "", "application/json", signed)
	if err == nil {
		err = wire.Decode(data, &s)
	}
	return s, err
}
