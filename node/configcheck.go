package node

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
)

func missing(path, what string) error {
	return fault.New(fault.Usage, "config.missing", "%s", what).At(path)
}

func (h *HubConfig) check() error {
	switch {
	case h.ID == "":
		return missing("hub.id", "a hub has an id, under which agreements and envelopes are made out")
	case h.Data == "":
		return missing("hub.data", "name the folder for the hub's record")
	case h.Keys.Seal == "" || h.Keys.Sign == "" || h.Keys.Record == "":
		return missing("hub.keys", "seal, sign and record each name a key file; `concord hub init` makes them")
	case len(h.Sectors) == 0:
		return missing("hub.sectors", "a hub serves one sector or more")
	}
	if err := checkServing("hub", h.Listen, h.TLS, h.BehindProxy); err != nil {
		return err
	}
	if err := checkMetrics("hub.metrics", h.Metrics); err != nil {
		return err
	}
	if err := checkURL("hub.url", h.URL, false); err != nil {
		return err
	}
	if err := h.Store.check("hub.store"); err != nil {
		return err
	}
	if err := h.Webhooks.check(); err != nil {
		return err
	}
	if err := h.checkLegal(); err != nil {
		return err
	}
	if h.BackupDays < 0 || h.BackupDays > 3660 {
		return fault.New(fault.Usage, "config.bad_value", "state for how many days backups are kept, from 1 to 3660; 35 is the default").At("hub.backup_days")
	}
	for i, s := range h.Sectors {
		at := fmt.Sprintf("hub.sectors[%d]", i)
		if s.Name == "" || s.Standard == "" {
			return missing(at, "a sector has a name and a standard")
		}
		if strings.Trim(s.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return fault.New(fault.Usage, "config.bad_value", "a sector's name has lower-case letters, digits and dashes only").At(at + ".name")
		}
		if slices.ContainsFunc(h.Sectors[:i], func(o SectorConfig) bool { return o.Name == s.Name }) {
			return fault.New(fault.Usage, "config.bad_value", "the sector %q stands twice", s.Name).At(at + ".name")
		}
		if s.MinOwnerGroups < 3 {
			return fault.New(fault.Usage, "config.bad_value", "at least 3 owner groups stand behind any figure; 5 is the default").At(at + ".min_owner_groups")
		}
		if s.K < 2 {
			return fault.New(fault.Usage, "config.bad_value", "k is at least 2; 5 is the default").At(at + ".k")
		}
		if s.Retention != 0 && time.Duration(s.Retention) < time.Hour {
			return fault.New(fault.Usage, "config.bad_value", "a sector keeps reports for an hour at least; leave retention out to keep them until they are recalled").At(at + ".retention")
		}
		if h.Standards == "" {
			if _, err := standard.Builtin(standard.Ref(s.Standard)); err != nil {
				return fault.New(fault.Usage, "config.bad_value", "there is no built-in standard %q; see `concord standard show`, or name a folder with `standards:`", s.Standard).At(at + ".standard").Because(err)
			}
		}
	}
	for i, s := range h.Stewards {
		if err := s.check(fmt.Sprintf("hub.stewards[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

func (s StewardPin) check(at string) error {
	if s.Name == "" || s.LinkKey == "" {
		return missing(at, "a steward is pinned by name, url and link_key; `concord steward show` prints them")
	}
	return checkURL(at+".url", s.URL, true)
}

func (s *StewardConfig) check() error {
	switch {
	case s.Name == "":
		return missing("steward.name", "a steward has a name")
	case s.Data == "":
		return missing("steward.data", "name the folder for the steward's own record")
	case s.Key == "":
		return missing("steward.key", "name the file of the link key; `concord steward init` makes it")
	case s.Hub.ID == "" || s.Hub.SignKey == "":
		return missing("steward.hub", "id and sign_key of the hub whose members are admitted; `concord hub show` prints them")
	case s.DailyQuota <= 0:
		return missing("steward.daily_quota", "state how many evaluations an owner group has a day, for example 20000")
	}
	if err := checkMetrics("steward.metrics", s.Metrics); err != nil {
		return err
	}
	if err := checkURL("steward.url", s.URL, false); err != nil {
		return err
	}
	return checkServing("steward", s.Listen, s.TLS, s.BehindProxy)
}

func (m *MemberConfig) check() error {
	switch {
	case m.Name == "":
		return missing("member.name", "a member has a name")
	case m.Data == "":
		return missing("member.data", "name the folder for the outbox")
	case m.Keys.Sign == "" || m.Keys.IDs == "":
		return missing("member.keys", "sign and ids each name a key file; `concord member init` makes them")
	case m.Terms == "":
		return missing("member.terms", "name a terms sheet: a file, or a built-in one such as default")
	}
	if err := (agreement.Legal{AfterEnd: m.AfterEnd}).Check(); err != nil {
		return fault.New(fault.Usage, "config.bad_value", "%s", fault.Public(err).Message).At("member.after_end")
	}
	if err := checkListen("member.listen", m.Listen); err != nil {
		return err
	}
	if !onLoopback(m.Listen) {
		return fault.New(fault.Usage, "config.bad_value", "the desk shows reports as they are: it listens on loopback only (127.0.0.1:PORT)").At("member.listen")
	}
	if m.Hub == nil {
		return nil
	}
	if m.Hub.ID == "" || m.Hub.SealKey == "" || m.Hub.SignKey == "" || m.Hub.Member == "" || m.Hub.Agreement == "" {
		return missing("member.hub", "the hub's pins are incomplete; `concord member join` writes them")
	}
	return checkURL("member.hub.url", m.Hub.URL, true)
}

func (t *TLS) check(at string) error {
	if t != nil && (t.Certificate == "" || t.Key == "") {
		return missing(at, "name both files, certificate and key")
	}
	return nil
}

func (s *StoreConfig) check(at string) error {
	switch {
	case s == nil:
		return nil
	case s.Kind == "":
		return missing(at+".kind", "say which store keeps the record: sqlite or postgres")
	case s.Kind != StoreSQLite && s.Kind != StorePostgres:
		return fault.New(fault.Usage, "config.bad_value", "there is no store %q; write sqlite or postgres", s.Kind).At(at + ".kind")
	case s.Kind == StorePostgres && s.DSNFile == "":
		return missing(at+".dsn_file", "name the file that holds PostgreSQL's connection string; only its owner may read it")
	case s.Kind == StoreSQLite && s.DSNFile != "":
		return fault.New(fault.Usage, "config.bad_value", "sqlite keeps the record in the folder of hub.data and has no connection string").At(at + ".dsn_file")
	}
	return nil
}

// checkServing wants TLS where others could listen in: credentials and sign-in
// links pass there.
func checkServing(role, listen string, t *TLS, behindProxy bool) error {
	if err := checkListen(role+".listen", listen); err != nil {
		return err
	}
	if err := t.check(role + ".tls"); err != nil {
		return err
	}
	if t == nil && !behindProxy && !onLoopback(listen) {
		return fault.New(fault.Usage, "config.clear_text",
			"%s is open to other machines and would be served in clear text; name a certificate under %s.tls, listen on loopback, or say `behind_proxy: true` if TLS ends at a proxy in front", listen, role).At(role + ".listen")
	}
	return nil
}

func onLoopback(listen string) bool {
	host, _, _ := net.SplitHostPort(listen)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func checkListen(at, s string) error {
	if s == "" {
		return missing(at, "say where to listen, for example 127.0.0.1:8440")
	}
	if _, _, err := net.SplitHostPort(s); err != nil {
		return fault.New(fault.Usage, "config.bad_value", "%q is no address to listen on; write HOST:PORT", s).At(at).Because(err)
	}
	return nil
}

// checkURL wants http or https; plain http only to loopback, since what
// passes there (sign-in links, credentials) must not be overheard.
func checkURL(at, s string, required bool) error {
	if s == "" {
		if required {
			return missing(at, "a URL is needed here")
		}
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fault.New(fault.Usage, "config.bad_value", "%q is no base URL; write https://HOST[:PORT]", s).At(at)
	}
	if u.Scheme == "http" {
		host := u.Hostname()
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return fault.New(fault.Usage, "config.bad_value", "plain http is for loopback only; use https between machines (tls: names the certificate)").At(at)
		}
	}
	return nil
}
