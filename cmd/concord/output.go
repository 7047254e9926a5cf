package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/node"
)

// printJSON writes a result as indented JSON.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// wantsJSON says whether results are to be printed as JSON; servers write their
// log so.
func wantsJSON(c *cobra.Command) bool {
	on, err := c.Flags().GetBool("json")
	return err == nil && on
}

// answer prints a result: as JSON if that is asked for, else in words.
func answer(c *cobra.Command, v any, words func()) error {
	if wantsJSON(c) {
		return printJSON(c.OutOrStdout(), v)
	}
	words()
	return nil
}

// made is what an init command made.
type made struct {
	Config  string `json:"config"`
	ID      string `json:"id,omitzero"`
	SignKey string `json:"sign_key,omitzero"`
}

// checked is what a check says of one file.
type checked struct {
	File     string   `json:"file"`
	Right    bool     `json:"right"`
	Is       string   `json:"is,omitzero"`
	Problems []string `json:"problems,omitzero"`
}

func answerChecked(c *cobra.Command, all []checked) error {
	return answer(c, all, func() {
		for _, one := range all {
			if one.Right {
				say(c, "%s is right: %s", one.File, one.Is)
			}
			for _, p := range one.Problems {
				say(c, "%s", p)
			}
		}
	})
}

// configFlags adds --config and the settings that flags may override.
type configFlags struct{ config, listen, data, log string }

func (f *configFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.config, "config", "", "configuration file (CONCORD_CONFIG, else "+node.ConfigName+" here)")
	c.Flags().StringVar(&f.log, "log", "", "log level: debug, info, warn, error (CONCORD_LOG, else info)")
}

func (f *configFlags) addServer(c *cobra.Command) {
	f.add(c)
	c.Flags().StringVar(&f.listen, "listen", "", "address to listen on (CONCORD_LISTEN)")
	c.Flags().StringVar(&f.data, "data", "", "data folder (CONCORD_DATA)")
}

// path is the configuration file that is used.
func (f *configFlags) path() string {
	return first(f.config, os.Getenv("CONCORD_CONFIG"), node.ConfigName)
}

// load reads the configuration; flags win over the environment, which wins
// over the file.
func (f *configFlags) load() (*node.Config, error) {
	c, err := node.LoadConfig(f.path())
	if err != nil {
		return nil, err
	}
	listen, data := first(f.listen, os.Getenv("CONCORD_LISTEN")), first(f.data, os.Getenv("CONCORD_DATA"))
	return c, c.Override(listen, data)
}

func (f *configFlags) logger(c *cobra.Command) (*slog.Logger, error) {
	var level slog.Level
	name := first(f.log, os.Getenv("CONCORD_LOG"), "info")
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return nil, fault.New(fault.Usage, "log.level", "%q is no log level; use debug, info, warn or error", name)
	}
	options := &slog.HandlerOptions{Level: level}
	if wantsJSON(c) {
		return slog.New(slog.NewJSONHandler(os.Stderr, options)), nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options)), nil
}

// first returns the first text that is not empty.
func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// day reads a date of a flag.
func day(flag, s string) (time.Time, error) {
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		return time.Time{}, fault.New(fault.Usage, "flag.date", "%s wants a date, as 2027-06-30", flag)
	}
	return t, nil
}

// lastDay reads a date of a flag as the end of that day.
func lastDay(flag, s string) (time.Time, error) {
	t, err := day(flag, s)
	if err != nil {
		return t, err
	}
	return t.AddDate(0, 0, 1).Add(-time.Second), nil
}

// listenFor is where a server listens whose address was not given: if its URL
// is on loopback, as that says.
func listenFor(c *cobra.Command, listen, address string) string {
	u, err := url.Parse(address)
	if c.Flags().Changed("listen") || err != nil || u.Port() == "" {
		return listen
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return u.Host
	}
	return listen
}

// count writes a number of things: "1 report", "3 reports".
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// say prints a line for people.
func say(c *cobra.Command, format string, args ...any) {
	fmt.Fprintf(c.OutOrStdout(), format+"\n", args...)
}
