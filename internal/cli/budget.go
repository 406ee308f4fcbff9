package cli

import (
	"context"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) budgetCommand() *cobra.Command {
	c := group("budget", "Bound what the org, a project, an API key or a task may use")
	c.AddCommand(sh.budgetList(), sh.budgetSet(), sh.budgetRemove())
	return c
}

func budgetRows(all []client.Budget) [][]string {
	rows := [][]string{{"OF", "WINDOW", "PERIOD", "LIMIT", "USED", "HELD", "LEFT", "REACHED"}}
	for _, b := range all {
		reached := ""
		if b.Reached > 0 {
			reached = strconv.Itoa(b.Reached) + " %"
		}
		rows = append(rows, []string{b.Of, b.Window, b.Period, b.Limit.String(), b.Used.String(), b.Held.String(), b.Left.String(), reached})
	}
	return rows
}

func (sh *shell) budgetList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the org's budgets", Args: cobra.NoArgs, Example: "  isekai credit budget list",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.Budget, error) { return c.Budgets(ctx) },
				func(w io.Writer, all []client.Budget) { table(w, budgetRows(all), "No budgets.", "") })
		}}
}

const budgetOf = "what it is of"

func (sh *shell) budgetSet() *cobra.Command {
	var n client.NewBudget
	c := &cobra.Command{Use: "set OF LIMIT", Short: "Set a budget, in credits", Args: args(budgetOf, "a limit"),
		Long:    "Set a budget, in credits. OF is org, project/ID, key/ID or task/ID.",
		Example: "  isekai credit budget set org 500\n  isekai credit budget set project/prj_01hx 20 --window day",
		RunE: func(c *cobra.Command, a []string) (err error) {
			if n.Limit, err = core.ParseCredits(a[1]); err != nil {
				return err
			}
			if windows := []string{"month", "day", "none"}; !slices.Contains(windows, n.Window) {
				return core.E(core.Invalid, "", n.Window+" is no window").WithHint("it is month, day or none")
			}
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Budget, error) { return c.SetBudget(ctx, a[0], n) },
				func(w io.Writer, b client.Budget) { table(w, budgetRows([]client.Budget{b}), "", "") })
		}}
	c.Flags().StringVar(&n.Window, "window", "month", "when it begins anew, in UTC: month, day or none")
	return c
}

func (sh *shell) budgetRemove() *cobra.Command {
	return &cobra.Command{Use: "remove OF", Short: "Remove a budget", Args: args(budgetOf), Example: "  isekai credit budget remove org",
		RunE: func(c *cobra.Command, a []string) error {
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.RemoveBudget(ctx, a[0]) }, "removed", a[0], "The budget of "+a[0]+" is removed.")
		}}
}
