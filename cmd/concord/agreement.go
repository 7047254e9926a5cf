package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms/policy"
)

func memberRenew() *cobra.Command {
	var f configFlags
	var r node.Renewal
	var until, afterEnd string
	c := &cobra.Command{
		Use:   "renew",
		Short: "Sign the agreement anew: for another term, with other terms, or under a changed card",
		Long: `Sign the agreement anew, from now on, as the third party offers it now: for as
long as it was made for, or until a given day, and with another sheet of terms if
one is named. Other terms hold for every later answer, also of what was
submitted before. With an invitation, sign anew under a card that the third
party changed (another name, owner group, sector, project), or after the end.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := f.member(c)
			if err != nil {
				return err
			}
			defer m.Close()
			if until != "" {
				if r.Until, err = lastDay("--until", until); err != nil {
					return err
				}
			}
			r.AfterEnd = agreement.AfterEnd(afterEnd)
			ended := m.Agreement.ValidAt(time.Now()) != nil
			a, err := m.Renew(c.Context(), r)
			if err != nil {
				return err
			}
			waiting, err := m.Store.Counts(c.Context())
			if err != nil {
				return err
			}
			return answer(c, a, func() {
				say(c, "The agreement %s is signed by both sides and holds until %s.", a.ID, a.Until.Format("2006-01-02 15:04 MST"))
				if r.Sheet != "" {
					say(c, "Your terms are the sheet %q now. What it grants no more is in no answer from now on, and releases that rest on it are withdrawn for good.", a.Terms.Name)
				}
				if ended && waiting.Waiting > 0 {
					say(c, "%s waited when the last agreement ended, and cannot be delivered under this one: submit their files again.", count(int(waiting.Waiting), "contribution"))
				}
			})
		},
	}
	f.add(c)
	c.Flags().StringVar(&r.Sheet, "terms", "", "another terms sheet: a file or a built-in one")
	c.Flags().StringVar(&until, "until", "", "end of the agreement, as 2027-06-30")
	c.Flags().StringVar(&r.Code, "invitation", "", "file with the code of an invitation to sign anew")
	c.Flags().StringVar(&afterEnd, "after-end", "", "what becomes of your contributions after the end: withdraw or keep (default: as agreed)")
	return c
}

// reminderOf says that an agreement ends soon, or has ended; "" if neither.
func reminderOf(until, now time.Time) string {
	days, due := agreement.Reminder(until, now)
	switch {
	case due > len(agreement.Reminders()):
		return "The agreement has ended and nothing flows. Ask the third party for an invitation, and sign anew with `concord member renew --invitation FILE`."
	case due > 0:
		return "The agreement ends in " + count(days, "day") + ": `concord member renew` signs it anew."
	}
	return ""
}

// toldAgreement is an agreement with what was found of its signatures.
type toldAgreement struct {
	Agreement agreement.Agreement `json:"agreement"`
	// MemberKey and HubKey are the names of the keys that have signed.
	MemberKey string              `json:"member_key_id"`
	HubKey    string              `json:"hub_key_id"`
	Says      []agreement.Section `json:"says"`
	// Valid says whether it holds now; Problem why not.
	Valid   bool   `json:"valid"`
	Problem string `json:"problem,omitzero"`
	// DataUse are the data-use codes that it says as a recipient.
	DataUse []policy.DataUse `json:"data_use,omitzero"`
}

func memberAgreement() *cobra.Command {
	var f configFlags
	var file, key, out string
	c := &cobra.Command{
		Use:   "agreement",
		Short: "Say the agreement in sentences, with both signatures checked",
		Long: `Say the agreement in sentences. Both signatures are checked, without asking
anybody: the member's by the key that the agreement names, the third party's by
the key that was pinned when joining, or by --hub-key. --verify does so for any
agreement in a file, for example one that somebody shows you; with --hub-key it
needs no configuration. --out saves the signed bytes.`,
		Args: cobra.NoArgs,
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		if file == "" || key == "" {
			cfg, err := f.load()
			if err != nil {
				return err
			}
			if cfg.Member == nil || cfg.Member.Hub == nil {
				return fault.New(fault.Usage, "member.not_joined", "this member has joined no hub yet; `concord member join` does, with an invitation")
			}
			file, key = first(file, cfg.Path(cfg.Member.Hub.Agreement)), first(key, cfg.Member.Hub.SignKey)
		}
		signed, err := os.ReadFile(file)
		if err != nil {
			return fault.New(fault.Usage, "member.agreement", "the agreement cannot be read").At(file).Because(err)
		}
		told, err := tellAgreement(signed, key, time.Now())
		if err != nil {
			return err
		}
		if out != "" {
			if err := writeSecret(out, string(signed)); err != nil {
				return err
			}
		}
		if err := answer(c, told, func() { told.print(c) }); err != nil || told.Valid {
			return err
		}
		return errRefused
	}
	f.add(c)
	c.Flags().StringVar(&file, "verify", "", "another signed agreement's file")
	c.Flags().StringVar(&key, "hub-key", "", "the hub's signing key (default: the pinned one)")
	c.Flags().StringVar(&out, "out", "", "new file for the signed bytes")
	return c
}

func tellAgreement(signed []byte, hubKey string, now time.Time) (toldAgreement, error) {
	hub, err := envelope.ParsePublic(hubKey)
	if err != nil {
		return toldAgreement{}, err
	}
	a, err := agreement.OpenCountersigned(signed, hub)
	if err != nil {
		return toldAgreement{}, err
	}
	told := toldAgreement{Agreement: a, MemberKey: envelope.KeyID(a.Member.Key), HubKey: envelope.KeyID(hub), Says: a.Sections(standard.Builtin), Valid: true, DataUse: undertakenUses(a)}
	if err := a.ValidAt(now); err != nil {
		told.Valid, told.Problem = false, fault.Public(err).Message
	}
	return told, nil
}

func (t toldAgreement) print(c *cobra.Command) {
	for _, s := range t.Says {
		say(c, "%s", s.Title)
		for _, line := range s.Lines {
			say(c, "  %s", line)
		}
	}
	say(c, "Signatures")
	say(c, "  Both are valid: %s's (key %s) and the third party's (key %s), over the same bytes.", t.Agreement.Member.Name, t.MemberKey, t.HubKey)
	if t.Problem != "" {
		say(c, "  It does not hold now: %s.", t.Problem)
	} else if r := reminderOf(t.Agreement.Until, time.Now()); r != "" {
		say(c, "  %s", r)
	}
}
