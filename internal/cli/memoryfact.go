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

func (sh *shell) memoryRemember() *cobra.Command {
	n := client.NewFact{}
	c := &cobra.Command{Use: "remember FACT", Short: "Remember a fact, where the project allows it", Args: cobra.MinimumNArgs(1),
		Example: "  isekai memory remember 'We write dates as 2026-01-31.'\n  isekai memory remember --days 7 'The staging server is down.'",
		RunE: func(c *cobra.Command, words []string) error {
			n.Text = strings.Join(words, " ")
			key := core.NewID("key")
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Fact, error) { return c.Remember(ctx, n, key) },
				func(w io.Writer, f client.Fact) { fmt.Fprintln(w, "Remembered as "+f.ID+until(f)+".") })
		}}
	c.Flags().IntVar(&n.Days, "days", 0, "forget it after so many days (default: as the project has set)")
	return c
}

func until(f client.Fact) string {
	if f.Expires == nil {
		return ""
	}
	return " until " + day(*f.Expires)
}

func (sh *shell) memoryFacts() *cobra.Command {
	return &cobra.Command{Use: "facts", Short: "List all that the project remembers", Args: cobra.NoArgs, Example: "  isekai memory facts",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.Fact, error) { return c.Facts(ctx) },
				func(w io.Writer, all []client.Fact) {
					rows := [][]string{{"FACT", "TEXT", "BY", "FROM", "SINCE", "UNTIL"}}
					for _, f := range all {
						rows = append(rows, []string{f.ID, cut(f.Text, 100), f.By.ID, strings.Join(strings.Fields(f.Source+" "+string(f.Task)), " "), day(f.Created), strings.TrimPrefix(until(f), " until ")})
					}
					table(w, rows, "Nothing is remembered.", "")
				})
		}}
}

func (sh *shell) memoryForget() *cobra.Command {
	var all bool
	c := &cobra.Command{Use: "forget ID...", Short: "Remove documents and facts with all that is of them",
		Long:    "Remove documents (doc_...) and facts (mem_...) with all that is of them, for good. Backups have them until they are pruned.",
		Example: "  isekai memory forget doc_01hx mem_01hy\n  isekai memory forget --all-facts",
		RunE: func(c *cobra.Command, ids []string) error {
			if all == (len(ids) > 0) {
				return core.E(core.Invalid, "", "it takes ids, or --all-facts").WithHint("isekai memory list and isekai memory facts show the ids")
			}
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Counted, error) {
				if all {
					return c.ForgetAll(ctx)
				}
				n := client.Counted{}
				for _, id := range ids {
					if err := forget(ctx, c, id); err != nil {
						return n, err
					}
					n.Count++
				}
				return n, nil
			}, func(w io.Writer, n client.Counted) { fmt.Fprintln(w, "Forgotten: "+strconv.Itoa(n.Count)+".") })
		}}
	c.Flags().BoolVar(&all, "all-facts", false, "all facts of the project; documents stay")
	return c
}

func forget(ctx context.Context, c *client.Client, id string) error {
	switch {
	case core.ValidID("doc", id):
		return c.DeleteDocument(ctx, id, "")
	case core.ValidID("mem", id):
		return c.Forget(ctx, id)
	}
	return core.E(core.Invalid, "", id+" is no document's or fact's id").WithHint("they begin with doc_ and mem_")
}

func (sh *shell) memorySettings() *cobra.Command {
	var remember, model string
	var days int
	c := &cobra.Command{Use: "settings", Short: "Show, or change, what the project has said about its memory", Args: cobra.NoArgs,
		Example: "  isekai memory settings\n  isekai memory settings --remember on --days 90\n  isekai memory settings --model text-embedding-3-small",
		RunE: func(c *cobra.Command, _ []string) error {
			if remember != "" && remember != "on" && remember != "off" {
				return core.E(core.Invalid, "", "--remember is on or off")
			}
			changed := c.Flags().Changed
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.MemorySettings, error) {
				s, err := c.MemorySettings(ctx)
				if err != nil || !changed("remember") && !changed("days") && !changed("model") {
					return s, err
				}
				if remember != "" {
					s.Remember = remember == "on"
				}
				if changed("days") {
					s.Days = days
				}
				if changed("model") {
					s.Model = model
				}
				return c.SetMemorySettings(ctx, s, s.ETag)
			}, printMemorySettings)
		}}
	c.Flags().StringVar(&remember, "remember", "", "on or off: whether facts of conversations and tasks may be kept")
	c.Flags().IntVar(&days, "days", 0, "forget facts after so many days; 0: 180")
	c.Flags().StringVar(&model, "model", "", "a model or route of the gateway that makes embeddings; '': the installation's")
	return c
}

func printMemorySettings(w io.Writer, s client.MemorySettings) {
	remember, model := "off", "the installation's, if there is one"
	if s.Remember {
		remember = "on"
	}
	if s.Model != "" {
		model = s.Model
	}
	facts(w, [][2]string{{"Facts are remembered", remember}, {"They are forgotten", "after " + many(s.Days, "day")}, {"Embeddings by", model}})
}
