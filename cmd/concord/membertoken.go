package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

func memberToken() *cobra.Command {
	var f configFlags
	var ask wire.TokenRequest
	var sectors []string
	c := &cobra.Command{
		Use:   "token",
		Short: "Make a token by which a tool reads the hub's TAXII collections and its MISP feed, or also pushes, or end all tokens",
		Long: "A tool that speaks TAXII 2.1, or a MISP instance, which cannot sign with the member's key, reads\n" +
			"with a token: as a bearer token, or as the password of the user that is named here. The hub keeps\n" +
			"a hash of it.\n" +
			"It only reads, for the purposes given, until it ends; a suspension closes it at once.\n\n" +
			"With --push its tool may also add objects, in the sectors given, to the collection \"submissions\":\n" +
			"for tools that can only push. The hub sees what is pushed as it is, reduces it to what your terms\n" +
			"let out, and forgets the rest. For that you sign that a key of the hub acts in your name, until the\n" +
			"token ends or you end all of them, or your agreement is renewed. What can run `concord member\n" +
			"submit` should: then the hub sees no more than leaves you.\n\n" +
			"--end ends all tokens at the hub, and tells the steward that nothing acts in your name any more.",
		Args: cobra.NoArgs,
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		m, err := f.member(c)
		if err != nil {
			return err
		}
		defer m.Close()
		var given wire.TokenGiven
		switch {
		case ask.End:
			given, err = m.EndTokens(c.Context())
		case ask.Push:
			given, err = m.PushToken(c.Context(), ask, sectors)
		case len(sectors) > 0:
			err = fault.New(fault.Usage, "token.sector", "--sector says where a tool may push, and comes with --push; a tool reads in all sectors of yours")
		default:
			given, err = m.Hub.Token(c.Context(), ask)
		}
		if err != nil {
			return err
		}
		return answer(c, given, func() {
			if ask.End {
				say(c, "All tokens of %s have ended.", given.User)
				return
			}
			say(c, "server:   %s", given.TAXII)
			if given.MISP != "" {
				say(c, "feed:     %s (MISP)", given.MISP)
			}
			say(c, "user:     %s", given.User)
			say(c, "password: %s", given.Token)
			if len(given.Pushes) > 0 {
				say(c, "pushes:   to the collection \"submissions\" of %s; the hub sees what is pushed as it is", strings.Join(given.Pushes, ", "))
			}
			say(c, "It is told once, here, and works until %s. A tool that takes a bearer token needs no user.", given.Expires)
		})
	}
	f.add(c)
	c.Flags().StringSliceVar(&ask.Purposes, "for", nil, "purposes, if fewer than the agreement allows")
	c.Flags().IntVar(&ask.Days, "days", 0, "how many days it lasts (default: the longest that the hub allows)")
	c.Flags().BoolVar(&ask.Push, "push", false, "let the tool add objects, too; the hub sees what it pushes")
	c.Flags().StringSliceVar(&sectors, "sector", nil, "sectors to which it may push, if fewer than yours")
	c.Flags().BoolVar(&ask.End, "end", false, "end all of this member's tokens instead")
	c.MarkFlagsMutuallyExclusive("end", "push")
	return c
}
