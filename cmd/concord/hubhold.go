package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/wire"
)

func hubHold() *cobra.Command {
	c := &cobra.Command{Use: "hold", Short: "Legal holds: keep the keys of recalled reports sealed until a day"}
	c.AddCommand(hubHoldAdd(), hubHoldList())
	return c
}

func hubHoldAdd() *cobra.Command {
	var f configFlags
	var report, of, reference, until string
	var approvers [2]string
	c := &cobra.Command{
		Use:   "add",
		Short: "Propose a legal hold; it holds once two members have approved it",
		Long: `Propose a legal hold on a report, or on all reports of a member. It holds once
the two members that you name, of different owners, have approved it with their
keys (` + "`concord member hold approve`" + `), until the end of the day. A report that is
recalled meanwhile is out of every answer at once, and its key is kept sealed
until the hold ends, and destroyed then. What is destroyed already cannot be held.`,
		Args: cobra.NoArgs,
	}
	c.RunE = f.atHub(func(c *cobra.Command, _ []string, h *node.Hub) error {
		end, err := lastDay("--until", until)
		if err != nil {
			return err
		}
		if of == "" && report == "" {
			return fault.New(fault.Usage, "hold.what", "name what is to be held: --report, or --member for all of its reports")
		}
		if of == "" {
			owner, err := h.Store.OwnerOf(c.Context(), wire.ReportID(report))
			if err != nil {
				return asUsage(err)
			}
			of = string(owner)
		}
		hold, err := h.ProposeHold(c.Context(), wire.MemberID(of), wire.ReportID(report), reference, end, [2]wire.MemberID{wire.MemberID(approvers[0]), wire.MemberID(approvers[1])})
		if err != nil {
			return asUsage(err)
		}
		return answer(c, hold, func() {
			say(c, "%s is proposed until %s. It holds nothing before both have run", hold.ID, hold.Until)
			say(c, "  concord member hold approve %s --person NAME", hold.ID)
		})
	})
	f.add(c)
	c.Flags().StringVar(&report, "report", "", "the report, r-…")
	c.Flags().StringVar(&of, "member", "", "whose reports, m-…")
	c.Flags().StringVar(&reference, "case", "", "a reference, which tells nothing of the case")
	c.Flags().StringVar(&until, "until", "", "last day, as 2027-06-30")
	c.Flags().StringVar(&approvers[0], "approve-by", "", "the member that approves it, m-…")
	c.Flags().StringVar(&approvers[1], "second", "", "another that approves it, of another owner")
	for _, name := range []string{"until", "approve-by", "second"} {
		c.MarkFlagRequired(name) //nolint:errcheck // the flags exist
	}
	return c
}

// asUsage says of what the operator named wrongly that it was named wrongly.
func asUsage(err error) error {
	if f := fault.Public(err); f.Kind == fault.NotFound || f.Kind == fault.Invalid {
		return fault.New(fault.Usage, f.Code, "%s", f.Message).Because(err)
	}
	return err
}

func hubHoldList() *cobra.Command {
	return hubJob("list", "List the holds: proposed, active, over", func(c *cobra.Command, h *node.Hub) error {
		all, err := h.Desk.HoldsOf(c.Context(), "")
		if err != nil {
			return err
		}
		return answer(c, all, func() {
			if len(all.Holds) == 0 {
				say(c, "There is no legal hold.")
			}
			sayHolds(c, all)
		})
	})
}

func hubErase() *cobra.Command {
	var f configFlags
	var of, reason string
	c := &cobra.Command{
		Use:   "erase --member MEMBER REPORT…",
		Short: "Destroy reports of a member, as a recall does; the member gets the receipt",
		Args:  cobra.MinimumNArgs(1),
	}
	c.RunE = f.atHub(func(c *cobra.Command, args []string, h *node.Hub) error {
		reports := make([]wire.ReportID, len(args))
		for i, a := range args {
			reports[i] = wire.ReportID(a)
		}
		d, err := h.Erase(c.Context(), wire.MemberID(of), reports, reason)
		if err != nil {
			return asUsage(err)
		}
		return answer(c, d, func() { sayDestroyed(c, []wire.Destruction{d}) })
	})
	f.add(c)
	c.Flags().StringVar(&of, "member", "", "whose reports, m-…")
	c.Flags().StringVar(&reason, "reason", wire.ReasonOther, "why: "+strings.Join(wire.Reasons(), ", "))
	c.MarkFlagRequired("member") //nolint:errcheck // the flag exists
	return c
}
