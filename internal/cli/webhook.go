package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) webhookCommand() *cobra.Command {
	c := group("webhook", "Have messages about the project sent to other programs")
	c.AddCommand(sh.webhookAdd(), sh.webhookList(), sh.webhookShow(), sh.webhookSet(), sh.webhookTest(), sh.webhookDeliveries(), sh.webhookReplay(), sh.webhookRotate(), sh.webhookRemove())
	return c
}

// hookFlags has a command take what an endpoint is.
func hookFlags(c *cobra.Command, n *client.NewWebhook) {
	f := c.Flags()
	f.StringSliceVar(&n.Types, "type", nil, "task.finished, ...; may be given several times (default: all; isekai notify show lists them)")
	f.StringVar(&n.Note, "note", "", "for people")
	f.BoolVar(&n.Prompts, "prompts", false, "messages quote what was asked, answered and said, too")
	f.BoolVar(&n.Disabled, "disabled", false, "nothing is sent")
}

func (sh *shell) webhookAdd() *cobra.Command {
	var n client.NewWebhook
	c := &cobra.Command{Use: "add URL", Short: "Add a webhook; its secret isn't shown again", Args: args("an address"),
		Example: "  isekai webhook add https://example.com/isekai --type task.finished --type task.waiting",
		RunE: func(c *cobra.Command, a []string) error {
			n.URL = a[0]
			key := core.NewID("cmd")
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.MadeWebhook, error) {
				return c.AddWebhook(ctx, n, key)
			}, func(w io.Writer, h client.MadeWebhook) {
				printWebhook(w, h.Webhook)
				fmt.Fprintf(w, "\nSecret  %s\nIt isn't shown again. Messages are signed with it, as https://www.standardwebhooks.com says.\n", h.Secret)
			})
		}}
	hookFlags(c, &n)
	return c
}

// stateOf is how an endpoint is, in a word or some.
func stateOf(h client.Webhook) string {
	switch {
	case h.Disabled && h.Why != "":
		return "disabled: " + h.Why
	case h.Disabled:
		return "disabled"
	case h.Failing != nil:
		return "failing for " + time.Since(*h.Failing).Round(time.Minute).String()
	}
	return "ok"
}

func typesOf(h client.Webhook) string {
	if len(h.Types) == 0 {
		return "all"
	}
	return strings.Join(h.Types, " ")
}

func printWebhook(w io.Writer, h client.Webhook) {
	facts(w, [][2]string{
		{"Webhook", h.ID}, {"Address", h.URL}, {"Types", typesOf(h)}, {"State", stateOf(h)}, {"Prompts", yes(h.Prompts, "quoted") + yes(!h.Prompts, "not quoted")},
		{"By", string(h.By)}, {"Created", minute(h.Created)}, {"Note", h.Note},
	})
}

func (sh *shell) webhookList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the project's webhooks", Args: cobra.NoArgs, Example: "  isekai webhook list",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.Webhook, error) { return c.Webhooks(ctx) }, func(w io.Writer, all []client.Webhook) {
				rows := [][]string{{"WEBHOOK", "ADDRESS", "TYPES", "STATE", "NOTE"}}
				for _, h := range all {
					rows = append(rows, []string{h.ID, cut(h.URL, 60), cut(typesOf(h), 40), cut(stateOf(h), 40), cut(h.Note, 40)})
				}
				table(w, rows, "No webhooks.", "")
			})
		}}
}

func (sh *shell) webhookShow() *cobra.Command {
	return &cobra.Command{Use: "show WEBHOOK", Short: "Show a webhook, but for its secret", Args: args("a webhook's id"), Example: "  isekai webhook show whk_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Webhook, error) { return c.Webhook(ctx, a[0]) }, printWebhook)
		}}
}

func (sh *shell) webhookSet() *cobra.Command {
	var n client.NewWebhook
	c := &cobra.Command{Use: "set WEBHOOK", Short: "Change a webhook; what no flag names stays", Args: args("a webhook's id"),
		Example: "  isekai webhook set whk_01hx --disabled=false\n  isekai webhook set whk_01hx --address https://example.com/other --type task.finished",
		RunE: func(c *cobra.Command, a []string) error {
			changed := c.Flags().Changed
			return answer(sh, c, func(ctx context.Context, api *client.Client) (client.Webhook, error) {
				was, err := api.Webhook(ctx, a[0])
				if err != nil {
					return was, err
				}
				next := was.NewWebhook
				for flag, set := range map[string]func(){
					"address": func() { next.URL = n.URL }, "type": func() { next.Types = n.Types }, "note": func() { next.Note = n.Note },
					"prompts": func() { next.Prompts = n.Prompts }, "disabled": func() { next.Disabled = n.Disabled },
				} {
					if changed(flag) {
						set()
					}
				}
				return api.SetWebhook(ctx, a[0], next, was.ETag)
			}, printWebhook)
		}}
	hookFlags(c, &n)
	c.Flags().StringVar(&n.URL, "address", "", "another address")
	return c
}

func (sh *shell) webhookTest() *cobra.Command {
	return &cobra.Command{Use: "test WEBHOOK", Short: "Send a message to a webhook, and say what came of it", Args: args("a webhook's id"), Example: "  isekai webhook test whk_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				got, err := conn.Client.TestWebhook(c.Context(), a[0])
				if err != nil {
					return err
				}
				if err := sh.print(got, func(w io.Writer) { fmt.Fprintln(w, outcomeOf(got)) }); err != nil {
					return err
				}
				if got.Error != "" {
					return core.E(core.Unavailable, "", "the message wasn't taken").WithHint("isekai webhook show " + a[0] + " shows where it was sent; what may be reached is up to egress.allow and egress.ports")
				}
				return nil
			})
		}}
}

func outcomeOf(a client.DeliveryAttempt) string {
	took := (time.Duration(a.TookMS) * time.Millisecond).String()
	if a.Error == "" {
		return "taken with " + strconv.Itoa(a.Status) + " after " + took
	}
	return a.Error + " (after " + took + ")"
}

func (sh *shell) webhookDeliveries() *cobra.Command {
	var state string
	var o client.PageOptions
	c := &cobra.Command{Use: "deliveries WEBHOOK", Short: "List the messages to a webhook of the last 30 days", Args: args("a webhook's id"),
		Example: "  isekai webhook deliveries whk_01hx --state dead",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Page[client.Delivery], error) {
				return c.Deliveries(ctx, a[0], state, o)
			}, func(w io.Writer, p client.Page[client.Delivery]) {
				rows := [][]string{{"MESSAGE", "TYPE", "STATE", "TRIES", "CREATED", "LAST"}}
				for _, d := range p.Items {
					last := ""
					if n := len(d.Attempts); n > 0 {
						last = outcomeOf(d.Attempts[n-1])
					}
					if d.Next != nil && d.Tries > 0 {
						last += ", next " + minute(*d.Next)
					}
					rows = append(rows, []string{d.ID, d.Type, d.State, strconv.Itoa(d.Tries), age(d.Created), last})
				}
				table(w, rows, "No messages.", p.Next)
			})
		}}
	pageFlags(c, &o)
	c.Flags().StringVar(&state, "state", "", "only these: pending, delivered or dead")
	return c
}

func (sh *shell) webhookReplay() *cobra.Command {
	var dead bool
	c := &cobra.Command{Use: "replay WEBHOOK [MESSAGE]", Short: "Send a message again, or all dead letters of a webhook", Args: cobra.RangeArgs(1, 2),
		Example: "  isekai webhook replay whk_01hx msg_01hx\n  isekai webhook replay whk_01hx --dead",
		RunE: func(c *cobra.Command, a []string) error {
			switch {
			case dead == (len(a) == 2):
				return core.E(core.Invalid, "", "it takes a message's id, or --dead").WithHint("isekai webhook deliveries " + a[0] + " lists them")
			case dead:
				return answer(sh, c, func(ctx context.Context, c *client.Client) (client.ReplayedDeliveries, error) {
					return c.ReplayDead(ctx, a[0])
				},
					func(w io.Writer, r client.ReplayedDeliveries) {
						fmt.Fprintf(w, "%d messages are sent again.\n", r.Replayed)
					})
			}
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Delivery, error) {
				return c.ReplayDelivery(ctx, a[0], a[1])
			},
				func(w io.Writer, d client.Delivery) { fmt.Fprintf(w, "%s is sent again.\n", d.ID) })
		}}
	c.Flags().BoolVar(&dead, "dead", false, "all that weren't taken, up to 500")
	return c
}

func (sh *shell) webhookRotate() *cobra.Command {
	return &cobra.Command{Use: "rotate WEBHOOK", Short: "Give a webhook a new secret, which isn't shown again", Args: args("a webhook's id"), Example: "  isekai webhook rotate whk_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.WebhookSecret, error) {
				return c.RotateWebhook(ctx, a[0])
			}, func(w io.Writer, s client.WebhookSecret) {
				fmt.Fprintf(w, "Secret  %s\nMessages are signed with the one before, too, until %s.\n", s.Secret, minute(s.Until))
			})
		}}
}

func (sh *shell) webhookRemove() *cobra.Command {
	var sure bool
	c := &cobra.Command{Use: "remove WEBHOOK --yes", Short: "Remove a webhook; what was to be sent to it isn't", Args: args("a webhook's id"), Example: "  isekai webhook remove whk_01hx --yes",
		RunE: func(c *cobra.Command, a []string) error {
			if !sure {
				return core.E(core.Invalid, "", "this removes the webhook with its secret").WithHint("isekai webhook remove " + a[0] + " --yes does it; set --disabled keeps it")
			}
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.RemoveWebhook(ctx, a[0], "") }, "removed", a[0], a[0]+" is gone.")
		}}
	c.Flags().BoolVar(&sure, "yes", false, "really")
	return c
}
