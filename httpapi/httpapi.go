// Package httpapi is the wire between edge, hub and steward over HTTP: the
// handlers that a hub and a steward serve, and the clients that an edge uses.
//
//	edge ── [HubClient], [StewardClient] ──▶ HTTP ──▶ [HubHandler], [StewardHandler] ──▶ rooms
//
// The hub's interface is described by OpenAPI 3.1 at /openapi.json. Errors are
// RFC 9457 problem documents with a stable code. Answers are serialised only
// as deliver.Answer: nothing else can be given to the functions that write.
package httpapi

import (
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strings"

	"github.com/concord-trust/concord/fault"
)

// Limits of what is taken from the network.
const (
	// MaxEnvelope is the largest envelope, in bytes.
	MaxEnvelope = 16 << 20
	// maxBody bounds every other request and every answer read by a client.
	maxBody = 4 << 20
	// maxAnswer bounds what a client reads of an answer.
	maxAnswer = 64 << 20
)

// CredentialScheme is the Authorization scheme of a member's credential.
const CredentialScheme = "Concord"

// Scopes of credentials at the hub.
const (
	// ScopeRead is for everything that only answers.
	ScopeRead = "read"
	// ScopeLogin is for making a sign-in link.
	ScopeLogin = "login"
)

// Problem is an RFC 9457 problem document.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Code is stable: "envelope.bad_signature".
	Code string `json:"code"`
	// Path says where in what was sent.
	Path string `json:"path,omitempty"`

	// ask are the ways to sign in that are told, if not the member's own.
	ask []string
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// statuses is the one place where kinds of fault become HTTP.
var statuses = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Invalid:         http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.Usage:           http.StatusBadRequest,
	fault.Gone:            http.StatusGone,
}

// Status returns the HTTP status of an error.
func Status(err error) int { return statuses[fault.KindOf(err)] }

// problem makes of an error what its reader may see; an error that is no
// fault is told to the operator's log alone.
func problem(log *slog.Logger, err error) *Problem {
	f := fault.Public(err)
	if f.Kind == fault.Internal {
		log.Error("request failed", "code", f.Code, "cause", errors.Unwrap(f))
	}
	return newProblem(statuses[f.Kind], f.Code, f.Message, f.Path)
}

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{"Cache-Control": {"no-store"}}
	if p.Status == http.StatusUnauthorized {
		h["Www-Authenticate"] = p.ask
		if p.ask == nil {
			h.Set("WWW-Authenticate", CredentialScheme)
		}
	}
	return h
}

// WriteProblem answers a request with an error.
func WriteProblem(w http.ResponseWriter, log *slog.Logger, err error) {
	writeProblem(w, problem(log, err))
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	maps.Copy(w.Header(), p.GetHeaders())
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p) //nolint:errcheck // the peer is gone; nothing is left to do
}

// fault makes of a received problem the error that it told of.
func (p *Problem) fault() *fault.Error {
	kind := fault.Internal
	if p.Status >= 400 && p.Status < 500 {
		kind = fault.Invalid
	}
	for k, s := range statuses {
		if s == p.Status && k != fault.Usage {
			kind = k
		}
	}
	if p.Status == http.StatusTooManyRequests || p.Status == http.StatusRequestTimeout || p.Status >= 502 {
		kind = fault.Unavailable
	}
	code := p.Code
	if code == "" {
		code = "http." + strings.ReplaceAll(strings.ToLower(http.StatusText(p.Status)), " ", "_")
	}
	return &fault.Error{Kind: kind, Code: code, Message: p.Detail, Path: p.Path}
}

// credential takes the credential from a request's Authorization header.
func credential(header string) (string, error) {
	scheme, text, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, CredentialScheme) {
		return "", fault.New(fault.Unauthenticated, "credential.missing",
			"say who is asking: Authorization: %s CREDENTIAL, as `concord member get` makes it", CredentialScheme)
	}
	return strings.TrimSpace(text), nil
}
