package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms/reconcile"
)

type reconcileFlags struct {
	terms, request, weights, view, at string
	standards                         []string
	amend, out                        string
	offer                             int
	strict                            bool
}

func reconcileCommand() *cobra.Command {
	var f reconcileFlags
	c := &cobra.Command{
		Use:   "reconcile --terms DIR --request FILE",
		Short: "Compute what of a request flows under everybody's terms, what blocks, and which concessions would change that",
		Long: `Hold a request against the terms of all contributors: which share of each field
flows in a useful form, now and later; who blocks the rest, by which clause; and
which cheapest sets of concessions would reach the coverage wanted. It needs no
hub and no membership: DIR holds one sheet for each contributor (NAME.yaml) and,
if you like, contributors.yaml, which says who they are. docs/terms.md defines
the files and the costs.

The result names contributors: it is for use on your own files and for a
mediator. --view requester and --view contributor=NAME show what those may see.

--amend NAME --out FILE drafts the sheet by which NAME would accept an offer.`,
		Args: cobra.NoArgs,
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return runReconcile(c, f) }
	flags := c.Flags()
	flags.StringVar(&f.terms, "terms", "", "folder of sheets, one for each contributor")
	flags.StringVar(&f.request, "request", "", "the request")
	flags.StringVar(&f.weights, "weights", "", "cost model to use in place of the default one")
	flags.StringVar(&f.view, "view", "mediator", "what to show: mediator, requester or contributor=NAME")
	flags.StringVar(&f.at, "at", "", "the day to compute for, as 2027-06-30 (default today)")
	flags.StringArrayVar(&f.standards, "standard", nil, "standard of a sector, a file or a name, if it is not the built-in one (may be repeated)")
	flags.StringVar(&f.amend, "amend", "", "draft the sheet of this contributor with what the offer asks of it")
	flags.StringVar(&f.out, "out", "", "where to write the draft")
	flags.IntVar(&f.offer, "offer", 1, "which offer to draft, from 1 on")
	flags.BoolVar(&f.strict, "strict", false, "exit with 1 if a sheet cannot be used")
	return c
}

func runReconcile(c *cobra.Command, f reconcileFlags) error {
	contributor, own := strings.CutPrefix(f.view, "contributor=")
	switch {
	case f.terms == "" || f.request == "":
		return fault.New(fault.Usage, "reconcile.flags", "--terms names a folder of sheets and --request a file; both are needed")
	case !own && f.view != "mediator" && f.view != "requester":
		return fault.New(fault.Usage, "reconcile.view", "--view is mediator, requester or contributor=NAME")
	case (f.amend == "") != (f.out == ""):
		return fault.New(fault.Usage, "reconcile.amend", "--amend names a contributor and --out the file for its draft; give both")
	}
	o, who, err := f.reconcile()
	if err != nil {
		return err
	}
	for _, r := range o.Refused {
		fmt.Fprintf(c.ErrOrStderr(), "not used: the sheet of %s: %s\n", r.Contributor, r.Reason)
	}
	switch {
	case f.amend != "":
		err = f.writeAmendment(c, o)
	case own:
		var v reconcile.ForContributor
		if v, err = o.Contributor(contributor); err == nil {
			err = answer(c, v, func() { printContributor(c, v) })
		}
	case f.view == "requester":
		v := o.Requester()
		err = answer(c, v, func() { printRequester(c, v, o.Measure) })
	default:
		err = answer(c, o, func() { printMediator(c, o, who) })
	}
	if err == nil && f.strict && len(o.Refused) > 0 {
		return errRefused
	}
	return err
}

// named are the contributors, each with stake and kind, by name.
type named map[string]string

func (n named) of(contributor string) string {
	if who := n[contributor]; who != "" {
		return contributor + " (" + who + ")"
	}
	return contributor
}

func (f reconcileFlags) reconcile() (*reconcile.Outcome, named, error) {
	at := reconcile.DayOf(time.Now())
	if f.at != "" {
		d, err := day("--at", f.at)
		if err != nil {
			return nil, nil, err
		}
		at = reconcile.DayOf(d)
	}
	standards, err := sectorStandards(f.standards)
	if err != nil {
		return nil, nil, err
	}
	data, err := readInput("input.unreadable", f.request)
	if err != nil {
		return nil, nil, err
	}
	req, err := reconcile.ParseRequest(f.request, data)
	if err != nil {
		return nil, nil, err
	}
	files, err := readFolder(f.terms)
	if err != nil {
		return nil, nil, err
	}
	trust, err := reconcile.Gather(files, req)
	if err != nil {
		return nil, nil, err
	}
	weights, err := readWeights(f.weights)
	if err != nil {
		return nil, nil, err
	}
	o, err := reconcile.Reconcile(trust, req, weights, at, standards)
	who := named{}
	for _, x := range trust.Contributors {
		who[x.Name] = fmt.Sprintf("%s, %s", x.Stake, x.Kind)
	}
	return o, who, err
}

// sectorStandards finds the standard of a sector: one that was named, else
// the built-in one.
func sectorStandards(names []string) (func(string) (*standard.Standard, error), error) {
	given := map[string]*standard.Standard{}
	for _, name := range names {
		std, err := findStandard(name)
		if err != nil {
			return nil, err
		}
		given[std.Document().Name] = std
	}
	return func(sector string) (*standard.Standard, error) {
		if std := given[sector]; std != nil {
			return std, nil
		}
		return standard.Builtin(sectorStandard(sector))
	}, nil
}

// readFolder reads the YAML and JSON files of a folder.
func readFolder(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fault.New(fault.Usage, "input.unreadable", "the folder cannot be read: %s", because(err)).At(dir).Because(err)
	}
	files := map[string][]byte{}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		switch filepath.Ext(name) {
		case ".yaml", ".yml", ".json":
		default:
			continue
		}
		if e.IsDir() {
			continue
		}
		if files[name], err = readInput("input.unreadable", name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func readWeights(name string) (*reconcile.Weights, error) {
	if name == "" {
		return reconcile.DefaultWeights()
	}
	data, err := readInput("input.unreadable", name)
	if err != nil {
		return nil, err
	}
	return reconcile.ParseWeights(name, data)
}

// draft is what --amend answers.
type draft struct {
	File    string               `json:"file"`
	Clauses []reconcile.Sentence `json:"clauses"`
}

func (f reconcileFlags) writeAmendment(c *cobra.Command, o *reconcile.Outcome) error {
	if len(o.Offers) == 0 {
		return fault.New(fault.Invalid, "amend.no_offer", "there is no offer to draft: %s", whyNoOffer(o))
	}
	if f.offer < 1 || f.offer > len(o.Offers) {
		return fault.New(fault.Usage, "amend.offer", "--offer is a number from 1 to %d", len(o.Offers))
	}
	a, err := o.Amend(o.Offers[f.offer-1], f.amend)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(f.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fault.New(fault.Usage, "output.exists", "the draft cannot be written here, or something stands here already; name a new file").At(f.out).Because(err)
	}
	if _, err := file.Write(a.Text); err != nil {
		file.Close()
		return fault.New(fault.Unavailable, "output.unwritable", "the draft could not be written").At(f.out).Because(err)
	}
	if err := file.Close(); err != nil {
		return fault.New(fault.Unavailable, "output.unwritable", "the draft could not be written").At(f.out).Because(err)
	}
	return answer(c, draft{f.out, a.Clauses}, func() {
		say(c, "%s is a draft: nothing changes before %s signs it. It says:", f.out, f.amend)
		printSentences(c, a.Clauses)
	})
}

func printSentences(c *cobra.Command, all []reconcile.Sentence) {
	for _, s := range all {
		how := "added"
		if s.Widened {
			how = "widened"
		}
		say(c, "  %s  (clause %s, %s)", s.Text, s.Clause, how)
	}
}

func whyNoOffer(o *reconcile.Outcome) string {
	switch {
	case o.Reached && !flowsNow(o):
		return fmt.Sprintf("the coverage wanted will flow by %s without any concession", o.By)
	case o.Reached:
		return "the coverage wanted flows already"
	case len(o.OutOfReach) > 0:
		return strings.Join(o.OutOfReach, "; ")
	}
	return "none was found"
}

// flowsNow says that what is wanted flows on the day itself, and not only by
// the day wanted.
func flowsNow(o *reconcile.Outcome) bool {
	const rounding = 1e-9
	short := func(f reconcile.Field) bool { return f.CoverageNow < f.Target-rounding }
	return o.CoverageNow >= o.Target-rounding && !slices.ContainsFunc(o.Fields, short)
}

// flowsMeans says what the tables do not tell.
const flowsMeans = "Flows: the terms would let %s have it; whether anybody reported one is not counted."

func printMediator(c *cobra.Command, o *reconcile.Outcome, who named) {
	say(c, "%s: %s of what is asked flows on %s; %s is wanted%s. Counted by %s.", o.Request, percentage(o.CoverageNow), o.At, percentage(o.Target), wantedBy(o.At, o.By), o.Measure)
	say(c, flowsMeans, "whoever asks")
	say(c, "")
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "FIELD\tNEEDED AS\tFLOWS\tWANTED\tBLOCKED BY")
	for _, f := range o.Fields {
		wanted := "" // no target of its own
		if f.Target > 0 {
			wanted = percentage(f.Target)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\n", f.Path, f.NeededForm, percentage(f.CoverageNow), wanted, len(f.Blocked))
	}
	w.Flush() //nolint:errcheck // a terminal that is gone needs no error
	say(c, "")
	for _, f := range o.Fields {
		for _, b := range f.Blocked {
			say(c, "  %s: %s gives %s; %s", f.Path, who.of(b.Contributor), b.Form, b.Reason)
		}
		for _, l := range f.CoverageBy {
			say(c, "  %s: %s flows from %s on", f.Path, percentage(l.Coverage), l.Date)
		}
	}
	for _, l := range o.LeftOut {
		say(c, "  %s is left out: %s", who.of(l.Contributor), l.Reason)
	}
	say(c, "")
	if len(o.Offers) == 0 {
		say(c, "No counter-offer: %s.", whyNoOffer(o))
	}
	for i, offer := range o.Offers {
		printOffer(c, i+1, offer, who)
	}
}

func wantedBy(at, by reconcile.Day) string {
	if by.After(at) {
		return " by " + by.String()
	}
	return ""
}

func percentage(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

func printOffer(c *cobra.Command, n int, o reconcile.Offer, who named) {
	aim := map[reconcile.Aim]string{
		reconcile.Cheapest: "the cheapest", reconcile.Fewest: "asks the fewest contributors", reconcile.Spread: "each stake concedes in proportion",
	}[o.Aim]
	proof := "proven"
	if !o.Optimal {
		proof = fmt.Sprintf("at most %.1f %% from the best", 100*o.Gap)
	}
	say(c, "Offer %d (%s; %s): %s by %s, cost %d; then %s flows.", n, aim, proof,
		count(len(o.Concessions), "concession"), count(o.Asked, "contributor"), o.Cost, percentage(o.Coverage))
	for _, x := range o.Concessions {
		later := ""
		if x.DelayDays > 0 {
			later = fmt.Sprintf(", after %d days", x.DelayDays)
		}
		say(c, "  %s: %s from %s to %s%s", who.of(x.Contributor), x.Path, x.From, x.To, later)
	}
}

func printRequester(c *cobra.Command, v reconcile.ForRequester, measure string) {
	say(c, "%s, on %s. Shares are counted by %s, who blocks by owner groups, both in bands; nobody is named.", v.Request, v.At, measure)
	say(c, flowsMeans, "you")
	say(c, "")
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
	fmt.Fprint(w, "FIELD\tNEEDED AS\tFLOWS")
	for _, b := range v.Fields[0].Blocked {
		fmt.Fprintf(w, "\tBLOCKED BY %s", strings.ToUpper(string(b.Stake)))
	}
	fmt.Fprintln(w)
	for _, f := range v.Fields {
		fmt.Fprintf(w, "%s\t%s\t%s", f.Path, f.NeededForm, f.Coverage)
		for _, b := range f.Blocked {
			fmt.Fprintf(w, "\t%s", groupsInWords(b.Groups))
		}
		fmt.Fprintln(w)
	}
	w.Flush() //nolint:errcheck // a terminal that is gone needs no error
	say(c, "")
	for i, o := range v.Offers {
		var who []string
		for _, b := range o.Asked {
			who = append(who, fmt.Sprintf("%s %s", b.Stake, groupsInWords(b.Groups)))
		}
		say(c, "Offer %d would reach the coverage wanted, by concessions in %s. Owner groups asked: %s.", i+1, strings.Join(o.Paths, ", "), strings.Join(who, "; "))
	}
	if len(v.Offers) == 0 {
		say(c, "There is no counter-offer. Either what you want will flow by %s without any concession, or no concession would bring it.", v.By)
		say(c, "You are not told which: the answers to several requests would tell shares more closely than bands do.")
	}
}

// groupsInWords says what the lowest band means, which none has, too.
func groupsInWords(band string) string {
	if band == "0–4" {
		return "fewer than 5, perhaps none"
	}
	return band
}

func printContributor(c *cobra.Command, v reconcile.ForContributor) {
	say(c, "%s, and what %s's own terms make of it:", v.Request, v.Contributor)
	say(c, "")
	for _, f := range v.Fields {
		if f.Flows {
			say(c, "  %s flows as %s", f.Path, f.Form)
			continue
		}
		say(c, "  %s is wanted as %s; %s", f.Path, f.NeededForm, f.Reason)
	}
	say(c, "")
	for i, o := range v.Offers {
		say(c, "Offer %d (%s) asks for %s, to be accepted or refused:", i+1, o.Aim, count(len(o.Clauses), "clause"))
		printSentences(c, o.Clauses)
	}
	if len(v.Offers) == 0 {
		say(c, "No offer asks anything of %s.", v.Contributor)
	}
}
