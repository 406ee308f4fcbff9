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

func (sh *shell) taskReplay() *cobra.Command {
	var step bool
	c := &cobra.Command{Use: "replay TASK", Short: "Rebuild a task from its events, without doing anything again", Args: args("a task's id"),
		Long: "Rebuild a task from its events, one by one: where each comes from, what the task was then, and what it wanted next.\n" +
			"No model and no tool is called. An event that isn't what the task wanted, by the rules of this build, is marked.",
		Example: "  isekai task replay tsk_01hx\n  isekai task replay tsk_01hx --step",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.Frame, error) {
				return c.ReplayTask(ctx, core.TaskID(a[0]))
			}, func(w io.Writer, frames []client.Frame) { sh.showFrames(c.Context(), w, frames, step) })
		}}
	c.Flags().BoolVar(&step, "step", false, "wait for Enter after each event, at a terminal")
	return c
}

func (sh *shell) showFrames(ctx context.Context, w io.Writer, frames []client.Frame, step bool) {
	for _, f := range frames {
		where := ""
		if f.Plan > 0 {
			where = fmt.Sprintf("plan %d, step %d, attempt %d", f.Plan, f.Step+1, f.Attempt)
		}
		fmt.Fprintf(w, "%5d  %-20s %-8s %-9s %s\n", f.Version, f.Type, f.By, f.Status, where)
		fmt.Fprintf(w, "       then: %s; %d calls, %d tokens%s\n", f.Next, f.Calls, f.Tokens, filesOf(f))
		if f.Diverges != "" {
			fmt.Fprintf(w, "       DIVERGES: %s\n", printable(f.Diverges))
		}
		if step && sh.attended() {
			if _, err := sh.typed(ctx); err != nil {
				return
			}
		}
	}
}

func filesOf(f client.Frame) string {
	if f.Tree == "" {
		return ""
	}
	return ", files " + cut(strings.TrimPrefix(string(f.Tree), "sha256:"), 12)
}

func (sh *shell) taskFork() *cobra.Command {
	var f client.Fork
	c := &cobra.Command{Use: "fork TASK", Short: "Go on from a point of a task, as another one", Args: args("a task's id"),
		Long: "Make a task that begins with what another did up to a point, with the files as they were then, and goes on from there: by itself,\n" +
			"for another wish, or with another model. What the other did isn't done, paid or undone again.",
		Example: "  isekai task fork tsk_01hx --at 12 --model gpt-5\n  isekai task fork tsk_01hx --prompt 'the same, as a table'",
		RunE: func(c *cobra.Command, a []string) error {
			key := core.NewID("key")
			return sh.with(c.Context(), Working, func(conn *Conn) error {
				var t client.TaskDetail
				err := conn.do(c.Context(), func(c2 *client.Client) (err error) {
					t, err = c2.ForkTask(c.Context(), core.TaskID(a[0]), f, key)
					return err
				})
				if err != nil {
					return err
				}
				sh.greet(conn, t.Model)
				if t, err = sh.follow(c.Context(), conn, t.ID); err != nil {
					return err
				}
				return sh.conclude(c.Context(), conn, t, false)
			})
		}}
	c.Flags().Int64Var(&f.At, "at", 0, "the version of its last event in common, as isekai task replay shows it (default: as far as it can be)")
	c.Flags().StringVar(&f.Prompt, "prompt", "", "another wish, for which is planned anew")
	c.Flags().StringVar(&f.Model, "model", "", "another model")
	return c
}

func (sh *shell) taskDiff() *cobra.Command {
	return &cobra.Command{Use: "diff TASK TASK", Short: "Show how two tasks differ: what they did, and their files", Args: cobra.ExactArgs(2), Example: "  isekai task diff tsk_01hx tsk_01hy",
		RunE: func(c *cobra.Command, a []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) (client.TaskDiff, error) {
				return c.DiffTasks(ctx, core.TaskID(a[0]), core.TaskID(a[1]))
			}, func(w io.Writer, d client.TaskDiff) {
				if d.Lines == "" {
					fmt.Fprintln(w, "They did the same.")
				}
				for line := range strings.Lines(d.Lines) {
					fmt.Fprintln(w, printable(strings.TrimSuffix(line, "\n")))
				}
				fmt.Fprintln(w)
				for _, f := range d.Files {
					fmt.Fprintln(w, f.Change, printable(f.Path))
					for line := range strings.Lines(f.Unified) {
						fmt.Fprintln(w, printable(strings.TrimSuffix(line, "\n")))
					}
				}
				if len(d.Files) == 0 {
					fmt.Fprintln(w, "Their files are the same.")
				}
			})
		}}
}

func (sh *shell) taskExport() *cobra.Command {
	var at int64
	var to string
	c := &cobra.Command{Use: "export TASK", Short: "Get the files of a task's workspace as an archive", Args: args("a task's id"), Example: "  isekai task export tsk_01hx -o result.zip\n  isekai task export tsk_01hx --at 12",
		RunE: func(c *cobra.Command, a []string) error {
			id := core.TaskID(a[0])
			if to == "" {
				to = string(id) + ".zip"
				if at != 0 {
					to = string(id) + "-" + strconv.FormatInt(at, 10) + ".zip"
				}
			}
			format, err := archiveFormat(to)
			if err != nil {
				return err
			}
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				if err := writeNew(to, func(w io.Writer) error { return conn.Client.ExportTask(c.Context(), id, at, format, w) }); err != nil {
					return err
				}
				return sh.print(map[string]string{"file": to}, func(w io.Writer) { fmt.Fprintln(w, to) })
			})
		}}
	c.Flags().Int64Var(&at, "at", 0, "the version of the event after which (default: the last)")
	c.Flags().StringVarP(&to, "output", "o", "", "the file to write, .zip or .tar.gz (default: the task's id)")
	return c
}
