package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/wire"
)

func hubCommand() *cobra.Command {
	c := &cobra.Command{Use: "hub", Short: "Run the third party's hub"}
	c.AddCommand(hubInit(), hubPin(), hubServe(), hubShow(), hubAdmin(), hubHold(), hubSuccession(), hubMigrateStore())
	return c
}

func hubInit() *cobra.Command {
	var id, title, listen, url string
	c := &cobra.Command{
		Use:   "init DIR",
		Short: "Make a folder with a hub's keys and configuration",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := node.InitHub(args[0], id, title, listenFor(c, listen, url), url)
			if err != nil {
				return err
			}
			sign, err := envelope.ReadKeyFile(cfg.Path(cfg.Hub.Keys.Sign))
			if err != nil {
				return err
			}
			m := made{Config: filepath.Join(args[0], node.ConfigName), ID: id, SignKey: envelope.PublicText(publicOf(sign))}
			return answer(c, m, func() {
				say(c, "Made %s.", m.Config)
				say(c, "The hub's id is %s and its signing key %s.", m.ID, m.SignKey)
				say(c, "Next: a co-owner makes a steward with")
				say(c, "  concord steward init DIR --hub %s --hub-key %s", m.ID, m.SignKey)
				say(c, "and gives you what `concord steward show` prints, in a file. Then")
				say(c, "  concord hub pin --config %s FILE", m.Config)
				say(c, "  concord hub serve --config %s", m.Config)
			})
		},
	}
	c.Flags().StringVar(&id, "id", "hub", "name under which agreements are made out")
	c.Flags().StringVar(&title, "title", "Concord", "what pages call the hub")
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8440", "address to listen on (default: that of a URL on loopback)")
	c.Flags().StringVar(&url, "url", "http://127.0.0.1:8440", "how members reach the hub")
	return c
}

func hubPin() *cobra.Command {
	var f configFlags
	c := &cobra.Command{
		Use:   "pin FILE",
		Short: "Pin a steward: its name, address and public key, as `concord steward show` prints them",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return fault.New(fault.Usage, "pin.unreadable", "the file cannot be read").At(args[0]).Because(err)
			}
			pins, err := node.ParsePins(data)
			if err != nil {
				return err
			}
			cfg, err := f.load()
			if err != nil {
				return err
			}
			if err := cfg.Pin(pins); err != nil {
				return err
			}
			return answer(c, pins, func() {
				for _, p := range pins {
					say(c, "The hub tells its members to use the steward %s at %s, key %s. (%s)", p.Name, p.URL, p.LinkKey, wire.SingleCustody)
				}
				say(c, "A hub that serves already must be started again; who joined before runs `concord member renew`.")
			})
		},
	}
	f.add(c)
	return c
}

func hubServe() *cobra.Command {
	var f configFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the hub's interface and pages",
		Args:  cobra.NoArgs,
		RunE: f.atHub(func(c *cobra.Command, _ []string, h *node.Hub) error {
			return h.Serve(c.Context())
		}),
	}
	f.addServer(c)
	return c
}

// hub opens the hub of the configuration.
func (f *configFlags) hub(c *cobra.Command) (*node.Hub, error) {
	cfg, err := f.load()
	if err != nil {
		return nil, err
	}
	log, err := f.logger(c)
	if err != nil {
		return nil, err
	}
	return node.OpenHub(c.Context(), cfg, time.Now, log)
}

// atHub runs a command at the hub of the configuration.
func (f *configFlags) atHub(run func(*cobra.Command, []string, *node.Hub) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		h, err := f.hub(c)
		if err != nil {
			return err
		}
		defer h.Close()
		return run(c, args, h)
	}
}

func hubShow() *cobra.Command {
	var f configFlags
	c := &cobra.Command{
		Use:   "show",
		Short: "Print what the hub says about itself: id, public keys, sectors",
		Args:  cobra.NoArgs,
		RunE: f.atHub(func(c *cobra.Command, _ []string, h *node.Hub) error {
			return printJSON(c.OutOrStdout(), h.Info())
		}),
	}
	f.add(c)
	return c
}

func hubAdmin() *cobra.Command {
	c := &cobra.Command{Use: "admin", Short: "Work on the hub's record, as its operator"}
	c.AddCommand(hubInvite(), hubInvitations(), hubOrder(), hubMembers(), hubSuspend(true), hubSuspend(false), hubErase(),
		hubJob("consolidate", "Join what was received since the last run", func(c *cobra.Command, h *node.Hub) error {
			p, err := h.Consolidate.Run(c.Context())
			if err != nil {
				return err
			}
			return answer(c, p, func() {
				say(c, "%s joined, %d taken out.", count(p.Reports, "report"), p.Erased)
			})
		}),
		hubJob("snapshot", "Take a snapshot of every sector for the statistics", func(c *cobra.Command, h *node.Hub) error {
			if _, err := h.Consolidate.Run(c.Context()); err != nil {
				return err
			}
			if err := h.Snapshot(c.Context()); err != nil {
				return err
			}
			return answer(c, h.Info().Sectors, func() { say(c, "Statistics are made of what was received up to now.") })
		}),
		hubJob("release", "Make a release of every sector", func(c *cobra.Command, h *node.Hub) error {
			if _, err := h.Consolidate.Run(c.Context()); err != nil {
				return err
			}
			all, err := h.ReleaseEach(c.Context())
			return errors.Join(err, answer(c, all, func() {
				for _, one := range all {
					if r := one.Release; r != nil {
						say(c, "%s: %d incidents, %d left out, k = %d", r.ID, r.Records, r.Suppressed, r.K)
					} else {
						say(c, "%s: no release: %s", one.Sector, one.Reason)
					}
				}
			}))
		}),
		hubJob("rebuild", "Drop incidents and campaigns and derive them anew from the record", func(c *cobra.Command, h *node.Hub) error {
			if _, err := h.Consolidate.Rebuild(c.Context()); err != nil {
				return err
			}
			n, err := h.Consolidate.Counts(c.Context())
			if err != nil {
				return err
			}
			return answer(c, n, func() { say(c, "Rebuilt: %d incidents, %d campaigns.", n.Incidents, n.Campaigns) })
		}),
	)
	return c
}

func hubJob(use, short string, run func(*cobra.Command, *node.Hub) error) *cobra.Command {
	var f configFlags
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: f.atHub(func(c *cobra.Command, _ []string, h *node.Hub) error {
			return run(c, h)
		}),
	}
	f.add(c)
	return c
}

// writeSecret writes a new file that only its owner may read.
func writeSecret(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fault.New(fault.Usage, "secret.file", "the file cannot be made; if it exists, name another with --out").At(path).Because(err)
	}
	_, err = f.WriteString(text)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

func hubMembers() *cobra.Command {
	var f configFlags
	c := &cobra.Command{
		Use: "members", Short: "List the members", Args: cobra.NoArgs,
	}
	c.RunE = f.atHub(func(c *cobra.Command, _ []string, h *node.Hub) error {
		all, err := h.Store.Members(c.Context())
		if err != nil {
			return err
		}
		if wantsJSON(c) {
			return printJSON(c.OutOrStdout(), all)
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "MEMBER\tNAME\tSTAKE\tKIND\tOWNER GROUP\tSECTORS\tCOUNTS FROM\tSUSPENDED")
		for _, m := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%v\t%s\t%v\n", m.ID, m.Name, m.Stake, m.Kind, m.OwnerGroup, m.Sectors, m.CountsFrom.Format("2006-01-02"), m.Suspended)
		}
		return w.Flush()
	})
	f.add(c)
	return c
}

func hubSuspend(suspend bool) *cobra.Command {
	var f configFlags
	use, short, done := "lift MEMBER", "End a member's suspension", "%s may come in again."
	if suspend {
		use, short, done = "suspend MEMBER", "Refuse a member at every door until it is lifted", "%s is suspended: every door refuses it and its sessions have ended."
	}
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: f.atHub(func(c *cobra.Command, args []string, h *node.Hub) error {
			if err := h.Store.Suspend(c.Context(), wire.MemberID(args[0]), suspend); fault.KindOf(err) == fault.NotFound {
				return fault.New(fault.Usage, "member.not_found", "there is no member %q; name one by its id, m-…, which `concord hub admin members` lists", args[0])
			} else if err != nil {
				return err
			}
			return answer(c, struct {
				Member    string `json:"member"`
				Suspended bool   `json:"suspended"`
			}{args[0], suspend}, func() { say(c, done, args[0]) })
		}),
	}
	f.add(c)
	return c
}

func hubMigrateStore() *cobra.Command {
	var f configFlags
	var to, dsnFile string
	var dry bool
	c := &cobra.Command{
		Use:   "migrate-store",
		Short: "Move the hub's record to the other store, sqlite or postgres",
		Long: `Move the hub's record to the other store: all of it, or nothing. Stop every
process of the hub first. The target must be empty: a database without tables,
or a data folder without a record. What was written is compared with what was
read, row by row, and every receipt is verified under the hub's key. The former
record stays as a copy that no hub opens any more.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := f.load()
			if err != nil {
				return err
			}
			if dsnFile != "" {
				if dsnFile, err = filepath.Abs(dsnFile); err != nil {
					return fmt.Errorf("find the file with the connection string: %w", err)
				}
			}
			m, err := node.MigrateStore(c.Context(), cfg, node.StoreConfig{Kind: to, DSNFile: dsnFile}, dry)
			if err != nil {
				return err
			}
			return answer(c, m, func() { sayMoved(c, m, f.path(), dsnFile) })
		},
	}
	f.add(c)
	c.Flags().StringVar(&to, "to", "", "sqlite or postgres")
	c.Flags().StringVar(&dsnFile, "dsn-file", "", "file with PostgreSQL's connection string, which only you may read")
	c.Flags().BoolVar(&dry, "dry-run", false, "count and check, and write nothing")
	c.MarkFlagRequired("to") //nolint:errcheck // the flag exists
	return c
}

func sayMoved(c *cobra.Command, m node.StoreMove, config, dsnFile string) {
	if m.DryRun {
		say(c, "There are %s in %s to move from %s to %s, which is empty.", count(int(m.Rows), "row"), count(len(m.Tables), "table"), m.From, m.To)
		say(c, "%s found valid. Nothing was written.", count(m.Receipts, "receipt"))
		return
	}
	say(c, "Moved %s in %s from %s to %s; each is there as it was.", count(int(m.Rows), "row"), count(len(m.Tables), "table"), m.From, m.To)
	say(c, "%s verified where it is now.", count(m.Receipts, "receipt"))
	say(c, "Next: in %s, let the section hub say", config)
	if m.To == node.StorePostgres {
		say(c, "  store: {kind: postgres, dsn_file: %s}", dsnFile)
	} else {
		say(c, "  store: {kind: sqlite}")
	}
	say(c, "and start the hub again. The record in %s stays as a copy; no hub opens it any more.", m.From)
}
