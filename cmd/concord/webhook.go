package main

import (
	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/wire"
)

func memberWebhook() *cobra.Command {
	c := &cobra.Command{
		Use:   "webhook",
		Short: "Have a server of yours told when there is something new",
		Long: "The hub posts a small signed message to a URL of yours when there are new indicators, incidents or\n" +
			"releases that you may fetch. It names them by your ids and holds no value. docs/webhooks.md tells how\n" +
			"a receiver checks the signature, which is by the hub's key.",
	}
	c.AddCommand(webhookAdd(), webhookList(), webhookRemove())
	return c
}

func webhookAdd() *cobra.Command {
	var f configFlags
	var ask wire.WebhookRequest
	c := &cobra.Command{
		Use:   "add URL",
		Short: "Add a webhook for a sector and a purpose; the first that it is told is a hello",
		Args:  cobra.ExactArgs(1),
	}
	c.RunE = f.atMember(func(c *cobra.Command, args []string, m *node.Member) error {
		ask.URL = args[0]
		w, err := m.Hub.AddWebhook(c.Context(), ask)
		if err != nil {
			return err
		}
		return answer(c, w, func() {
			say(c, "%s is told of what is new in %s to %s.", w.ID, w.Sector, w.Purpose)
			say(c, "Messages are signed by the hub's key, which your configuration pins as hub.sign_key.")
		})
	})
	f.add(c)
	c.Flags().StringVar(&ask.Sector, "sector", "", "the sector")
	c.Flags().StringVar(&ask.Purpose, "for", "", "the purpose (default: the first that the agreement allows)")
	c.MarkFlagRequired("sector") //nolint:errcheck // the flag exists
	return c
}

func webhookList() *cobra.Command {
	var f configFlags
	c := &cobra.Command{Use: "list", Short: "List the webhooks: whether they are live, and why not", Args: cobra.NoArgs}
	c.RunE = f.atMember(func(c *cobra.Command, _ []string, m *node.Member) error {
		all, err := m.Hub.Webhooks(c.Context())
		if err != nil {
			return err
		}
		return answer(c, all, func() { sayWebhooks(c, all) })
	})
	f.add(c)
	return c
}

func webhookRemove() *cobra.Command {
	var f configFlags
	c := &cobra.Command{Use: "remove ID", Short: "Remove a webhook", Args: cobra.ExactArgs(1)}
	c.RunE = f.atMember(func(c *cobra.Command, args []string, m *node.Member) error {
		left, err := m.Hub.RemoveWebhook(c.Context(), wire.WebhookID(args[0]))
		if err != nil {
			return err
		}
		return answer(c, left, func() {
			say(c, "%s is told no more.", args[0])
			sayWebhooks(c, left)
		})
	})
	f.add(c)
	return c
}

func sayWebhooks(c *cobra.Command, all wire.Webhooks) {
	if len(all.Webhooks) == 0 {
		say(c, "There is no webhook.")
	}
	for _, w := range all.Webhooks {
		state := w.State
		if w.Since != "" {
			state += " since " + w.Since + ": " + w.Reason
		}
		say(c, "%s  %s  %s to %s  %s (%d waiting)", w.ID, w.URL, w.Sector, w.Purpose, state, w.Pending)
	}
}
