// Command concord is the software of a third party that industry, law
// enforcement and researchers own together: it runs the hub, the stewards and
// the members' edges, and has tools that work on plain files without any of
// them.
//
// Exit status: 0 every record was handled or listed; 1 something failed, or
// nothing of a file could be read as its format (with --strict also: something
// was refused); 2 wrong use.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/fault"
)

func main() {
	os.Exit(Main())
}

// Main runs the command line and returns its exit status; the transcripts in
// testdata start the very same function.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(os.Args[1:])
	err := root.ExecuteContext(ctx)
	return ending(os.Stderr, err)
}

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// errRefused ends a run that handled everything but had to refuse something,
// where the exit status is to tell. Whoever returns it has said what was
// refused; nothing is added.
var errRefused = errors.New("something was refused")

// ending prints an error as its reader may see it, and says what to do next.
func ending(w io.Writer, err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(w, "concord: stopped")
		return exitFailed
	case errors.Is(err, errRefused):
		return exitFailed
	}
	fmt.Fprintln(w, "concord:", err)
	var usage *usageError
	if errors.As(err, &usage) || fault.KindOf(err) == fault.Usage {
		return exitUsage
	}
	return exitFailed
}

// usageError marks what cobra refuses: unknown commands, flags, arguments.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "concord",
		Short: "Share cybercrime data across interests that differ, each on its own terms",
		Long: `Concord is the software of a third party that industry, law enforcement and
researchers own together. It consolidates, anonymises and analyses what they
contribute, sector by sector, and each contributor's terms are enforced by code.

See it work:            concord demo
Try your own file:      concord preview FILE --terms default
Read a standard:        concord standard show core/1.0`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w; see `%s --help`", err, c.CommandPath())}
	})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().Bool("json", false, "print the result as JSON (servers: their log)")
	member := memberCommand()
	member.AddCommand(memberRelease())
	root.AddCommand(
		demoCommand(),
		convertCommand(),
		validateCommand(),
		previewCommand(),
		reconcileCommand(),
		standardCommand(),
		termsCommand(),
		hubCommand(),
		stewardCommand(),
		member,
		releaseCommand(),
		simCommand(),
		benchCommand(),
		configCommand(),
		versionCommand(),
	)
	wrapArgs(root)
	return root
}

// wrapArgs makes a wrong number of arguments and a missing flag usage errors
// everywhere.
func wrapArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			err := check(c, args)
			if err == nil {
				err = c.ValidateRequiredFlags()
			}
			if err != nil {
				return &usageError{fmt.Errorf("%w; see `%s --help`", err, c.CommandPath())}
			}
			return nil
		}
	} else if c.HasSubCommands() {
		c.Args = func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{fmt.Errorf("there is no command %q; see `%s --help`", args[0], c.CommandPath())}
			}
			return nil
		}
		if c.RunE == nil && c.Run == nil {
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}
