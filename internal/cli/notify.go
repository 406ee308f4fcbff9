package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) notifyCommand() *cobra.Command {
	c := group("notify", "What you are told of, and by which ways")
	c.AddCommand(sh.notifyList(), sh.notifyRead(), sh.notifyShow(), sh.notifySet())
	return c
}

func (sh *shell) notifyList() *cobra.Command {
	var unread bool
	c := listing(sh, &cobra.Command{Use: "list", Short: "List your notices of the last 30 days", Example: "  isekai notify list --unread"},
		func(ctx context.Context, c *client.Client, o client.PageOptions) (client.Page[client.Notification], error) {
			return c.Notifications(ctx, unread, o)
		},
		[]string{"NOTICE", "TYPE", "AGE", "READ", "WHAT"}, func(n client.Notification) []string {
			return []string{n.ID, n.Type, age(n.At), yes(n.Read != nil, "yes"), cut(n.Title, 80)}
		}, "Nothing.")
	c.Flags().BoolVar(&unread, "unread", false, "only those that you haven't read")
	return c
}

func (sh *shell) notifyRead() *cobra.Command {
	var all bool
	c := &cobra.Command{Use: "read [NOTICE]", Short: "Mark a notice as read, or all", Args: cobra.MaximumNArgs(1), Example: "  isekai notify read msg_01hx\n  isekai notify read --all",
		RunE: func(c *cobra.Command, a []string) error {
			if all == (len(a) == 1) {
				return core.E(core.Invalid, "", "it takes a notice's id, or --all").WithHint("isekai notify list shows them")
			}
			if all {
				return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.ReadNotifications(ctx) }, "read", "all", "All are read.")
			}
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.ReadNotification(ctx, a[0]) }, "read", a[0], a[0]+" is read.")
		}}
	c.Flags().BoolVar(&all, "all", false, "all that there are")
	return c
}

func printChoices(w io.Writer, all []client.NotificationChoice) {
	rows := [][]string{{"TYPE", "LIST", "MAIL", "CHOSEN", "WHEN"}}
	for _, n := range all {
		rows = append(rows, []string{n.Type, yes(n.Inbox, "yes"), yes(n.Mail, "yes"), yes(n.Chosen, "yes"), n.About})
	}
	table(w, rows, "Nothing.", "")
}

func (sh *shell) notifyShow() *cobra.Command {
	return &cobra.Command{Use: "show", Short: "Show by which ways you hear of what, in the org", Args: cobra.NoArgs, Example: "  isekai notify show",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.NotificationChoice, error) {
				return c.NotificationChoices(ctx)
			}, printChoices)
		}}
}

func (sh *shell) notifySet() *cobra.Command {
	var list, mail, reset bool
	c := &cobra.Command{Use: "set TYPE", Short: "Say by which ways you hear of something, in the org; what no flag names stays", Args: args("a type of notice"),
		Example: "  isekai notify set task.finished --mail\n  isekai notify set task.waiting --mail=false\n  isekai notify set app.started --reset",
		RunE: func(c *cobra.Command, a []string) error {
			n := client.NotificationChannels{Reset: reset}
			if c.Flags().Changed("list") {
				n.Inbox = &list
			}
			if c.Flags().Changed("mail") {
				n.Mail = &mail
			}
			if n.Inbox == nil && n.Mail == nil && !reset {
				return core.E(core.Invalid, "", "there is nothing to set").WithHint("--list, --mail, each with =false for no; or --reset")
			}
			return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.NotificationChoice, error) {
				return c.ChooseNotification(ctx, a[0], n)
			}, printChoices)
		}}
	f := c.Flags()
	f.BoolVar(&list, "list", false, "in isekai notify list")
	f.BoolVar(&mail, "mail", false, "by e-mail")
	f.BoolVar(&reset, "reset", false, "as it is for who hasn't chosen")
	return c
}

func (sh *shell) eventsCommand() *cobra.Command {
	var o client.EventOptions
	var streams []string
	var after int64
	var follow bool
	c := &cobra.Command{Use: "events --follow", Short: "Follow the events of the project that you may see", Args: cobra.NoArgs,
		Long: "Follow the events of tasks, apps, budgets and notices of the project, from now on, until Ctrl-C. With --json each is a line.\n" +
			"The first column is its position: --after goes on there.",
		Example: "  isekai events --follow --type 'task.*'\n  isekai events --follow --after 0 --json",
		RunE: func(c *cobra.Command, _ []string) error {
			if !follow {
				return core.E(core.Invalid, "", "it follows events as they come").WithHint("isekai events --follow; Ctrl-C ends it")
			}
			if c.Flags().Changed("after") {
				o.After = &after
			}
			for _, s := range streams {
				o.Streams = append(o.Streams, core.StreamID(s))
			}
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				for e, err := range conn.Client.Events(c.Context(), o) {
					if err != nil {
						return err
					}
					if err := sh.printEvent(e); err != nil {
						return err
					}
				}
				return nil
			})
		}}
	f := c.Flags()
	f.BoolVar(&follow, "follow", false, "as they come")
	f.StringSliceVar(&o.Types, "type", nil, "only these: task.finished, or 'task.*'; may be given several times")
	f.StringSliceVar(&streams, "stream", nil, "only of these tasks and apps, by their ids; may be given several times")
	f.Int64Var(&after, "after", 0, "go on after this position; 0: from the first event on")
	return c
}

// printEvent prints an event as a line.
func (sh *shell) printEvent(e client.Event) error {
	if sh.json {
		return json.NewEncoder(sh.io.Out).Encode(e)
	}
	_, err := fmt.Fprintf(sh.io.Out, "%8d  %s  %-20s %s  by %s %s\n", e.Position, minute(e.At), e.Type, e.Stream, e.Actor.Kind, printable(e.Actor.ID))
	return err
}
