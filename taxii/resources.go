package taxii

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/concord-trust/concord/fault"
)

func (c *call) discovery() error {
	d, err := c.source.Discovery(c.r.Context())
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, d)
}

func (c *call) root(root string) error {
	r, err := c.source.Root(c.r.Context(), root)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, r)
}

func (c *call) status(root, id string) error {
	s, err := c.source.Status(c.r.Context(), root, id)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, s)
}

func (c *call) collections(root string) error {
	all, err := c.source.Collections(c.r.Context(), root)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, struct {
		Collections []Collection `json:"collections,omitempty"`
	}{all})
}

func (c *call) collection(in place) error {
	found, err := c.find(in)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, found)
}

// find returns a collection of a root, by its id or its alias.
func (c *call) find(in place) (Collection, error) {
	all, err := c.source.Collections(c.r.Context(), in.root)
	if err != nil {
		return Collection{}, err
	}
	for _, found := range all {
		if found.ID == in.collection || found.Alias != "" && found.Alias == in.collection {
			return found, nil
		}
	}
	return Collection{}, fault.New(fault.NotFound, "taxii.no_collection", "this API root has no such collection; its collections resource lists them")
}

// open finds a collection and holds the caller to what it may do there.
func (c *call) open(in place, read, write bool) (Collection, error) {
	found, err := c.find(in)
	switch {
	case err != nil:
		return found, err
	case read && !found.CanRead:
		return found, fault.New(fault.Forbidden, "taxii.no_reading", "this collection is not for you to read")
	case write && !found.CanWrite:
		return found, fault.New(fault.Forbidden, "taxii.no_writing", "nothing can be added to this collection, nor removed from it, by you")
	}
	return found, nil
}

// read answers one page: every kind of list is read the same way.
func (c *call) read(in place, kind, object string, change func(*Query)) (Records, string, error) {
	found, err := c.open(in, true, false)
	if err != nil {
		return Records{}, "", err
	}
	resource := strings.Join([]string{in.root, found.ID, kind, object}, "/")
	q, err := c.query(resource)
	if err != nil {
		return Records{}, "", err
	}
	q.Object = object
	if change != nil {
		change(&q)
	}
	page, err := c.source.Read(c.r.Context(), in.root, found.ID, q)
	if err != nil {
		return Records{}, "", err
	}
	if object != "" && !page.Known {
		return Records{}, "", NoObject()
	}
	next := ""
	if n := len(page.Records); n > 0 {
		if page.More {
			next = sealNext(page.Records[n-1].Place, q.mark(resource))
		}
		c.w.Header().Set("X-TAXII-Date-Added-First", Moment{page.Records[0].Added}.String())
		c.w.Header().Set("X-TAXII-Date-Added-Last", Moment{page.Records[n-1].Added}.String())
	}
	return page, next, nil
}

func (r Records) done() {
	if r.Done != nil {
		r.Done()
	}
}

// NoObject says that a collection has no such object: what a [Source] answers
// where there is none, or none for who asks.
func NoObject() error {
	return fault.New(fault.NotFound, "taxii.no_object", "this collection has no such object, or none for you")
}

func (c *call) query(resource string) (Query, error) {
	if len(c.r.URL.RawQuery) > maxQuery {
		return Query{}, fault.New(fault.TooLarge, "taxii.query", "the filters are longer than %d bytes; ask in parts", maxQuery)
	}
	size := c.h.PageSize
	if size <= 0 {
		size = DefaultPageSize
	}
	return readQuery(c.r.URL.RawQuery, resource, size)
}

func (c *call) objects(in place) error {
	if c.method == http.MethodPost {
		return c.add(in)
	}
	return c.envelope(in, "")
}

func (c *call) object(in place, id string) error {
	if c.method == http.MethodDelete {
		return c.remove(in, id)
	}
	return c.envelope(in, id)
}

// envelope answers with objects (section 3.7). They are JSON already and are
// copied as they are.
func (c *call) envelope(in place, object string) error {
	page, next, err := c.read(in, "objects", object, nil)
	if err != nil {
		return err
	}
	defer page.done()
	if len(page.Records) == 0 {
		send(c.w, http.StatusOK, []byte("{}"))
		return nil
	}
	head, err := json.Marshal(struct {
		More bool   `json:"more"`
		Next string `json:"next,omitzero"`
	}{page.More, next})
	if err != nil {
		return err
	}
	out, ok := c.h.pages.Get().(*bytes.Buffer)
	if !ok {
		out = &bytes.Buffer{}
	}
	defer c.h.pages.Put(out)
	out.Reset()
	size := len(head) + 16
	for i := range page.Records {
		size += len(page.Records[i].Object) + 1
	}
	out.Grow(size)
	out.Write(head[:len(head)-1])
	out.WriteString(`,"objects":[`)
	for i := range page.Records {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(page.Records[i].Object)
	}
	out.WriteString("]}")
	send(c.w, http.StatusOK, out.Bytes())
	return nil
}

type manifestLine struct {
	ID        string `json:"id"`
	Added     Moment `json:"date_added"`
	Version   string `json:"version"`
	MediaType string `json:"media_type"`
}

func (c *call) manifest(in place) error {
	page, next, err := c.read(in, "manifest", "", nil)
	if err != nil {
		return err
	}
	defer page.done()
	if len(page.Records) == 0 {
		return c.answer(http.StatusOK, struct{}{})
	}
	lines := make([]manifestLine, len(page.Records))
	for i, r := range page.Records {
		lines[i] = manifestLine{r.ID, Moment{r.Added}, r.Version, stixMediaType + r.Spec}
	}
	return c.answer(http.StatusOK, struct {
		More    bool           `json:"more"`
		Next    string         `json:"next,omitzero"`
		Objects []manifestLine `json:"objects"`
	}{page.More, next, lines})
}

// versions lists the versions of one object: all of them, so that there is no
// filter by version.
func (c *call) versions(in place, id string) error {
	page, next, err := c.read(in, "versions", id, func(q *Query) { q.Versions = []Version{{Which: VersionAll}} })
	if err != nil {
		return err
	}
	defer page.done()
	if len(page.Records) == 0 {
		return c.answer(http.StatusOK, struct{}{})
	}
	list := make([]string, len(page.Records))
	for i, r := range page.Records {
		list[i] = r.Version
	}
	return c.answer(http.StatusOK, struct {
		More     bool     `json:"more"`
		Next     string   `json:"next,omitzero"`
		Versions []string `json:"versions"`
	}{page.More, next, list})
}

// add takes an envelope of objects.
func (c *call) add(in place) error {
	found, err := c.open(in, false, true)
	if err != nil {
		return err
	}
	root, err := c.source.Root(c.r.Context(), in.root)
	if err != nil {
		return err
	}
	data, err := c.body(root.MaxContentLength)
	if err != nil {
		return err
	}
	objects, err := readEnvelope(data)
	if err != nil {
		return err
	}
	s, err := c.source.Add(c.r.Context(), in.root, found.ID, objects)
	if err != nil {
		return err
	}
	return c.answer(http.StatusAccepted, s)
}

// readEnvelope takes the objects out of an envelope.
func readEnvelope(data []byte) ([]json.RawMessage, error) {
	var envelope map[string]json.RawMessage
	if !json.Valid(data) {
		return nil, fault.New(fault.Invalid, "taxii.not_json", "the body is no JSON; send an envelope: {\"objects\": […]}")
	}
	wrong := fault.New(fault.Invalid, CodeUnprocessable, "the body is no envelope with objects in it; send {\"objects\": […]}")
	if err := json.Unmarshal(data, &envelope); err != nil {
		return nil, wrong.Because(err)
	}
	var objects []json.RawMessage
	if err := json.Unmarshal(envelope["objects"], &objects); err != nil || len(objects) == 0 {
		return nil, wrong.Because(err)
	}
	return objects, nil
}

// remove deletes an object, or the versions of it that the filters select:
// without filters its last one, as reading it would give.
func (c *call) remove(in place, id string) error {
	found, err := c.find(in)
	switch {
	case err != nil:
		return err
	case !found.CanDelete && !(found.CanRead && found.CanWrite):
		return fault.New(fault.Forbidden, "taxii.no_writing", "nothing can be removed from this collection by you")
	}
	q, err := c.query(strings.Join([]string{in.root, found.ID, "objects", id}, "/"))
	if err != nil {
		return err
	}
	q.Object = id
	if err := c.source.Delete(c.r.Context(), in.root, found.ID, q); err != nil {
		return err
	}
	return c.answer(http.StatusOK, struct{}{})
}
