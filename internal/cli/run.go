package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) runCommand() *cobra.Command {
	n := client.NewTask{Kind: core.KindApp}
	var exit bool
	c := &cobra.Command{
		Use: "run PROMPT", Short: "Build a running, tested web app from a prompt",
		Example: `  isekai run "a reading list with title, author, pages, a finished flag and a rating from 1 to 5"`,
		Args:    prompt,
		RunE: func(c *cobra.Command, args []string) error {
			n.Prompt = strings.Join(args, " ")
			if err := core.CheckPrompt(n.Prompt); err != nil {
				return err
			}
			return sh.with(c.Context(), Working, func(conn *Conn) error { return sh.run(c.Context(), conn, n, exit) })
		},
	}
	c.Flags().StringVar(&n.Model, "model", "", "model to use; blueprint is the built-in planner")
	creditsFlag(c, &n.Limits.Credits)
	c.Flags().BoolVar(&exit, "exit", false, "stop the app after the checks; exit 0 only if it answered")
	return c
}

// prompt accepts a prompt as one argument or as words.
func prompt(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return core.E(core.Invalid, "", "no prompt").WithHint(`say what you want, as in: isekai run "a reading list with title and author"`)
	}
	return nil
}

// run creates an app's task, shows its way, and says what came of it.
func (sh *shell) run(ctx context.Context, conn *Conn, n client.NewTask, exit bool) error {
	key := core.NewID("key")
	return sh.work(ctx, conn, exit, func(c *client.Client) (client.TaskDetail, error) { return c.CreateTask(ctx, n, key) })
}

// work creates a task, shows its way to the end, and says what came of it.
func (sh *shell) work(ctx context.Context, conn *Conn, exit bool, create func(*client.Client) (client.TaskDetail, error)) error {
	var t client.TaskDetail
	err := conn.do(ctx, func(c *client.Client) (err error) {
		t, err = create(c)
		return err
	})
	if err != nil {
		return err
	}
	sh.greet(conn, t.Model)
	if t, err = sh.follow(ctx, conn, t.ID); err != nil {
		return err
	}
	return sh.conclude(ctx, conn, t, exit)
}

// greet says which model works on a task, or how to have one.
func (sh *shell) greet(conn *Conn, model string) {
	if sh.json {
		return
	}
	if model == "blueprint" && conn.Notice != "" {
		fmt.Fprintln(sh.io.Out, conn.Notice)
	} else {
		fmt.Fprintln(sh.io.Out, "Model: "+cmp.Or(model, conn.Model))
	}
	fmt.Fprintln(sh.io.Out)
}

// follow shows a task's events until it is over or waits for a person, whoever
// works on it meanwhile.
func (sh *shell) follow(ctx context.Context, conn *Conn, id core.TaskID) (t client.TaskDetail, err error) {
	show := newTimeline(sh.io.Out).show
	if sh.json {
		show = func(e core.Event) error { return sh.printJSON(e) }
	}
	var seen int64
	for {
		t, err = sh.once(ctx, conn, id, &seen, show)
		if err != nil || t.Status != core.StatusWaiting || t.Approval == nil || !sh.attended() {
			return t, err
		}
		r, err := sh.reply(ctx, *t.Approval)
		if ctx.Err() != nil {
			err = sh.interrupted(id)
		}
		if err != nil {
			return t, err
		}
		err = conn.do(ctx, func(c *client.Client) error { _, err := c.ResumeTask(ctx, id, r); return err })
		if err != nil && core.CodeOf(err) != core.Conflict { // somebody else was quicker
			return t, err
		}
	}
}

// once shows a task's events after seen until it is over or waits for a person.
func (sh *shell) once(ctx context.Context, conn *Conn, id core.TaskID, seen *int64, show func(core.Event) error) (t client.TaskDetail, err error) {
	err = conn.do(ctx, func(c *client.Client) (err error) {
		if conn.idle() {
			if t, err = c.Task(ctx, id); err != nil || t.Status == core.StatusWaiting {
				return err
			}
			if !t.Status.Terminal() {
				return core.E(core.Unavailable, "", "no process works on task "+string(id)).
					WithHint("go on with it: isekai task resume " + string(id))
			}
		}
		if err = sh.watch(ctx, c, id, seen, show); err == nil {
			t, err = c.Task(ctx, id)
		}
		return err
	})
	if ctx.Err() != nil {
		err = sh.interrupted(id)
	}
	return t, err
}

// watch shows the events after seen, which it moves on, until the task is over or
// waits for a person.
func (sh *shell) watch(ctx context.Context, c *client.Client, id core.TaskID, seen *int64, show func(core.Event) error) error {
	for e, err := range c.TaskEvents(ctx, id, *seen) {
		if err == nil {
			err = show(e)
		}
		if err != nil {
			return err
		}
		*seen = e.Version
		if e.Type == (core.ApprovalRequested{}).EventType() {
			t, err := c.Task(ctx, id)
			if err != nil || t.Status == core.StatusWaiting {
				return err
			}
		}
	}
	return nil
}

// interrupted is the end of a watch by Ctrl-C: the task isn't lost.
func (sh *shell) interrupted(id core.TaskID) error {
	return core.E(core.Canceled, "", "stopped; task "+string(id)+" is kept").
		WithHint("go on: isekai task resume " + string(id) + "   give up: isekai task cancel " + string(id))
}

// result is the last line of run --json.
type result struct {
	Type    string            `json:"type"` // "result"
	Task    client.TaskDetail `json:"task"`
	App     *client.AppDetail `json:"app,omitempty"`
	Stopped bool              `json:"stopped,omitempty"`
}

// conclude says what came of a task, and keeps the app running until Ctrl-C
// where this process is what runs it.
func (sh *shell) conclude(ctx context.Context, conn *Conn, t client.TaskDetail, exit bool) error {
	if t.Status != core.StatusSucceeded {
		return sh.unsuccessful(t)
	}
	if t.Kind != core.KindApp {
		return sh.print(result{Type: "result", Task: t}, func(w io.Writer) { fmt.Fprintln(w, "\n"+strings.TrimSpace(t.Answer)) })
	}
	var a client.AppDetail
	err := conn.do(ctx, func(c *client.Client) (err error) {
		if exit {
			a, err = c.StopApp(ctx, t.App)
		} else {
			a, err = c.App(ctx, t.App)
		}
		return err
	})
	if err != nil {
		return err
	}
	err = sh.print(result{Type: "result", Task: t, App: &a, Stopped: exit}, func(w io.Writer) { showResult(w, a, exit, conn.Embedded) })
	if err != nil || exit || !conn.Embedded || a.Status != running {
		return err
	}
	return sh.hold(ctx, conn)
}

// hold keeps an embedded server running until Ctrl-C.
func (sh *shell) hold(ctx context.Context, conn *Conn) error {
	select {
	case err := <-conn.Failed:
		return err
	case <-ctx.Done():
		if !sh.json {
			fmt.Fprintln(sh.io.Out, "\nStopping.")
		}
		return nil
	}
}

func (sh *shell) unsuccessful(t client.TaskDetail) error {
	if sh.json {
		if err := sh.printJSON(result{Type: "result", Task: t}); err != nil {
			return err
		}
	}
	switch t.Status {
	case core.StatusWaiting:
		question := "the task waits for a person"
		if t.Approval != nil {
			question = t.Approval.Question
		}
		return core.E(core.Conflict, "", question).WithHint("answer: " + howToAnswer(t.ID, t.Approval))
	case core.StatusCanceled:
		return core.E(core.Canceled, "", "task "+string(t.ID)+" was canceled")
	}
	if t.Error != nil {
		return t.Error.Err()
	}
	return core.E(core.Unavailable, "", "task "+string(t.ID)+" didn't finish: "+t.Summary)
}

// running is the status of an app that answers at its URL.
const running = "running"

func showResult(w io.Writer, a client.AppDetail, exit, embedded bool) {
	state := "is " + a.Status
	if exit {
		state = "answered, and was stopped"
	}
	fmt.Fprintf(w, "\n%s %s\n\n", printable(a.Title), state)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %-8s %s\n", name, printable(value))
		}
	}
	if !exit {
		row("Open", a.URL)
	}
	row("Tests", fmt.Sprintf("%d passed, %d failed", a.Selected.Tests.Passed, a.Selected.Tests.Failed))
	row("Files", a.Dir)
	row("Change", "isekai app change "+a.Name+" "+quoted(suggestion(a.Selected.Suggestions)))
	for _, n := range a.Selected.Notes {
		row("Note", n)
	}
	if len(a.Selected.Suggestions) > 1 {
		row("Ideas", strings.Join(a.Selected.Suggestions[1:], " · "))
	}
	switch {
	case exit || a.Status != running:
		row("Start", "isekai app start "+a.Name)
	case embedded:
		row("Stop", "Ctrl-C; isekai app start "+a.Name+" starts it again")
	default:
		row("Stop", "isekai app stop "+a.Name)
	}
}

func suggestion(s []string) string {
	if len(s) > 0 {
		return s[0]
	}
	return "what should be different"
}
