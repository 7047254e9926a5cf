package node

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// Config is the one configuration file ("concord.yaml"). A process uses the
// section of the role that it plays; a file may hold several. Every path is
// relative to the file's folder; every secret is a path to a file that only
// its owner may read, never a value. docs/configuration.md describes it.
type Config struct {
	Hub     *HubConfig     `yaml:"hub,omitempty"`
	Steward *StewardConfig `yaml:"steward,omitempty"`
	Member  *MemberConfig  `yaml:"member,omitempty"`

	// Dir is the folder of the file, to which its paths are relative.
	Dir string `yaml:"-"`
	// name is the file's, if it has another than ConfigName.
	name string
}

// HubConfig assembles a hub.
type HubConfig struct {
	ID     string `yaml:"id"`
	Title  string `yaml:"title"`
	Listen string `yaml:"listen"`
	// Metrics is where /metrics is served, on loopback; nowhere if empty.
	Metrics string `yaml:"metrics,omitempty"`
	// URL is how members and people reach the hub.
	URL string `yaml:"url"`
	TLS *TLS   `yaml:"tls,omitempty"`
	// BehindProxy says that TLS ends at a proxy in front of an address that
	// is not loopback.
	BehindProxy bool   `yaml:"behind_proxy,omitempty"`
	Data        string `yaml:"data"`
	// Store is what keeps the record; without it, SQLite in Data.
	Store *StoreConfig `yaml:"store,omitempty"`
	Keys  struct {
		Seal   string `yaml:"seal"`   // opens envelopes (HPKE)
		Sign   string `yaml:"sign"`   // signs receipts and agreements
		Record string `yaml:"record"` // wraps the keys of stored reports
	} `yaml:"keys"`
	Sectors  []SectorConfig `yaml:"sectors"`
	Stewards []StewardPin   `yaml:"stewards"`
	// Probation is how long a new owner group waits before it counts in
	// thresholds.
	Probation Duration `yaml:"probation"`
	// Schedule says how often the derived rooms run by themselves.
	Schedule Schedule `yaml:"schedule"`
	// Legal is what agreements state of the third party.
	Legal *LegalConfig `yaml:"legal,omitempty"`
	// Projects says that research is agreed on for a project only; `hub init`
	// sets it.
	Projects bool `yaml:"projects,omitempty"`
	// Standards is a folder of further standards (JSON), if any.
	Standards string `yaml:"standards,omitempty"`
	// Webhooks says how members' own servers are told of what is new.
	Webhooks *WebhookConfig `yaml:"webhooks,omitempty"`
	// BackupDays is for how many days backups of the record are kept; receipts
	// of destruction state it. receive.DefaultBackupDays if 0.
	BackupDays int `yaml:"backup_days,omitempty"`
}

// StoreConfig chooses what keeps the hub's record.
type StoreConfig struct {
	// Kind is sqlite or postgres.
	Kind string `yaml:"kind"`
	// DSNFile is the file with PostgreSQL's connection string, a secret.
	DSNFile string `yaml:"dsn_file,omitempty"`
}

// Kinds of stores.
const (
	StoreSQLite   = "sqlite"
	StorePostgres = "postgres"
)

// SectorConfig is one sector with its collection standard and the figures of
// its policy.
type SectorConfig struct {
	Name           string `yaml:"name"`
	Title          string `yaml:"title"`
	Standard       string `yaml:"standard"`
	MinOwnerGroups int    `yaml:"min_owner_groups"`
	K              int    `yaml:"k"`
	// Retention is how long the sector keeps a report at most; 0 is without
	// end. It is part of the policy's name only if it is set.
	Retention Duration `yaml:"retention,omitempty" json:",omitzero"`
}

// Schedule of the hub's own work.
type Schedule struct {
	Consolidate Duration `yaml:"consolidate"`
	Statistics  Duration `yaml:"statistics"`
	Releases    Duration `yaml:"releases"`
}

// StewardConfig assembles a steward.
type StewardConfig struct {
	Name   string `yaml:"name"`
	Listen string `yaml:"listen"`
	// Metrics is as for the hub.
	Metrics string `yaml:"metrics,omitempty"`
	URL     string `yaml:"url"`
	TLS     *TLS   `yaml:"tls,omitempty"`
	// BehindProxy is as for the hub.
	BehindProxy bool   `yaml:"behind_proxy,omitempty"`
	Data        string `yaml:"data"`
	// Key is the file of the link key.
	Key string `yaml:"key"`
	// Operator runs the steward, and Country is where; its pin tells both.
	Operator string `yaml:"operator,omitempty"`
	Country  string `yaml:"country,omitempty"`
	// Hub whose countersignature admits members.
	Hub struct {
		ID      string `yaml:"id"`
		SignKey string `yaml:"sign_key"`
	} `yaml:"hub"`
	// DailyQuota of evaluations per owner group.
	DailyQuota int64 `yaml:"daily_quota"`
}

// MemberConfig assembles a member's edge.
type MemberConfig struct {
	Name string `yaml:"name"`
	Data string `yaml:"data"`
	Keys struct {
		Sign string `yaml:"sign"` // signs envelopes and requests
		IDs  string `yaml:"ids"`  // derives report ids
	} `yaml:"keys"`
	// Terms is a sheet: a file, or the name of a built-in one.
	Terms string `yaml:"terms"`
	// AfterEnd is what becomes of contributions when the agreement has ended:
	// withdraw, or keep. It is what `member join` signs.
	AfterEnd agreement.AfterEnd `yaml:"after_end,omitempty"`
	// Listen is where `member serve` shows the desk; loopback only.
	Listen string `yaml:"listen"`
	// Hub pins what the member checks the hub and its stewards against. It
	// is written by `member join`.
	Hub *HubPin `yaml:"hub,omitempty"`
}

// HubPin is what a member knows of its hub.
type HubPin struct {
	URL       string         `yaml:"url"`
	ID        string         `yaml:"id"`
	SealKey   string         `yaml:"seal_key"`
	SignKey   string         `yaml:"sign_key"`
	CA        string         `yaml:"ca,omitempty"`
	Member    wire.MemberID  `yaml:"member"`
	Agreement string         `yaml:"agreement"` // file
	Stewards  []StewardPin   `yaml:"stewards"`
	Sectors   []SectorConfig `yaml:"sectors"`
}

// StewardPin says where a steward is and which key proves it.
type StewardPin struct {
	Name    string `yaml:"name" json:"name"`
	URL     string `yaml:"url" json:"url"`
	Epoch   int    `yaml:"epoch" json:"epoch"`
	LinkKey string `yaml:"link_key" json:"link_key"`
	// Operator runs the steward, and Country is where; agreements state both.
	Operator string `yaml:"operator,omitempty" json:"operator,omitzero"`
	Country  string `yaml:"country,omitempty" json:"country,omitzero"`
}

// TLS names the files of a certificate and its key.
type TLS struct {
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
}

// Duration is a time.Duration written as "90s", "24h" or "90d".
type Duration time.Duration

// UnmarshalYAML reads a duration.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	s := n.Value
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var k int
		if _, err := fmt.Sscanf(days+"|", "%d|", &k); err == nil && k >= 0 && k < 100*366 {
			*d = Duration(time.Duration(k) * 24 * time.Hour)
			return nil
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("line %d: %q is no duration; write 90s, 24h or 90d", n.Line, s)
	}
	*d = Duration(v)
	return nil
}

// MarshalYAML writes a duration.
func (d Duration) MarshalYAML() (any, error) {
	if t := time.Duration(d); t >= 24*time.Hour && t%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", t/(24*time.Hour)), nil
	}
	return time.Duration(d).String(), nil
}

// LoadConfig reads and checks a configuration file strictly: an unknown or
// missing setting is refused with its line.
func LoadConfig(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.Usage, "config.unreadable",
			"the configuration cannot be read; `concord hub init`, `steward init` and `member init` write one, and --config names it").At(path).Because(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 1<<20+1))
	if err != nil {
		return nil, fault.New(fault.Usage, "config.unreadable", "the configuration cannot be read").At(path).Because(err)
	}
	if len(data) > 1<<20 {
		return nil, fault.New(fault.TooLarge, "config.too_large", "a configuration has at most 1 MiB").At(path)
	}
	c, err := ParseConfig(data)
	if err != nil {
		var ff *fault.Error
		if errors.As(err, &ff) {
			if ff.Path != "" {
				return nil, ff.At(path + ": " + ff.Path)
			}
			return nil, ff.At(path)
		}
		return nil, err
	}
	abs, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("find the configuration's folder: %w", err)
	}
	c.Dir, c.name = abs, filepath.Base(path)
	return c, nil
}

// ParseConfig reads and checks a configuration.
func ParseConfig(data []byte) (*Config, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	c := &Config{}
	if err := dec.Decode(c); err != nil {
		return nil, fault.New(fault.Usage, "config.malformed", "%s; docs/configuration.md lists the settings", yamlProblem(err)).Because(err)
	}
	if err := dec.Decode(new(any)); err != io.EOF {
		return nil, fault.New(fault.Usage, "config.malformed", "there is a second YAML document; a configuration is one")
	}
	if c.Hub == nil && c.Steward == nil && c.Member == nil {
		return nil, fault.New(fault.Usage, "config.empty", "there is no section hub, steward or member")
	}
	if c.Hub != nil {
		if err := c.Hub.check(); err != nil {
			return nil, err
		}
	}
	if c.Steward != nil {
		if err := c.Steward.check(); err != nil {
			return nil, err
		}
	}
	if c.Member != nil {
		if err := c.Member.check(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// yamlProblem says what the YAML library found, in the words of a
// configuration: settings and sections rather than Go's fields and types.
func yamlProblem(err error) string {
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "yaml: "), "unmarshal errors:")
	text = strings.Join(strings.Fields(strings.ReplaceAll(text, "\n", ", ")), " ")
	text = unknownSetting.ReplaceAllString(strings.TrimPrefix(text, ", "), "there is no setting $1 here")
	return wrongType.ReplaceAllString(text, "$1 does not fit here")
}

var (
	unknownSetting = regexp.MustCompile(`field (\S+) not found in type \S+`)
	wrongType      = regexp.MustCompile("cannot unmarshal !!\\S+ (`[^`]*`) into \\S+")
)

// Path resolves a path of the configuration against its folder.
func (c *Config) Path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.Dir, p)
}

// Save writes the configuration to its file in Dir.
func (c *Config) Save() error {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(c); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return replaceFile(c.Path(cmp.Or(c.name, ConfigName)), b.Bytes(), 0o600)
}

// replaceFile writes data so that a reader sees the old file or the new one,
// never half of it, also after a crash.
func replaceFile(path string, data []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".concord-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = f.Chmod(mode); err != nil {
		return err
	}
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Override replaces the address to listen on and the data folder of every
// section, where they are given, and checks the result.
func (c *Config) Override(listen, data string) error {
	abs := data
	if data != "" {
		var err error
		if abs, err = filepath.Abs(data); err != nil {
			return fmt.Errorf("find the data folder: %w", err)
		}
	}
	if c.Hub != nil {
		override(&c.Hub.Listen, listen)
		override(&c.Hub.Data, abs)
		if err := c.Hub.check(); err != nil {
			return err
		}
	}
	if c.Steward != nil {
		override(&c.Steward.Listen, listen)
		override(&c.Steward.Data, abs)
		if err := c.Steward.check(); err != nil {
			return err
		}
	}
	if c.Member != nil {
		override(&c.Member.Listen, listen)
		override(&c.Member.Data, abs)
		return c.Member.check()
	}
	return nil
}

func override(setting *string, with string) {
	if with != "" {
		*setting = with
	}
}

// CheckFiles reports key files that are missing or that others may read, and a
// terms sheet that cannot be read.
func (c *Config) CheckFiles() []error {
	var problems []error
	key := func(setting, path string) {
		info, err := os.Stat(c.Path(path))
		switch {
		case err != nil:
			problems = append(problems, fault.New(fault.Usage, "config.key_file", "the key file %s is not there; restore it, or make a new node with init", c.Path(path)).At(setting))
		case info.Mode().Perm()&0o077 != 0:
			problems = append(problems, fault.New(fault.Usage, "config.key_file", "others may read the key file %s; `chmod 600` it", c.Path(path)).At(setting))
		}
	}
	if h := c.Hub; h != nil {
		key("hub.keys.seal", h.Keys.Seal)
		key("hub.keys.sign", h.Keys.Sign)
		key("hub.keys.record", h.Keys.Record)
		if h.Store != nil && h.Store.Kind == StorePostgres {
			if _, err := readDSN(c.Path(h.Store.DSNFile)); err != nil {
				problems = append(problems, err)
			}
		}
	}
	if c.Steward != nil {
		key("steward.key", c.Steward.Key)
	}
	if m := c.Member; m != nil {
		key("member.keys.sign", m.Keys.Sign)
		key("member.keys.ids", m.Keys.IDs)
		if _, err := c.sheet(); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}
