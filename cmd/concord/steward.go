package main

import (
	"crypto/ed25519"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/node"
)

func publicOf(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func stewardCommand() *cobra.Command {
	c := &cobra.Command{Use: "steward", Short: "Run a steward: the node that turns identifiers into tokens without seeing them"}
	c.AddCommand(stewardInit(), stewardServe(), stewardShow())
	return c
}

func stewardInit() *cobra.Command {
	var name, listen, url, hub, hubKey string
	c := &cobra.Command{
		Use:   "init DIR",
		Short: "Make a folder with a steward's key and configuration",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := node.InitSteward(args[0], name, listenFor(c, listen, url), url, hub, hubKey); err != nil {
				return err
			}
			file := filepath.Join(args[0], node.ConfigName)
			return answer(c, made{Config: file}, func() {
				say(c, "Made %s. There is one steward for now, which holds the whole key: single custody.", file)
				say(c, "Next: concord steward show --config %s > steward.pin, and give that file to the hub's operator.", file)
			})
		},
	}
	c.Flags().StringVar(&name, "name", "steward", "the steward's name")
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8441", "address to listen on (default: that of a URL on loopback)")
	c.Flags().StringVar(&url, "url", "http://127.0.0.1:8441", "how members reach the steward")
	c.Flags().StringVar(&hub, "hub", "hub", "id of the hub whose members are admitted")
	c.Flags().StringVar(&hubKey, "hub-key", "", "the hub's signing key, as concord hub show prints it (sign_key)")
	c.MarkFlagRequired("hub-key") //nolint:errcheck // the flag exists
	return c
}

func (f *configFlags) steward(c *cobra.Command) (*node.Steward, error) {
	cfg, err := f.load()
	if err != nil {
		return nil, err
	}
	log, err := f.logger(c)
	if err != nil {
		return nil, err
	}
	return node.OpenSteward(c.Context(), cfg, time.Now, log)
}

func stewardServe() *cobra.Command {
	var f configFlags
	c := &cobra.Command{
		Use: "serve", Short: "Serve evaluations to admitted members", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := f.steward(c)
			if err != nil {
				return err
			}
			defer s.Close()
			return s.Serve(c.Context())
		},
	}
	f.addServer(c)
	return c
}

func stewardShow() *cobra.Command {
	var f configFlags
	c := &cobra.Command{
		Use: "show", Short: "Print the steward's pin, for the hub's operator", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := f.steward(c)
			if err != nil {
				return err
			}
			defer s.Close()
			pin := s.Pin()
			return answer(c, pin, func() { say(c, "%s", node.FormatPins([]node.StewardPin{pin})) })
		},
	}
	f.add(c)
	return c
}
