package taxii

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/fault"
)

// Query selects records of a collection (section 3.4). Empty lists select
// everything, except as said.
type Query struct {
	// Object is the one object that is asked for by its path, or "".
	Object string
	// AddedAfter leaves out what was added then or before.
	AddedAfter time.Time
	IDs, Types []string
	// Specs are versions of STIX; none means of each object the newest one
	// that the collection has.
	Specs []string
	// Versions select among an object's versions of those specifications; none
	// means its last.
	Versions []Version
	// After is where the page before ended; the zero Place is before all.
	After Place
	// Limit is the most records of a page.
	Limit int
}

// Version selects versions of an object.
type Version struct {
	Which VersionKind
	// At is the version, if Which is VersionAt.
	At time.Time
}

// VersionKind is a way to select versions.
type VersionKind uint8

// The ways to select versions.
const (
	VersionLast VersionKind = iota
	VersionFirst
	VersionAll
	VersionAt
)

var specPattern = regexp.MustCompile(`^\d{1,3}\.\d{1,3}$`)

// maxMatches bounds how many alternatives one filter lists.
const maxMatches = 1000

// readQuery reads the filters and the page of a request. What it does not
// understand it refuses: a filter passed over would give more than was asked.
func readQuery(raw, resource string, pageSize int) (Query, error) {
	q := Query{Limit: pageSize}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, badQuery("the query is not well encoded").Because(err)
	}
	next := ""
	for name, given := range values {
		list := split(given)
		if len(list) > maxMatches {
			return q, badQuery("%s lists more than %d values", known(name), maxMatches)
		}
		switch name {
		case "added_after":
			q.AddedAfter, err = oneMoment(name, given)
		case "limit":
			q.Limit, err = readLimit(given, pageSize)
		case "next":
			next = given[len(given)-1]
		case "match[id]":
			q.IDs = list
		case "match[type]":
			q.Types = list
		case "match[spec_version]":
			q.Specs = list
			if i := slices.IndexFunc(list, func(s string) bool { return !specPattern.MatchString(s) }); i >= 0 {
				err = badQuery("match[spec_version] takes versions of STIX, for example 2.1")
			}
		case "match[version]":
			q.Versions, err = readVersions(list)
		default:
			if strings.HasPrefix(name, "match[") {
				err = badQuery("this server matches id, type, version and spec_version only")
			}
		}
		if err != nil {
			return q, err
		}
	}
	if next != "" {
		q.After, err = openNext(next, q.mark(resource))
	}
	return q, err
}

func badQuery(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "taxii.query", format, args...)
}

// known returns the name of a parameter if it is one of ours.
func known(name string) string {
	switch name {
	case "match[id]", "match[type]", "match[version]", "match[spec_version]":
		return name
	}
	return "a parameter"
}

// split takes a list apart at its commas; a parameter given twice is one list.
func split(given []string) []string {
	var list []string
	for _, g := range given {
		for item := range strings.SplitSeq(g, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
	}
	return list
}

func oneMoment(name string, given []string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, given[len(given)-1])
	if err != nil {
		return t, badQuery("%s takes a moment such as 2026-01-31T12:00:00.000000Z", name)
	}
	return t, nil
}

func readLimit(given []string, pageSize int) (int, error) {
	n, err := strconv.ParseInt(given[len(given)-1], 10, 64)
	if err != nil || n <= 0 {
		return 0, badQuery("limit takes a number of at least 1")
	}
	return int(min(n, int64(pageSize))), nil
}

func readVersions(list []string) ([]Version, error) {
	var all []Version
	for _, text := range list {
		switch text {
		case "last":
			all = append(all, Version{Which: VersionLast})
		case "first":
			all = append(all, Version{Which: VersionFirst})
		case "all":
			all = append(all, Version{Which: VersionAll})
		default:
			t, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				return nil, badQuery("match[version] takes first, last, all, or moments such as 2026-01-31T12:00:00.000Z")
			}
			all = append(all, Version{VersionAt, t})
		}
	}
	return all, nil
}

// mark names what a page is a page of: the resource and its filters. Neither
// limit nor added_after is part of it, since clients change both from page to
// page; added_after then narrows further, which the place allows.
func (q Query) mark(resource string) [8]byte {
	h := sha256.New()
	part := func(name string, list []string) {
		list = slices.Clone(list)
		slices.Sort(list)
		fmt.Fprintf(h, "%s %q\n", name, list)
	}
	fmt.Fprintf(h, "%q\n", resource)
	part("id", q.IDs)
	part("type", q.Types)
	part("spec", q.Specs)
	var versions []string
	for _, v := range q.Versions {
		versions = append(versions, fmt.Sprint(v.Which, v.At.UnixNano()))
	}
	part("version", versions)
	return [8]byte(h.Sum(nil))
}

// sealNext writes the token of the page after a place. It holds nothing that
// the page did not tell: the last record's date_added and number.
func sealNext(p Place, mark [8]byte) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(p.Added.UnixMicro()))
	b = binary.BigEndian.AppendUint64(b, uint64(p.N))
	return base64.RawURLEncoding.EncodeToString(append(b, mark[:]...))
}

// openNext is the inverse of sealNext; it refuses the token of other filters.
func openNext(text string, mark [8]byte) (Place, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != 24 || strings.ContainsAny(text, "\r\n") {
		return Place{}, fault.New(fault.Invalid, "taxii.next", "this is no page of the collection; begin without next").Because(err)
	}
	if [8]byte(b[16:]) != mark {
		return Place{}, fault.New(fault.Invalid, "taxii.next", "this page belongs to another request; keep its filters while you follow next, or begin without next")
	}
	return Place{time.UnixMicro(int64(binary.BigEndian.Uint64(b))).UTC(), int64(binary.BigEndian.Uint64(b[8:]))}, nil
}
