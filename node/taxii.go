package node

import (
	"context"
	"encoding/json"
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
}

func (h *Hub) tools() *tools {
	return &tools{title: h.config.Hub.Title, url: func() string { return h.url }, door: h.Door, room: h.Deliver, shelves: &shelves{state: h.Store.State}}
}

// taxii serves the hub's collections.
func (t *tools) taxii(log *slog.Logger) http.Handler {
	return &taxii.Handler{Sources: t, RootsAt: taxiiRoots, Realm: httpapi.Realm, Log: log}
}

// taxiiRoots is where the API roots stand.
const taxiiRoots = taxii.DiscoveryPath

// Open implements [taxii.Sources].
func (t *tools) Open(ctx context.Context, l taxii.Login) (taxii.Source, error) {
	s, purposes, err := t.caller(ctx, l)
	if err != nil {
		return nil, err
	}
	return &toolView{t, s, purposes}, nil
}

// caller finds out who asks: a member's id with a token as password, or the
// token alone.
func (t *tools) caller(ctx context.Context, l taxii.Login) (admit.Standing, []member.Purpose, error) {
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
			return taxii.Root{Title: s.Title, Versions: []string{taxii.MediaType}, MaxContentLength: 1 << 20}, nil
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
	index, err := v.open(ctx, all[at])
	if err != nil {
		return taxii.Records{}, err
	}
	return index.Read(q), nil
}

// open returns a collection's index, computed anew if anything changed. An
// index is never changed once it is made, so that readers share it.
func (t *tools) open(ctx context.Context, c offered) (*taxii.Index, error) {
	return kept(ctx, t.shelves, c.ID, c.viewer.At, func() (*taxii.Index, int, error) {
		objects, err := t.room.Objects(ctx, c.viewer, c.Sector, c.Kind)
		if err != nil {
			return nil, 0, err
		}
		records := make([]taxii.Record, len(objects.Body()))
		for i, o := range objects.Body() {
			records[i] = taxii.Record{Place: taxii.Place{Added: o.Added, N: o.N}, ID: o.ID, Type: o.Type, Version: o.Version, Spec: "2.1", Object: o.JSON}
		}
		return taxii.NewIndex(records), len(records), nil
	})
}

// Add implements [taxii.Source]. No collection can be added to: what leaves a
// member is minimised, tokenised and sealed there.
func (v *toolView) Add(context.Context, string, string, []json.RawMessage) (taxii.Status, error) {
	return taxii.Status{}, readOnly()
}

// Delete implements [taxii.Source].
func (v *toolView) Delete(context.Context, string, string, taxii.Query) error { return readOnly() }

func readOnly() error {
	return fault.New(fault.Forbidden, "taxii.no_writing", "nothing can be added or removed here; contribute with `concord member submit`")
}

// Status implements [taxii.Source].
func (v *toolView) Status(ctx context.Context, root, _ string) (taxii.Status, error) {
	if _, err := v.Root(ctx, root); err != nil {
		return taxii.Status{}, err
	}
	return taxii.Status{}, fault.New(fault.NotFound, "taxii.no_status", "there is no such status: nothing can be added here")
}
