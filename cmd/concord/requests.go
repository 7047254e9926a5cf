package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/hub/reconcile"
	"github.com/concord-trust/concord/node"
	found "github.com/concord-trust/concord/terms/reconcile"
	"github.com/concord-trust/concord/wire"
)

func memberRequest() *cobra.Command {
	c := &cobra.Command{
		Use:   "request",
		Short: "Say what your organisation needs, and see what of it flows",
		Long: `File what your organisation needs: fields, the weakest form of each that is still
useful, for which purpose, and of how much of a sector. The hub holds it against
the terms of all contributors, and asks those who could help for small
concessions. You see in bands what flows and who, by stake, blocks; nobody is
named. docs/terms.md defines the file.`,
	}
	c.AddCommand(requestAdd(), requestList(), requestWithdraw())
	return c
}

func requestAdd() *cobra.Command {
	var f configFlags
	c := &cobra.Command{Use: "add FILE", Short: "File a request", Args: cobra.ExactArgs(1)}
	c.RunE = func(c *cobra.Command, args []string) error {
		data, err := readInput("input.unreadable", args[0])
		if err != nil {
			return err
		}
		if _, err := found.ParseRequest(args[0], data); err != nil {
			return err
		}
		m, err := f.member(c)
		if err != nil {
			return err
		}
		defer m.Close()
		filed, err := m.Hub.File(c.Context(), string(data))
		if err != nil {
			return err
		}
		return answer(c, filed, func() {
			say(c, "Filed as %s. What flows of it: concord member request list", filed.ID)
		})
	}
	f.add(c)
	return c
}

func requestList() *cobra.Command {
	var f configFlags
	c := &cobra.Command{Use: "list", Short: "List your open requests, and what of them flows", Args: cobra.NoArgs}
	c.RunE = f.atMember(func(c *cobra.Command, _ []string, m *node.Member) error {
		all, err := m.Hub.Requests(c.Context())
		if err != nil {
			return err
		}
		return answer(c, all, func() { sayRequests(c, all) })
	})
	f.add(c)
	return c
}

func requestWithdraw() *cobra.Command {
	var f configFlags
	c := &cobra.Command{Use: "withdraw ID", Short: "Withdraw a request", Args: cobra.ExactArgs(1)}
	c.RunE = f.atMember(func(c *cobra.Command, args []string, m *node.Member) error {
		id := wire.RequestID(args[0])
		if err := m.Hub.Withdraw(c.Context(), id); err != nil {
			return err
		}
		return answer(c, map[string]any{"withdrawn": id}, func() { say(c, "%s is withdrawn: nobody is asked anything for it any more.", id) })
	})
	f.add(c)
	return c
}

func sayRequests(c *cobra.Command, all []reconcile.RequestView) {
	if len(all) == 0 {
		say(c, "You have no open request.")
	}
	for _, r := range all {
		say(c, "%s  %s  filed %s", r.ID, r.Name, r.Filed.Format(time.DateOnly))
		if r.Outcome == nil {
			say(c, "Nobody contributes to %s yet.", strings.Join(r.Sectors, ", "))
			continue
		}
		printRequester(c, *r.Outcome, r.Measure)
	}
}

func memberOffers() *cobra.Command {
	c := &cobra.Command{
		Use:   "offers",
		Short: "See what others ask of your terms, and accept or refuse",
		Long: `What others need, held against your own terms: what your clauses make of it, and
which clause would change that. An offer is a draft of your sheet. Nothing
changes before you accept it, which signs your agreement anew with that sheet.`,
	}
	c.AddCommand(offersList(), offersShow(), offersAccept(), offersRefuse())
	return c
}

func offersList() *cobra.Command {
	var f configFlags
	c := &cobra.Command{Use: "list", Short: "List the requests that concern you, and what offers ask of you", Args: cobra.NoArgs}
	c.RunE = f.atMember(func(c *cobra.Command, _ []string, m *node.Member) error {
		all, err := m.Hub.Offers(c.Context())
		if err != nil {
			return err
		}
		return answer(c, all, func() {
			if len(all) == 0 {
				say(c, "No open request concerns you.")
			}
			for _, r := range all {
				sayToMe(c, r)
				for _, o := range r.Offers {
					say(c, "  %s  asks for %s", o.ID, count(len(o.Clauses), "clause"))
				}
			}
		})
	})
	f.add(c)
	return c
}

func sayToMe(c *cobra.Command, r reconcile.ToMe) {
	say(c, "%s (%s), to %s, of your reports in %s: %s", r.Asker, r.Stake, r.Purpose, r.Sector, r.Title)
	for _, x := range r.Fields {
		if x.Flows {
			say(c, "  %s flows as %s", x.Path, x.Form)
			continue
		}
		say(c, "  %s is wanted as %s; %s", x.Path, x.NeededForm, x.Reason)
	}
}

func offersShow() *cobra.Command {
	var f configFlags
	c := &cobra.Command{Use: "show ID", Short: "Show what an offer would change of the sheet that you signed, as sentences", Args: cobra.ExactArgs(1)}
	c.RunE = f.atMember(func(c *cobra.Command, args []string, m *node.Member) error {
		p, err := m.Proposal(c.Context(), args[0])
		if err != nil {
			return err
		}
		return answer(c, p, func() {
			sayToMe(c, p.Request)
			say(c, "")
			say(c, "%s could receive this if you say:", p.Request.Asker)
			printSentences(c, p.Changes)
			say(c, "concord member offers accept %s signs your agreement with these clauses; nothing else of it changes.", p.ID)
		})
	})
	f.add(c)
	return c
}

// acceptance is what accepting an offer answers.
type acceptance struct {
	Offer     string           `json:"offer"`
	Agreement wire.AgreementID `json:"agreement"`
	Version   int              `json:"version"`
	Clauses   []found.Sentence `json:"clauses"`
}

func offersAccept() *cobra.Command {
	var f configFlags
	c := &cobra.Command{Use: "accept ID", Short: "Accept an offer: make the next version of your sheet and sign the agreement with it", Args: cobra.ExactArgs(1)}
	c.RunE = f.atMember(func(c *cobra.Command, args []string, m *node.Member) error {
		p, err := m.Proposal(c.Context(), args[0])
		if err != nil {
			return err
		}
		return accept(c, m, p)
	})
	f.add(c)
	return c
}

func accept(c *cobra.Command, m *node.Member, p node.Proposal) error {
	a, err := m.AcceptOffer(c.Context(), p)
	if err != nil {
		return err
	}
	return answer(c, acceptance{p.ID, a.ID, a.Terms.Version, p.Changes}, func() {
		say(c, "Signed as %s, until %s. Your sheet is version %d and says besides:", a.ID, a.Until.Format(time.DateOnly), a.Terms.Version)
		printSentences(c, p.Changes)
		say(c, "To take it back, sign an earlier sheet: concord member renew --terms SHEET")
	})
}

func offersRefuse() *cobra.Command {
	var f configFlags
	var reason string
	c := &cobra.Command{Use: "refuse ID", Short: "Refuse an offer: you are not asked for these fields again for 90 days", Args: cobra.ExactArgs(1)}
	c.RunE = f.atMember(func(c *cobra.Command, args []string, m *node.Member) error {
		if err := m.RefuseOffer(c.Context(), args[0], reason); err != nil {
			return err
		}
		return answer(c, map[string]any{"refused": args[0], "reason": reason}, func() {
			say(c, "Refused. Nobody of this stake and kind asks you for these fields, for this purpose, again for 90 days.")
		})
	})
	f.add(c)
	c.Flags().StringVar(&reason, "reason", "", "why: "+strings.Join(wire.RefusalReasons(), ", "))
	c.MarkFlagRequired("reason") //nolint:errcheck // the flag exists
	return c
}
