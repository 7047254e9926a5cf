package collect

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/standard"
)

// maxLoose bounds how many objects outside of bundles, or of a large one, are
// held together: what one of them says is understood through others. Further
// ones are taken together again.
const maxLoose = 100_000

// readSTIX reads a stream of bundles, or of objects that stand by themselves;
// those of one stream are taken together, as if a bundle held them.
func readSTIX(ctx context.Context, in io.Reader, name string, o Options, yield func(Collected) error) (mapping.Account, error) {
	mapper, err := newSTIXMapper(o)
	if err != nil {
		return mapping.Account{}, err
	}
	r := &stixReader{name: name, yield: yield, mapper: mapper}
	objects := stix.NewReader(in)
	for {
		if err := ctx.Err(); err != nil {
			return r.account, err
		}
		object, source, err := objects.Next()
		var bad *stix.Bad
		switch {
		case err == io.EOF:
			return r.account, r.flush()
		case errors.As(err, &bad):
			r.account.Records++
			r.account.Refuse(mapping.Place{File: name, Record: bad.Number, Line: bad.Line, Path: bad.Fault.Path, Reason: bad.Fault.Message})
			continue
		case err != nil:
			return r.account, err
		}
		switch {
		case object.IsBundle() && !object.Has("objects") && len(r.held) > 0:
			err = r.flush() // the end of a large bundle
		case object.IsBundle():
			err = r.bundle(object.Objects(), source.Line, sha256.Sum256(source.Bytes))
		default:
			err = r.loose(object, source)
		}
		if err != nil {
			return r.account, err
		}
	}
}

// stixReader gathers what is mapped together.
type stixReader struct {
	name    string
	yield   func(Collected) error
	mapper  *sectorMapper[mapping.STIXGroup]
	account mapping.Account
	// held are objects outside of bundles; digest runs over their bytes.
	held   []stix.Object
	line   int
	digest [sha256.Size]byte
}

// loose holds an object until the stream ends.
func (r *stixReader) loose(object stix.Object, source stix.Source) error {
	if len(r.held) == 0 {
		r.line = source.Line
	}
	r.held = append(r.held, object)
	own := sha256.Sum256(source.Bytes)
	r.digest = sha256.Sum256(append(r.digest[:], own[:]...))
	if len(r.held) >= maxLoose {
		return r.flush()
	}
	return nil
}

func (r *stixReader) flush() error {
	if len(r.held) == 0 {
		return nil
	}
	held, line, digest := r.held, r.line, r.digest
	r.held, r.digest = nil, [sha256.Size]byte{}
	return r.bundle(held, line, digest)
}

// bundle maps the objects of one bundle, which may become several reports;
// each counts as a record.
func (r *stixReader) bundle(objects []stix.Object, line int, digest [sha256.Size]byte) error {
	groups := mapping.GroupSTIX(objects, &r.account)
	if len(groups) == 0 {
		r.account.Records++
		r.account.Refuse(mapping.Place{File: r.name, Line: line, Reason: "the bundle holds nothing that becomes a report"})
	}
	unnamed := 0
	for _, group := range groups {
		r.account.Records++
		own := digest
		if group.Head == nil {
			// Reports without a name are told apart by their digest; of a
			// list that became several, each has one of its own.
			if unnamed++; unnamed > 1 {
				own = sha256.Sum256(binary.BigEndian.AppendUint64(slices.Clone(digest[:]), uint64(unnamed)))
			}
		}
		made, places := r.mapper.report(group, &r.account)
		for _, at := range places {
			at.File, at.Line = r.name, line
			r.account.Refuse(at)
		}
		if len(made.Statements)+len(made.Observables) == 0 {
			continue
		}
		r.account.Reports++
		if err := r.yield(Collected{report: made, digest: own, file: r.name, line: line}); err != nil {
			return err
		}
	}
	return nil
}

func newSTIXMapper(o Options) (*sectorMapper[mapping.STIXGroup], error) {
	under := func(std *standard.Standard) mappedBy[mapping.STIXGroup] { return mapping.NewSTIX(std).FromSTIX }
	return newSectorMapper(o, under, func(group mapping.STIXGroup) mapping.Place {
		return mapping.Place{Path: group.Head.ID(), Reason: "the objects say nothing that the standard collects"}
	})
}

// stixWriter writes reports as bundles, one a line. Their identifiers are
// random: nothing in them leads back to a report, a case or a value.
type stixWriter struct {
	to      *bufio.Writer
	under   map[standard.Ref]*mapping.STIX
	minting mapping.Minting
	now     func() time.Time
	account mapping.Account
}

func newSTIXWriter(w io.Writer) *stixWriter {
	random := func(typ, _ string) (string, error) { return stix.RandomID(rand.Reader, typ) }
	return &stixWriter{
		to: bufio.NewWriterSize(w, 1<<16), under: map[standard.Ref]*mapping.STIX{},
		minting: mapping.Minting{ID: random}, now: time.Now,
	}
}

func (w *stixWriter) Write(c Collected) error {
	m := w.under[c.report.Standard]
	if m == nil {
		std, err := standard.Builtin(c.report.Standard)
		if err != nil {
			return err
		}
		m = mapping.NewSTIX(std)
		w.under[c.report.Standard] = m
	}
	w.minting.At = w.now()
	bundle, err := m.ToSTIX(c.report, w.minting, &w.account)
	if err != nil {
		return err
	}
	line, err := stix.Print(bundle)
	if err != nil {
		return err
	}
	_, err = w.to.Write(append(line, '\n'))
	return err
}

func (w *stixWriter) Close() error { return w.to.Flush() }

func (w *stixWriter) Account() mapping.Account { return w.account }
