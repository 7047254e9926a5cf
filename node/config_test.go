package node

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/concord-trust/concord/fault"
)

const key43 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

const sample = `hub:
  id: hub-1
  title: A hub
  listen: 127.0.0.1:8440
  url: https://hub.example
  data: data
  keys: {seal: keys/seal.key, sign: keys/sign.key, record: keys/record.key}
  sectors:
    - {name: finance, title: Finance, standard: finance/1.0, min_owner_groups: 5, k: 5}
  stewards:
    - {name: steward-1, url: https://steward.example, epoch: 1, link_key: ` + key43 + `}
  probation: 90d
  schedule: {consolidate: 10s, statistics: 24h, releases: 30d}
steward:
  name: steward-1
  listen: 127.0.0.1:8441
  url: https://steward.example
  data: data
  key: keys/link.key
  hub: {id: hub-1, sign_key: ` + key43 + `}
  daily_quota: 20000
member:
  name: North Bank
  data: data
  keys: {sign: keys/sign.key, ids: keys/ids.key}
  terms: default
  listen: 127.0.0.1:8442
`

func TestWhatInitWritesIsReadBackAndItsFilesAreInOrder(t *testing.T) {
	for role, init := range map[string]func(dir string) (*Config, error){
		"hub": func(dir string) (*Config, error) {
			return InitHub(dir, "hub-1", "A hub", "127.0.0.1:0", "http://127.0.0.1:8440")
		},
		"steward": func(dir string) (*Config, error) {
			return InitSteward(dir, "steward-1", "127.0.0.1:0", "http://localhost:8441", "hub-1", key43)
		},
		"member": func(dir string) (*Config, error) { return InitMember(dir, "North Bank", "default", DefaultDesk) },
	} {
		dir := filepath.Join(t.TempDir(), role)
		made, err := init(dir)
		if err != nil {
			t.Fatalf("%s: %v", role, err)
		}
		read, err := LoadConfig(filepath.Join(dir, ConfigName))
		if err != nil {
			t.Fatalf("%s: %v", role, err)
		}
		a, b := text(t, made), text(t, read)
		if a != b {
			t.Errorf("%s: written\n%s\nread\n%s", role, a, b)
		}
		if problems := read.CheckFiles(); len(problems) > 0 {
			t.Errorf("%s: %v", role, problems)
		}
		if _, err := init(dir); fault.Public(err).Code != "init.exists" {
			t.Errorf("%s: made anew over its keys: %v", role, err)
		}
		for _, name := range []string{"keys", ConfigName} {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s: others may read %s: %v, %v", role, name, info.Mode(), err)
			}
		}
	}
}

func text(t testing.TB, c *Config) string {
	t.Helper()
	b, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAConfigurationIsHeldToItsForm(t *testing.T) {
	if _, err := ParseConfig([]byte(sample)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, from, to, code, at string }{
		{"an unknown setting", "title: A hub", "titel: A hub", "config.malformed", ""},
		{"a setting twice", "title: A hub", "title: A hub\n  title: B", "config.malformed", ""},
		{"another type", "daily_quota: 20000", "daily_quota: many", "config.malformed", ""},
		{"a second document", "steward:", "---\nsteward:", "config.malformed", ""},
		{"a tab", "  title: A hub", "\ttitle: A hub", "config.malformed", ""},
		{"no id", "id: hub-1\n  title", "title", "config.missing", "hub.id"},
		{"no key file", "record: keys/record.key", "record: ''", "config.missing", "hub.keys"},
		{"no sectors", "sectors:\n    - {name: finance, title: Finance, standard: finance/1.0, min_owner_groups: 5, k: 5}", "sectors: []", "config.missing", "hub.sectors"},
		{"a sector of no standard", "standard: finance/1.0", "standard: finance/9.9", "config.bad_value", "hub.sectors[0].standard"},
		{"a sector with a path for a name", "name: finance", "name: ../finance", "config.bad_value", "hub.sectors[0].name"},
		{"figures of too few", "min_owner_groups: 5", "min_owner_groups: 2", "config.bad_value", "hub.sectors[0].min_owner_groups"},
		{"k of one", "k: 5", "k: 1", "config.bad_value", "hub.sectors[0].k"},
		{"nowhere to listen", "listen: 127.0.0.1:8440", "listen: 8440", "config.bad_value", "hub.listen"},
		{"plain http between machines", "url: https://hub.example", "url: http://hub.example", "config.bad_value", "hub.url"},
		{"another scheme", "url: https://hub.example", "url: ftp://hub.example", "config.bad_value", "hub.url"},
		{"a password in the url", "url: https://hub.example", "url: https://a:b@hub.example", "config.bad_value", "hub.url"},
		{"plain http to a steward", "- {name: steward-1, url: https://steward.example", "- {name: steward-1, url: http://steward.example", "config.bad_value", "hub.stewards[0].url"},
		{"a certificate without its key", "data: data\n  keys: {seal", "data: data\n  tls: {certificate: a.pem}\n  keys: {seal", "config.missing", "hub.tls"},
		{"a store of no kind", "data: data\n  keys: {seal", "data: data\n  store: {dsn_file: dsn}\n  keys: {seal", "config.missing", "hub.store.kind"},
		{"a store of another kind", "data: data\n  keys: {seal", "data: data\n  store: {kind: mysql}\n  keys: {seal", "config.bad_value", "hub.store.kind"},
		{"a database without its secret", "data: data\n  keys: {seal", "data: data\n  store: {kind: postgres}\n  keys: {seal", "config.missing", "hub.store.dsn_file"},
		{"a file with a connection string", "data: data\n  keys: {seal", "data: data\n  store: {kind: sqlite, dsn_file: dsn}\n  keys: {seal", "config.bad_value", "hub.store.dsn_file"},
		{"a secret in the configuration", "data: data\n  keys: {seal", "data: data\n  store: {kind: postgres, dsn: 'postgres://hub:secret@db'}\n  keys: {seal", "config.malformed", ""},
		{"metrics for everybody", "data: data\n  keys: {seal", "data: data\n  metrics: 0.0.0.0:9464\n  keys: {seal", "config.bad_value", "hub.metrics"},
		{"metrics nowhere", "data: data\n  keys: {seal", "data: data\n  metrics: 9464\n  keys: {seal", "config.bad_value", "hub.metrics"},
		{"webhooks all the time", "data: data\n  keys: {seal", "data: data\n  webhooks: {every: 1ms}\n  keys: {seal", "config.bad_value", "hub.webhooks.every"},
		{"a negative duration", "probation: 90d", "probation: -90d", "config.malformed", ""},
		{"a duration that is none", "probation: 90d", "probation: soon", "config.malformed", ""},
		{"a duration beyond all", "probation: 90d", "probation: 99999999999d", "config.malformed", ""},
		{"no quota", "daily_quota: 20000", "daily_quota: 0", "config.missing", "steward.daily_quota"},
		{"no hub for the steward", "hub: {id: hub-1, sign_key", "hub: {id: '', sign_key", "config.missing", "steward.hub"},
		{"a desk for everybody", "listen: 127.0.0.1:8442", "listen: 0.0.0.0:8442", "config.bad_value", "member.listen"},
		{"a desk on another machine's name", "listen: 127.0.0.1:8442", "listen: desk.example:8442", "config.bad_value", "member.listen"},
		{"no terms", "terms: default", "terms: ''", "config.missing", "member.terms"},
	} {
		if !strings.Contains(sample, c.from) {
			t.Fatalf("%s: the sample has no %q", c.name, c.from)
		}
		_, err := ParseConfig([]byte(strings.Replace(sample, c.from, c.to, 1)))
		f := fault.Public(err)
		if err == nil || f.Kind != fault.Usage || f.Code != c.code || f.Path != c.at {
			t.Errorf("%s: got %v (%s at %q), want %s at %q", c.name, err, f.Code, f.Path, c.code, c.at)
		}
		if c.code == "config.malformed" && c.name != "a second document" && !strings.Contains(f.Message, "line ") {
			t.Errorf("%s: no line is named: %v", c.name, err)
		}
	}
	for name, document := range map[string]string{"empty": "", "no section": "{}", "a list": "[]", "a text": "hub"} {
		if _, err := ParseConfig([]byte(document)); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAConfigurationFileIsReadWithinLimitsAndNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), ConfigName)
	if _, err := LoadConfig(path); fault.Public(err).Code != "config.unreadable" || fault.Public(err).Path != path {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("#"), 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadConfig(path); fault.Public(err).Code != "config.too_large" {
		t.Errorf("a file beyond the limit: %v", err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(sample, "k: 5", "k: 1", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadConfig(path); fault.Public(err).Path != path+": hub.sectors[0].k" {
		t.Errorf("the place is not named: %v", err)
	}
}

func TestKeysThatOthersMayReadOrThatAreGoneAreRefused(t *testing.T) {
	dir := t.TempDir()
	c, err := InitHub(dir, "hub-1", "A hub", "127.0.0.1:0", "http://127.0.0.1:8440")
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	for _, name := range []string{c.Hub.Keys.Seal, c.Hub.Keys.Sign, c.Hub.Keys.Record} {
		file := c.Path(name)
		if err := os.Chmod(file, 0o640); err != nil {
			t.Fatal(err)
		}
		problems := c.CheckFiles()
		if len(problems) != 1 || fault.Public(problems[0]).Code != "config.key_file" {
			t.Errorf("%s that the group may read: %v", name, problems)
		}
		if h, err := OpenHub(context.Background(), c, time.Now, quiet); err == nil {
			h.Close()
			t.Errorf("a hub opens with %s that the group may read", name)
		}
		if err := os.Rename(file, file+".away"); err != nil {
			t.Fatal(err)
		}
		if problems := c.CheckFiles(); len(problems) != 1 {
			t.Errorf("%s that is not there: %v", name, problems)
		}
		if err := os.Rename(file+".away", file); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h, err := OpenHub(context.Background(), c, time.Now, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

// FuzzParseConfig: a configuration is refused as wrong use, or means the same
// when it is written and read again.
func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(sample))
	for _, s := range []string{"", "hub: {}", "hub: &a [*a]", "steward: {name: x}", "a: &a [&b [*a]]", "member:\n  hub: {}", "hub: {probation: 1d}", "\xff\xfe", "!!binary x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data)
		if err != nil {
			if fault.KindOf(err) != fault.Usage {
				t.Fatalf("the kind of %v is %v", err, fault.KindOf(err))
			}
			return
		}
		written := text(t, c)
		again, err := ParseConfig([]byte(written))
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v\n%s", err, written)
		}
		if back := text(t, again); back != written {
			t.Fatalf("read again it is\n%s\nand was\n%s", back, written)
		}
	})
}

// FuzzParsePins: pins are refused as wrong use, or read back as they are.
func FuzzParsePins(f *testing.F) {
	f.Add([]byte(FormatPins([]StewardPin{{Name: "steward-1", URL: "https://steward.example", Epoch: 1, LinkKey: key43}})))
	for _, s := range []string{"", "stewards: []", "stewards: [{}]", "stewards: &a [*a]", "pins: 1", "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		pins, err := ParsePins(data)
		if err != nil {
			if fault.KindOf(err) != fault.Usage {
				t.Fatalf("the kind of %v is %v", err, fault.KindOf(err))
			}
			return
		}
		again, err := ParsePins([]byte(FormatPins(pins)))
		if err != nil || !slices.Equal(again, pins) {
			t.Fatalf("read %+v, and read again %+v, %v", pins, again, err)
		}
	})
}
