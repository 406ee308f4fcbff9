package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) projectCommand() *cobra.Command {
	c := group("project", "Look after the org's projects")
	c.AddCommand(sh.projectList(), sh.projectCreate(), sh.projectRename(),
		sh.projectVerb("show", "Show a project", (*client.Client).Project),
		sh.projectVerb("archive", "Keep everybody out of a project", (*client.Client).ArchiveProject),
		sh.projectVerb("restore", "Undo isekai project archive", (*client.Client).RestoreProject))
	return c
}

func (sh *shell) projectList() *cobra.Command {
	return listing(sh, &cobra.Command{Use: "list", Short: "List the org's projects", Example: "  isekai project list"},
		func(ctx context.Context, c *client.Client, o client.PageOptions) (client.Page[client.Project], error) {
			return c.Projects(ctx, o)
		},
		[]string{"PROJECT", "NAME", "SINCE", "STATE"},
		func(p client.Project) []string {
			return []string{string(p.ID), cut(p.Name, 40), day(p.Created), yes(p.Archived, "archived")}
		}, "No projects.")
}

func printProject(w io.Writer, p client.Project) {
	facts(w, [][2]string{{"Project", string(p.ID)}, {"Name", p.Name}, {"Since", day(p.Created)}, {"State", yes(p.Archived, "archived")}})
}

func (sh *shell) projectCreate() *cobra.Command {
	return &cobra.Command{Use: "create NAME", Short: "Make a project", Args: args("a name"), Example: `  isekai project create "Web shop"`,
		RunE: func(c *cobra.Command, a []string) error {
			key := core.NewID("key")
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Project, error) {
				return c.CreateProject(ctx, a[0], key)
			}, printProject)
		}}
}

func (sh *shell) projectRename() *cobra.Command {
	return &cobra.Command{Use: "rename PROJECT NAME", Short: "Change a project's name", Args: args("a project's id", "a name"), Example: `  isekai project rename prj_01hx "Shop"`,
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Project, error) {
				return c.RenameProject(ctx, core.ProjectID(a[0]), a[1])
			}, printProject)
		}}
}

func (sh *shell) projectVerb(verb, short string, f func(*client.Client, context.Context, core.ProjectID) (client.Project, error)) *cobra.Command {
	return &cobra.Command{Use: verb + " PROJECT", Short: short, Args: args("a project's id"), Example: "  isekai project " + verb + " prj_01hx",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Project, error) {
				return f(c, ctx, core.ProjectID(a[0]))
			}, printProject)
		}}
}
