package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"slices"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// Renew signs the agreement anew, from now on: for as long as it was made for,
// or until a given end, and with another sheet of terms if one is named. What
// waits in the outbox was made under the agreement that holds now and is
// delivered before. The hub is asked for its stewards again.
func (m *Member) Renew(ctx context.Context, sheet string, until time.Time) (agreement.Agreement, error) {
	if _, err := m.Outbox.Deliver(ctx); err != nil {
		return agreement.Agreement{}, err
	}
	if n, err := m.Store.Counts(ctx); err != nil || n.Waiting > 0 {
		if err == nil {
			err = fault.New(fault.Conflict, "renew.waiting", "%d contributions wait that the hub does not take; see `concord member status`, then renew", n.Waiting)
		}
		return agreement.Agreement{}, err
	}
	next := m.Agreement
	id, err := wire.NewID[wire.AgreementID]('a', rand.Reader)
	if err != nil {
		return agreement.Agreement{}, err
	}
	next.ID, next.From = id, time.Now()
	if next.Until = until; until.IsZero() {
		next.Until = next.From.Add(m.Agreement.Until.Sub(m.Agreement.From))
	}
	if sheet != "" {
		if next.Terms, err = ReadSheet(sheet); err != nil {
			return agreement.Agreement{}, err
		}
	}
	if next, err = agreement.Propose(next); err != nil {
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
	both, err := m.Hub.Renew(ctx, signed)
	if err != nil {
		return agreement.Agreement{}, err
	}
	if next, err = agreement.Open(both, key.Public().(ed25519.PublicKey), m.Outbox.HubKey); err != nil {
		return agreement.Agreement{}, err
	}
	if err := m.repin(ctx); err != nil {
		return agreement.Agreement{}, err
	}
	if sheet != "" {
		if err := m.Config.useSheet(sheet); err != nil {
			return agreement.Agreement{}, err
		}
	}
	return next, replaceFile(m.Config.Path(m.Config.Member.Hub.Agreement), both, 0o600)
}

// repin asks the hub which stewards there are. A steward that is pinned already
// keeps its key: with another, the same value would have another token.
func (m *Member) repin(ctx context.Context) error {
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
	if len(now) == 0 {
		return nil
	}
	m.Config.Member.Hub.Stewards = now
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
