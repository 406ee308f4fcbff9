package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

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
	rows := [][]string{{"OF", "1M TOKENS IN", "CACHED", "TO CACHE", "FOR 1H", "1M TOKENS OUT", "CALL", "SECOND", "GIB A DAY", "FROM"}}
	row := func(name string, at core.Price, from string) {
		cells := []string{name}
		for _, part := range []core.Credits{at.Input, at.Cached, at.CacheWrite, at.CacheWrite1h, at.Output, at.Call, at.Second, at.GiBDay} {
			cells = append(cells, part.String())
		}
		rows = append(rows, append(cells, from))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Prices)) {
		at := p.Prices[name]
		row(name, at, p.From[name])
		if at.Above != nil {
			row(fmt.Sprintf("  above %d tokens", at.Above.Tokens), at.At(at.Above.Tokens+1), "")
		}
	}
	table(w, rows, "No prices.", "")
	fmt.Fprintln(w, "Built-in prices are as of "+p.AsOf+", and may have changed: an operator sets others with isekai credit price set.")
}

func (sh *shell) priceSet() *cobra.Command {
	var org string
	var above string
	var parts [8]string
	names := [8]string{"input", "cached", "cache-write", "cache-write-1h", "output", "call", "second", "gib-day"}
	c := &cobra.Command{Use: "set NAME", Short: "Set what is paid for a model, a tool or storage, as an operator", Args: args("what it is of, as in model/gpt-5-mini"),
		Long:    "Set what every org pays, or one, for model/NAME, tool/NAME, all others of a kind (model/*, tool/*) or storage. What no flag names is free.",
		Example: "  isekai credit price set model/gpt-5-mini --input 25 --cached 2.5 --output 200\n  isekai credit price set model/claude-x --input 300 --cached 30 --cache-write 375 --cache-write-1h 600 --output 1500 --above 200000:600/2250/60/750/1200\n  isekai credit price set 'tool/*' --second 0.001 --org org_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			var p core.Price
			for i, to := range [8]*core.Credits{&p.Input, &p.Cached, &p.CacheWrite, &p.CacheWrite1h, &p.Output, &p.Call, &p.Second, &p.GiBDay} {
				if parts[i] == "" {
					continue
				}
				amount, err := core.ParseCredits(parts[i])
				if err != nil {
					return err
				}
				*to = amount
			}
			if above != "" {
				var err error
				if p.Above, err = aboveOf(above); err != nil {
					return err
				}
			}
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.SetPrice(ctx, core.OrgID(org), a[0], p) }, "set", a[0], "The price of "+a[0]+" is set.")
		}}
	for i, of := range [8]string{"a million tokens that a model reads", "a million of those that it had before (default: as --input)",
		"a million of those that it puts into its cache (default: as --input)", "a million of those for an hour (default: as --cache-write)", "a million tokens that it writes", "each call", "each second that a call takes", "a GiB kept for a day"} {
		c.Flags().StringVar(&parts[i], names[i], "", "credits for "+of)
	}
	c.Flags().StringVar(&above, "above", "", "TOKENS:IN/OUT/CACHED/WRITE/WRITE1H, or fewer: what a million tokens of a call cost that reads more than TOKENS")
	c.Flags().StringVar(&org, "org", "", "only for this org")
	return c
}

// ratesOf reads what a million tokens cost: IN/OUT, and behind these what comes from the provider's
// cache, what goes into it, and what does for an hour.
func ratesOf(text string) (p core.Price, err error) {
	parts, to := strings.Split(text, "/"), []*core.Credits{&p.Input, &p.Output, &p.Cached, &p.CacheWrite, &p.CacheWrite1h}
	if len(parts) < 2 || len(parts) > len(to) {
		return p, core.E(core.Invalid, "", strconv.Quote(text)+" isn't IN/OUT, nor IN/OUT/CACHED/WRITE/WRITE1H").WithHint("as in 0.25/2, credits for a million tokens")
	}
	for i, part := range parts {
		if *to[i], err = core.ParseCredits(part); err != nil {
			return p, err
		}
	}
	return p, nil
}

// aboveOf reads TOKENS:IN/OUT, and what may be behind.
func aboveOf(text string) (*core.PriceAbove, error) {
	tokens, rates, ok := strings.Cut(text, ":")
	n, err := strconv.Atoi(tokens)
	if !ok || err != nil {
		return nil, core.E(core.Invalid, "", strconv.Quote(text)+" isn't TOKENS:IN/OUT").WithHint("as in 200000:600/2250")
	}
	p, err := ratesOf(rates)
	return &core.PriceAbove{Tokens: n, Input: p.Input, Cached: p.Cached, CacheWrite: p.CacheWrite, CacheWrite1h: p.CacheWrite1h, Output: p.Output}, err
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
