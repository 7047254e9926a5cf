package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/edge/tokenise"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/httpapi"
	"github.com/concord-trust/concord/oprf"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/steward"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// DefaultDesk is where `member serve` listens.
const DefaultDesk = "127.0.0.1:8450"

// InitMember makes a folder with a member's keys and configuration.
func InitMember(dir, name, sheet, listen string) (*Config, error) {
	if err := newFolder(dir); err != nil {
		return nil, err
	}
	m := &MemberConfig{Name: name, Data: "data", Terms: sheet, Listen: listen}
	m.Keys.Sign, m.Keys.IDs = "keys/sign.key", "keys/ids.key"
	c := &Config{Member: m, Dir: dir}
	if err := m.check(); err != nil {
		return nil, err
	}
	if _, err := ReadSheet(sheet); err != nil {
		return nil, err
	}
	key, err := envelope.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(envelope.WriteKeyFile(c.Path(m.Keys.Sign), key), newSecret(c.Path(m.Keys.IDs), labelIDs)); err != nil {
		return nil, err
	}
	return c, c.useSheet(sheet)
}

// keep copies a file into the configuration's folder, so that the setting
// holds wherever the program is started and whatever becomes of the original.
func (c *Config) keep(file, as string, setting *string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fault.New(fault.Usage, "config.keep", "the file cannot be read").At(file).Because(err)
	}
	*setting = as
	return replaceFile(c.Path(as), data, 0o600)
}

// ReadSheet reads a sheet of terms: a built-in one by its name, else a file.
func ReadSheet(name string) (*terms.Sheet, error) {
	if slices.Contains(terms.Builtins(), name) {
		return terms.Builtin(name)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fault.New(fault.Usage, "terms.unreadable",
			"there is no such file, and no built-in sheet of this name; built in are %s", strings.Join(terms.Builtins(), ", ")).At(name).Because(err)
	}
	return terms.Parse(name, data)
}

func (c *Config) sheet() (*terms.Sheet, error) {
	name := c.Member.Terms
	if !slices.Contains(terms.Builtins(), name) {
		name = c.Path(name)
	}
	return ReadSheet(name)
}

// Join joins a hub with an invitation: it asks for the offered agreement,
// completes it with the member's key and terms, signs it, and keeps what the
// hub countersigned, with the pins of hub and stewards. The code is read from
// a file, since a command line is seen by others. signKey, if given, is the
// hub's key as it was learnt out of band; without it the first answer is
// trusted and its fingerprint returned to be compared.
func Join(ctx context.Context, c *Config, hubURL, ca, codeFile, signKey string, until time.Time) (agreement.Agreement, error) {
	if err := checkURL("--hub", hubURL, true); err != nil {
		return agreement.Agreement{}, err
	}
	hubURL = strings.TrimRight(hubURL, "/")
	key, err := envelope.ReadKeyFile(c.Path(c.Member.Keys.Sign))
	if err != nil {
		return agreement.Agreement{}, err
	}
	sheet, err := c.sheet()
	if err != nil {
		return agreement.Agreement{}, err
	}
	code, err := os.ReadFile(codeFile)
	if err != nil {
		return agreement.Agreement{}, fault.New(fault.Usage, "join.code", "the invitation's code cannot be read; save it to a file and name that").At(codeFile).Because(err)
	}
	transport, err := httpClient(ca)
	if err != nil {
		return agreement.Agreement{}, err
	}
	hub := httpapi.HubClient{Client: &httpapi.Client{Base: hubURL, HTTP: transport, Now: time.Now, Random: rand.Reader}}
	info, err := hub.Info(ctx)
	if err != nil {
		return agreement.Agreement{}, err
	}
	if signKey != "" && signKey != info.SignKey {
		return agreement.Agreement{}, fault.New(fault.Forbidden, "join.hub_key", "the hub at this address has another key than the one you gave; do not join before that is explained")
	}
	hubKey, err := envelope.ParsePublic(info.SignKey)
	if err != nil {
		return agreement.Agreement{}, err
	}
	offer, err := hub.Offer(ctx, strings.TrimSpace(string(code)))
	if err != nil {
		return agreement.Agreement{}, err
	}
	if offer.Member.Name != c.Member.Name {
		return agreement.Agreement{}, fault.New(fault.Usage, "join.other_name",
			"the invitation is for %q and this folder was made for %q; nothing was signed. Make a folder with `concord member init DIR --name`, or correct member.name", offer.Member.Name, c.Member.Name)
	}
	offer.Member.Key = key.Public().(ed25519.PublicKey)
	offer.Terms, offer.AfterEnd = sheet, c.Member.AfterEnd
	if !until.IsZero() {
		if until.After(offer.Until) {
			return agreement.Agreement{}, fault.New(fault.Usage, "join.until", "the third party offers an agreement until %s at most; nothing was signed", offer.Until.Format(time.DateOnly))
		}
		offer.Until = until
	}
	if offer, err = agreement.Propose(offer); err != nil {
		return agreement.Agreement{}, err
	}
	signed, err := agreement.Sign(offer, key)
	if err != nil {
		return agreement.Agreement{}, err
	}
	both, err := hub.Join(ctx, strings.TrimSpace(string(code)), signed)
	if err != nil {
		return agreement.Agreement{}, err
	}
	a, err := agreement.Open(both, offer.Member.Key, hubKey)
	if err != nil {
		return agreement.Agreement{}, err
	}
	const file = "agreement.json"
	if err := replaceFile(c.Path(file), both, 0o600); err != nil {
		return agreement.Agreement{}, err
	}
	pin := &HubPin{URL: hubURL, ID: info.ID, SealKey: info.SealKey, SignKey: info.SignKey, Member: a.Member.ID, Agreement: file}
	if ca != "" {
		if err := c.keep(ca, "hub-ca.pem", &pin.CA); err != nil {
			return agreement.Agreement{}, err
		}
	}
	pin.Stewards = stewardPins(info)
	pin.Sectors = pinnedSectors(info, a.Member.Sectors)
	c.Member.Hub = pin
	return a, c.Save()
}

// pinnedSectors are the sectors of a member, as the hub describes them.
func pinnedSectors(info wire.HubInfo, mine []string) (pins []SectorConfig) {
	for _, s := range info.Sectors {
		if slices.Contains(mine, s.Name) {
			pins = append(pins, SectorConfig{Name: s.Name, Title: s.Title, Standard: s.Standard, MinOwnerGroups: s.MinOwnerGroups, K: s.K})
		}
	}
	return pins
}

func stewardPins(info wire.HubInfo) (pins []StewardPin) {
	for _, s := range info.Stewards {
		pins = append(pins, StewardPin{Name: s.Name, URL: s.URL, Epoch: s.Epoch, LinkKey: s.LinkKey})
	}
	return pins
}

// httpClient makes the client of a member, trusting the authority of a file in
// addition to the system's, if one is named.
func httpClient(ca string) (*http.Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 8
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fault.New(fault.Usage, "member.ca", "the certificate authority's file cannot be read").At(ca).Because(err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Usage, "member.ca", "the file holds no certificate (PEM)").At(ca)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}
	}
	return &http.Client{Transport: t, Timeout: 2 * time.Minute}, nil
}

// Member is an assembled edge of a member that has joined.
type Member struct {
	Config    *Config
	Agreement agreement.Agreement
	Hub       httpapi.HubClient
	Tokeniser *tokenise.Tokeniser
	Outbox    *outbox.Outbox
	Store     *store.Member

	rules map[standard.Ref]*terms.Rules
	// unready, if set, says why nothing can be contributed now.
	unready error
}

// OpenMember assembles a member's edge. A member that has not joined yet is
// told how to.
func OpenMember(ctx context.Context, c *Config, now func() time.Time) (*Member, error) {
	if c.Member == nil {
		return nil, fault.New(fault.Usage, "config.no_member", "the configuration has no section member; `concord member init` writes one")
	}
	pin := c.Member.Hub
	if pin == nil {
		return nil, fault.New(fault.Usage, "member.not_joined", "this member has joined no hub yet; `concord member join` does, with an invitation")
	}
	key, err := envelope.ReadKeyFile(c.Path(c.Member.Keys.Sign))
	if err != nil {
		return nil, err
	}
	ids, err := envelope.ReadSecretFile(c.Path(c.Member.Keys.IDs), labelIDs)
	if err != nil {
		return nil, err
	}
	hubKey, err := envelope.ParsePublic(pin.SignKey)
	if err != nil {
		return nil, at("member.hub.sign_key", err)
	}
	var seal envelope.RecipientPublic
	if err := seal.UnmarshalText([]byte(pin.SealKey)); err != nil {
		return nil, at("member.hub.seal_key", err)
	}
	signed, err := os.ReadFile(c.Path(pin.Agreement))
	if err != nil {
		return nil, fault.New(fault.Usage, "member.agreement", "the agreement cannot be read; join again or restore it").At(c.Path(pin.Agreement)).Because(err)
	}
	a, err := agreement.Open(signed, key.Public().(ed25519.PublicKey), hubKey)
	if err != nil {
		return nil, at(c.Path(pin.Agreement), err)
	}
	ca := ""
	if pin.CA != "" {
		ca = c.Path(pin.CA)
	}
	transport, err := httpClient(ca)
	if err != nil {
		return nil, err
	}
	m := &Member{Config: c, Agreement: a}
	m.Hub = httpapi.HubClient{Client: &httpapi.Client{Base: pin.URL, HTTP: transport, Member: pin.Member, Key: key, Audience: pin.ID, Now: now, Random: rand.Reader}}
	if m.rules, err = compileTerms(a); err != nil {
		return nil, err
	}
	if len(pin.Stewards) > 0 {
		s := pin.Stewards[0] // single custody: there is one
		var link oprf.PublicKey
		if err := link.UnmarshalText([]byte(s.LinkKey)); err != nil {
			return nil, at("member.hub.stewards[0].link_key", err)
		}
		m.Tokeniser = &tokenise.Tokeniser{Name: s.Name, Epoch: s.Epoch, Key: link, Random: rand.Reader, Attempts: attempts, Steward: httpapi.StewardClient{
			Client:    &httpapi.Client{Base: strings.TrimRight(s.URL, "/"), HTTP: transport, Member: pin.Member, Key: key, Audience: s.Name, Now: now, Random: rand.Reader},
			Agreement: signed, Scope: steward.Scope}}
	}
	m.unready = c.unready(a)
	if err := os.MkdirAll(c.Path(c.Member.Data), 0o700); err != nil {
		return nil, fault.New(fault.Usage, "member.data", "the folder for the outbox cannot be made").At(c.Path(c.Member.Data)).Because(err)
	}
	if m.Store, err = store.OpenMember(ctx, filepath.Join(c.Path(c.Member.Data), "member.db")); err != nil {
		return nil, err
	}
	m.Outbox = &outbox.Outbox{Queue: m.Store, Hub: m.Hub, Member: pin.Member, Agreement: a.ID, Sign: key, IDs: ids, HubID: pin.ID, SealTo: seal, HubKey: hubKey,
		Now: now, Random: rand.Reader, Attempts: attempts, Fail: failpoint()}
	return m, nil
}

// attempts in a row at a hub or steward that is away: a person waits, and what
// is queued can be sent later.
const attempts = 2

// unready says why a member with this agreement cannot contribute as its
// configuration has it: there must be terms, signed ones, and a steward.
func (c *Config) unready(a agreement.Agreement) error {
	if a.Terms == nil {
		return fault.New(fault.Forbidden, "agreement.receives_only", "the agreement has no terms for contributing; `concord member renew --terms SHEET` agrees on a sheet")
	}
	if len(c.Member.Hub.Stewards) == 0 {
		return fault.New(fault.Usage, "member.no_steward", "the hub named no steward when you joined, so no tokens can be made; when its operator has pinned one, `concord member renew` asks again")
	}
	sheet, err := c.sheet()
	if err != nil {
		return err
	}
	wanted, err := sheet.Hash()
	if err != nil {
		return err
	}
	if signed, err := a.Terms.Hash(); err != nil || signed != wanted {
		return errors.Join(err, fault.New(fault.Conflict, "member.terms_unsigned",
			"the terms %s of your configuration are not the sheet %q (version %d) that both sides signed; nothing was sent. `concord member renew --terms %s` signs them, or put the old ones back",
			c.Member.Terms, a.Terms.Name, a.Terms.Version, c.Member.Terms))
	}
	return nil
}

func compileTerms(a agreement.Agreement) (map[standard.Ref]*terms.Rules, error) {
	if a.Terms == nil {
		return nil, nil
	}
	var stds []*standard.Standard
	for _, ref := range a.Standards {
		std, err := standard.Builtin(ref)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(stds, func(s *standard.Standard) bool { return s.Ref() == ref }) {
			stds = append(stds, std)
		}
	}
	return terms.CompileFor(a.Terms, stds...)
}

// Close lets go of the outbox.
func (m *Member) Close() error { return m.Store.Close() }

// generalSector is where what belongs to no other sector goes.
const generalSector = "general"

// SectorOfIndustry is the sector to which an industry code belongs: health for
// 62, finance for 52, else general.
func SectorOfIndustry(code string) string {
	switch {
	case strings.HasPrefix(code, "62"):
		return "health"
	case strings.HasPrefix(code, "52"):
		return "finance"
	}
	return generalSector
}

// GivesBack waits until the hub has consolidated the contributions, for a
// bounded time, and says what they were joined with.
func (m *Member) GivesBack(ctx context.Context, ids []wire.ContributionID, patience time.Duration) (wire.Matches, error) {
	var sum wire.Matches
	deadline := time.Now().Add(patience)
	for _, id := range ids {
		for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
			one, err := m.Hub.Matches(ctx, id)
			if err != nil {
				return sum, err
			}
			if one.Ready || time.Now().After(deadline) {
				sum.Ready = (sum.Ready || sum.Of == 0) && one.Ready
				sum.Matched, sum.Of, sum.Least = sum.Matched+one.Matched, sum.Of+one.Of, max(sum.Least, one.Least)
				sum.Groups = wider(sum.Groups, one.Groups)
				break
			}
			wait := time.NewTimer(pause)
			select {
			case <-ctx.Done():
				wait.Stop()
				return sum, ctx.Err()
			case <-wait.C:
			}
		}
	}
	return sum, nil
}

// wider is of two bands of owner groups the one with more of them; "" is none.
// Bands cannot be added: who stands behind two contributions may be the same.
func wider(a, b string) string {
	least := func(band string) int {
		digits := strings.IndexFunc(band+" ", func(r rune) bool { return r < '0' || r > '9' })
		n, _ := strconv.Atoi(band[:digits]) // "" and words are none
		return n
	}
	if least(b) > least(a) {
		return b
	}
	return a
}

// Sentence tells what a submission gives back, in words.
func Sentence(m wire.Matches) string {
	reports := "reports"
	if m.Of == 1 {
		reports = "report"
	}
	switch {
	case m.Of == 0:
		return ""
	case !m.Ready:
		return "The hub has not consolidated all of these reports yet; `concord member status` asks again."
	case m.Groups == "":
		return fmt.Sprintf("Nothing can be told yet of what your %d %s may match: that would rest on fewer than %d other members, if any.", m.Of, reports, m.Least)
	}
	return fmt.Sprintf("%d of your %d %s match reports of %s other members.", m.Matched, m.Of, reports, m.Groups)
}
