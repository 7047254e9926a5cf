package main

import (
	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/wire"
)

func memberToken() *cobra.Command {
	var f configFlags
	var ask wire.TokenRequest
	c := &cobra.Command{
		Use:   "token",
		Short: "Make a token by which a tool reads the hub's TAXII collections and its MISP feed, or end all tokens",
		Long: "A tool that speaks TAXII 2.1, or a MISP instance, which cannot sign with the member's key, reads\n" +
			"with a token: as a bearer token, or as the password of the user that is named here. The hub keeps\n" +
			"a hash of it.\n" +
			"It only reads, for the purposes given, until it ends; a suspension closes it at once.",
		Args: cobra.NoArgs,
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		m, err := f.member(c)
		if err != nil {
			return err
		}
		defer m.Close()
		given, err := m.Hub.Token(c.Context(), ask)
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
			say(c, "It is told once, here, and works until %s. A tool that takes a bearer token needs no user.", given.Expires)
		})
	}
	f.add(c)
	c.Flags().StringSliceVar(&ask.Purposes, "for", nil, "purposes, if fewer than the agreement allows")
	c.Flags().IntVar(&ask.Days, "days", 0, "how many days it lasts (default: the longest that the hub allows)")
	c.Flags().BoolVar(&ask.End, "end", false, "end all of this member's tokens instead")
	return c
}
