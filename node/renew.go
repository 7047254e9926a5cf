package node

import (
	"context"
	"crypto/ed25519"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/terms"
)

// Renewal says how an agreement is signed anew.
type Renewal struct {
	// Sheet of terms, if others are to hold.
	Sheet string
	// Until is when it ends; zero: after as long as the last one was made for,
	// or as the third party offers.
	Until time.Time
	// Code is the file of an invitation to sign anew, under a changed card or
	// after the end; "" to renew what holds now.
	Code string
	// AfterEnd is what becomes of contributions after the end; "" keeps what
	// was agreed.
	AfterEnd agreement.AfterEnd
}

// Renew signs the agreement anew, from now on: as the third party offers it
// now, which may have changed, for as long as it was made for or until a given
// end, and with another sheet of terms if one is named. What waits in the outbox
// was made under the agreement that holds now and is delivered before; after its
// end that cannot be done any more. The hub is asked for its stewards again.
func (m *Member) Renew(ctx context.Context, r Renewal) (agreement.Agreement, error) {
	if m.Agreement.ValidAt(m.Outbox.Now()) == nil {
		if err := m.deliverAll(ctx); err != nil {
			return agreement.Agreement{}, err
		}
	}
	next, code, err := m.offered(ctx, r.Code)
	if err != nil {
		return agreement.Agreement{}, err
	}
	if next, err = m.completed(next, r); err != nil {
		return agreement.Agreement{}, err
	}
	key, err := envelope.ReadKeyFile(m.Config.Path(m.Config.Member.Keys.Sign))
	if err != nil {
		return agreement.Agreement{}, err
	}
	signed, err := agreement.Sign(next, key)
	if err != nil {
		return agreement.Agreement{}, err
	}
	var both []byte
	if code != "" {
		both, err = m.Hub.Join(ctx, code, signed)
	} else {
		both, err = m.Hub.Renew(ctx, signed)
	}
	if err != nil {
		return agreement.Agreement{}, err
	}
	if next, err = agreement.Open(both, key.Public().(ed25519.PublicKey), m.Outbox.HubKey); err != nil {
		return agreement.Agreement{}, err
	}
	if err := m.repin(ctx, next.Member.Sectors); err != nil {
		return agreement.Agreement{}, err
	}
	m.Config.Member.Name = next.Member.Name
	if r.Sheet != "" {
		err = m.Config.useSheet(r.Sheet)
	} else {
		err = m.Config.Save()
	}
	if err != nil {
		return agreement.Agreement{}, err
	}
	return next, replaceFile(m.Config.Path(m.Config.Member.Hub.Agreement), both, 0o600)
}

// deliverAll delivers what waits in the outbox, all of it.
func (m *Member) deliverAll(ctx context.Context) error {
	if _, err := m.Outbox.Deliver(ctx); err != nil {
		return err
	}
	n, err := m.Store.Counts(ctx)
	if err == nil && n.Waiting > 0 {
		err = fault.New(fault.Conflict, "renew.waiting", "%d contributions wait that the hub does not take; see `concord member status`, then renew", n.Waiting)
	}
	return err
}

// offered asks for what the third party is ready to sign: by an invitation, if
// its file is named, whose code is returned; else as for who takes part.
func (m *Member) offered(ctx context.Context, file string) (offer agreement.Agreement, code string, err error) {
	if file == "" {
		offer, err = m.Hub.RenewalOffer(ctx)
	} else {
		var text []byte
		if text, err = os.ReadFile(file); err != nil {
			return offer, "", fault.New(fault.Usage, "join.code", "the invitation's code cannot be read; save it to a file and name that").At(file).Because(err)
		}
		code = strings.TrimSpace(string(text))
		offer, err = m.Hub.Offer(ctx, code)
	}
	if err == nil && offer.Member.ID != m.Agreement.Member.ID {
		err = fault.New(fault.Usage, "renew.other_member", "the invitation is for another member, %q (%s); nothing was signed. A new member joins with `concord member join`", offer.Member.Name, offer.Member.ID)
	}
	return offer, code, err
}

// completed fills an offer in with what is the member's to say.
func (m *Member) completed(next agreement.Agreement, r Renewal) (agreement.Agreement, error) {
	last := m.Agreement
	latest := next.Until
	switch lasting := next.From.Add(last.Until.Sub(last.From)); {
	case r.Until.After(latest):
		return next, fault.New(fault.Usage, "join.until", "the third party offers an agreement until %s at most; nothing was signed", latest.Format(time.DateOnly))
	case !r.Until.IsZero():
		next.Until = r.Until
	case lasting.Before(latest):
		next.Until = lasting
	}
	next.Member.Key, next.Member.Contact = last.Member.Key, last.Member.Contact
	next.Terms, next.AfterEnd = last.Terms, last.AfterEnd
	if r.AfterEnd != "" {
		next.AfterEnd = r.AfterEnd
	}
	if r.Sheet != "" {
		sheet, err := ReadSheet(r.Sheet)
		if err != nil {
			return next, err
		}
		next.Terms = sheet
	}
	return agreement.Propose(next)
}

// repin asks the hub which stewards there are, and about the member's sectors. A steward that is pinned already
// keeps its key: with another, the same value would have another token.
func (m *Member) repin(ctx context.Context, sectors []string) error {
	info, err := m.Hub.Info(ctx)
	if err != nil {
		return err
	}
	now := stewardPins(info)
	for _, old := range m.Config.Member.Hub.Stewards {
		if i := slices.IndexFunc(now, func(s StewardPin) bool { return s.Name == old.Name }); i >= 0 && now[i].LinkKey != old.LinkKey {
			return fault.New(fault.Conflict, "renew.other_key", "the hub names another key for the steward %s than the one you pinned; ask its operator by another way before you go on", old.Name)
		}
	}
	if len(now) > 0 {
		m.Config.Member.Hub.Stewards = now
	}
	m.Config.Member.Hub.Sectors = pinnedSectors(info, sectors)
	return m.Config.Save()
}

// useSheet sets the member's terms: a built-in sheet by its name, or a copy of
// a file.
func (c *Config) useSheet(sheet string) error {
	if slices.Contains(terms.Builtins(), sheet) {
		c.Member.Terms = sheet
	} else if err := c.keep(sheet, "terms.yaml", &c.Member.Terms); err != nil {
		return err
	}
	return c.Save()
}
