// Package taxiicheck holds a TAXII 2.1 server to requirements over HTTP. A
// requirement is data: requests, and what their answers must say; [Run] knows
// no server and no fixture. [Walk] reads everything that a server shows to one
// client and holds it to what the protocol promises of every collection.
package taxiicheck

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// MediaType is the protocol's.
const MediaType = "application/taxii+json;version=2.1"

// Requirement is one entry of a file of requirements.
type Requirement struct {
	ID          string `json:"id"`
	Description string `json:"description"`
	// HTTPOnly is false where something besides requests must happen after
	// the first step.
	HTTPOnly *bool  `json:"http_only"`
	Steps    []Step `json:"steps"`
}

// Step is a request and what its answer must say.
type Step struct {
	Request struct {
		Method  string          `json:"method"`
		Path    string          `json:"path"`
		Body    json.RawMessage `json:"body"`
		Headers any             `json:"headers"`
	} `json:"request"`
	Expect struct {
		Status      any            `json:"status"`
		ContentType string         `json:"content_type"`
		Headers     map[string]any `json:"headers"`
		Body        []Fact         `json:"body"`
	} `json:"expect"`
	Capture map[string]string `json:"capture"`
}

// Fact is something that a body must say at a path.
type Fact map[string]any

// Load reads a file of requirements.
func Load(path string) ([]Requirement, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []Requirement
	return all, json.Unmarshal(data, &all)
}

// Client asks a server.
type Client struct {
	Base          string       // without a path
	Authorization string       // the header
	HTTP          *http.Client // nil: the default one
	// Event is what happens after the first step of a requirement that
	// requests alone do not make.
	Event func()
}

// Run runs a requirement and returns what does not hold. excepted are the facts
// passed over since they tell one server's wording.
func (c Client) Run(r Requirement) (failed, excepted []string) {
	captured := map[string]string{}
	for i, s := range r.Steps {
		where := fmt.Sprintf("%s step %d: ", r.ID, i+1)
		captured["now"] = time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
		a, err := c.ask(s, captured)
		if err != nil {
			return append(failed, where+err.Error()), excepted
		}
		for _, f := range a.check(s) {
			failed = append(failed, where+f)
		}
		for _, f := range s.Expect.Body {
			if f["medallion_only"] == true {
				excepted = append(excepted, fmt.Sprintf("%s%v", where, f))
			} else if wrong := a.holds(f); wrong != "" {
				failed = append(failed, where+wrong)
			}
		}
		for name, path := range s.Capture {
			v, _ := at(a.document, path)
			captured[name] = fmt.Sprint(v)
		}
		if i == 0 && r.HTTPOnly != nil && !*r.HTTPOnly && c.Event != nil {
			c.Event()
		}
	}
	return failed, excepted
}

type answer struct {
	status   int
	header   http.Header
	body     []byte
	document any // the body as JSON, nil if it is none
}

var name = regexp.MustCompile(`\$\{(\w+)\}`)

func (c Client) ask(s Step, captured map[string]string) (answer, error) {
	path := name.ReplaceAllStringFunc(s.Request.Path, func(m string) string { return url.QueryEscape(captured[m[2:len(m)-1]]) })
	path = strings.NewReplacer("[", "%5B", "]", "%5D").Replace(path)
	header := http.Header{}
	given, _ := s.Request.Headers.(string)
	if given != "none" {
		header.Set("Accept", MediaType)
		if s.Request.Body != nil {
			header.Set("Content-Type", MediaType)
		}
		if given != "no-authorization" {
			header.Set("Authorization", c.Authorization)
		}
	}
	if more, ok := s.Request.Headers.(map[string]any); ok {
		for k, v := range more {
			header.Set(k, fmt.Sprint(v))
		}
	}
	return c.do(s.Request.Method, path, header, s.Request.Body)
}

func (c Client) do(method, path string, header http.Header, body []byte) (answer, error) {
	req, err := http.NewRequest(method, c.Base+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header = header
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		return a, err
	}
	if json.Unmarshal(a.body, &a.document) != nil {
		a.document = nil
	}
	return a, nil
}

// check holds status and headers to what is expected.
func (a answer) check(s Step) (failed []string) {
	if s.Expect.Status != nil && !anyOf(s.Expect.Status, float64(a.status)) {
		failed = append(failed, fmt.Sprintf("status %d, expected %v: %.200s", a.status, s.Expect.Status, a.body))
	}
	if want := s.Expect.ContentType; want != "" && !sameMedia(want, a.header.Get("Content-Type")) {
		failed = append(failed, fmt.Sprintf("content type %q, expected %q", a.header.Get("Content-Type"), want))
	}
	for k, want := range s.Expect.Headers {
		if ref, ok := want.(map[string]any); ok {
			want, _ = at(a.document, fmt.Sprint(ref["same_as_body"]))
		}
		if got := a.header.Get(k); got != want {
			failed = append(failed, fmt.Sprintf("header %s is %q, expected %v", k, got, want))
		}
	}
	return failed
}

func anyOf(want any, got float64) bool {
	if list, ok := want.([]any); ok {
		for _, w := range list {
			if w == got {
				return true
			}
		}
		return false
	}
	return want == got
}

func sameMedia(a, b string) bool {
	ak, ap, err := mime.ParseMediaType(a)
	bk, bp, err2 := mime.ParseMediaType(b)
	return err == nil && err2 == nil && ak == bk && reflect.DeepEqual(ap, bp)
}
