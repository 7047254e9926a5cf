package node

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/httpapi"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/taxii"
)

// tools lets in tools that read with a token, and serves them the collections
// of a hub over TAXII: an API root a sector, and in it for each purpose of the
// token what deliver minted. [tools.Feed] serves the same as a feed of MISP.
type tools struct {
	title   string
	url     func() string
	door    *admit.Door
	room    *deliver.Room
	shelves *shelves
	// push takes in what tools add; nil if nothing can be added.
	push *pushing
}

func (h *Hub) tools() *tools {
	return &tools{title: h.config.Hub.Title, url: func() string { return h.url }, door: h.Door, room: h.Deliver, shelves: &shelves{state: h.state}, push: h.push}
}

// taxii serves the hub's collections.
func (t *tools) taxii(log *slog.Logger) http.Handler {
	return &taxii.Handler{Sources: t, RootsAt: taxiiRoots, Realm: httpapi.Realm, Log: log}
}

// taxiiRoots is where the API roots stand.
const taxiiRoots = taxii.DiscoveryPath

// Open implements [taxii.Sources].
func (t *tools) Open(ctx context.Context, l taxii.Login) (taxii.Source, error) {
	tool, err := t.toolOf(ctx, l)
	if err != nil {
		return nil, err
	}
	return &toolView{t, tool.Standing, tool.Purposes, tool}, nil
}

// caller finds out who asks, and for which purposes.
func (t *tools) caller(ctx context.Context, l taxii.Login) (admit.Standing, []member.Purpose, error) {
	tool, err := t.toolOf(ctx, l)
	return tool.Standing, tool.Purposes, err
}

// toolOf finds out whose tool asks: by a member's id with a token as password, or
// the token alone.
func (t *tools) toolOf(ctx context.Context, l taxii.Login) (admit.Tool, error) {
	user, token := l.User, l.Token
	if token == "" {
		if token = l.Password; user == "" {
			user = "-" // nobody: a password needs its user
		}
	}
	return t.door.TokenHolder(ctx, user, token)
}

// toolView is what one caller may see.
type toolView struct {
	*tools
	standing admit.Standing
	purposes []member.Purpose
	tool     admit.Tool
}

var _ taxii.Source = (*toolView)(nil)

// Discovery implements [taxii.Source].
func (v *toolView) Discovery(context.Context) (taxii.Discovery, error) {
	d := taxii.Discovery{Title: v.title, Description: "Indicators and incidents that members contributed, as far as their terms let you have them."}
	base := strings.TrimSuffix(v.url(), "/") + taxiiRoots
	for _, s := range v.room.MySectors(member.Viewer{Member: v.standing.Member()}) {
		d.Roots = append(d.Roots, base+s.Name+"/")
	}
	if len(d.Roots) > 0 {
		d.Default = d.Roots[0]
	}
	return d, nil
}

// Root implements [taxii.Source].
func (v *toolView) Root(_ context.Context, root string) (taxii.Root, error) {
	for _, s := range v.room.MySectors(member.Viewer{Member: v.standing.Member()}) {
		if s.Name == root {
			return taxii.Root{Title: s.Title, Versions: []string{taxii.MediaType}, MaxContentLength: 4 << 20}, nil
		}
	}
	return taxii.Root{}, fault.New(fault.NotFound, "taxii.no_root", "there is no such API root among yours; the discovery resource lists them")
}

// offered is a collection with its viewer.
type offered struct {
	deliver.CollectionView
	viewer member.Viewer
}

func (v *toolView) offered(ctx context.Context, root string) ([]offered, error) {
	if _, err := v.Root(ctx, root); err != nil {
		return nil, err
	}
	var all []offered
	for _, p := range v.purposes {
		viewer, err := v.standing.Viewer(p)
		if err != nil {
			return nil, err
		}
		some, err := v.room.Collections(viewer, root)
		if err != nil {
			return nil, err
		}
		for _, c := range some.Body() {
			all = append(all, offered{c, viewer})
		}
	}
	return all, nil
}

// Collections implements [taxii.Source].
func (v *toolView) Collections(ctx context.Context, root string) ([]taxii.Collection, error) {
	all, err := v.offered(ctx, root)
	if err != nil {
		return nil, err
	}
	list := make([]taxii.Collection, len(all))
	for i, c := range all {
		list[i] = taxii.Collection{ID: c.ID, Title: c.Title, Description: c.Description, Alias: string(c.Kind) + "-" + string(c.Purpose),
			CanRead: true, MediaTypes: []string{"application/stix+json;version=2.1"}}
	}
	about, err := v.Root(ctx, root)
	if err != nil {
		return nil, err
	}
	if c, ok := v.submissions(about, root); ok {
		list = append(list, c)
	}
	return list, nil
}

// Read implements [taxii.Source].
func (v *toolView) Read(ctx context.Context, root, collection string, q taxii.Query) (taxii.Records, error) {
	all, err := v.offered(ctx, root)
	if err != nil {
		return taxii.Records{}, err
	}
	at := slices.IndexFunc(all, func(c offered) bool { return c.ID == collection })
	if at < 0 {
		return taxii.Records{}, fault.New(fault.NotFound, "taxii.no_collection", "this API root has no such collection")
	}
	wanted, matches := wantedBy(q)
	page, err := v.room.Page(ctx, all[at].viewer, root, all[at].Kind, wanted)
	if err != nil {
		return taxii.Records{}, err
	}
	view := page.Body()
	if !matches {
		return taxii.Records{Known: view.Known}, nil
	}
	records := taxii.Records{Records: make([]taxii.Record, len(view.Objects)), More: view.More, Known: view.Known, Done: view.Done}
	for i, o := range view.Objects {
		records.Records[i] = taxii.Record{Place: taxii.Place{Added: o.Added, N: o.N}, ID: o.ID, Type: o.Type, Version: o.Version, Spec: spec, Object: o.JSON}
	}
	return records, nil
}

// spec is the version of STIX of all objects.
const spec = "2.1"

// wantedBy says to the room what a query selects: of each object there is one
// version, the last as well as the first. False: nothing of it can match.
func wantedBy(q taxii.Query) (deliver.Wanted, bool) {
	w := deliver.Wanted{Object: q.Object, IDs: q.IDs, Types: q.Types, AddedAfter: q.AddedAfter, After: q.After.N, Limit: q.Limit}
	if len(q.Specs) > 0 && !slices.Contains(q.Specs, spec) {
		return deliver.Wanted{Object: q.Object, Limit: 1}, false
	}
	for _, v := range q.Versions {
		if v.Which != taxii.VersionAt {
			w.Versions = nil
			break
		}
		w.Versions = append(w.Versions, v.At)
	}
	return w, true
}
