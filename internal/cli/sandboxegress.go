package cli

import (
	"context"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) sandboxEgress() *cobra.Command {
	c := group("egress", "Say which hosts the project's sandboxes may reach")
	c.AddCommand(sh.egressShow(), sh.egressAllow(), sh.egressRemove())
	return c
}

func printEgress(w io.Writer, e client.Egress) {
	rows := [][]string{{"HOST"}}
	for _, h := range e.Hosts {
		rows = append(rows, []string{h})
	}
	table(w, rows, "The project's sandboxes reach nothing outside.", "")
}

func (sh *shell) egressShow() *cobra.Command {
	return &cobra.Command{Use: "show", Short: "Show which hosts can be reached", Args: cobra.NoArgs, Example: "  isekai sandbox egress show",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Egress, error) { return c.Egress(ctx) }, printEgress)
		}}
}

func (sh *shell) egressAllow() *cobra.Command {
	return &cobra.Command{Use: "allow HOST[:PORT]...", Short: "Let the project's sandboxes reach more hosts",
		Long: "Let the project's sandboxes reach more hosts, by the tool run_online. The port is 443 if none is given;\n" +
			"*.HOST is every host below HOST. What is sent to a host is up to whoever is behind it.",
		Example: "  isekai sandbox egress allow api.example.com '*.example.org' mirror.example.net:80",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, more []string) error {
			return sh.changeEgress(c, func(all []string) ([]string, error) { return append(all, more...), nil })
		}}
}

func (sh *shell) egressRemove() *cobra.Command {
	return &cobra.Command{Use: "remove HOST:PORT...", Short: "Let the project's sandboxes reach some hosts no more",
		Example: "  isekai sandbox egress remove api.example.com:443",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, gone []string) error {
			return sh.changeEgress(c, func(all []string) ([]string, error) {
				for _, h := range gone {
					i := slices.IndexFunc(all, func(other string) bool { return other == h || other == h+":443" })
					if i < 0 {
						return nil, core.E(core.NotFound, "", h+" isn't allowed").WithHint("isekai sandbox egress show lists what is")
					}
					all = slices.Delete(all, i, i+1)
				}
				return all, nil
			})
		}}
}

// changeEgress has change change the list that is there.
func (sh *shell) changeEgress(c *cobra.Command, change func([]string) ([]string, error)) error {
	return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Egress, error) {
		e, err := c.Egress(ctx)
		if err != nil {
			return e, err
		}
		if e.Hosts, err = change(e.Hosts); err != nil {
			return e, err
		}
		return c.SetEgress(ctx, e.NewEgress, e.ETag)
	}, printEgress)
}
