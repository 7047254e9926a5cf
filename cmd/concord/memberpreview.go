package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/node"
)

func memberPreview() *cobra.Command {
	var f configFlags
	var v previewing
	c := &cobra.Command{
		Use:   "preview FILE…",
		Short: "Show what submit would send of a file, and what each audience would see, now and later",
		Long: `Show what "member submit" would send of a file under the agreement that both
sides signed, field by field and in which forms, and what each audience would
see of it: when the hub receives it, and later. It asks neither hub nor steward,
and nothing leaves this machine.`,
		Args: cobra.MinimumNArgs(1),
	}
	c.RunE = f.atMember(func(c *cobra.Command, args []string, m *node.Member) error {
		if err := m.Sector(v.in.sector); err != nil {
			return err
		}
		if m.Agreement.Terms == nil {
			return m.Unready()
		}
		if err := m.Unready(); err != nil {
			fmt.Fprintln(c.ErrOrStderr(), "submit would send nothing now:", fault.Public(err).Message)
		}
		return v.run(c, args, previewer{m.StandardFor(v.in.sector), m.Preview})
	})
	f.add(c)
	v.add(c)
	return c
}
