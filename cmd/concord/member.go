package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

func memberCommand() *cobra.Command {
	c := &cobra.Command{Use: "member", Short: "Take part: join a hub, submit, follow what became of it"}
	c.AddCommand(memberInit(), memberJoin(), memberRenew(), memberAgreement(), memberPreview(), memberSubmit(), memberSend(), memberStatus(), memberRecall(), memberConfirm(), memberHold(), memberRequest(), memberOffers(), memberNil(), memberLogin(), memberToken(), memberWebhook(), memberGet(), memberServe())
	return c
}

func memberInit() *cobra.Command {
	var name, sheet, listen string
	c := &cobra.Command{
		Use:   "init DIR",
		Short: "Make a folder with a member's keys and configuration",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := node.InitMember(args[0], name, sheet, listen); err != nil {
				return err
			}
			file := filepath.Join(args[0], node.ConfigName)
			return answer(c, made{Config: file}, func() {
				say(c, "Made %s.", file)
				say(c, "See what would leave of a case under these terms: concord preview FILE --terms %s", sheet)
				say(c, "Join with an invitation: concord member join --config %s --hub URL --invitation FILE", file)
			})
		},
	}
	c.Flags().StringVar(&name, "name", "", "the organisation")
	c.Flags().StringVar(&sheet, "terms", "default", "terms sheet: a file or a built-in one")
	c.Flags().StringVar(&listen, "listen", node.DefaultDesk, "where member serve shows the desk, on loopback")
	c.MarkFlagRequired("name") //nolint:errcheck // the flag exists
	return c
}

func memberJoin() *cobra.Command {
	var f configFlags
	var hub, ca, invitation, key, until, afterEnd string
	c := &cobra.Command{
		Use:   "join",
		Short: "Join a hub with an invitation: signs an agreement with an end date",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := f.load()
			if err != nil {
				return err
			}
			if cfg.Member == nil {
				return fault.New(fault.Usage, "config.no_member", "the configuration has no section member; `concord member init` writes one")
			}
			var end time.Time
			if until != "" {
				if end, err = lastDay("--until", until); err != nil {
					return err
				}
			}
			if afterEnd != "" {
				cfg.Member.AfterEnd = agreement.AfterEnd(afterEnd)
			}
			a, err := node.Join(c.Context(), cfg, hub, ca, invitation, key, end)
			if err != nil {
				return err
			}
			return answer(c, a, func() {
				say(c, "%s has joined %s as %s, in %s.", a.Member.Name, a.Hub, a.Member.ID, strings.Join(a.Member.Sectors, " and "))
				say(c, "The agreement %s is signed by both sides and holds until %s.", a.ID, a.Until.Format("2006-01-02 15:04 MST"))
				if key == "" {
					say(c, "Compare the hub's key with what its operator tells you by another way: %s", cfg.Member.Hub.SignKey)
				}
				if len(cfg.Member.Hub.Stewards) == 0 {
					say(c, "The hub names no steward yet: nothing can be submitted before its operator pins one (`concord hub pin`) and you run `concord member renew`.")
					return
				}
				say(c, "Where figures need a number of owner groups, yours counts after the hub's probation.")
				say(c, "Next: concord member submit --config %s FILE", f.path())
			})
		},
	}
	f.add(c)
	c.Flags().StringVar(&hub, "hub", "", "the hub's URL")
	c.Flags().StringVar(&ca, "ca", "", "certificate authority's file, if the hub's certificate is not publicly trusted")
	c.Flags().StringVar(&invitation, "invitation", "", "file with the invitation's code")
	c.Flags().StringVar(&key, "hub-key", "", "the hub's signing key, learnt by another way; joining is refused if it differs")
	c.Flags().StringVar(&until, "until", "", "end of the agreement, as 2027-06-30 (default: the latest that the hub offers)")
	c.Flags().StringVar(&afterEnd, "after-end", "", "what becomes of your contributions after the end: withdraw (default) or keep")
	c.MarkFlagRequired("hub")        //nolint:errcheck // the flags exist
	c.MarkFlagRequired("invitation") //nolint:errcheck // the flags exist
	return c
}

func (f *configFlags) member(c *cobra.Command) (*node.Member, error) {
	cfg, err := f.load()
	if err != nil {
		return nil, err
	}
	return node.OpenMember(c.Context(), cfg, time.Now)
}

// atMember runs a command at the member of the configuration.
func (f *configFlags) atMember(run func(*cobra.Command, []string, *node.Member) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		m, err := f.member(c)
		if err != nil {
			return err
		}
		defer m.Close()
		return run(c, args, m)
	}
}

// inputFlags say how files are read.
type inputFlags struct {
	format, mapFile, sector string
}

func (i *inputFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&i.format, "format", "", "veris, stix, misp, csv or report (default: by the file's name)")
	c.Flags().StringVar(&i.mapFile, "map", "", "mapping file of a table")
	c.Flags().StringVar(&i.sector, "sector", "", "sector (default: by the victim's industry)")
}

// submitted is what `member submit` did.
type submitted struct {
	Account  mapping.Account `json:"account"`
	Queued   node.Submission `json:"queued"`
	Delivery outbox.Delivery `json:"delivery"`
	Matches  wire.Matches    `json:"matches"`
	Says     string          `json:"says"`
}

func memberSubmit() *cobra.Command {
	var f configFlags
	var in inputFlags
	var strict bool
	c := &cobra.Command{
		Use:   "submit FILE…",
		Short: "Submit reports; ends with what they give back",
		Args:  cobra.MinimumNArgs(1),
	}
	c.RunE = f.atMember(func(c *cobra.Command, args []string, m *node.Member) error {
		if err := m.Sector(in.sector); err != nil {
			return err
		}
		intake, err := m.Intake()
		if err != nil {
			return err
		}
		var out submitted
		for _, name := range args {
			account, err := readInto(c, m, intake, in, name)
			out.Account.Merge(account)
			if err != nil {
				return err
			}
		}
		if err := intake.Flush(c.Context()); err != nil {
			fmt.Fprintf(c.ErrOrStderr(), "%s queued before; what had no tokens yet was not: submit the file again when the steward answers.\n", count(intake.Done.Queued, "report"))
			return err
		}
		out.Queued = intake.Done
		if out.Delivery, err = m.Outbox.Deliver(c.Context()); err != nil {
			fmt.Fprintf(c.ErrOrStderr(), "%s queued on this machine. `concord member send` sends what waits, and so does `concord member serve` every minute.\n", count(out.Queued.Queued, "report"))
			return err
		}
		if len(out.Queued.Contributions) > 0 {
			if out.Matches, err = m.GivesBack(c.Context(), out.Queued.Contributions, 30*time.Second); err != nil {
				return err
			}
			out.Says = node.Sentence(out.Matches)
		}
		if err := answer(c, out, func() { out.print(c) }); err != nil {
			return err
		}
		if strict && out.bad() > 0 {
			return errRefused
		}
		return nil
	})
	f.add(c)
	in.add(c)
	alias(c, &in.format, "from", "format")
	alias(c, &in.sector, "standard", "sector")
	c.Flags().BoolVar(&strict, "strict", false, "exit with status 1 if anything was refused")
	return c
}

// readInto collects one file into the outbox.
func readInto(c *cobra.Command, m *node.Member, intake *node.Intake, in inputFlags, name string) (mapping.Account, error) {
	file, err := in.open(name, m.StandardFor(in.sector))
	if err != nil {
		return mapping.Account{}, err
	}
	defer file.Close()
	file.options.Latest = time.Now()
	account, err := file.each(c, func(r collect.Collected) error { return intake.Add(c.Context(), r) })
	if err != nil {
		return account, err
	}
	if err := nothingRead(file, "--format", account); err != nil {
		fmt.Fprintln(c.ErrOrStderr(), "concord:", err)
	}
	return account, nil
}

func (s submitted) bad() int {
	return s.Account.Lost() + len(s.Queued.Failed) + s.Delivery.Refused
}

func (s submitted) print(c *cobra.Command) {
	tellInvalid(s.Account, "`concord convert --explain` lists them all", func(line string) { say(c, "not read   %s", line) })
	for _, w := range s.Account.Warnings() {
		say(c, "warning    %s: %s (%s)", w.Path, w.Reason, count(w.Count, "time"))
	}
	for _, f := range s.Queued.Failed {
		say(c, "not queued %s: %s", f.Where, f.Reason)
	}
	for _, r := range s.Delivery.Refusals {
		say(c, "refused    %s: %s: %s", first(string(r.Report), "nil report"), r.Path, r.Reason)
	}
	say(c, "%d accepted, %d sent before with nothing new, %d refused.", s.Delivery.Accepted, s.Delivery.Duplicate, s.bad())
	if s.Says != "" {
		say(c, "%s", s.Says)
	}
}

func memberSend() *cobra.Command {
	var f configFlags
	c := &cobra.Command{
		Use:   "send",
		Short: "Send what waits in the outbox",
		Args:  cobra.NoArgs,
		RunE: f.atMember(func(c *cobra.Command, _ []string, m *node.Member) error {
			d, err := m.Outbox.Deliver(c.Context())
			if err != nil {
				return err
			}
			return answer(c, d, func() {
				say(c, "%s: %d accepted, %d sent before with nothing new, %d refused.", count(d.Receipts, "receipt"), d.Accepted, d.Duplicate, d.Refused)
			})
		}),
	}
	f.add(c)
	return c
}

// status is what `member status` tells.
type status struct {
	Member    wire.MemberID    `json:"member"`
	Hub       string           `json:"hub"`
	Agreement wire.AgreementID `json:"agreement"`
	Until     time.Time        `json:"agreement_until"`
	// Reminder says that the agreement ends soon, or has ended, and what to do.
	Reminder string `json:"reminder,omitzero"`
	Custody  string `json:"custody"`
	// Unready says why nothing can be contributed now; empty if it can.
	Unready string        `json:"unready,omitzero"`
	Counts  outbox.Counts `json:"counts"`
	Entries []statusEntry `json:"contributions"`
	// Says what the reports of the newest contributions with a receipt were
	// joined with; empty if there are none.
	Says string `json:"says,omitzero"`
	// Destroyed are the recalls, and what the hub destroyed by itself.
	Destroyed []node.Destroyed `json:"destroyed,omitzero"`
}

type statusEntry struct {
	Contribution wire.ContributionID `json:"contribution"`
	Queued       time.Time           `json:"queued"`
	Receipted    time.Time           `json:"receipted,omitzero"`
	Reports      int                 `json:"reports"`
	Nil          int                 `json:"nil_reports,omitzero"`
	Attempts     int                 `json:"attempts,omitzero"`
	Problem      string              `json:"problem,omitzero"`
	Refused      []wire.Result       `json:"refused,omitzero"`
}

func memberStatus() *cobra.Command {
	var f configFlags
	var limit int
	c := &cobra.Command{
		Use:   "status",
		Short: "Show the queue, receipts, and refusals with their reasons",
		Args:  cobra.NoArgs,
	}
	c.RunE = f.atMember(func(c *cobra.Command, _ []string, m *node.Member) error {
		s := status{Member: m.Agreement.Member.ID, Hub: m.Agreement.Hub, Agreement: m.Agreement.ID, Until: m.Agreement.Until, Custody: wire.SingleCustody}
		s.Reminder = reminderOf(s.Until, time.Now())
		if _, err := m.Intake(); err != nil {
			s.Unready = fault.Public(err).Message
		}
		counts, err := m.Store.Counts(c.Context())
		if err != nil {
			return err
		}
		s.Counts = counts
		entries, err := m.Store.Entries(c.Context(), 0, limit)
		if err != nil {
			return err
		}
		for _, e := range entries {
			s.Entries = append(s.Entries, entryOf(e))
		}
		if s.Says, err = matched(c, m); err != nil {
			return err
		}
		if s.Destroyed, err = destroyed(c, m); err != nil {
			return err
		}
		return answer(c, s, func() { s.print(c) })
	})
	f.add(c)
	c.Flags().IntVar(&limit, "last", 20, "how many contributions to list, newest first")
	return c
}

// mostMatched is of how many contributions, the newest, status says what they
// match: the same whatever else it lists. Each is asked for by itself.
const mostMatched = 20

// matched says what the newest contributions were joined with, as far as the
// hub knows now. Status is of use without the hub too.
func matched(c *cobra.Command, m *node.Member) (string, error) {
	entries, err := m.Store.Entries(c.Context(), 0, mostMatched)
	if err != nil {
		return "", err
	}
	var receipted []wire.ContributionID
	for _, e := range entries {
		if !e.Receipted.IsZero() && len(e.Items) > 0 {
			receipted = append(receipted, e.ID)
		}
	}
	if len(receipted) == 0 {
		return "", nil
	}
	matches, err := m.GivesBack(c.Context(), receipted, 0)
	if err != nil {
		return "The hub does not say now what your reports match: " + fault.Public(err).Message, nil
	}
	says := node.Sentence(matches)
	if matches.Groups != "" && len(receipted) > 1 {
		says += fmt.Sprintf(" (Your newest %d contributions with reports; the band is that of the one that most others stand beside.)", len(receipted))
	}
	return says, nil
}

// destroyed lists what was destroyed at the hub, with what the hub destroyed by
// itself as far as it says so now.
func destroyed(c *cobra.Command, m *node.Member) ([]node.Destroyed, error) {
	if err := m.FetchReceipts(c.Context()); err != nil {
		fmt.Fprintln(c.ErrOrStderr(), "The hub does not say now what it destroyed by itself:", fault.Public(err).Message)
	}
	return m.Destroyed(c.Context())
}

func entryOf(e outbox.Entry) statusEntry {
	s := statusEntry{Contribution: e.ID, Queued: e.Queued, Receipted: e.Receipted, Reports: len(e.Items), Nil: len(e.Nil), Attempts: e.Attempts, Problem: e.Problem}
	for _, i := range e.Items {
		if i.Result.Status == wire.Refused {
			s.Refused = append(s.Refused, i.Result)
		}
	}
	for _, r := range e.NilResults {
		if r.Status == wire.Refused {
			s.Refused = append(s.Refused, r)
		}
	}
	return s
}

func (s status) print(c *cobra.Command) {
	if s.Unready != "" {
		say(c, "Nothing can be submitted now: %s.", s.Unready)
	}
	say(c, "%s at %s; agreement %s until %s; %s", s.Member, s.Hub, s.Agreement, s.Until.Format("2006-01-02"), s.Custody)
	if s.Reminder != "" {
		say(c, "%s", s.Reminder)
	}
	say(c, "%s waiting, %d with a receipt; reports: %d accepted, %d duplicate, %d refused, %d pending",
		count(int(s.Counts.Waiting), "contribution"), s.Counts.Receipted, s.Counts.Accepted, s.Counts.Duplicate, s.Counts.Refused, s.Counts.Pending)
	if s.Says != "" {
		say(c, "%s", s.Says)
	}
	for _, e := range s.Entries {
		state := "receipt " + e.Receipted.Format("2006-01-02 15:04:05Z")
		if e.Receipted.IsZero() {
			state = "waits"
			if e.Attempts > 0 {
				state += fmt.Sprintf(", tried %s: %s", count(e.Attempts, "time"), e.Problem)
			}
		}
		var what []string
		if e.Reports > 0 {
			what = append(what, count(e.Reports, "report"))
		}
		if e.Nil > 0 {
			what = append(what, count(e.Nil, "nil report"))
		}
		say(c, "%s  %s  %s", e.Contribution, strings.Join(what, ", "), state)
		for _, r := range e.Refused {
			say(c, "    refused %s: %s: %s (%s)", first(string(r.Report), "nil report"), r.Path, r.Reason, r.Code)
		}
	}
	for _, d := range s.Destroyed {
		if d.Waiting {
			say(c, "%s  recalled, and no receipt yet: `concord member recall` asks again", d.ID)
			continue
		}
		s.printReceipt(c, d.Destruction)
	}
}

// printReceipt says what a receipt of destruction says. Of a hold that is over
// another receipt tells.
func (s status) printReceipt(c *cobra.Command, d wire.Destruction) {
	held, _ := d.Sealed()
	if held == 0 {
		say(c, "%s  %s destroyed %s, by %s (%s); no backup holds the keys after %s", d.ID, count(len(d.Reports), "report"), d.At, d.By, d.Reason, d.BackupsUntil)
		return
	}
	say(c, "%s  %s taken back %s, by %s (%s):", d.ID, count(len(d.Reports), "report"), d.At, d.By, d.Reason)
	if n := len(d.Reports) - held; n > 0 {
		say(c, "    %s destroyed, or not there", count(n, "report"))
	}
	if !s.heldNoMore(d) {
		say(c, "    %s", sayBackups(d))
		return
	}
	say(c, "    %s kept by a legal hold that is over: another receipt says that the keys are destroyed", count(held, "report"))
}

// heldNoMore says that later receipts, of ended holds, tell of the destruction of all that one
// says is held.
func (s status) heldNoMore(d wire.Destruction) bool {
	for _, r := range d.Reports {
		// Submitted anew, a report may have been destroyed before, too.
		gone := func(o node.Destroyed) bool {
			return o.Destruction.By == wire.ByHoldEnd && o.Destruction.At >= d.At && slices.ContainsFunc(o.Destruction.Reports, func(x wire.DestroyedReport) bool { return x.Report == r.Report && x.Status == wire.Destroyed })
		}
		if r.Status == wire.Held && !slices.ContainsFunc(s.Destroyed, gone) {
			return false
		}
	}
	return true
}

func memberNil() *cobra.Command {
	var f configFlags
	var period, sector string
	c := &cobra.Command{
		Use:   "nil",
		Short: "Say that nothing happened in a quarter: that is not the same as saying nothing",
		Args:  cobra.NoArgs,
		RunE: f.atMember(func(c *cobra.Command, _ []string, m *node.Member) error {
			sectors := m.Agreement.Member.Sectors
			if sector != "" {
				sectors = []string{sector}
			}
			var nils []report.Nil
			for _, s := range sectors {
				nils = append(nils, report.Nil{Sector: s, Period: period})
			}
			if _, err := m.Outbox.PutNil(c.Context(), nils); err != nil {
				return err
			}
			d, err := m.Outbox.Deliver(c.Context())
			if err != nil {
				return err
			}
			if err := answer(c, d, func() {
				for _, r := range d.Refusals {
					say(c, "refused: %s (%s)", r.Reason, r.Code)
				}
				say(c, "%d accepted, %d said before, %d refused.", d.Nil.Accepted, d.Nil.Duplicate, d.Nil.Refused)
			}); err != nil || d.Nil.Refused == 0 {
				return err
			}
			return errRefused
		}),
	}
	f.add(c)
	c.Flags().StringVar(&period, "period", "", "the quarter, as 2026-Q3")
	c.Flags().StringVar(&sector, "sector", "", "the sector (default: all of yours)")
	c.MarkFlagRequired("period") //nolint:errcheck // the flag exists
	return c
}

func memberLogin() *cobra.Command {
	var f configFlags
	var ask wire.LoginRequest
	c := &cobra.Command{
		Use:   "login",
		Short: "Make a one-use link that signs a person in on the hub's pages, valid five minutes",
		Args:  cobra.NoArgs,
	}
	c.RunE = f.atMember(func(c *cobra.Command, _ []string, m *node.Member) error {
		link, err := m.Hub.Login(c.Context(), ask)
		if err != nil {
			return err
		}
		return answer(c, link, func() {
			say(c, "%s", link.URL)
			say(c, "It works once, until %s.", link.Expires)
		})
	})
	f.add(c)
	c.Flags().StringVar(&ask.Person, "person", "analyst", "who signs in")
	c.Flags().StringSliceVar(&ask.Purposes, "for", nil, "purposes, if fewer than the agreement allows")
	return c
}

func memberGet() *cobra.Command {
	var f configFlags
	c := &cobra.Command{
		Use:   "get PATH",
		Short: "Fetch something of the hub's interface with the member's key, for example /feeds/indicators.csv",
		Args:  cobra.ExactArgs(1),
		RunE: f.atMember(func(c *cobra.Command, args []string, m *node.Member) error {
			data, err := m.Hub.Get(c.Context(), args[0])
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(data)
			return err
		}),
	}
	f.add(c)
	return c
}

func memberServe() *cobra.Command {
	var f configFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the desk on loopback: write, preview, send and follow reports",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := f.load()
			if err != nil {
				return err
			}
			log, err := f.logger(c)
			if err != nil {
				return err
			}
			m, err := node.OpenMember(c.Context(), cfg, time.Now)
			if err != nil {
				return err
			}
			defer m.Close()
			return m.ServeDesk(c.Context(), log, func(url string) { say(c, "Open %s (it works once, within five minutes, on this machine only).", url) })
		},
	}
	f.addServer(c)
	return c
}
