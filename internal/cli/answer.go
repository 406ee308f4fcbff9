package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// answer asks a server one thing and prints what it says.
func answer[T any](sh *shell, c *cobra.Command, ask func(context.Context, *client.Client) (T, error), text func(io.Writer, T)) error {
	return sh.with(c.Context(), Direct, func(conn *Conn) error {
		v, err := ask(c.Context(), conn.Client)
		if err != nil {
			return err
		}
		return sh.print(v, func(w io.Writer) { text(w, v) })
	})
}

// done has a server do one thing, of which there is nothing to say but that it was done:
// what, as JSON, to whom.
func (sh *shell) done(c *cobra.Command, do func(context.Context, *client.Client) error, what, whom, text string) error {
	return answer(sh, c, func(ctx context.Context, c *client.Client) (map[string]string, error) {
		return map[string]string{what: whom}, do(ctx, c)
	}, func(w io.Writer, _ map[string]string) { fmt.Fprintln(w, text) })
}

// listing is a command that prints a page of a list.
func listing[T any](sh *shell, c *cobra.Command, ask func(context.Context, *client.Client, client.PageOptions) (client.Page[T], error),
	head []string, row func(T) []string, empty string) *cobra.Command {
	var o client.PageOptions
	pageFlags(c, &o)
	c.Args = cobra.NoArgs
	c.RunE = func(c *cobra.Command, _ []string) error {
		return answer(sh, c, func(ctx context.Context, c *client.Client) (client.Page[T], error) { return ask(ctx, c, o) }, func(w io.Writer, p client.Page[T]) {
			rows := [][]string{head}
			for _, item := range p.Items {
				rows = append(rows, row(item))
			}
			table(w, rows, empty, p.Next)
		})
	}
	return c
}

// pageFlags has a command take the flags of a page.
func pageFlags(c *cobra.Command, o *client.PageOptions) {
	c.Flags().StringVar(&o.Cursor, "cursor", "", "go on after a page")
	c.Flags().IntVar(&o.Limit, "limit", 50, "how many, 1 to 200")
	c.PreRunE = func(*cobra.Command, []string) error {
		if o.Limit < 1 || o.Limit > 200 {
			return core.E(core.Invalid, "", fmt.Sprintf("can't list %d at once", o.Limit)).WithHint("--limit is from 1 to 200; --cursor goes on after a page")
		}
		return nil
	}
}

// args accepts exactly these arguments, which a usage line names.
func args(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		if len(given) == len(names) && !slices.Contains(given, "") {
			return nil
		}
		return core.E(core.Invalid, "", "it takes "+strings.Join(names, " and ")).WithHint(c.CommandPath() + " --help says more")
	}
}

// placeFlags has a command take a role, and the projects that it is held to.
func placeFlags(c *cobra.Command, p *client.Place, role core.Role) {
	c.Flags().StringVar((*string)(&p.Role), "role", string(role), "viewer, member, admin or owner")
	c.Flags().Var((*projectList)(&p.Projects), "project", "only in this project; may be given several times")
}

// projectList is a flag that can be given several times.
type projectList []core.ProjectID

func (l *projectList) String() string { return "" }
func (l *projectList) Type() string   { return "id" }
func (l *projectList) Set(s string) error {
	for id := range strings.SplitSeq(s, ",") {
		*l = append(*l, core.ProjectID(id))
	}
	return nil
}

func projectNames(ids []core.ProjectID) string {
	if len(ids) == 0 {
		return "all"
	}
	var names []string
	for _, id := range ids {
		names = append(names, string(id))
	}
	return strings.Join(names, " ")
}

func yes(b bool, word string) string {
	if b {
		return word
	}
	return ""
}

// plainly prints one line.
func plainly(line string) func(io.Writer) {
	return func(w io.Writer) { fmt.Fprintln(w, line) }
}

// creditsFlag lets a task be held to an amount of credits.
func creditsFlag(c *cobra.Command, to *core.Credits) {
	c.Flags().Var((*amount)(to), "credits", "the most that it may cost, where tasks are charged (default: "+core.DefaultLimits.Credits.String()+")")
}

// amount is a flag's value in credits: 0.5.
type amount core.Credits

func (a *amount) String() string { return "" }
func (a *amount) Type() string   { return "credits" }
func (a *amount) Set(s string) error {
	c, err := core.ParseCredits(s)
	if err == nil && c <= 0 {
		err = core.E(core.Invalid, "", "it must be above 0")
	}
	*a = amount(c)
	return err
}
