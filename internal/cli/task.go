package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) taskCommand() *cobra.Command {
	c := &cobra.Command{Use: "task", Short: "Run, list, watch, cancel, resume, replay and fork tasks", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(sh.taskRun(), sh.taskList(), sh.taskShow(), sh.taskWatch(), sh.taskCancel(), sh.taskResume(), sh.taskReplay(), sh.taskFork(), sh.taskDiff(), sh.taskExport())
	return c
}

func (sh *shell) taskRun() *cobra.Command {
	var n client.NewTask
	c := &cobra.Command{
		Use: "run PROMPT", Short: "Do a task with tools; needs a model", Args: prompt,
		Example: `  isekai task run "count the TODO comments in this folder and list them" --workspace .`,
		RunE: func(c *cobra.Command, args []string) error {
			n.Kind, n.Prompt = core.KindTask, strings.Join(args, " ")
			if err := core.CheckPrompt(n.Prompt); err != nil {
				return err
			}
			if n.Workspace != "" {
				abs, err := filepath.Abs(n.Workspace)
				if err != nil {
					return core.E(core.Invalid, "", "bad workspace").Because(err)
				}
				n.Workspace = abs
			}
			return sh.with(c.Context(), Working, func(conn *Conn) error { return sh.run(c.Context(), conn, n, false) })
		},
	}
	c.Flags().StringVar(&n.Repository, "repository", "", "git repository to begin with, by its name in isekai repo list; commits go to a branch of the task's own")
	c.Flags().StringVar(&n.Branch, "branch", "", "of the repository (default: its usual one)")
	c.Flags().StringVar(&n.Workspace, "workspace", "", "folder to work in; changes are made in it (default: an empty one)")
	c.Flags().StringVar(&n.Model, "model", "", "model to use")
	creditsFlag(c, &n.Limits.Credits)
	return c
}

func (sh *shell) taskList() *cobra.Command {
	var o client.ListOptions
	c := &cobra.Command{
		Use: "list", Short: "List tasks, newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				p, err := conn.Client.Tasks(c.Context(), o)
				if err != nil {
					return err
				}
				return sh.print(p, func(w io.Writer) {
					rows := [][]string{{"TASK", "STATUS", "KIND", "AGE", "PROMPT"}}
					for _, t := range p.Items {
						rows = append(rows, []string{string(t.ID), string(t.Status), string(t.Kind), age(t.CreatedAt), cut(t.Prompt, 60)})
					}
					table(w, rows, none("tasks", o), p.Next)
				})
			})
		},
	}
	listFlags(c, &o, string(core.StatusQueued), string(core.StatusRunning), string(core.StatusWaiting),
		string(core.StatusSucceeded), string(core.StatusFailed), string(core.StatusCanceled))
	return c
}

func listFlags(c *cobra.Command, o *client.ListOptions, statuses ...string) {
	all := strings.Join(statuses, ", ")
	c.Flags().StringVar(&o.Status, "status", "", "only of this status: "+all)
	c.PreRunE = func(*cobra.Command, []string) error {
		if o.Status != "" && !slices.Contains(statuses, o.Status) {
			return core.E(core.Invalid, "", o.Status+" is no status").WithHint("it is one of " + all)
		}
		if o.Limit < 1 || o.Limit > 200 {
			return core.E(core.Invalid, "", fmt.Sprintf("can't list %d at once", o.Limit)).WithHint("--limit is from 1 to 200; --cursor goes on after a page")
		}
		return nil
	}
	c.Flags().StringVar(&o.Cursor, "cursor", "", "go on after a page")
	c.Flags().IntVar(&o.Limit, "limit", 50, "how many, 1 to 200")
}

// none says that a list is empty.
func none(what string, o client.ListOptions) string {
	if o.Status != "" || o.Cursor != "" {
		return "No such " + what + "."
	}
	return "No " + what + " yet. isekai run PROMPT makes one."
}

// taskOne is a command about one task.
func (sh *shell) taskOne(use, short string, f func(ctx context.Context, conn *Conn, id core.TaskID) error, mode Mode) *cobra.Command {
	return &cobra.Command{Use: use + " TASK", Short: short, Args: one("task"),
		RunE: func(c *cobra.Command, args []string) error {
			return sh.with(c.Context(), mode, func(conn *Conn) error { return f(c.Context(), conn, core.TaskID(args[0])) })
		}}
}

// one accepts exactly one argument.
func one(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return core.E(core.Invalid, "", "name one "+what).WithHint("isekai " + what + " list shows them")
		}
		return nil
	}
}

func (sh *shell) taskShow() *cobra.Command {
	return sh.taskOne("show", "Show a task", func(ctx context.Context, conn *Conn, id core.TaskID) error {
		t, err := conn.Client.Task(ctx, id)
		if err != nil {
			return err
		}
		return sh.print(t, func(w io.Writer) { showTask(w, t) })
	}, Direct)
}

func showTask(w io.Writer, t client.TaskDetail) {
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-9s %s\n", name, printable(value))
		}
	}
	row("Task", string(t.ID))
	row("Status", string(t.Status))
	row("Prompt", t.Prompt)
	row("Model", modelName(t.Model))
	row("App", string(t.App))
	row("Summary", t.Summary)
	if t.Approval != nil {
		row("Question", t.Approval.Question)
		row("Choices", strings.Join(t.Approval.Choices, ", "))
		row("Answer", howToAnswer(t.ID, t.Approval))
	}
	row("Spent", fmt.Sprintf("%d calls, %d tokens, %s", t.Calls, t.Tokens, short(t.UpdatedAt.Sub(t.CreatedAt))))
	if t.Plan != nil {
		for i, s := range t.Plan.Steps {
			mark := " "
			if i < t.Step {
				mark = "x"
			}
			fmt.Fprintf(w, "  [%s] %d. %s\n", mark, i+1, printable(s.Title))
		}
	}
	if t.Answer != "" {
		fmt.Fprintln(w, "\n"+t.Answer)
	}
}

func (sh *shell) taskWatch() *cobra.Command {
	return sh.taskOne("watch", "Follow a task's events from its first to its last", func(ctx context.Context, conn *Conn, id core.TaskID) error {
		_, err := sh.follow(ctx, conn, id)
		return err
	}, Direct)
}

func (sh *shell) taskCancel() *cobra.Command {
	return sh.taskOne("cancel", "Ask a task to stop; what it did is undone", func(ctx context.Context, conn *Conn, id core.TaskID) error {
		var t client.TaskDetail
		err := conn.do(ctx, func(c *client.Client) (err error) {
			t, err = c.CancelTask(ctx, id, "by command")
			return err
		})
		if err != nil {
			return err
		}
		if !t.Status.Terminal() { // embedded, this process is the one that stops it
			if t, err = sh.follow(ctx, conn, id); err != nil {
				return err
			}
		}
		return sh.print(t, func(w io.Writer) { fmt.Fprintf(w, "%s: %s\n", t.ID, t.Status) })
	}, Working)
}

func (sh *shell) taskResume() *cobra.Command {
	var r client.Reply
	var as string
	c := sh.taskOne("resume", "Go on with a task, and answer what it waits for", func(ctx context.Context, conn *Conn, id core.TaskID) error {
		waited := false // before, if a server that has gone since was told the answer
		err := conn.do(ctx, func(c *client.Client) error {
			t, err := c.Task(ctx, id)
			switch {
			case err != nil:
			case t.Status == core.StatusWaiting:
				waited = true
				r.As = core.Answer(as)
				if as != "" || !sh.attended() { // else they are asked
					_, err = c.ResumeTask(ctx, id, r)
				}
			case as != "" && !waited:
				err = core.E(core.Conflict, "", "the task doesn't wait for an answer: it is "+string(t.Status)).WithHint("isekai task show " + string(id) + " says how it stands; somebody may have answered")
			}
			return err
		})
		if err != nil {
			return err
		}
		t, err := sh.follow(ctx, conn, id)
		if err != nil {
			return err
		}
		return sh.conclude(ctx, conn, t, false)
	}, Working)
	c.Flags().StringVar(&as, "as", "", "the answer: allow or deny a call; reply to a question; take an interrupted call as repeat (run it again), done, failed")
	c.Flags().StringVar(&r.Text, "text", "", "the reply to a question, or why")
	c.Flags().BoolVar(&r.Always, "always", false, "with --as allow: allow the tool for the rest of the task")
	return c
}
