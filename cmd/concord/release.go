package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/anonymise"
)

func releaseCommand() *cobra.Command {
	c := &cobra.Command{Use: "release", Short: "Check a released dataset"}
	k := 0
	check := &cobra.Command{
		Use:   "check DIR",
		Short: "Hold a release's files to its promise, without the hub",
		Long: `Hold the files of a release to its promise, by code apart from the one that
made it: no file is missing, added or changed; CSV, JSON Lines and Parquet say
the same; every column has a place in a release; every combination of
quasi-identifiers, and every code beside them, is shared by k records; and
nothing looks like a token or an id.

Victims and owner groups never leave the hub, so that k victims and enough
owner groups stand behind each combination cannot be checked from here. Nor can
a change made in all files alike, with new checksums: for this, compare the
checksum of SHA256SUMS with the one that the hub's page of the release shows.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if k < 0 {
				return fault.New(fault.Usage, "release.k", "--k is a number of records, 0 or more")
			}
			entries, err := os.ReadDir(args[0])
			if err != nil {
				return fault.New(fault.Usage, "release.folder", "the folder cannot be read").At(args[0]).Because(err)
			}
			content := map[string][]byte{}
			for _, e := range entries {
				if !e.Type().IsRegular() {
					return fault.New(fault.Invalid, "release.not_a_file", "a release is a folder of plain files; this is a folder, a link or a device").At(filepath.Join(args[0], e.Name()))
				}
				if content[e.Name()], err = os.ReadFile(filepath.Join(args[0], e.Name())); err != nil {
					return fault.New(fault.Usage, "release.file", "the file cannot be read").At(filepath.Join(args[0], e.Name())).Because(err)
				}
			}
			if err := anonymise.CheckAtLeast(content, k); err != nil {
				return err
			}
			say(c, "The release in %s is what it promises: checksums hold, the three forms agree, no combination of quasi-identifiers and no code is rarer than k, no token is in it.\nVictims and owner groups cannot be seen from here; for the files' origin compare SHA256SUMS with the hub's page.", args[0])
			return nil
		},
	}
	check.Flags().IntVar(&k, "k", 0, "refuse a release that promises fewer than this many records alike")
	c.AddCommand(check)
	return c
}
