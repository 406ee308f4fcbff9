package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) priceCommand() *cobra.Command {
	c := group("price", "Show what is paid; as an operator, set it")
	c.AddCommand(sh.priceList(), sh.priceSet(), sh.priceRemove())
	return c
}

func (sh *shell) priceList() *cobra.Command {
	var org string
	var all bool
	c := &cobra.Command{Use: "list", Short: "List what the org pays, in credits", Args: cobra.NoArgs, Example: "  isekai credit price list",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Prices, error) {
				if org != "" || all {
					return c.PricesOf(ctx, core.OrgID(org))
				}
				return c.Prices(ctx)
			}, printPrices)
		}}
	c.Flags().StringVar(&org, "org", "", "what this org pays, for an operator")
	c.Flags().BoolVar(&all, "all", false, "what every org pays that nothing else was agreed with, for an operator")
	return c
}

func printPrices(w io.Writer, p client.Prices) {
	rows := [][]string{{"OF", "1M TOKENS IN", "CACHED", "1M TOKENS OUT", "CALL", "SECOND", "GIB A DAY", "FROM"}}
	for _, name := range slices.Sorted(maps.Keys(p.Prices)) {
		row := []string{name}
		at := p.Prices[name]
		for _, part := range []core.Credits{at.Input, at.Cached, at.Output, at.Call, at.Second, at.GiBDay} {
			row = append(row, part.String())
		}
		rows = append(rows, append(row, p.From[name]))
	}
	table(w, rows, "No prices.", "")
	fmt.Fprintln(w, "Built-in prices are as of "+p.AsOf+", and may have changed: an operator sets others with isekai credit price set.")
}

func (sh *shell) priceSet() *cobra.Command {
	var org string
	var parts [6]string
	names := [6]string{"input", "cached", "output", "call", "second", "gib-day"}
	c := &cobra.Command{Use: "set NAME", Short: "Set what is paid for a model, a tool or storage, as an operator", Args: args("what it is of, as in model/gpt-5-mini"),
		Long:    "Set what every org pays, or one, for model/NAME, tool/NAME, all others of a kind (model/*, tool/*) or storage. What no flag names is free.",
		Example: "  isekai credit price set model/gpt-5-mini --input 25 --cached 2.5 --output 200\n  isekai credit price set 'tool/*' --second 0.001 --org org_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			var p core.Price
			for i, to := range [6]*core.Credits{&p.Input, &p.Cached, &p.Output, &p.Call, &p.Second, &p.GiBDay} {
				if parts[i] == "" {
					continue
				}
				amount, err := core.ParseCredits(parts[i])
				if err != nil {
					return err
				}
				*to = amount
			}
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.SetPrice(ctx, core.OrgID(org), a[0], p) }, "set", a[0], "The price of "+a[0]+" is set.")
		}}
	for i, of := range [6]string{"a million tokens that a model reads", "a million of those that it had before (default: as --input)", "a million tokens that it writes", "each call", "each second that a call takes", "a GiB kept for a day"} {
		c.Flags().StringVar(&parts[i], names[i], "", "credits for "+of)
	}
	c.Flags().StringVar(&org, "org", "", "only for this org")
	return c
}

func (sh *shell) priceRemove() *cobra.Command {
	var org string
	c := &cobra.Command{Use: "remove NAME", Short: "Undo isekai credit price set, as an operator", Args: args("what it is of"), Example: "  isekai credit price remove model/gpt-5-mini",
		RunE: func(c *cobra.Command, a []string) error {
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.RemovePrice(ctx, core.OrgID(org), a[0]) }, "removed", a[0], "The price of "+a[0]+" is removed.")
		}}
	c.Flags().StringVar(&org, "org", "", "only for this org")
	return c
}
