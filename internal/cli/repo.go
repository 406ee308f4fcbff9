package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
)

func (sh *shell) repoCommand() *cobra.Command {
	c := group("repo", "Keep git repositories that tasks begin with")
	c.AddCommand(sh.repoAdd(), sh.repoList(), sh.repoShow(), sh.repoSync(), sh.repoRemove())
	return c
}

func printRepository(w io.Writer, r client.Repository) {
	facts(w, [][2]string{{"Repository", r.Name}, {"URL", r.URL}, {"Branch", r.Branch}, {"Commit", r.Commit}, {"Credential", r.Credential}, {"Host key", cut(r.HostKey, 80)}, {"Synced", age(r.Synced)}})
}

func (sh *shell) repoAdd() *cobra.Command {
	var n client.NewRepository
	c := &cobra.Command{Use: "add NAME URL", Short: "Add a git repository, once it could be fetched", Args: cobra.ExactArgs(2),
		Long: "Add a git repository, once it could be fetched.\nOne that isn't public needs a credential of the project's: a token or a password for https, a private key for ssh.",
		Example: "  isekai repo add shop https://example.com/team/shop.git --credential forge\n" +
			"  isekai repo add shop git@example.com:team/shop.git --credential deploy-key --host-key \"$(ssh-keyscan -t ed25519 example.com)\"",
		RunE: func(c *cobra.Command, a []string) error {
			n.Name, n.URL = a[0], a[1]
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Repository, error) { return c.AddRepository(ctx, n) }, printRepository)
		}}
	f := c.Flags()
	f.StringVar(&n.Branch, "branch", "", "that tasks begin at (default: the repository's own)")
	f.StringVar(&n.Credential, "credential", "", "name of a credential that isekai secret list shows")
	f.StringVar(&n.HostKey, "host-key", "", "for SSH: the host's public key, as ssh-keyscan writes it")
	return c
}

func (sh *shell) repoList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the project's git repositories", Args: cobra.NoArgs, Example: "  isekai repo list",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Page[client.Repository], error) {
				return c.Repositories(ctx)
			}, func(w io.Writer, p client.Page[client.Repository]) {
				rows := [][]string{{"REPOSITORY", "URL", "BRANCH", "COMMIT", "SYNCED"}}
				for _, r := range p.Items {
					rows = append(rows, []string{r.Name, r.URL, r.Branch, r.Commit[:min(12, len(r.Commit))], age(r.Synced)})
				}
				table(w, rows, "No repositories.", "")
			})
		}}
}

// repoOf is a command on one repository.
func (sh *shell) repoOf(use, short string, do func(context.Context, *client.Client, string) (client.Repository, error)) *cobra.Command {
	return &cobra.Command{Use: use + " NAME", Short: short, Args: args("a repository's name"), Example: "  isekai repo " + use + " shop",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Repository, error) { return do(ctx, c, a[0]) }, printRepository)
		}}
}

func (sh *shell) repoShow() *cobra.Command {
	return sh.repoOf("show", "Show a git repository", func(ctx context.Context, c *client.Client, name string) (client.Repository, error) {
		return c.Repository(ctx, name)
	})
}

func (sh *shell) repoSync() *cobra.Command {
	return sh.repoOf("sync", "Get what is new in a git repository; each task that begins with it does so, too", func(ctx context.Context, c *client.Client, name string) (client.Repository, error) {
		return c.SyncRepository(ctx, name)
	})
}

func (sh *shell) repoRemove() *cobra.Command {
	return sh.repoOf("remove", "Remove a git repository; nothing changes at its host", func(ctx context.Context, c *client.Client, name string) (client.Repository, error) {
		r, err := c.Repository(ctx, name)
		if err != nil {
			return r, err
		}
		return r, c.RemoveRepository(ctx, name)
	})
}
