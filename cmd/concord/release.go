package main

import (
	"errors"
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
checksum of SHA256SUMS, which is printed, with the one that the hub's page of
the release shows. Only that page tells whether the release was withdrawn.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if k < 0 {
				return fault.New(fault.Usage, "release.k", "--k is a number of records, 0 or more")
			}
			content, err := readRelease(args[0])
			if err != nil {
				return err
			}
			if err := anonymise.CheckAtLeast(content, k); err != nil {
				if wantsJSON(c) {
					return errors.Join(printJSON(c.OutOrStdout(), checked{File: args[0], Problems: []string{fault.Public(err).Error()}}), errRefused)
				}
				return err
			}
			stated, err := anonymise.StatedBy(content)
			if err != nil {
				return err
			}
			is := checked{File: args[0], Right: true, Is: "a release of " + count(len(content), "file")}
			return answer(c, checkedRelease{is, stated}, func() { sayChecked(c, args[0], stated) })
		},
	}
	check.Flags().IntVar(&k, "k", 0, "refuse a release that promises fewer than this many records alike")
	c.AddCommand(check)
	return c
}

// checkedRelease is what is found of a release that is right.
type checkedRelease struct {
	checked
	anonymise.Stated
}

func sayChecked(c *cobra.Command, dir string, r anonymise.Stated) {
	say(c, "The release in %s is what it promises: checksums hold, the three forms agree, no combination of quasi-identifiers and no code is rarer than k = %d in %s, no token is in it.", dir, r.K, count(r.Records, "record"))
	say(c, "SHA-256 of SHA256SUMS: %s", r.Sums)
	say(c, "From here cannot be seen: the victims and owner groups behind it; whether the files are the hub's, for which compare this checksum with its page of the release %s; and whether the release was withdrawn, which only that page tells.", r.ID)
}

// readRelease reads the files of a release, which is a folder of nothing else.
func readRelease(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fault.New(fault.Usage, "release.folder", "the folder cannot be read: %s", because(err)).At(dir).Because(err)
	}
	content := map[string][]byte{}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if !e.Type().IsRegular() {
			return nil, fault.New(fault.Invalid, "release.not_a_file", "a release is a folder of plain files; this is a folder, a link or a device").At(name)
		}
		if content[e.Name()], err = readInput("release.file", name); err != nil {
			return nil, err
		}
	}
	return content, nil
}
