package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/misp"
	"github.com/concord-trust/concord/hub/deliver"
)

// FeedPath is where the feed stands that a MISP instance pulls.
const FeedPath = "/feeds/misp/"

// Realm is what tools are told that they sign in to.
const Realm = "concord"

// Feed answers a request of a tool with all that its token lets it pull: a
// view for each sector and purpose.
type Feed func(r *http.Request) ([]deliver.Answer[deliver.FeedView], error)

// registerFeed adds the feed's files: the manifest, the hashes, and each event
// under its UUID. They are computed for whoever asks.
func (h *Hub) registerFeed(mux *http.ServeMux) {
	mux.HandleFunc("GET "+FeedPath+"{file}", func(w http.ResponseWriter, r *http.Request) {
		views, err := h.Feed(r)
		if err != nil {
			h.refuseTool(w, err)
			return
		}
		var events []misp.Listed
		for _, v := range views {
			events = append(events, v.Body().Events...)
		}
		media, data := feedFile(events, r.PathValue("file"))
		if data == nil {
			h.refuseTool(w, fault.New(fault.NotFound, "feed.no_file", "this feed has no such file; "+misp.FeedManifest+" names its events"))
			return
		}
		sum := sha256.Sum256(data)
		w.Header().Set("Content-Type", media)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "private, no-cache")
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	})
}

// feedFile makes a file of a feed; nil if there is none of that name.
func feedFile(events []misp.Listed, name string) (media string, data []byte) {
	const json = "application/json"
	switch name {
	case misp.FeedManifest:
		return json, misp.Manifest(events)
	case misp.FeedHashes:
		data = []byte{} // without events, an empty file
		for _, e := range events {
			data = append(data, e.Hashes...)
		}
		return "text/csv; charset=utf-8", data
	}
	id, ok := strings.CutSuffix(name, misp.FeedEvent)
	for _, e := range events {
		if ok && e.UUID == id {
			return json, e.File
		}
	}
	return "", nil
}

// refuseTool answers a tool that signs in with a token.
func (h *Hub) refuseTool(w http.ResponseWriter, err error) {
	p := problem(h.Log, err)
	if p.Status == http.StatusUnauthorized {
		p.ask = []string{`Basic realm="` + Realm + `", charset="UTF-8"`, `Bearer realm="` + Realm + `"`}
	}
	writeProblem(w, p)
}

// describeFeed adds to the description what registerFeed serves.
func describeFeed(api huma.API) {
	for _, scheme := range []string{"basic", "bearer"} {
		api.OpenAPI().Components.SecuritySchemes[scheme] = &huma.SecurityScheme{Type: "http", Scheme: scheme, Description: "A token of the member's; with basic it is the password, and the user the member's id."}
	}
	add := func(op huma.Operation, media string, params ...*huma.Param) {
		op.Security = []map[string][]string{{"basic": {}}, {"bearer": {}}}
		describe(api, op, media, params...)
	}
	add(at("GET", FeedPath+misp.FeedManifest, "feed-manifest", "Which events a MISP instance may pull, and when each last changed"), "application/json")
	add(at("GET", FeedPath+misp.FeedHashes, "feed-hashes", "The MD5 of each value, with its event"), "text/csv")
	add(at("GET", FeedPath+"{file}", "feed-event", "One event in MISP's core format"), "application/json", textParam("file", "path", "the UUID of the event, and .json", true))
}
