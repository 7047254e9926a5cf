package httpapi

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// Client speaks for a member to a hub or a steward. Its fields are set once;
// it is safe for use by many goroutines.
type Client struct {
	// Base is the peer's URL without a trailing slash.
	Base string
	// HTTP carries the requests.
	HTTP *http.Client
	// Member and Key issue a credential for each request, made out to
	// Audience (the hub's id, or the steward's name).
	Member   wire.MemberID
	Key      ed25519.PrivateKey
	Audience string
	Now      func() time.Time
	Random   io.Reader
}

// do sends one request; scope "" sends no credential. The answer's body is
// returned whole; an answer that is no success becomes the fault it tells of.
func (c *Client) do(ctx context.Context, method, path, scope, contentType string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fault.New(fault.Usage, "http.bad_url", "the address of the peer is wrong").Because(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	if scope != "" {
		cred, err := agreement.IssueCredential(c.Key, c.Member, c.Audience, scope, c.Now(), c.Random)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", CredentialScheme+" "+cred)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, c.unreachable(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fault.New(fault.Unavailable, "http.broken_off", "the answer of %s broke off", c.Base).Because(err)
	}
	if len(data) > maxAnswer {
		return nil, fault.New(fault.TooLarge, "http.answer_too_large", "the answer of %s is larger than %d MiB", c.Base, maxAnswer>>20)
	}
	if resp.StatusCode >= 300 {
		var p Problem
		if json.Unmarshal(data, &p) != nil || p.Detail == "" {
			p.Detail = fmt.Sprintf("%s answered %s", c.Base, resp.Status)
		}
		p.Status = resp.StatusCode
		return nil, p.fault()
	}
	return data, nil
}

func (c *Client) call(ctx context.Context, method, path, scope string, in, out any) error {
	var body []byte
	var err error
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("encode a request: %w", err)
		}
	}
	data, err := c.do(ctx, method, path, scope, "application/json", body)
	if err != nil {
		return err
	}
	if err := wire.Decode(data, out); err != nil {
		return fault.New(fault.Internal, "http.unreadable", "the answer of %s cannot be read; is it a Concord of another version?", c.Base).Because(err)
	}
	return nil
}

// HubClient speaks to a hub.
type HubClient struct{ *Client }

// Info asks the hub about itself.
func (h HubClient) Info(ctx context.Context) (info wire.HubInfo, err error) {
	err = h.call(ctx, http.MethodGet, "/v1/hub", "", nil, &info)
	return info, err
}

// Join brings an invitation code and the agreement signed by the member, and
// returns the agreement signed by both.
func (h HubClient) Join(ctx context.Context, code string, signed []byte) ([]byte, error) {
	var out wire.JoinResponse
	err := h.call(ctx, http.MethodPost, "/v1/join", "", wire.JoinRequest{Code: code, Agreement: signed}, &out)
	return out.Agreement, err
}

// Offer asks for the agreement that an invitation offers, to be completed with
// the member's key and terms and signed.
func (h HubClient) Offer(ctx context.Context, code string) (offer agreement.Agreement, err error) {
	err = h.call(ctx, http.MethodPost, "/v1/invitation", "", wire.InvitationRequest{Code: code}, &offer)
	return offer, err
}

// Renew brings a new agreement signed by the member, and returns it signed by
// both.
func (h HubClient) Renew(ctx context.Context, signed []byte) ([]byte, error) {
	var out wire.JoinResponse
	err := h.call(ctx, http.MethodPost, "/v1/agreement", "", wire.RenewRequest{Agreement: signed}, &out)
	return out.Agreement, err
}

// Submit delivers an envelope and returns the receipt; edge/outbox.Hub.
func (h HubClient) Submit(ctx context.Context, envelope []byte) ([]byte, error) {
	return h.do(ctx, http.MethodPost, "/v1/contributions", "", "application/json", envelope)
}

// Matches asks what a contribution's reports have been joined with.
func (h HubClient) Matches(ctx context.Context, id wire.ContributionID) (m wire.Matches, err error) {
	err = h.call(ctx, http.MethodGet, "/v1/contributions/"+url.PathEscape(string(id))+"/matches", ScopeRead, nil, &m)
	return m, err
}

// Login makes a one-use sign-in link for a person of the member.
func (h HubClient) Login(ctx context.Context, ask wire.LoginRequest) (link wire.LoginLink, err error) {
	err = h.call(ctx, http.MethodPost, "/v1/login", ScopeLogin, ask, &link)
	return link, err
}

// Get fetches a path of the hub's interface as it is, for example
// "/v1/releases/…" or "/feeds/indicators.csv?sector=finance".
func (h HubClient) Get(ctx context.Context, path string) ([]byte, error) {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return nil, fault.New(fault.Usage, "http.bad_path", "give a path of the hub that begins with one slash, as /v1/hub")
	}
	return h.do(ctx, http.MethodGet, path, ScopeRead, "", nil)
}

// StewardClient speaks to a steward; edge/tokenise.Steward.
type StewardClient struct {
	*Client
	// Agreement is shown to the steward when it does not know the member yet
	// (signed by both sides).
	Agreement []byte
	// Scope of evaluations, steward.Scope.
	Scope string
	// Delegation is shown with each evaluation, if the client's key is that of
	// a member's delegate.
	Delegation []byte
}

// Info asks the steward about itself.
func (s StewardClient) Info(ctx context.Context) (info wire.StewardInfo, err error) {
	err = s.call(ctx, http.MethodGet, "/v1/steward", "", nil, &info)
	return info, err
}

// Evaluate asks for a batch of tokens. A steward that does not know the
// member's agreement, or only a former one, is shown it and asked again.
func (s StewardClient) Evaluate(ctx context.Context, ask wire.EvaluateRequest) (answer wire.EvaluateResponse, err error) {
	ask.Delegation = s.Delegation
	err = s.call(ctx, http.MethodPost, "/v1/evaluate", s.Scope, ask, &answer)
	var f *fault.Error
	if len(s.Agreement) == 0 || !errors.As(err, &f) || !(f.Kind == fault.Forbidden || f.Kind == fault.NotFound || f.Kind == fault.Unauthenticated) {
		return answer, err
	}
	if _, admitErr := s.do(ctx, http.MethodPost, "/v1/admit", "", "application/json", s.Agreement); admitErr != nil {
		return answer, errors.Join(err, admitErr)
	}
	err = s.call(ctx, http.MethodPost, "/v1/evaluate", s.Scope, ask, &answer)
	return answer, err
}

// Revoke ends the member's delegations that began up to a moment of its own
// clock; scope is steward.ScopeRevoke. A steward that never saw the member's
// agreement is shown it, since a delegate could do that later.
func (s StewardClient) Revoke(ctx context.Context, upTo time.Time, scope string) error {
	body, err := json.Marshal(wire.RevokeRequest{UpTo: upTo.UTC().Format(time.RFC3339)})
	if err != nil {
		return fmt.Errorf("encode a request: %w", err)
	}
	if len(s.Agreement) > 0 {
		_, err := s.do(ctx, http.MethodPost, "/v1/admit", "", "application/json", s.Agreement)
		var f *fault.Error
		// A newer agreement that is held is the member's as well.
		if err != nil && !(errors.As(err, &f) && f.Kind == fault.Conflict) {
			return err
		}
	}
	_, err = s.do(ctx, http.MethodPost, "/v1/revoke", scope, "application/json", body)
	return err
}

// unreachable says why there is no answer, and what to do.
func (c *Client) unreachable(err error) error {
	var certificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate):
		return fault.New(fault.Unavailable, "http.certificate",
			"the certificate of %s is not trusted; if the third party made its own, name its authority's file with --ca, after comparing it by another way", c.Base).Because(err)
	case errors.As(err, &noTLS):
		return fault.New(fault.Unavailable, "http.no_tls", "%s does not speak TLS; is another program listening there?", c.Base).Because(err)
	}
	return fault.New(fault.Unavailable, "http.unreachable", "%s does not answer; is it running?", c.Base).Because(err)
}
