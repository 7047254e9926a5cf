package node

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/wire"
)

// maxDSN is the largest connection string that is read, in bytes.
const maxDSN = 4 << 10

// readDSN reads a connection string from a file that only its owner can read.
// No error holds any of it.
func readDSN(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fault.New(fault.Usage, "store.dsn_file", "the file with the connection string cannot be read").At(path).Because(err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("look at %s: %w", path, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fault.New(fault.Usage, "store.dsn_file", "others may read the file with the connection string; `chmod 600` it").At(path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxDSN+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 || len(text) > maxDSN || bytes.ContainsAny(text, "\n\r\x00") {
		return "", fault.New(fault.Usage, "store.dsn_file", "the file holds no connection string: one line, as postgres://USER:PASSWORD@HOST/DATABASE").At(path)
	}
	return string(text), nil
}

// storeFile is where SQLite keeps the hub's record.
func (c *Config) storeFile() string { return filepath.Join(c.Path(c.Hub.Data), "hub.db") }

// openStore opens the store that s chooses, making its record if there is none.
func (c *Config) openStore(ctx context.Context, s *StoreConfig) (*store.Hub, error) {
	if s != nil && s.Kind == StorePostgres {
		dsn, err := readDSN(c.Path(s.DSNFile))
		if err != nil {
			return nil, err
		}
		return store.OpenHubPostgres(ctx, dsn)
	}
	if err := os.MkdirAll(c.Path(c.Hub.Data), 0o700); err != nil {
		return nil, fault.New(fault.Usage, "hub.data", "the folder for the record cannot be made").At(c.Path(c.Hub.Data)).Because(err)
	}
	return store.OpenHub(ctx, c.storeFile())
}

// hasStore says whether the store holds a record, be it an empty one. It makes
// none.
func (c *Config) hasStore(ctx context.Context, s *StoreConfig) (bool, error) {
	if s.Kind == StorePostgres {
		dsn, err := readDSN(c.Path(s.DSNFile))
		if err != nil {
			return false, err
		}
		return store.HasHubPostgres(ctx, dsn)
	}
	_, err := os.Stat(c.storeFile())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// kind is the store that a configuration chooses.
func (s *StoreConfig) kind() string {
	if s == nil {
		return StoreSQLite
	}
	return s.Kind
}

// StoreMove is what moving a hub's record came to.
type StoreMove struct {
	From string `json:"from"`
	To   string `json:"to"`
	// DryRun says that nothing was written.
	DryRun bool `json:"dry_run"`
	store.Survey
	// Receipts is how many contributions were receipted. Each receipt was
	// found to hold under the hub's key, before the move and after it.
	Receipts int `json:"receipts"`
}

// MigrateStore moves a hub's record from the store that the configuration
// names to another, which must be empty: all of it, or nothing. The hub must
// not be serving; a process that still does is refused from then on. With dry,
// it counts and checks, and writes nothing.
func MigrateStore(ctx context.Context, c *Config, to StoreConfig, dry bool) (m StoreMove, err error) {
	if c.Hub == nil {
		return m, fault.New(fault.Usage, "config.no_hub", "the configuration has no section hub")
	}
	m = StoreMove{From: c.Hub.Store.kind(), To: to.Kind, DryRun: dry}
	if err := to.check("--to"); err != nil {
		return m, err
	}
	if m.From == m.To {
		return m, fault.New(fault.Usage, "store.same", "the record is in %s already; name the other store", m.To)
	}
	sign, err := envelope.ReadKeyFile(c.Path(c.Hub.Keys.Sign))
	if err != nil {
		return m, err
	}
	there, err := c.hasStore(ctx, c.Hub.Store.orDefault())
	if err != nil {
		return m, err
	}
	if !there {
		return m, fault.New(fault.Usage, "store.nothing", "there is no record to move; the hub has not been started yet")
	}
	from, err := c.openStore(ctx, c.Hub.Store)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	key := sign.Public().(ed25519.PublicKey)
	if m.Receipts, err = checkReceipts(ctx, from, key); err != nil {
		return m, err
	}
	if dry {
		err = m.look(ctx, c, from, &to)
		return m, err
	}
	target, err := c.openStore(ctx, &to)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if m.Survey, err = store.Move(ctx, from, target); err != nil {
		return m, err
	}
	m.Receipts, err = checkReceipts(ctx, target, key)
	return m, err
}

// orDefault is the store of a configuration that names none.
func (s *StoreConfig) orDefault() *StoreConfig {
	if s == nil {
		return &StoreConfig{Kind: StoreSQLite}
	}
	return s
}

// look is a move that writes nothing.
func (m *StoreMove) look(ctx context.Context, c *Config, from *store.Hub, to *StoreConfig) error {
	there, err := c.hasStore(ctx, to)
	if err != nil {
		return err
	}
	if there {
		target, err := c.openStore(ctx, to)
		if err != nil {
			return err
		}
		empty, err := target.Empty(ctx)
		if err = errors.Join(err, target.Close()); err != nil {
			return err
		}
		if !empty {
			return fault.New(fault.Conflict, "store.not_empty", "the target holds a record already; name an empty one").At(target.Path())
		}
	}
	m.Survey, err = store.SurveyOf(ctx, from)
	return err
}

// checkReceipts verifies every receipt in a record and counts them.
func checkReceipts(ctx context.Context, h *store.Hub, key ed25519.PublicKey) (n int, err error) {
	id := envelope.KeyID(key)
	err = h.Receipts(ctx, func(m wire.MemberID, c wire.ContributionID, receipt []byte) error {
		payload, _, err := envelope.Verify(receipt, wire.PayloadReceipt, func(by string) (ed25519.PublicKey, bool) { return key, by == id })
		var r wire.Receipt
		if err == nil {
			err = wire.Decode(payload, &r)
		}
		if err == nil && (r.Contribution != c || r.Member != m) {
			err = errors.New("it is about another contribution")
		}
		if err != nil {
			return fault.New(fault.Internal, "store.receipt", "the receipt of contribution %s does not hold under the hub's key", c).Because(err)
		}
		n++
		return nil
	})
	return n, err
}
