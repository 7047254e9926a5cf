package wire

// Webhooks tell a member's own server that there is something new for it.
type (
	// WebhookID names a webhook ("w-…").
	WebhookID string
	// EventID names what a webhook is told, over all its attempts ("e-…").
	EventID string
)

// WebhookRequest asks that a URL be told of what is new in a sector for a
// purpose; no purpose: the first that the agreement allows.
type WebhookRequest struct {
	URL     string `json:"url"`
	Sector  string `json:"sector"`
	Purpose string `json:"purpose,omitzero"`
}

// Webhook is a webhook as its member sees it.
type Webhook struct {
	ID      WebhookID `json:"id"`
	URL     string    `json:"url"`
	Sector  string    `json:"sector"`
	Purpose string    `json:"purpose"`
	Created string    `json:"created"`
	// State is live, failing or dead, since when and why.
	State  string `json:"state"`
	Since  string `json:"since,omitzero"`
	Code   string `json:"code,omitzero"`
	Reason string `json:"reason,omitzero"`
	// Pending is how many events wait to be taken.
	Pending int `json:"pending"`
}

// States of webhooks.
const (
	WebhookLive    = "live"
	WebhookFailing = "failing"
	WebhookDead    = "dead"
)

// Webhooks is all of a member's.
type Webhooks struct {
	Webhooks []Webhook `json:"webhooks"`
}

// Event is what a webhook is told, as JSON in the body of a POST. It names what
// is new by the ids under which this member knows it, and holds no value: the
// member fetches what it wants, as far as it may by then.
type Event struct {
	ID      EventID   `json:"id"`
	Webhook WebhookID `json:"webhook"`
	Hub     string    `json:"hub"`
	// Made is when there was first something to tell, RFC 3339.
	Made string `json:"made"`
	// Kind is hello, indicators, incidents, releases, objects.withdrawn or
	// release.withdrawn.
	Kind    string `json:"kind"`
	Sector  string `json:"sector"`
	Purpose string `json:"purpose"`
	// Collection is the TAXII collection of the objects, if they are in one.
	Collection string `json:"collection,omitzero"`
	// Objects are the ids of STIX objects that are new or changed, or of
	// releases, or of what was withdrawn; the first ones, if there are More.
	Objects []string `json:"objects,omitzero"`
	More    bool     `json:"more,omitzero"`
}

// Headers of a webhook's request, after the specification Standard Webhooks.
const (
	HeaderWebhookID        = "Webhook-Id"
	HeaderWebhookTimestamp = "Webhook-Timestamp"
	HeaderWebhookSignature = "Webhook-Signature"
)
