package outbox

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"github.com/concord-trust/concord/edge/tokenise"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// letter is a report on its way into a contribution.
type letter struct {
	id       wire.ReportID
	report   report.Minimised
	digest   []byte
	size     int // bytes of JSON
	evidence Evidence
}

// letter addresses a report: its id, and the digest by which the queue tells
// whether its contents changed.
func (o *Outbox) letter(t tokenise.Tokenised) (letter, error) {
	l := letter{report: t.Report()}
	l.report.ID, l.report.Revision, l.report.Commitment = "", 0, ""
	contents, err := wire.Canonical(l.report)
	if err != nil {
		return letter{}, err
	}
	l.size = len(contents) + 200 // id, revision and commitment come on top
	l.digest = o.mac("contents", string(contents))
	origin := t.Origin()
	l.id = o.reportID(origin)
	l.report.ID = l.id
	l.evidence = Evidence{Native: slices.Clone(origin.Digest), Source: origin.Source}
	return l, nil
}

// mac is HMAC-SHA256 over the parts, each with its length, under the member's
// secret.
func (o *Outbox) mac(parts ...string) []byte {
	h := hmac.New(sha256.New, o.IDs)
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return h.Sum(nil)
}

// date gives the letter its revision and commitment: those that left before
// if the contents are the same, else the next revision with a new commitment.
// It reports whether the contents were queued before.
func (l *letter) date(known Known, isKnown bool, random io.Reader) (again bool, err error) {
	switch {
	case isKnown && bytes.Equal(known.Digest, l.digest):
		l.report.Revision, l.evidence = known.Revision, known.Evidence
		l.report.Commitment = l.evidence.Commitment()
		return true, nil
	case isKnown:
		l.report.Revision = known.Revision + 1
	default:
		l.report.Revision = 0
	}
	l.evidence.Nonce = make([]byte, 32)
	if _, err := io.ReadFull(random, l.evidence.Nonce); err != nil {
		return false, fmt.Errorf("draw a nonce: %w", err)
	}
	l.report.Commitment = l.evidence.Commitment()
	return false, nil
}

// Commitment is what left of the evidence: the hex SHA-256 of nonce and
// native digest. Without the nonce it tells nothing about the file.
func (e Evidence) Commitment() string {
	h := sha256.New()
	h.Write(e.Nonce)
	h.Write(e.Native)
	return hex.EncodeToString(h.Sum(nil))
}

// packer gathers letters into contributions within the limits.
type packer struct {
	letters []letter
	size    int
	ids     map[wire.ReportID]bool
}

// fits reports whether the letter still goes into this contribution. A report
// that occurs twice goes into two, so that each gets its own revision.
func (p *packer) fits(l letter) bool {
	return len(p.letters) == 0 ||
		len(p.letters) < report.MaxReports && p.size+l.size <= MaxPlaintext && !p.ids[l.id]
}

func (p *packer) add(l letter) {
	if p.ids == nil {
		p.ids = map[wire.ReportID]bool{}
	}
	p.letters = append(p.letters, l)
	p.size += l.size
	p.ids[l.id] = true
}

func (p *packer) take() []letter {
	taken := p.letters
	*p = packer{}
	return taken
}
