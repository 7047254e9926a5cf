package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/fault"
	hubdeliver "github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/wire"
)

func memberRecall() *cobra.Command {
	var f configFlags
	var in inputFlags
	var file, reason string
	var again bool
	c := &cobra.Command{
		Use:   "recall [REPORT…]",
		Short: "Take reports back: the hub destroys their keys and answers with a signed receipt",
		Long: `Take reports back. The hub destroys the keys of all their revisions, and no
answer holds anything of them from then on; who could have been given something
is told to delete it. The signed receipt is kept here. It cannot be undone, but
a report can be submitted anew. Copies that others keep cannot be reached.

Reports are named by their ids, or by the file that they were made of. Without
either, what was asked before and has no receipt yet is asked again.`,
	}
	c.RunE = f.atMember(func(c *cobra.Command, args []string, m *node.Member) error {
		reports := make([]wire.ReportID, 0, len(args))
		for _, a := range args {
			reports = append(reports, wire.ReportID(a))
		}
		if file != "" {
			of, err := reportsOf(c, m, in, file)
			if err != nil {
				return err
			}
			reports = append(reports, of...)
		}
		var done []wire.Destruction
		var err error
		switch {
		case again:
			done, err = m.RecallAgain(c.Context())
		case len(reports) == 0 && file == "":
			done, err = m.SendRecalls(c.Context())
		default:
			done, err = m.Recall(c.Context(), reports, reason)
		}
		if err != nil && len(done) == 0 {
			if fault.KindOf(err) == fault.Unavailable {
				fmt.Fprintln(c.ErrOrStderr(), "The request is kept on this machine. `concord member recall` without a name sends it again.")
			}
			return err
		}
		if printErr := answer(c, done, func() { sayDestroyed(c, done) }); printErr != nil {
			return printErr
		}
		return err
	})
	f.add(c)
	in.add(c)
	c.Flags().BoolVar(&again, "again", false, "ask again for everything that was ever recalled: after the hub was restored from a backup")
	c.Flags().StringVar(&file, "file", "", "file of which the reports were made, as it was submitted")
	c.Flags().StringVar(&reason, "reason", wire.ReasonOther, "why: "+strings.Join(wire.Reasons(), ", "))
	return c
}

// reportsOf lists the ids of the reports that a file makes.
func reportsOf(c *cobra.Command, m *node.Member, in inputFlags, name string) (ids []wire.ReportID, err error) {
	file, err := in.open(name, m.StandardFor(in.sector))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	account, err := file.each(c, func(r collect.Collected) error {
		ids = append(ids, m.Outbox.ReportID(r))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := nothingRead(file, "--format", account); err != nil {
		return nil, err
	}
	return ids, nil
}

func sayDestroyed(c *cobra.Command, all []wire.Destruction) {
	if len(all) == 0 {
		say(c, "There was nothing to ask.")
	}
	for _, d := range all {
		counts := map[string]int{}
		for _, r := range d.Reports {
			counts[r.Status]++
		}
		say(c, "Receipt %s of %s:", d.ID, d.At)
		for _, s := range [][2]string{
			{wire.Destroyed, "%s destroyed: their keys are gone, and no answer holds anything of them."},
			{wire.DestroyedBefore, "%s destroyed before."},
			{wire.Unknown, "%s unknown to the hub."},
		} {
			if n := counts[s[0]]; n > 0 {
				say(c, "  "+s[1], count(n, "report"))
			}
		}
		say(c, "  %s.", sayBackups(d))
	}
}

// sayBackups says when no backup holds the keys of a receipt any more. A day is
// known only where no hold keeps one: backups go on being made of what it keeps.
func sayBackups(d wire.Destruction) string {
	n, lastDay := d.Sealed()
	if n == 0 {
		return fmt.Sprintf("The hub keeps backups for %d days: by the end of %s none holds the keys", d.BackupDays, d.BackupsUntil)
	}
	return fmt.Sprintf("%s out of every answer; a legal hold keeps the keys sealed until the end of %s, then they are destroyed, and backups hold them at the latest %d days after that",
		count(n, "report"), lastDay, d.BackupDays)
}

func memberConfirm() *cobra.Command {
	var f configFlags
	var ask wire.ConfirmRequest
	c := &cobra.Command{
		Use:   "confirm [NOTICE…]",
		Short: "List what you are asked to delete your copies of, and confirm that they are deleted",
		Long: `Without a name, list the open notices: what contributors took back, and releases
that were withdrawn, of which you may have copies. An incident that a notice
names may be gone from the hub: its id says what to look for in your copies. With names, or --all, confirm
that your copies are deleted. The contributor learns how many confirmed, by stake
and in bands; with --named also that you are one of them.`,
	}
	c.RunE = f.atMember(func(c *cobra.Command, args []string, m *node.Member) error {
		if len(args) == 0 && !ask.All {
			open, err := m.Hub.Notices(c.Context(), false)
			if err != nil {
				return err
			}
			return answer(c, open, func() { sayNotices(c, open) })
		}
		ask.Notices = args
		done, err := m.Hub.Confirm(c.Context(), ask)
		if err != nil {
			return err
		}
		return answer(c, done, func() { say(c, "%s confirmed, %d open.", count(done.Confirmed, "notice"), done.Open) })
	})
	f.add(c)
	c.Flags().BoolVar(&ask.All, "all", false, "confirm every open notice")
	c.Flags().BoolVar(&ask.Named, "named", false, "let contributors know that it was you")
	return c
}

func sayNotices(c *cobra.Command, open []hubdeliver.NoticeView) {
	if len(open) == 0 {
		say(c, "There is nothing that you are asked to delete.")
	}
	for _, n := range open {
		say(c, "%s  %s  %s", n.ID, n.Day, strings.Join(n.Sectors, ", "))
		say(c, "    %s.", n.Says)
		for _, i := range n.Incidents {
			say(c, "    incident %s (its id may lead nowhere any more; look for it in your copies)", i)
		}
	}
	if len(open) > 0 {
		say(c, "Once your copies are deleted: concord member confirm --all")
	}
}

func memberHold() *cobra.Command {
	c := &cobra.Command{
		Use:   "hold",
		Short: "Approve legal holds: two members do, for the keys of recalled reports to be kept",
		Long: `A legal hold keeps the keys of recalled reports sealed until a day, so that they
can still be produced if a court wants them. It opens nothing to anybody. The
hub's operator proposes it and names two members, of different owners, who both
approve it with their keys.`,
	}
	c.AddCommand(holdList(), holdDecide("approve ID", "Approve a hold that names you", wire.HoldBegin), holdDecide("end ID", "Say that a hold ends before its day; it does when both approvers say so", wire.HoldEnd))
	return c
}

func holdList() *cobra.Command {
	var f configFlags
	c := &cobra.Command{Use: "list", Short: "List the holds that name you", Args: cobra.NoArgs}
	c.RunE = f.atMember(func(c *cobra.Command, _ []string, m *node.Member) error {
		all, err := m.Hub.Holds(c.Context())
		if err != nil {
			return err
		}
		return answer(c, all, func() {
			if len(all.Holds) == 0 {
				say(c, "No legal hold names you as approver. Whether one keeps your own reports, the receipt of a recall says.")
			}
			sayHolds(c, all)
		})
	})
	f.add(c)
	return c
}

func holdDecide(use, short, verdict string) *cobra.Command {
	var f configFlags
	var person string
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1)}
	c.RunE = f.atMember(func(c *cobra.Command, args []string, m *node.Member) error {
		h, err := m.ApproveHold(c.Context(), wire.HoldID(args[0]), verdict, person)
		if err != nil {
			return err
		}
		return answer(c, h, func() { sayHolds(c, wire.Holds{Holds: []wire.HoldState{h}}) })
	})
	f.add(c)
	c.Flags().StringVar(&person, "person", "", "who decides for the member; it is signed, too")
	c.MarkFlagRequired("person") //nolint:errcheck // the flag exists
	return c
}

func sayHolds(c *cobra.Command, all wire.Holds) {
	for _, h := range all.Holds {
		of := "all reports of " + string(h.Hold.Of)
		if h.Hold.Report != "" {
			of = "report " + string(h.Hold.Report) + " of " + string(h.Hold.Of)
		}
		say(c, "%s  %s  %s  until %s  %s", h.Hold.ID, h.State, of, h.Hold.Until, h.Hold.Case)
		for _, a := range h.Hold.Approvers {
			state := "has not approved it yet"
			if slices.Contains(h.Begun, a) {
				state = "approved it"
			}
			if slices.Contains(h.Ended, a) {
				state += ", and that it ends"
			}
			say(c, "    %s %s", a, state)
		}
		if h.Keys > 0 {
			say(c, "    it keeps %s of recalled reports", count(h.Keys, "key"))
		}
	}
}
