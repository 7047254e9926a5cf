package deliver

import "github.com/concord-trust/concord/member"

// Pseudonym shows tests how a viewer sees a token.
func (r *Room) Pseudonym(v member.Viewer, token string) string { return r.pseudonym(v, token) }

// FeedPart is how many values an event of the feed holds.
const FeedPart = feedPart
