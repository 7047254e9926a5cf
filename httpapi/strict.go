package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	jsonv2 "github.com/go-json-experiment/json"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// sent is a request whose body is read by package wire, as strictly as
// everything that comes from outside, and not by the framework: that would
// take names twice and repeat the body in its errors.
type sent struct {
	RawBody []byte `contentType:"application/json"`
}

// bodySchema keeps what [taking] says of the body until [finish], since the
// framework describes a raw body as mere bytes.
const bodySchema = "body schema"

// taking describes the body of an operation as a T of at most max bytes.
func taking[T any](api huma.API, max int64) func(*huma.Operation) {
	return func(op *huma.Operation) {
		op.MaxBodyBytes, op.SkipValidateBody = max, true
		op.Middlewares = append(op.Middlewares, onlyJSON)
		op.Errors = append(op.Errors, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
		schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
		op.Metadata = map[string]any{bodySchema: schema}
	}
}

// read reads what was sent to an operation that is [taking] a T.
func read[T any](body []byte) (v T, err error) {
	return v, wire.Decode(body, &v)
}

// onlyJSON refuses a body that says that it is something else.
func onlyJSON(ctx huma.Context, next func(huma.Context)) {
	if p := mediaProblem(ctx.Header("Content-Type")); p != nil {
		ctx.SetHeader("Content-Type", p.ContentType(""))
		ctx.SetHeader("Cache-Control", "no-store")
		ctx.SetStatus(p.Status)
		json.NewEncoder(ctx.BodyWriter()).Encode(p) //nolint:errcheck // the peer is gone; nothing is left to do
		return
	}
	next(ctx)
}

// mediaProblem says what is wrong with a request's Content-Type; none is taken
// for JSON.
func mediaProblem(contentType string) *Problem {
	media, _, err := mime.ParseMediaType(contentType)
	if contentType == "" || err == nil && media == "application/json" {
		return nil
	}
	return newProblem(http.StatusUnsupportedMediaType, "http.media_type", "send JSON, with Content-Type: application/json", "")
}

func newProblem(status int, code, detail, path string) *Problem {
	return &Problem{Type: "urn:concord:problem:" + code, Title: http.StatusText(status), Status: status, Detail: detail, Code: code, Path: path}
}

// ownProblems makes problem documents of the framework's own errors, which
// have no code. Of what was sent they repeat nothing but where it is wrong.
func ownProblems(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	ctx.SetHeader("Cache-Control", "no-store")
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		return newProblem(m.Status, "http.too_large", "the body has more bytes than are taken here", ""), nil
	case http.StatusRequestTimeout:
		return newProblem(m.Status, "http.slow", "the body did not arrive in time; send it again", ""), nil
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		if len(m.Errors) > 0 {
			return newProblem(m.Status, "http.parameter", inWords(m.Errors[0].Message), m.Errors[0].Location), nil
		}
		return newProblem(m.Status, "http.body", "a body is needed here, in JSON", ""), nil
	}
	return newProblem(m.Status, "http.failed", "the request could not be answered", ""), nil
}

// inWords says a message of the framework's as a person would.
func inWords(message string) string {
	for _, w := range [][2]string{
		{"expected number >= ", "the number is too small; the least is "},
		{"expected number <= ", "the number is too large; the most is "},
		{"expected value to be one of ", "there is no such choice; the choices are "},
		{"expected length >= ", "the text is too short; its least length is "},
		{"expected length <= ", "the text is too long; its greatest length is "},
	} {
		if rest, ok := strings.CutPrefix(message, w[0]); ok {
			return w[1] + strings.Trim(rest, `"`)
		}
	}
	switch message {
	case "expected integer", "expected number", "invalid integer":
		return "a whole number is expected"
	}
	return message
}

// plainJSON writes a list of nothing as [], never as null, so that a program
// need not tell the two apart. What is sent is read by package wire.
var plainJSON = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		return errors.Join(jsonv2.MarshalWrite(w, v, jsonv2.Deterministic(true)), newline(w))
	},
	Unmarshal: huma.DefaultJSONFormat.Unmarshal,
}

func newline(w io.Writer) error {
	_, err := io.WriteString(w, "\n")
	return err
}

// finish corrects the description where the framework would describe what it
// does by itself: bodies are what [taking] says, and errors a [Problem].
func finish(api huma.API) {
	schemas := api.OpenAPI().Components.Schemas
	ours := schemas.Schema(reflect.TypeFor[Problem](), true, "")
	for _, item := range api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post} {
			if op == nil {
				continue
			}
			if body, ok := op.Metadata[bodySchema].(*huma.Schema); ok {
				op.RequestBody.Content["application/json"].Schema = body
			}
			for _, r := range op.Responses {
				if media := r.Content["application/problem+json"]; media != nil {
					media.Schema = ours
				}
			}
		}
	}
	for _, schema := range schemas.Map() {
		neverNull(schema)
	}
	delete(schemas.Map(), "ErrorModel")
	delete(schemas.Map(), "ErrorDetail")
}

// neverNull says of the lists of a schema what [plainJSON] makes of them.
func neverNull(s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	neverNull(s.Items)
	for _, p := range s.Properties {
		neverNull(p)
	}
	if of, ok := s.AdditionalProperties.(*huma.Schema); ok {
		neverNull(of)
	}
}

// elsewhere answers requests that no route of mux takes: with 405 where the
// path is there for another method, with 404 else.
func elsewhere(mux *http.ServeMux, log *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
			if _, pattern := mux.Handler(other); pattern != r.Pattern {
				allowed = append(allowed, method)
			}
		}
		if len(allowed) == 0 {
			WriteProblem(w, log, fault.New(fault.NotFound, "http.no_such_path", "there is nothing at this path; /openapi.json lists what there is"))
			return
		}
		w.Header().Set("Allow", strings.Join(slices.Sorted(slices.Values(allowed)), ", "))
		writeProblem(w, newProblem(http.StatusMethodNotAllowed, "http.method", "this path is not there for the method "+method(r)+"; Allow says for which it is", ""))
	}
}

// method is the request's method if it is one that HTTP has.
func method(r *http.Request) string {
	if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}, r.Method) {
		return r.Method
	}
	return "that was used"
}

// readBody reads the body of a request outside of the framework.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, fault.New(fault.TooLarge, "http.too_large", "the request's body has more than %d MiB", maxBody>>20).Because(err)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "http.broken_off", "the request's body broke off; send it again").Because(err)
	}
	return data, nil
}
