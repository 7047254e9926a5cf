package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/wire"
)

// Steward is what a steward serves; package steward.
type Steward interface {
	Info() wire.StewardInfo
	Admit(ctx context.Context, signed []byte) (agreement.Agreement, error)
	Evaluate(ctx context.Context, credential string, ask wire.EvaluateRequest) (wire.EvaluateResponse, error)
	Revoke(ctx context.Context, credential string, ask wire.RevokeRequest) error
}

// StewardHandler serves a steward:
//
//	GET  /v1/steward    what it says about itself
//	POST /v1/admit      a member's agreement, signed by both sides
//	POST /v1/evaluate   a batch of blinded elements, by a member or its delegate
//	POST /v1/revoke     that a member's delegations are over
//	GET  /readyz        whether its record can be written, as ready says
func StewardHandler(s Steward, ready func(context.Context) error, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/steward", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Info()) })
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", readyz("steward", ready, log))
	mux.HandleFunc("/", elsewhere(mux, log))
	mux.HandleFunc("POST /v1/admit", func(w http.ResponseWriter, r *http.Request) {
		if p := mediaProblem(r.Header.Get("Content-Type")); p != nil {
			writeProblem(w, p)
			return
		}
		data, err := readBody(w, r)
		if err == nil {
			_, err = s.Admit(r.Context(), data)
		}
		if err != nil {
			WriteProblem(w, log, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /v1/evaluate", func(w http.ResponseWriter, r *http.Request) {
		if p := mediaProblem(r.Header.Get("Content-Type")); p != nil {
			writeProblem(w, p)
			return
		}
		cred, ask, err := asked[wire.EvaluateRequest](w, r)
		var answer wire.EvaluateResponse
		if err == nil {
			answer, err = s.Evaluate(r.Context(), cred, ask)
		}
		if err != nil {
			WriteProblem(w, log, err)
			return
		}
		writeJSON(w, answer)
	})
	mux.HandleFunc("POST /v1/revoke", func(w http.ResponseWriter, r *http.Request) {
		if p := mediaProblem(r.Header.Get("Content-Type")); p != nil {
			writeProblem(w, p)
			return
		}
		cred, ask, err := asked[wire.RevokeRequest](w, r)
		if err == nil {
			err = s.Revoke(r.Context(), cred, ask)
		}
		if err != nil {
			WriteProblem(w, log, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// asked reads who asks, and for what.
func asked[T any](w http.ResponseWriter, r *http.Request) (cred string, ask T, err error) {
	if cred, err = credential(r.Header.Get("Authorization")); err != nil {
		return "", ask, err
	}
	data, err := readBody(w, r)
	if err != nil {
		return "", ask, err
	}
	return cred, ask, wire.Decode(data, &ask)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(v) //nolint:errcheck // the peer is gone; nothing is left to do
}
