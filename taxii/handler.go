package taxii

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/concord-trust/concord/fault"
)

// DefaultPageSize is the most records of a page unless the handler says
// otherwise.
const DefaultPageSize = 1000

// maxQuery bounds the text of a request's filters.
const maxQuery = 64 << 10

// Handler serves sources. Its fields are set once.
type Handler struct {
	Sources Sources
	// RootsAt is the path below which the API roots stand: "/taxii2/" puts
	// them beside the discovery resource, which is always at /taxii2/.
	RootsAt string
	// PageSize is the most records of a page; 0 means DefaultPageSize.
	PageSize int
	// Realm is what a client that must sign in shows to its user.
	Realm string
	Log   *slog.Logger

	// pages are buffers that answers were written in, to be used again: a page
	// is long, and many are asked for one after the other.
	pages sync.Pool
}

// DiscoveryPath is where the protocol puts the discovery resource.
const DiscoveryPath = "/taxii2/"

// ServeHTTP implements [http.Handler]. Who asks is found out first: whoever
// may not come in does not learn what there is.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "private, no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err := h.serve(w, r); err != nil {
		h.refuse(w, err)
	}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) error {
	l, err := ReadLogin(r)
	if err != nil {
		return err
	}
	source, err := h.Sources.Open(r.Context(), l)
	if err != nil {
		return err
	}
	act, allowed, err := h.route(r)
	if err != nil {
		return err
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet // the server leaves out the body
	}
	if !slices.Contains(allowed, method) {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		return fault.New(fault.Invalid, codeMethod, "this resource takes %s", strings.Join(allowed, ", "))
	}
	if !acceptable(r.Header.Values("Accept")) {
		return fault.New(fault.Invalid, codeNotAcceptable, "this server answers in %s; say so in Accept", MediaType)
	}
	return act(&call{h, w, r, source, method})
}

// call is one request with what is known of it.
type call struct {
	h      *Handler
	w      http.ResponseWriter
	r      *http.Request
	source Source
	method string
}

var (
	reading  = []string{"GET", "HEAD"}
	adding   = []string{"GET", "HEAD", "POST"}
	removing = []string{"GET", "HEAD", "DELETE"}
)

// route finds the resource of a path. A path without the last slash is taken
// as if it had it, since clients differ.
func (h *Handler) route(r *http.Request) (act func(*call) error, allowed []string, err error) {
	path := strings.TrimSuffix(r.URL.Path, "/") + "/"
	if path == DiscoveryPath {
		return (*call).discovery, reading, nil
	}
	nowhere := fault.New(fault.NotFound, "taxii.no_resource", "there is no such resource")
	rest, ok := strings.CutPrefix(path, h.RootsAt)
	if !ok {
		return nil, nil, nowhere
	}
	parts := strings.Split(strings.TrimSuffix(rest, "/"), "/")
	if slices.Contains(parts, "") {
		return nil, nil, nowhere
	}
	root := parts[0]
	switch {
	case len(parts) == 1:
		return func(c *call) error { return c.root(root) }, reading, nil
	case len(parts) == 2 && parts[1] == "collections":
		return func(c *call) error { return c.collections(root) }, reading, nil
	case len(parts) == 3 && parts[1] == "status":
		return func(c *call) error { return c.status(root, parts[2]) }, reading, nil
	case len(parts) < 3 || parts[1] != "collections":
		return nil, nil, nowhere
	}
	in := place{root, parts[2]}
	switch {
	case len(parts) == 3:
		return func(c *call) error { return c.collection(in) }, reading, nil
	case len(parts) == 4 && parts[3] == "manifest":
		return func(c *call) error { return c.manifest(in) }, reading, nil
	case len(parts) == 4 && parts[3] == "objects":
		return func(c *call) error { return c.objects(in) }, adding, nil
	case len(parts) == 5 && parts[3] == "objects":
		return func(c *call) error { return c.object(in, parts[4]) }, removing, nil
	case len(parts) == 6 && parts[3] == "objects" && parts[5] == "versions":
		return func(c *call) error { return c.versions(in, parts[4]) }, reading, nil
	}
	return nil, nil, nowhere
}

// place names a collection of a root.
type place struct{ root, collection string }

// ReadLogin reads who asks. Nobody is an error here: every resource is for
// somebody.
func ReadLogin(r *http.Request) (Login, error) {
	refused := fault.New(fault.Unauthenticated, "taxii.login", "say who is asking: Authorization: Basic or Bearer, as the server's operator told you")
	scheme, rest, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok {
		return Login{}, refused
	}
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "bearer", "token": // "Token" is how taxii2-client sends one
		if rest != "" {
			return Login{Token: rest}, nil
		}
	case "basic":
		text, err := base64.StdEncoding.DecodeString(rest)
		if user, password, ok := strings.Cut(string(text), ":"); err == nil && ok {
			return Login{User: user, Password: password}, nil
		}
	}
	return Login{}, refused
}

// acceptable says whether a client takes what this server answers in. One that
// does not say takes anything.
func acceptable(given []string) bool {
	if len(given) == 0 {
		return true
	}
	for _, line := range given {
		for item := range strings.SplitSeq(line, ",") {
			kind, params, err := mime.ParseMediaType(strings.TrimSpace(item))
			if err != nil {
				continue
			}
			if q, err := strconv.ParseFloat(params["q"], 64); err == nil && q == 0 {
				continue
			}
			if kind == "*/*" || kind == "application/*" || ours(kind, params) {
				return true
			}
		}
	}
	return false
}

// ours says whether a media type is the protocol's, of this version or of any.
func ours(kind string, params map[string]string) bool {
	version, told := params["version"]
	return kind == "application/taxii+json" && (!told || version == "2.1")
}

// body reads what a client sends: of the protocol's type, and no longer than
// the root takes.
func (c *call) body(limit int64) ([]byte, error) {
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || !ours(kind, params) {
		return nil, fault.New(fault.Invalid, codeMediaType, "this server takes %s; say so in Content-Type", MediaType)
	}
	if coding := c.r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, fault.New(fault.Invalid, codeMediaType, "this server takes bodies without a Content-Encoding")
	}
	tooLong := fault.New(fault.TooLarge, "taxii.too_large", "the body is longer than the %d bytes that this API root takes; send it in parts", limit)
	if c.r.ContentLength > limit {
		return nil, tooLong
	}
	data, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, limit))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return nil, tooLong
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "taxii.cut_off", "the body ended too early; send it again").Because(err)
	}
	return data, nil
}

// CodeUnprocessable marks a fault of a source that understood what was added
// and cannot take it.
const CodeUnprocessable = "taxii.unprocessable"

const (
	codeMethod        = "taxii.method"
	codeNotAcceptable = "taxii.not_acceptable"
	codeMediaType     = "taxii.media_type"
)

// statuses maps what has a status of its own, then kinds.
var statuses = map[string]int{
	codeMethod:        http.StatusMethodNotAllowed,
	codeNotAcceptable: http.StatusNotAcceptable,
	codeMediaType:     http.StatusUnsupportedMediaType,
	CodeUnprocessable: http.StatusUnprocessableEntity,
}

var kindStatuses = map[fault.Kind]int{
	fault.Invalid: http.StatusBadRequest, fault.Usage: http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized, fault.Forbidden: http.StatusForbidden,
	fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict,
	fault.TooLarge: http.StatusRequestEntityTooLarge, fault.Unavailable: http.StatusServiceUnavailable,
	fault.Gone: http.StatusGone,
}

// problem is the protocol's error resource (section 3.6.1).
type problem struct {
	Title       string `json:"title"`
	Description string `json:"description,omitzero"`
	ErrorCode   string `json:"error_code,omitzero"`
	HTTPStatus  string `json:"http_status"`
}

// refuse answers with an error; the cause of one of ours goes to the log.
func (h *Handler) refuse(w http.ResponseWriter, err error) {
	f := fault.Public(err)
	status, ok := statuses[f.Code]
	if !ok {
		if status, ok = kindStatuses[f.Kind]; !ok {
			status = http.StatusInternalServerError
		}
	}
	if status >= http.StatusInternalServerError {
		h.Log.Error("a TAXII request failed", "code", f.Code, "cause", err)
	}
	switch status {
	case http.StatusUnauthorized:
		w.Header().Add("WWW-Authenticate", `Basic realm="`+h.Realm+`", charset="UTF-8"`)
		w.Header().Add("WWW-Authenticate", `Bearer realm="`+h.Realm+`"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "30")
	}
	text, _ := json.Marshal(problem{http.StatusText(status), f.Error(), f.Code, strconv.Itoa(status)}) // strings only
	send(w, status, text)
}

func send(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", MediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	w.Write(text) // a client that went away needs no answer
}

// answer sends a resource.
func (c *call) answer(status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	send(c.w, status, text)
	return nil
}
