package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// views are what can be rebuilt, in the order in which all of them are.
var views = []string{"tasks", "apps", "usage", "calls"}

func (sh *shell) projectionCommand() *cobra.Command {
	c := group("projection", "Build views anew from the events, and compare them")
	var org string
	c.AddCommand(
		sh.projection("rebuild", "Build views anew; the live ones go on and are replaced at the end", &org, (*client.Client).RebuildProjection),
		sh.projection("verify", "Build views beside the live ones and compare them row by row", &org, (*client.Client).VerifyProjection))
	c.PersistentFlags().StringVar(&org, "org", "", "of this org (default: the one signed in to)")
	return c
}

func (sh *shell) projection(verb, short string, org *string, f func(*client.Client, context.Context, string) (client.Projection, error)) *cobra.Command {
	return &cobra.Command{
		Use: verb + " [VIEW]...", Short: short, ValidArgs: views,
		Long: short + ".\nVIEW is tasks, apps, usage or calls; all of them if none is named.",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = views
			}
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				var all []client.Projection
				wrong := 0
				for _, view := range args {
					p, err := f(conn.Client.About(core.OrgID(*org)), c.Context(), view)
					if err != nil {
						return err
					}
					all, wrong = append(all, p), wrong+len(p.Differences)
				}
				err := sh.print(all, func(w io.Writer) { printProjections(w, all) })
				if err == nil && wrong > 0 {
					return core.E(core.Conflict, "", fmt.Sprintf("%d rows aren't what the events say", wrong)).WithHint("isekai projection rebuild mends them")
				}
				return err
			})
		},
	}
}

func printProjections(w io.Writer, all []client.Projection) {
	for _, p := range all {
		verdict := "all as the events say"
		if n := len(p.Differences); n > 0 {
			verdict = fmt.Sprintf("%d differ", n)
		}
		fmt.Fprintf(w, "%-8s %s, %s\n", printable(p.View), many(p.Rows, "row"), verdict)
		for _, d := range p.Differences {
			fmt.Fprintf(w, "         %s: %s\n", printable(d.ID), printable(d.What))
		}
	}
}
