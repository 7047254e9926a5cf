package deliver

import (
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// Pseudonym shows tests how a viewer sees a token.
func (r *Room) Pseudonym(v member.Viewer, token string) string { return r.pseudonym(v, token) }

// Shown shows tests how a viewer sees an incident's id.
func (r *Room) Shown(v member.Viewer, id wire.IncidentID) wire.IncidentID {
	return shownID(r, v, 'i', id)
}

// FeedPart is how many values an event of the feed holds.
const FeedPart = feedPart
