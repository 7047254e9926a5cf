package main

import (
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Look after the configuration file"}
	check := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say whether a configuration is right, and where not",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f := configFlags{}
			if len(args) == 1 {
				f.config = args[0]
			}
			cfg, err := f.load()
			if err != nil {
				return err
			}
			one := checked{File: f.path(), Right: true, Is: "a configuration of " + strings.Join(cfg.Roles(), ", ")}
			for _, p := range cfg.CheckFiles() {
				one.Right, one.Problems = false, append(one.Problems, p.Error())
			}
			if err := answerChecked(c, []checked{one}); err != nil || one.Right {
				return err
			}
			return errRefused
		},
	}
	c.AddCommand(check)
	return c
}

// version is set by release builds.
var version = "development"

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			revision := ""
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						revision = s.Value
					}
				}
			}
			v := struct {
				Version  string `json:"version"`
				Revision string `json:"revision,omitzero"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{version, revision, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			return answer(c, v, func() {
				say(c, "concord %s", strings.Join(strings.Fields(v.Version+" "+v.Revision+" ("+v.Go+" "+v.Platform+")"), " "))
			})
		},
	}
}
