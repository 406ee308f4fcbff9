package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) deadletterCommand() *cobra.Command {
	c := group("deadletter", "Look after events that a consumer couldn't apply")
	var org string
	c.PersistentFlags().StringVar(&org, "org", "", "of this org (default: the one signed in to)")
	c.AddCommand(sh.deadletterList(&org),
		sh.deadletter("show", "Show a dead letter with its event", &org, func(ctx context.Context, c *client.Client, l letter) error {
			d, err := c.DeadLetter(ctx, l.consumer, l.stream, l.version)
			if err != nil {
				return err
			}
			return sh.print(d, func(w io.Writer) { printLetter(w, d) })
		}),
		sh.deadletter("replay", "Give the event to its consumer once more, and those that wait behind it", &org, func(ctx context.Context, c *client.Client, l letter) error {
			r, err := c.ReplayDeadLetter(ctx, l.consumer, l.stream, l.version)
			if err != nil {
				return err
			}
			return sh.print(r, func(w io.Writer) { fmt.Fprintln(w, "applied "+many(len(r.Applied), "event")) })
		}),
		sh.deadletter("drop", "Remove a dead letter without applying its event", &org, func(ctx context.Context, c *client.Client, l letter) error {
			d, err := c.DropDeadLetter(ctx, l.consumer, l.stream, l.version)
			if err != nil {
				return err
			}
			return sh.print(d, func(w io.Writer) {
				fmt.Fprintln(w, "dropped: the consumer will never have applied it")
				if next := (letter{l.consumer, l.stream, d.Behind}); d.Behind > 0 {
					fmt.Fprintln(w, "next of its stream: "+printable(next.name()))
				}
			})
		}))
	return c
}

func (sh *shell) deadletterList(org *string) *cobra.Command {
	var o client.LetterOptions
	c := &cobra.Command{Use: "list", Short: "List dead letters", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				p, err := conn.Client.About(core.OrgID(*org)).DeadLetters(c.Context(), o)
				if err != nil {
					return err
				}
				return sh.print(p, func(w io.Writer) {
					rows := [][]string{{"LETTER", "TYPE", "TRIES", "AGE", "REASON"}}
					for _, l := range p.Items {
						name := letter{l.Consumer, l.Stream, l.Version}.name()
						rows = append(rows, []string{name, l.Type, strconv.Itoa(l.Tries), age(l.At), cut(l.Reason, 60)})
					}
					table(w, rows, "No dead letters.", p.Next)
				})
			})
		}}
	c.Flags().StringVar(&o.Consumer, "consumer", "", "only of this consumer")
	c.Flags().StringVar(&o.Cursor, "cursor", "", "go on after a page")
	c.Flags().IntVar(&o.Limit, "limit", 50, "how many, 1 to 200")
	return c
}

// letter names a dead letter: CONSUMER/STREAM/VERSION.
type letter struct {
	consumer string
	stream   core.StreamID
	version  int64
}

func (l letter) name() string { return fmt.Sprintf("%s/%s/%d", l.consumer, l.stream, l.version) }

func parseLetter(s string) (letter, error) {
	p := strings.Split(s, "/")
	if len(p) == 3 && p[0] != "" && p[1] != "" {
		if v, err := strconv.ParseInt(p[2], 10, 64); err == nil && v > 0 {
			return letter{p[0], core.StreamID(p[1]), v}, nil
		}
	}
	return letter{}, core.E(core.Invalid, "", s+" names no dead letter").WithHint("as in isekai deadletter list: CONSUMER/STREAM/VERSION")
}

func (sh *shell) deadletter(verb, short string, org *string, f func(context.Context, *client.Client, letter) error) *cobra.Command {
	return &cobra.Command{Use: verb + " LETTER", Short: short, Args: one("deadletter"),
		Long: short + ".\nLETTER is CONSUMER/STREAM/VERSION, as isekai deadletter list names it.",
		RunE: func(c *cobra.Command, args []string) error {
			l, err := parseLetter(args[0])
			if err != nil {
				return err
			}
			return sh.with(c.Context(), Direct, func(conn *Conn) error { return f(c.Context(), conn.Client.About(core.OrgID(*org)), l) })
		}}
}

func printLetter(w io.Writer, d client.DeadLetterDetail) {
	for _, l := range [][2]string{
		{"consumer", d.Consumer}, {"stream", string(d.Stream)}, {"version", strconv.FormatInt(d.Version, 10)}, {"event", string(d.Event)},
		{"type", d.Type}, {"tries", strconv.Itoa(d.Tries)}, {"given up", d.At.UTC().Format("2006-01-02 15:04:05 MST")},
		{"reason", d.Reason}, {"content", string(d.Content.Data)},
	} {
		fmt.Fprintf(w, "%-9s %s\n", l[0], printable(l[1]))
	}
}
