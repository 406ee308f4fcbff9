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

func (sh *shell) modelRoute() *cobra.Command {
	var n client.NewModelRoute
	c := &cobra.Command{Use: "route NAME TARGET[,TARGET...]...", Short: "Say where calls for a name of a model go", Args: cobra.MinimumNArgs(2),
		Long: "Say where calls for a name go. A target is PROVIDER/MODEL. Targets with a comma between them share the calls, by weight: PROVIDER/MODEL=WEIGHT.\n" +
			"Those after a space are tried when all before them have failed.",
		Example: "  isekai model route fast openai/gpt-5-mini=3,azure/gpt-5-mini=1 claude/claude-haiku-4-5\n" +
			"  isekai model route gpt-4o openai/gpt-5-mini --sticky"}
	c.Flags().BoolVar(&n.Sticky, "sticky", false, "send calls that begin alike to the same target, for its prompt cache")
	c.Flags().StringVar(&n.Note, "note", "", "for people")
	house := houseFlag(c)
	c.RunE = func(c *cobra.Command, a []string) (err error) {
		if n.Targets, err = parseTiers(a[1:]); err != nil {
			return err
		}
		return answer(sh, c, func(ctx context.Context, c *client.Client) (client.ModelRoute, error) {
			return c.PutModelRoute(ctx, *house, a[0], n, "")
		}, func(w io.Writer, r client.ModelRoute) { printRoutes(w, []client.ModelRoute{r}) })
	}
	return c
}

// parseTiers reads the targets of a route: each word is a tier.
func parseTiers(words []string) ([]client.RouteTarget, error) {
	var all []client.RouteTarget
	for tier, word := range words {
		for text := range strings.SplitSeq(word, ",") {
			t := client.RouteTarget{Tier: tier}
			place, weight, weighted := strings.Cut(text, "=")
			if weighted {
				n, err := strconv.Atoi(weight)
				if err != nil || n < 1 || n > 1000 {
					return nil, core.E(core.Invalid, "", strconv.Quote(text)+" has no weight from 1 to 1000").WithHint("as in openai/gpt-5-mini=3")
				}
				t.Weight = n
			}
			var ok bool
			if t.Provider, t.Model, ok = strings.Cut(place, "/"); !ok || t.Provider == "" || t.Model == "" {
				return nil, core.E(core.Invalid, "", strconv.Quote(text)+" isn't PROVIDER/MODEL").WithHint("as in openai/gpt-5-mini; isekai model list shows the providers")
			}
			all = append(all, t)
		}
	}
	return all, nil
}

// tiersOf is the reverse of parseTiers.
func tiersOf(targets []client.RouteTarget) string {
	var b strings.Builder
	last := -1
	for tier := range 8 {
		for _, t := range targets {
			if t.Tier != tier {
				continue
			}
			switch {
			case last == tier:
				b.WriteString(",")
			case last >= 0:
				b.WriteString(" ")
			}
			b.WriteString(t.Provider + "/" + t.Model)
			if t.Weight > 1 {
				fmt.Fprintf(&b, "=%d", t.Weight)
			}
			last = tier
		}
	}
	return b.String()
}

func printRoutes(w io.Writer, all []client.ModelRoute) {
	rows := [][]string{{"ROUTE", "OF", "LEADS TO", "", "NOTE"}}
	for _, r := range all {
		rows = append(rows, []string{r.Name, r.Owner, tiersOf(r.Targets), yes(r.Sticky, "sticky"), cut(r.Note, 60)})
	}
	table(w, rows, "No routes: models are asked for by their own names.", "")
}

func (sh *shell) modelRoutes() *cobra.Command {
	c := &cobra.Command{Use: "routes", Short: "List where names of models lead", Args: cobra.NoArgs, Example: "  isekai model routes"}
	house := houseFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.ModelRoute, error) {
			return c.ModelRoutes(ctx, *house)
		}, printRoutes)
	}
	return c
}

func (sh *shell) modelUnroute() *cobra.Command {
	c := &cobra.Command{Use: "unroute NAME", Short: "Have a name lead nowhere in particular", Args: args("a route's name"), Example: "  isekai model unroute fast"}
	house := houseFlag(c)
	c.RunE = func(c *cobra.Command, a []string) error {
		return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.DeleteModelRoute(ctx, *house, a[0], "") }, "removed", a[0], "The route "+a[0]+" is gone.")
	}
	return c
}

func (sh *shell) modelSettings() *cobra.Command {
	var n client.ModelSettings
	var keys []string
	c := &cobra.Command{Use: "settings", Short: "Show what becomes of the org's calls of models, or change it", Args: cobra.NoArgs,
		Long: "Show what becomes of the org's calls of models: whether prompts are kept, whether exact repeats get the same answer, and what may be asked for.\n" +
			"With flags, change what they name.",
		Example: "  isekai model settings\n  isekai model settings --prompt-days 7\n  isekai model settings --cache-minutes 60 --cache-key key_01hx"}
	f := c.Flags()
	f.IntVar(&n.PromptDays, "prompt-days", 0, "keep prompts and answers, encrypted, for so many days, up to 90; 0: don't")
	f.IntVar(&n.CacheMinutes, "cache-minutes", 0, "give an exact repeat the same answer for so many minutes; 0: don't")
	f.StringSliceVar(&keys, "cache-key", nil, "API key whose repeats get the same answer; may be given several times, and replaces those before")
	f.BoolVar(&n.RoutesOnly, "routes-only", false, "let nothing but routes be asked for")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return answer(sh, c, func(ctx context.Context, api *client.Client) (client.ModelSettings, error) {
			now, err := api.ModelSettings(ctx)
			if err != nil {
				return now, err
			}
			changes := 0
			for flag, change := range map[string]func(){
				"prompt-days":   func() { now.PromptDays = n.PromptDays },
				"cache-minutes": func() { now.CacheMinutes = n.CacheMinutes },
				"routes-only":   func() { now.RoutesOnly = n.RoutesOnly },
				"cache-key": func() {
					now.CacheKeys = nil
					for _, k := range keys {
						now.CacheKeys = append(now.CacheKeys, core.KeyID(k))
					}
				},
			} {
				if f.Changed(flag) {
					change()
					changes++
				}
			}
			if changes == 0 {
				return now, nil
			}
			return api.SetModelSettings(ctx, now, now.ETag)
		}, printModelSettings)
	}
	return c
}

func printModelSettings(w io.Writer, s client.ModelSettings) {
	prompts, cache, names := "aren't kept", "none", "routes, models and PROVIDER/MODEL"
	if s.PromptDays > 0 {
		prompts = fmt.Sprintf("kept for %d days, encrypted", s.PromptDays)
	}
	if s.CacheMinutes > 0 {
		var keys []string
		for _, k := range s.CacheKeys {
			keys = append(keys, string(k))
		}
		cache = fmt.Sprintf("for %d minutes, of %s %s", s.CacheMinutes, many(len(keys), "key"), strings.Join(keys, " "))
		if len(keys) == 0 {
			cache = fmt.Sprintf("for %d minutes, and no key has it yet: --cache-key KEY", s.CacheMinutes)
		}
	}
	if s.RoutesOnly {
		names = "routes only"
	}
	facts(w, [][2]string{{"Prompts", prompts}, {"Cache", strings.TrimSpace(cache)}, {"Names", names}})
}
