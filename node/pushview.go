package node

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/taxii"
	"github.com/concord-trust/concord/wire"
)

// submissions is the alias of the collection of a sector to which tools push.
const submissions = "submissions"

// submissions is the collection of a sector to which this caller's tool may
// push; false if its token is for reading alone. It shows nothing: what was
// pushed is gone once it is taken in.
func (v *toolView) submissions(root taxii.Root, sector string) (taxii.Collection, bool) {
	if v.push == nil || len(v.tool.Delegation) == 0 {
		return taxii.Collection{}, false
	}
	c := taxii.Collection{
		ID:    taxii.UUID([16]byte(v.push.mac("collection", string(v.tool.Member().ID), sector))),
		Title: "Submissions to " + root.Title, Alias: submissions, CanWrite: true, CanDelete: true, MediaTypes: []string{"application/stix+json;version=2.1"},
		Description: "What is added here becomes reports of yours, reduced to what your terms let out; deleting an object takes back the reports made of it. Said on every receipt: " + wire.Pushed + ". Nothing can be read here.",
	}
	if err := v.push.may(v.tool, sector); err != nil {
		c.CanWrite, c.CanDelete = false, v.push.mayDelete(v.tool, sector) == nil
		c.Description = "Nothing can be added now: " + fault.Public(err).Message + "."
	}
	return c, true
}

// isSubmissions says whether a collection is the one to push to.
func (v *toolView) isSubmissions(ctx context.Context, root, collection string) error {
	r, err := v.Root(ctx, root)
	if err != nil {
		return err
	}
	if c, ok := v.submissions(r, root); !ok || c.ID != collection {
		return fault.New(fault.Forbidden, "taxii.no_writing", "nothing can be added or removed here; add to the collection %q, with a token that `concord member token --push` makes", submissions)
	}
	return nil
}

// Add implements [taxii.Source].
func (v *toolView) Add(ctx context.Context, root, collection string, objects []json.RawMessage) (taxii.Status, error) {
	if err := v.isSubmissions(ctx, root, collection); err != nil {
		return taxii.Status{}, err
	}
	return v.push.add(ctx, v.tool, root, objects)
}

// Delete implements [taxii.Source].
func (v *toolView) Delete(ctx context.Context, root, collection string, q taxii.Query) error {
	if err := v.isSubmissions(ctx, root, collection); err != nil {
		return err
	}
	return v.push.remove(ctx, v.tool, root, q)
}

// Status implements [taxii.Source].
func (v *toolView) Status(ctx context.Context, root, id string) (taxii.Status, error) {
	if _, err := v.Root(ctx, root); err != nil {
		return taxii.Status{}, err
	}
	if v.push == nil || len(v.tool.Delegation) == 0 {
		return taxii.Status{}, fault.New(fault.NotFound, "taxii.no_status", "there is no such status: this token only reads")
	}
	return v.push.status(ctx, v.tool.Member().ID, root, id)
}

// told is a path as it may be logged: a tool names in it the object that it
// deletes, whose id may be a hash of its value.
func told(path string) string {
	if before, _, found := strings.Cut(path, "/objects/"); found {
		return before + "/objects/…"
	}
	return path
}
