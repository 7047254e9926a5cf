package node

import (
	"net/http"
	"strings"

	"github.com/concord-trust/concord/httpapi"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/taxii"
)

var _ httpapi.Feed = (*tools)(nil).Feed

// Feed is the [httpapi.Feed] of the sectors and purposes of a caller's token.
func (t *tools) Feed(r *http.Request) ([]deliver.Answer[deliver.FeedView], error) {
	login, err := taxii.ReadLogin(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	standing, purposes, err := t.caller(ctx, login)
	if err != nil {
		return nil, err
	}
	var all []deliver.Answer[deliver.FeedView]
	for _, p := range purposes {
		viewer, err := standing.Viewer(p)
		if err != nil {
			return nil, err
		}
		for _, s := range t.room.MySectors(viewer) {
			// No part of the name holds a zero byte.
			name := strings.Join([]string{"feed", string(viewer.Member.ID), string(p), s.Name}, "\x00")
			view, err := kept(ctx, t.shelves, name, viewer, func() (deliver.Answer[deliver.FeedView], int, error) {
				a, err := t.room.Feed(ctx, viewer, s.Name)
				return a, a.Body().Values, err
			})
			if err != nil {
				return nil, err
			}
			all = append(all, view)
		}
	}
	return all, nil
}
