package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) modelPrompts() *cobra.Command {
	c := listing(sh, &cobra.Command{Use: "prompts", Short: "List the calls of models that are kept, newest first",
		Long:    "List the calls of models that are kept, newest first. None are, unless isekai model settings --prompt-days says so.\nWho looks is in the audit log.",
		Example: "  isekai model prompts\n  isekai model prompts --limit 200 --json"},
		func(ctx context.Context, c *client.Client, o client.PageOptions) (client.Page[client.Prompt], error) {
			return c.Prompts(ctx, o)
		}, []string{"PROMPT", "AT", "BY", "PROJECT", "TASK", "MODEL", "PROVIDER", "CALL", "OUTCOME"},
		func(p client.Prompt) []string {
			return []string{p.ID, minute(p.At), p.Actor.ID, string(p.Project), string(p.Task), cut(p.Model, 40), p.Provider, p.Call, p.Outcome + yes(p.Cut, " (cut)")}
		}, "No prompts are kept.")
	return c
}

func (sh *shell) modelPrompt() *cobra.Command {
	var remove, all bool
	c := &cobra.Command{Use: "prompt ID", Short: "Show what was said in a call of a model, or remove it", Args: cobra.MaximumNArgs(1),
		Long:    "Show what was said in a call of a model that is kept, or remove it. Who does is in the audit log.",
		Example: "  isekai model prompt prm_01hx\n  isekai model prompt prm_01hx --delete\n  isekai model prompt --delete-all"}
	f := c.Flags()
	f.BoolVar(&remove, "delete", false, "remove it")
	f.BoolVar(&all, "delete-all", false, "remove all that are kept by now")
	c.RunE = func(c *cobra.Command, a []string) error {
		switch {
		case all && (remove || len(a) > 0), !all && len(a) == 0:
			return core.E(core.Invalid, "", "name one prompt, or say --delete-all").WithHint("isekai model prompts lists them")
		case all:
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.DeletePrompts(ctx) }, "deleted", "all", "No prompts are kept any more of those until now.")
		case remove:
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.DeletePrompt(ctx, a[0]) }, "deleted", a[0], a[0]+" is gone.")
		}
		return answer(sh, c, func(ctx context.Context, c *client.Client) (client.PromptText, error) { return c.Prompt(ctx, a[0]) }, printPrompt)
	}
	return c
}

func printPrompt(w io.Writer, p client.PromptText) {
	rows := [][2]string{
		{"Prompt", p.ID}, {"At", minute(p.At)}, {"Until", minute(p.Expires)}, {"By", string(p.Actor.Kind) + " " + p.Actor.ID}, {"Key", string(p.Key)}, {"Project", string(p.Project)},
		{"Task", string(p.Task)}, {"Model", p.Model}, {"Provider", p.Provider}, {"Call", p.Call}, {"Outcome", p.Outcome}, {"Cut", yes(p.Cut, strconv.FormatBool(p.Cut))},
	}
	facts(w, slices.DeleteFunc(rows, func(r [2]string) bool { return r[1] == "" }))
	for _, part := range [][2]string{{"Request", p.Request}, {"Answer", p.Answer}} {
		fmt.Fprintf(w, "\n%s:\n", part[0])
		for line := range strings.Lines(part[1]) {
			fmt.Fprintln(w, printable(line))
		}
	}
}
