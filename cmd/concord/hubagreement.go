package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/wire"
)

// inviteFlags are what an operator says about whom it invites.
type inviteFlags struct {
	name, stake, kind, group, jurisdiction, law string
	sectors, purposes, roles, people            []string
	project, projectUntil, ethics               string
	member, withdraw, out                       string
	days                                        int
}

func (i *inviteFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&i.name, "name", "", "the organisation")
	f.StringVar(&i.stake, "stake", "", "industry, law-enforcement or research")
	f.StringVar(&i.kind, "kind", "", "firm, isac, cert, responder, insurer (industry); police, prosecutor, regulator, cert (law-enforcement); university, institute (research)")
	f.StringVar(&i.group, "owner-group", "", "owner group (default: its own)")
	f.StringSliceVar(&i.sectors, "sectors", nil, "sectors, separated by commas")
	f.StringSliceVar(&i.purposes, "purposes", nil, "purposes, separated by commas (default: the stake's)")
	f.StringSliceVar(&i.roles, "roles", nil, "what it is beside a member, as mediator")
	f.StringVar(&i.jurisdiction, "jurisdiction", "", "country under whose law it stands, as DE")
	f.StringVar(&i.law, "law", "", "file with its roles under data protection law, flow by flow (default: the stake's and kind's; docs/legal.md)")
	f.StringVar(&i.project, "project", "", "research: title of the project")
	f.StringArrayVar(&i.people, "person", nil, "research: somebody who works on the project; repeat it for each")
	f.StringVar(&i.projectUntil, "project-until", "", "research: last day of the project, within a year, as 2027-06-30")
	f.StringVar(&i.ethics, "ethics", "", "research: reference of an ethics board's decision")
	f.StringVar(&i.member, "member", "", "a member, m-…, that is to sign anew under a changed card: name what changes")
	f.StringVar(&i.withdraw, "withdraw", "", "withdraw the open invitations that were made out to this id, m-…")
	f.IntVar(&i.days, "days", 14, "days for which the invitation can be used")
	f.StringVar(&i.out, "out", "invitation.txt", "file for the code")
}

// apply changes a card by the flags that are given.
func (i *inviteFlags) apply(c *cobra.Command, card *admit.Card) error {
	given := c.Flags().Changed
	if given("name") {
		card.Name = i.name
	}
	if given("stake") {
		card.Stake = member.Stake(i.stake)
	}
	if given("kind") {
		card.Kind = member.Kind(i.kind)
	}
	if given("owner-group") {
		card.OwnerGroup = wire.OwnerGroup(i.group)
	}
	if given("sectors") {
		card.Sectors = i.sectors
	}
	if given("purposes") {
		card.Purposes = nil
		for _, p := range i.purposes {
			card.Purposes = append(card.Purposes, member.Purpose(p))
		}
	}
	if given("roles") {
		card.Roles = i.roles
	}
	if given("jurisdiction") {
		card.Jurisdiction = i.jurisdiction
	}
	if given("law") {
		law, err := node.ReadLaw(i.law)
		if err != nil {
			return err
		}
		card.Law = law
	}
	return i.applyProject(c, card)
}

// applyProject changes a card's project; another title makes another project.
func (i *inviteFlags) applyProject(c *cobra.Command, card *admit.Card) error {
	given := c.Flags().Changed
	if !given("project") && !given("person") && !given("project-until") && !given("ethics") {
		return nil
	}
	p := agreement.Project{}
	if card.Project != nil {
		p = *card.Project
	}
	if given("project") && i.project != p.Title {
		p.ID, p.Title = "", i.project
	}
	if given("person") {
		p.People = i.people
	}
	if given("ethics") {
		p.EthicsRef = i.ethics
	}
	if given("project-until") {
		end, err := lastDay("--project-until", i.projectUntil)
		if err != nil {
			return err
		}
		p.Until = end
	}
	card.Project = &p
	return nil
}

func hubInvite() *cobra.Command {
	var f configFlags
	var i inviteFlags
	c := &cobra.Command{
		Use:   "invite",
		Short: "Invite an organisation, or a member to sign anew; writes the one-use code to a file for it",
		Long: `Invite an organisation: writes a one-use code to a file, by which it joins.

With --member, invite one that takes part already to sign anew under a changed
card: after a rename (--name), with another owner group, sector or role, for
another year of a project, or since its agreement has ended. It keeps its id and
its key, and signs with "concord member renew --invitation FILE"; until then
nothing changes.

With --withdraw, take an invitation back that nobody has used.`,
		Args: cobra.NoArgs,
	}
	c.RunE = f.atHub(func(c *cobra.Command, _ []string, h *node.Hub) error {
		if i.withdraw != "" {
			return withdrawInvitation(c, h, wire.MemberID(i.withdraw))
		}
		until := time.Now().AddDate(0, 0, i.days)
		code, issued, err := i.invite(c, h, until)
		if err != nil {
			return err
		}
		if err := writeSecret(i.out, code+"\n"); err != nil {
			return err
		}
		return answer(c, struct {
			Member  wire.MemberID `json:"member"`
			Name    string        `json:"name"`
			Project string        `json:"project,omitzero"`
			Until   string        `json:"until"`
			File    string        `json:"file"`
		}{issued.ID, issued.Name, projectOf(issued), until.Format("2006-01-02"), i.out}, func() {
			say(c, "%s is invited as %s until %s. The code is in %s: hand it over by a way that others do not read.", issued.Name, issued.ID, until.Format("2006-01-02"), i.out)
			if i.member != "" {
				say(c, "It signs anew with `concord member renew --invitation FILE`; until then nothing changes.")
			}
			if id := projectOf(issued); id != "" {
				say(c, "Its project is %s: clauses may name it.", id)
			}
		})
	})
	f.add(c)
	i.add(c)
	return c
}

func projectOf(c admit.Card) string {
	if c.Project == nil {
		return ""
	}
	return c.Project.ID
}

func (i *inviteFlags) invite(c *cobra.Command, h *node.Hub, until time.Time) (code string, issued admit.Card, err error) {
	if i.member == "" {
		for _, name := range []string{"name", "stake", "kind", "sectors"} {
			if !c.Flags().Changed(name) {
				return "", admit.Card{}, fault.New(fault.Usage, "flag.missing", "say who is invited: --name, --stake, --kind and --sectors; --%s is missing", name)
			}
		}
		card := admit.Card{OwnerGroup: wire.OwnerGroup("g-" + i.name)}
		if err := i.apply(c, &card); err != nil {
			return "", card, err
		}
		return h.Door.Invite(c.Context(), card, until)
	}
	code, issued, err = h.Door.Amend(c.Context(), wire.MemberID(i.member), func(card *admit.Card) error { return i.apply(c, card) }, until)
	return code, issued, noMember(err, i.member)
}

func withdrawInvitation(c *cobra.Command, h *node.Hub, id wire.MemberID) error {
	n, err := h.Door.Withdraw(c.Context(), id)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.Usage, "invitation.not_open", "no invitation made out to %q is open; `concord hub admin invitations` lists them", id)
	}
	return answer(c, struct {
		Member    wire.MemberID `json:"member"`
		Withdrawn int           `json:"withdrawn"`
	}{id, n}, func() { say(c, "%s withdrawn: the code opens nothing any more.", count(n, "invitation")) })
}

// listedInvitation is an invitation as the operator's list shows it.
type listedInvitation struct {
	Member  wire.MemberID `json:"member"`
	Name    string        `json:"name"`
	Stake   member.Stake  `json:"stake"`
	Kind    member.Kind   `json:"kind"`
	Created string        `json:"created"`
	Until   string        `json:"until"`
	State   string        `json:"state"`
}

func hubInvitations() *cobra.Command {
	var f configFlags
	var all bool
	c := &cobra.Command{
		Use: "invitations", Short: "List the open invitations", Args: cobra.NoArgs,
	}
	c.RunE = f.atHub(func(c *cobra.Command, _ []string, h *node.Hub) error {
		found, err := h.Store.Invitations(c.Context())
		if err != nil {
			return err
		}
		list := []listedInvitation{}
		for _, i := range found {
			if state := i.State(time.Now()); all || state == "open" {
				list = append(list, listedInvitation{i.Card.ID, i.Card.Name, i.Card.Stake, i.Card.Kind,
					i.Created.Format(time.DateOnly), i.ValidUntil.Format("2006-01-02 15:04Z"), state})
			}
		}
		if wantsJSON(c) {
			return printJSON(c.OutOrStdout(), list)
		}
		if len(list) == 0 {
			say(c, "No invitation is open.")
			return nil
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "MEMBER\tNAME\tSTAKE\tKIND\tMADE\tUNTIL\tSTATE")
		for _, i := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.Member, i.Name, i.Stake, i.Kind, i.Created, i.Until, i.State)
		}
		return w.Flush()
	})
	f.add(c)
	c.Flags().BoolVar(&all, "all", false, "also those that were used, withdrawn or have ended")
	return c
}

func hubSuccession() *cobra.Command {
	var f configFlags
	var from, to string
	var rebuild bool
	c := &cobra.Command{
		Use:   "succession",
		Short: "End the agreement of an organisation that became part of another member, or that leaves",
		Long: `End the agreement of an organisation that became part of another member (--to),
or that leaves (without --to). Nothing is inherited: no right to receive, no
terms. What it contributed stays under the terms that it signed last if its
agreement says "keep" of the time after its end, and else is passed on no more;
"concord hub admin erase" and its own recall destroy it. From now on it counts
with its successor's owner group. The successor signs for itself what is to hold
next. A member that only has another name is no succession: invite it to sign
anew with "concord hub admin invite --member m-… --name NAME".`,
		Args: cobra.NoArgs,
	}
	c.RunE = f.atHub(func(c *cobra.Command, _ []string, h *node.Hub) error {
		if err := h.Door.Succeed(c.Context(), wire.MemberID(from), wire.MemberID(to)); err != nil {
			return noMember(err, from+"\" or \""+to)
		}
		if to != "" && rebuild {
			if _, err := h.Consolidate.Rebuild(c.Context()); err != nil {
				return fmt.Errorf("the agreement has ended; derive anew who counts with whom, with `concord hub admin rebuild`: %w", err)
			}
		}
		return answer(c, struct {
			From string `json:"from"`
			To   string `json:"to,omitzero"`
		}{from, to}, func() {
			say(c, "The agreement of %s has ended: every door refuses it and its sessions have ended.", from)
			if to != "" {
				say(c, "It counts with the owner group of %s from now on, which inherits nothing and signs for itself.", to)
			}
		})
	})
	f.add(c)
	c.Flags().StringVar(&from, "from", "", "the member whose agreement ends, m-…")
	c.Flags().StringVar(&to, "to", "", "the member of which it became part, m-…; left out if it leaves")
	c.Flags().BoolVar(&rebuild, "rebuild", true, "derive incidents and campaigns anew, so that they count both as one owner group")
	c.MarkFlagRequired("from") //nolint:errcheck // the flag exists
	return c
}

func hubOrder() *cobra.Command {
	c := &cobra.Command{
		Use: "order", Short: "Record authorities' orders to hand something out, and when members may be told",
		Long: `Record authorities' orders to the third party to hand something out. Agreements
promise that orders are recorded, and that members concerned are told when that
is lawful: they see an order on their page "My terms" and at /v1/orders from the
day that --tell names. Nothing is handed out by these commands.`,
	}
	c.AddCommand(hubOrderAdd(), hubOrderFollow(), hubOrders())
	return c
}

func hubOrderAdd() *cobra.Command {
	var f configFlags
	var o admit.Order
	var of, tell string
	c := &cobra.Command{
		Use: "add", Short: "Record an order", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			from, err := tellFrom(tell)
			if err != nil {
				return err
			}
			h, err := f.hub(c)
			if err != nil {
				return err
			}
			defer h.Close()
			o.Member, o.Tell = wire.MemberID(of), from
			kept, err := h.Door.Ordered(c.Context(), o)
			if err != nil {
				return noMember(err, of)
			}
			return answer(c, kept, func() { say(c, "%s is recorded. %s", kept.ID, toldWords(kept)) })
		},
	}
	f.add(c)
	c.Flags().StringVar(&o.Authority, "authority", "", "who ordered it")
	c.Flags().StringVar(&o.Reference, "reference", "", "under which reference")
	c.Flags().StringVar(&o.Asks, "asks", "", "what is to be handed out, in words")
	c.Flags().StringVar(&of, "member", "", "whom it concerns, m-… (default: all members)")
	c.Flags().StringVar(&tell, "tell", "", "first day on which telling is lawful, as 2027-06-30, or now (default: not yet)")
	return c
}

func hubOrderFollow() *cobra.Command {
	var f configFlags
	var tell, given string
	c := &cobra.Command{
		Use: "follow ORDER", Short: "Note when telling is lawful, and what was handed out", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			from, err := tellFrom(tell)
			if err != nil {
				return err
			}
			if tell == "" && given == "" {
				return fault.New(fault.Usage, "flag.missing", "say what to note: --tell or --given")
			}
			h, err := f.hub(c)
			if err != nil {
				return err
			}
			defer h.Close()
			kept, err := h.Door.FollowOrder(c.Context(), wire.OrderID(args[0]), from, given)
			if err != nil {
				return err
			}
			return answer(c, kept, func() { say(c, "%s: %s", kept.ID, toldWords(kept)) })
		},
	}
	f.add(c)
	c.Flags().StringVar(&tell, "tell", "", "first day on which telling is lawful, as 2027-06-30, or now")
	c.Flags().StringVar(&given, "given", "", "what was handed out, in words")
	return c
}

func hubOrders() *cobra.Command {
	var f configFlags
	c := &cobra.Command{
		Use: "list", Short: "List the orders", Args: cobra.NoArgs,
	}
	c.RunE = f.atHub(func(c *cobra.Command, _ []string, h *node.Hub) error {
		all, err := h.Store.Orders(c.Context())
		if err != nil {
			return err
		}
		return answer(c, append([]admit.Order{}, all...), func() {
			for _, o := range all {
				say(c, "%s  %s  %s (%s): %s. %s", o.ID, o.Received.Format(time.DateOnly), o.Authority, o.Reference, o.Asks, toldWords(o))
			}
			if len(all) == 0 {
				say(c, "No order is recorded.")
			}
		})
	})
	f.add(c)
	return c
}

func tellFrom(s string) (time.Time, error) {
	switch s {
	case "":
		return time.Time{}, nil
	case "now":
		return time.Now(), nil
	}
	return day("--tell", s)
}

func toldWords(o admit.Order) string {
	words := "Members are told nothing yet; `concord hub admin order follow " + string(o.ID) + " --tell DAY` says when that is lawful."
	if !o.Tell.IsZero() {
		words = "Members concerned are told from " + o.Tell.Format(time.DateOnly) + " on."
	}
	if !o.Carried.IsZero() {
		words += " Handed out on " + o.Carried.Format(time.DateOnly) + ": " + o.Given + "."
	}
	return words
}

// noMember says of an unknown member how it is named.
func noMember(err error, id string) error {
	if fault.KindOf(err) == fault.NotFound {
		return fault.New(fault.Usage, "member.not_found", "there is no member %q; name one by its id, m-…, which `concord hub admin members` lists", id)
	}
	return err
}
