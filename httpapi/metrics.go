package httpapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Counted counts the requests to a handler by route, method and status, and
// how long each route takes. A route is the pattern under which it was
// registered, never the path that was asked for: ids, names and queries are in
// no label, and nobody can make labels up.
func Counted(h http.Handler, registry prometheus.Registerer) http.Handler {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "concord_http_requests_total", Help: "Requests answered, by route, method and status.",
	}, []string{"route", "method", "status"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "concord_http_request_seconds", Help: "How long answers took, by route.",
		Buckets: []float64{.005, .025, .1, .5, 2.5, 10, 60},
	}, []string{"route"})
	registry.MustRegister(requests, seconds)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		answered := &answerStatus{ResponseWriter: w, status: http.StatusOK}
		ended := false
		defer func() {
			if !ended { // it panics, and the server will end the request
				answered.status = http.StatusInternalServerError
			}
			route, method := routeOf(r)
			requests.WithLabelValues(route, method, strconv.Itoa(answered.status)).Inc()
			seconds.WithLabelValues(route).Observe(time.Since(start).Seconds())
		}()
		h.ServeHTTP(answered, r)
		ended = true
	})
}

// routeOf tells under which pattern a request was answered. [http.ServeMux]
// notes it in the request that it was given.
func routeOf(r *http.Request) (route, method string) {
	method, route, ok := strings.Cut(r.Pattern, " ")
	if !ok {
		method, route = r.Method, r.Pattern
	}
	if route == "" {
		route = "none"
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodPatch:
	default:
		method = "other"
	}
	return route, method
}

// MetricsHandler serves what a registry gathers at /metrics, in the format of
// Prometheus.
func MetricsHandler(g prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(g, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	return mux
}

type answerStatus struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (a *answerStatus) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the writer below.
func (a *answerStatus) Unwrap() http.ResponseWriter { return a.ResponseWriter }
