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

func (sh *shell) appCommand() *cobra.Command {
	c := &cobra.Command{Use: "app", Short: "Use, change and manage apps",
		Long: "Use, change and manage apps. APP is an app's name or id, as in isekai app list.", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(sh.appList(), sh.appShow(), sh.appOpen(), sh.appFiles(), sh.appLogs(), sh.appChange(), sh.appVersions(),
		sh.appDiff(), sh.appRollback(), sh.appExport(), sh.appStart(), sh.appStop(), sh.appDelete())
	return c
}

// appOne is a command about one app, by id or name.
func (sh *shell) appOne(use, short string, mode Mode, f func(ctx context.Context, conn *Conn, a client.AppDetail) error) *cobra.Command {
	return &cobra.Command{Use: use + " APP", Short: short, Args: one("app"),
		RunE: func(c *cobra.Command, args []string) error {
			return sh.withApp(c.Context(), mode, args[0], func(conn *Conn, a client.AppDetail) error { return f(c.Context(), conn, a) })
		}}
}

func (sh *shell) withApp(ctx context.Context, mode Mode, id string, f func(*Conn, client.AppDetail) error) error {
	return sh.with(ctx, mode, func(conn *Conn) error {
		a, err := conn.Client.App(ctx, core.AppID(id))
		if err != nil {
			return err
		}
		return f(conn, a)
	})
}

func (sh *shell) appList() *cobra.Command {
	var o client.ListOptions
	c := &cobra.Command{Use: "list", Short: "List apps, newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				p, err := conn.Client.Apps(c.Context(), o)
				if err != nil {
					return err
				}
				return sh.print(p, func(w io.Writer) {
					rows := [][]string{{"APP", "STATUS", "VERSION", "AGE", "TITLE", "URL"}}
					for _, a := range p.Items {
						rows = append(rows, []string{a.Name, a.Status, fmt.Sprintf("%d of %d", a.Version, a.Versions), age(a.CreatedAt), cut(a.Title, 40), a.URL})
					}
					table(w, rows, none("apps", o), p.Next)
				})
			})
		}}
	listFlags(c, &o, "running", "stopped")
	return c
}

func (sh *shell) appShow() *cobra.Command {
	return sh.appOne("show", "Show an app", Direct, func(_ context.Context, _ *Conn, a client.AppDetail) error {
		return sh.print(a, func(w io.Writer) { showApp(w, a) })
	})
}

func showApp(w io.Writer, a client.AppDetail) {
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-9s %s\n", name, printable(value))
		}
	}
	row("App", a.Name+" ("+string(a.ID)+")")
	row("Title", a.Title)
	row("Status", a.Status)
	row("Open", a.URL)
	row("Version", fmt.Sprintf("%d of %d", a.Version, a.Versions))
	row("Prompt", a.Selected.Prompt)
	row("Tests", fmt.Sprintf("%d passed, %d failed", a.Selected.Tests.Passed, a.Selected.Tests.Failed))
	row("Files", a.Dir)
	for _, n := range a.Selected.Notes {
		row("Note", n)
	}
	for _, s := range a.Selected.Suggestions {
		row("Idea", s)
	}
}

func (sh *shell) appOpen() *cobra.Command {
	return sh.appOne("open", "Print where an app runs, starting it if it doesn't", Working, func(ctx context.Context, conn *Conn, a client.AppDetail) error {
		return sh.startAndHold(ctx, conn, a)
	})
}

func (sh *shell) appStart() *cobra.Command {
	var move bool
	c := sh.appOne("start", "Start an app; without a server it runs until Ctrl-C", Working, func(ctx context.Context, conn *Conn, a client.AppDetail) error {
		if move {
			if _, err := conn.Client.MoveApp(ctx, a.ID); err != nil {
				return err
			}
			fmt.Fprintln(plain{sh.io.Err}, a.Name+" is at home at this node now. What it has stored at another stays there, and isn't seen here.")
		}
		return sh.startAndHold(ctx, conn, a)
	})
	c.Flags().BoolVar(&move, "move", false, "at this node, WITHOUT THE DATA that the app has at its own: for one that is lost")
	return c
}

func (sh *shell) startAndHold(ctx context.Context, conn *Conn, a client.AppDetail) error {
	a, err := conn.Client.StartApp(ctx, a.ID)
	if err != nil {
		return err
	}
	show := func(w io.Writer) {
		if a.URL == "" {
			fmt.Fprintln(w, a.Name+" runs, where others don't get to: the server has no domain for apps (public.previews)")
			return
		}
		fmt.Fprintln(w, a.URL)
	}
	if err := sh.print(a, show); err != nil || !conn.Embedded {
		return err
	}
	return sh.hold(ctx, conn)
}

func (sh *shell) appStop() *cobra.Command {
	return sh.appOne("stop", "Stop an app", Direct, func(ctx context.Context, conn *Conn, a client.AppDetail) error {
		a, err := conn.Client.StopApp(ctx, a.ID)
		if err != nil {
			return err
		}
		return sh.print(a, func(w io.Writer) { fmt.Fprintf(w, "%s: %s\n", a.Name, a.Status) })
	})
}

func (sh *shell) appFiles() *cobra.Command {
	var version int
	c := &cobra.Command{Use: "files APP [PATH]", Short: "List an app's files, or print one", Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			return sh.withApp(c.Context(), Direct, args[0], func(conn *Conn, a client.AppDetail) error {
				if len(args) == 2 {
					return conn.Client.ReadFile(c.Context(), a.ID, version, args[1], sh.io.Out)
				}
				files, err := conn.Client.Files(c.Context(), a.ID, version)
				if err != nil {
					return err
				}
				return sh.print(files, func(w io.Writer) {
					for _, f := range files {
						fmt.Fprintf(w, "%8d  %s\n", f.Size, printable(f.Path))
					}
				})
			})
		}}
	versionFlag(c, &version)
	return c
}

func versionFlag(c *cobra.Command, v *int) {
	c.Flags().IntVar(v, "version", 0, "of this version (default: the current one)")
}

func (sh *shell) appLogs() *cobra.Command {
	var follow bool
	c := sh.appOne("logs", "Print a running app's output", Direct, func(ctx context.Context, conn *Conn, a client.AppDetail) error {
		for l, err := range conn.Client.Logs(ctx, a.ID, follow) {
			if err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
			if err := sh.print(l, func(w io.Writer) {
				if l.Dropped > 0 {
					fmt.Fprintf(w, "… %d lines missed\n", l.Dropped)
				}
				fmt.Fprintln(w, printable(l.Text))
			}); err != nil {
				return err
			}
		}
		return nil
	})
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes")
	return c
}

func (sh *shell) appChange() *cobra.Command {
	var n client.NewChange
	var exit bool
	c := &cobra.Command{
		Use: "change APP PROMPT", Short: "Make an app's next version; its data stays", Args: cobra.MinimumNArgs(2),
		Example: `  isekai app change reading-list-k3x9 "add a due date and drop the rating"`,
		RunE: func(c *cobra.Command, args []string) error {
			n.Prompt = strings.Join(args[1:], " ")
			if err := core.CheckPrompt(n.Prompt); err != nil {
				return err
			}
			return sh.withApp(c.Context(), Working, args[0], func(conn *Conn, a client.AppDetail) error {
				key := core.NewID("key")
				return sh.work(c.Context(), conn, exit, func(cl *client.Client) (client.TaskDetail, error) {
					return cl.ChangeApp(c.Context(), a.ID, n, key)
				})
			})
		},
	}
	c.Flags().StringVar(&n.Model, "model", "", "model to use; blueprint is the built-in planner")
	creditsFlag(c, &n.Limits.Credits)
	c.Flags().BoolVar(&exit, "exit", false, "stop the app after the checks; exit 0 only if it answered")
	return c
}

func (sh *shell) appVersions() *cobra.Command {
	return sh.appOne("versions", "List an app's versions", Direct, func(ctx context.Context, conn *Conn, a client.AppDetail) error {
		vs, err := conn.Client.Versions(ctx, a.ID)
		if err != nil {
			return err
		}
		return sh.print(vs, func(w io.Writer) {
			rows := [][]string{{"", "VERSION", "TESTS", "AGE", "PROMPT"}}
			for _, v := range vs {
				mark := ""
				if v.Number == a.Version {
					mark = "*"
				}
				rows = append(rows, []string{mark, strconv.Itoa(v.Number), fmt.Sprintf("%d passed", v.Tests.Passed), age(v.CreatedAt), cut(v.Prompt, 60)})
			}
			table(w, rows, "No versions.", "")
		})
	})
}

func (sh *shell) appDiff() *cobra.Command {
	return &cobra.Command{Use: "diff APP [FROM [TO]]", Short: "Show what changed between two versions (default: since the one before)", Args: cobra.RangeArgs(1, 3),
		RunE: func(c *cobra.Command, args []string) error {
			var n [2]int
			for i, s := range args[1:] {
				v, err := number(s)
				if err != nil {
					return err
				}
				n[i] = v
			}
			return sh.withApp(c.Context(), Direct, args[0], func(conn *Conn, a client.AppDetail) error {
				d, err := conn.Client.Diff(c.Context(), a.ID, n[0], n[1])
				if err != nil {
					return err
				}
				return sh.print(d, func(w io.Writer) {
					for _, f := range d.Files {
						fmt.Fprintf(w, "%s %s\n%s", f.Change, printable(f.Path), f.Unified)
					}
				})
			})
		}}
}

func number(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, core.E(core.Invalid, "", s+" isn't a version").WithHint("isekai app versions APP lists them")
	}
	return n, nil
}

func (sh *shell) appRollback() *cobra.Command {
	return &cobra.Command{Use: "rollback APP VERSION", Short: "Make a version the current one, back or forward; the data stays", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := number(args[1])
			if err != nil {
				return err
			}
			return sh.withApp(c.Context(), Direct, args[0], func(conn *Conn, a client.AppDetail) error {
				a, err := conn.Client.SelectVersion(c.Context(), a.ID, n, a.ETag)
				if err != nil {
					return err
				}
				return sh.print(a, func(w io.Writer) { fmt.Fprintf(w, "%s is at version %d\n", a.Name, a.Version) })
			})
		}}
}

func (sh *shell) appDelete() *cobra.Command {
	var yes bool
	c := sh.appOne("delete", "Delete an app with its data", Direct, func(ctx context.Context, conn *Conn, a client.AppDetail) error {
		if !yes {
			return core.E(core.Invalid, "", "this deletes "+a.Name+" with all its data").WithHint("say --yes if that is what you want; isekai app export keeps its files")
		}
		if err := conn.Client.DeleteApp(ctx, a.ID, a.ETag); err != nil {
			return err
		}
		return sh.print(map[string]string{"deleted": string(a.ID)}, func(w io.Writer) { fmt.Fprintln(w, "deleted "+a.Name) })
	})
	c.Flags().BoolVar(&yes, "yes", false, "don't ask")
	return c
}
