package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) redactCommand() *cobra.Command {
	c := group("redact", "Say what becomes of secrets in what goes to models and tools")
	canary := group("canary", "Put texts where nobody has a reason to take them from, and be told when somebody does")
	canary.AddCommand(sh.canaryCreate(), sh.canaryList(), sh.canaryDelete())
	c.AddCommand(sh.redactShow(), sh.redactSet(), canary)
	return c
}

func printRedaction(w io.Writer, r client.Redaction) {
	rows := [][]string{{"KIND", "ACTION", ""}}
	for _, kind := range slices.Sorted(maps.Keys(r.Effective)) {
		_, named := r.Kinds[kind]
		rows = append(rows, []string{kind, r.Effective[kind], yes(named, "set")})
	}
	table(w, rows, "", "")
	if r.Answers {
		fmt.Fprintln(w, "This is so for the answers of models to calls of the API, too.")
	}
}

func (sh *shell) redactShow() *cobra.Command {
	return &cobra.Command{Use: "show", Short: "Show what becomes of each kind of secret", Args: cobra.NoArgs, Example: "  isekai redact show",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Redaction, error) { return c.Redaction(ctx) }, printRedaction)
		}}
}

func (sh *shell) redactSet() *cobra.Command {
	return &cobra.Command{Use: "set KIND=ACTION...", Short: "Change what becomes of some kinds of secrets",
		Long: "Change what becomes of some kinds of secrets; the others stay. The action is redact, refuse, allow, or\n" +
			"default for what default=ACTION says. isekai redact show lists the kinds. answers=on has the answers of\n" +
			"models to calls of the API be searched, too.",
		Example: "  isekai redact set private_key=refuse aws_key=refuse\n  isekai redact set default=refuse canary=refuse jwt=default\n  isekai redact set answers=on",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, changes []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Redaction, error) {
				r, err := c.Redaction(ctx)
				if err != nil {
					return r, err
				}
				n := r.NewRedaction
				if n.Kinds == nil {
					n.Kinds = map[string]string{}
				}
				for _, change := range changes {
					kind, action, ok := strings.Cut(change, "=")
					switch {
					case !ok:
						return r, core.E(core.Invalid, "", change+" isn't KIND=ACTION").WithHint("as in private_key=refuse")
					case kind == "answers" && (action == "on" || action == "off"):
						n.Answers = action == "on"
					case kind == "answers":
						return r, core.E(core.Invalid, "", change+" isn't answers=on or answers=off").WithHint("as in answers=on")
					case kind == "default":
						n.Default = action
					case action == "default":
						delete(n.Kinds, kind)
					default:
						n.Kinds[kind] = action
					}
				}
				return c.SetRedaction(ctx, n, r.ETag)
			}, printRedaction)
		}}
}

func (sh *shell) canaryCreate() *cobra.Command {
	return &cobra.Command{Use: "create NAME", Short: "Make a canary, and show its text once", Args: args("a name, which says where it is put"),
		Example: "  isekai redact canary create 'wiki front page'",
		RunE: func(c *cobra.Command, a []string) error {
			key := core.NewID("key")
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.MadeCanary, error) {
				return c.CreateCanary(ctx, client.NewCanary{Name: a[0]}, key)
			}, func(w io.Writer, m client.MadeCanary) {
				fmt.Fprintf(w, "%s\nThis is %s. It isn't shown again, and opens nothing.\n", m.Text, m.ID)
			})
		}}
}

func (sh *shell) canaryList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the org's canaries", Args: cobra.NoArgs, Example: "  isekai redact canary list",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.Canary, error) { return c.Canaries(ctx) },
				func(w io.Writer, all []client.Canary) {
					rows := [][]string{{"CANARY", "NAME", "BY", "SINCE"}}
					for _, t := range all {
						rows = append(rows, []string{t.ID, cut(t.Name, 60), t.By.ID, day(t.Created)})
					}
					table(w, rows, "No canaries.", "")
				})
		}}
}

func (sh *shell) canaryDelete() *cobra.Command {
	return &cobra.Command{Use: "delete CANARY", Short: "Have a canary not be looked for any more", Args: args("a canary's id"), Example: "  isekai redact canary delete can_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.DeleteCanary(ctx, a[0]) }, "deleted", a[0], a[0]+" isn't looked for any more.")
		}}
}
