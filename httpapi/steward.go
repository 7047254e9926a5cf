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
}

// StewardHandler serves a steward:
//
//	GET  /v1/steward    what it says about itself
//	POST /v1/admit      a member's agreement, signed by both sides
//	POST /v1/evaluate   a batch of blinded elements
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
		answer, err := evaluate(w, r, s)
		if err != nil {
			WriteProblem(w, log, err)
			return
		}
		writeJSON(w, answer)
	})
	return mux
}

func evaluate(w http.ResponseWriter, r *http.Request, s Steward) (wire.EvaluateResponse, error) {
	cred, err := credential(r.Header.Get("Authorization"))
	if err != nil {
		return wire.EvaluateResponse{}, err
	}
	data, err := readBody(w, r)
	if err != nil {
		return wire.EvaluateResponse{}, err
	}
	var ask wire.EvaluateRequest
	if err := wire.Decode(data, &ask); err != nil {
		return wire.EvaluateResponse{}, err
	}
	return s.Evaluate(r.Context(), cred, ask)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(v) //nolint:errcheck // the peer is gone; nothing is left to do
}
