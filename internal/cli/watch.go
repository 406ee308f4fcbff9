package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) watchCommand() *cobra.Command {
	c := group("watch", "Be told when a page, a price or a JSON API changes")
	c.AddCommand(sh.watchAdd(), sh.watchList(), sh.watchShow(), sh.watchRemove())
	return c
}

func (sh *shell) watchAdd() *cobra.Command {
	var n client.NewWatch
	var above, below float64
	c := &cobra.Command{Use: "add NAME URL", Short: "Watch a page, a price or a JSON API", Args: args("a name", "an address"),
		Long: "Watch a page, a price or a JSON API. A server looks at it on the schedule, as the site's robots.txt allows.\n" +
			"Without --selector, --pointer and --pattern all of its text is looked at.",
		Example: "  isekai watch add tea https://example.com/tea --selector '#price' --below 10\n" +
			"  isekai watch add release https://api.example.com/v1/latest --pointer /version --schedule '0 8 * * 1-5'\n" +
			"  isekai watch add news https://example.com/news --start 'Sum up what is new on {url}'",
		RunE: func(c *cobra.Command, a []string) error {
			n.Name, n.URL = a[0], a[1]
			switch f := c.Flags(); {
			case f.Changed("above") && f.Changed("below"):
				return core.E(core.Invalid, "", "a watch is for --above or for --below")
			case f.Changed("above"):
				n.When, n.Than = "above", above
			case f.Changed("below"):
				n.When, n.Than = "below", below
			}
			key := core.NewID("key")
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Watch, error) { return c.CreateWatch(ctx, n, key) },
				func(w io.Writer, made client.Watch) {
					fmt.Fprintf(w, "%s watches %s, %s. A server (isekai serve) looks.\n", made.ID, made.URL, made.Schedule)
				})
		}}
	f := c.Flags()
	f.StringVar(&n.Schedule, "schedule", "", `"every 30m", or cron's five fields, in UTC or after CRON_TZ=ZONE (default "every 1h")`)
	f.StringVar(&n.Selector, "selector", "", "CSS: the element to look at")
	f.StringVar(&n.Pointer, "pointer", "", "JSON pointer: the value to look at, as in /items/0/price")
	f.StringVar(&n.Pattern, "pattern", "", "RE2: what of it to look at; its first group, if it has one")
	f.Float64Var(&above, "above", 0, "tell when a number becomes larger")
	f.Float64Var(&below, "below", 0, "tell when a number becomes smaller")
	f.Float64Var(&n.By, "by", 0, "tell when a number changes by at least so much")
	f.StringVar(&n.Prompt, "start", "", "the prompt of a task that a change starts; {name}, {url}, {before} and {after} stand for what they say")
	return c
}

func (sh *shell) watchList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the project's watches", Args: cobra.NoArgs, Example: "  isekai watch list",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.Watch, error) { return c.Watches(ctx) },
				func(w io.Writer, all []client.Watch) {
					rows := [][]string{{"WATCH", "NAME", "TELLS", "SCHEDULE", "VALUE", "TROUBLE"}}
					for _, x := range all {
						rows = append(rows, []string{x.ID, cut(x.Name, 30), tells(x.NewWatch), x.Schedule, cut(x.Value, 40), cut(x.Trouble, 40)})
					}
					table(w, rows, "No watches.", "")
				})
		}}
}

// tells says when a watch does.
func tells(n client.NewWatch) string {
	number := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	switch {
	case n.When == "above" || n.When == "below":
		return n.When + " " + number(n.Than)
	case n.By > 0:
		return "changes by " + number(n.By)
	}
	return "changes"
}

func (sh *shell) watchShow() *cobra.Command {
	return &cobra.Command{Use: "show WATCH", Short: "Show a watch, and what it told", Args: args("a watch's id"), Example: "  isekai watch show wch_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Watch, error) { return c.Watch(ctx, a[0]) }, printWatch)
		}}
}

func printWatch(w io.Writer, x client.Watch) {
	fmt.Fprintf(w, "%s  %s\n%s\n%s, tells when it %s\n", x.ID, cut(x.Name, 2000), cut(x.URL, 2000), x.Schedule, tells(x.NewWatch))
	if x.Checked != nil {
		fmt.Fprintf(w, "Seen: %s\n", cut(x.Value, 200))
	}
	if x.Failures > 0 {
		fmt.Fprintf(w, "It couldn't be looked at %d times in a row: %s\n", x.Failures, cut(x.Trouble, 2000))
	}
	rows := [][]string{{"AT", "BEFORE", "AFTER", "TASK"}}
	for _, n := range x.Notes {
		row := []string{day(n.At), cut(n.Before, 40), cut(n.After, 40), string(n.Task)}
		if n.Failures > 0 {
			row = []string{day(n.At), "", cut("can't be looked at: "+n.Why, 60), ""}
		}
		rows = append(rows, row)
	}
	table(w, rows, "It has told nothing yet.", "")
}

func (sh *shell) watchRemove() *cobra.Command {
	return &cobra.Command{Use: "remove WATCH", Short: "Watch something no longer", Args: args("a watch's id"), Example: "  isekai watch remove wch_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.RemoveWatch(ctx, a[0]) }, "removed", a[0], a[0]+" isn't looked at any more.")
		}}
}
