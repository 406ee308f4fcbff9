package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// timeline shows a task's events to a person, a line each: plan, steps, tool
// calls, verdicts, durations. It works on a terminal and in a pipe alike.
type timeline struct {
	w       io.Writer
	began   map[core.CallID]time.Time
	calls   map[core.CallID]core.CallContent
	asked   string // the name of the model that was asked for
	by      string // who answered last: PROVIDER/MODEL
	step    time.Time
	planned time.Time
}

func newTimeline(w io.Writer) *timeline {
	return &timeline{w: w, began: map[core.CallID]time.Time{}, calls: map[core.CallID]core.CallContent{}}
}

func (t *timeline) show(e core.Event) error {
	p, err := e.Payload()
	if err != nil {
		return err
	}
	switch p := p.(type) {
	case core.TaskCreated:
		t.planned = e.At
		t.line("task", string(e.Stream), 0)
	case core.ModelRequested:
		t.began[p.Call], t.asked = e.At, p.Model
	case core.ModelSettled:
		t.answered(p)
		if p.Error != nil {
			t.line("  model", "failed: "+p.Error.Msg, since(t.began[p.Call], e.At))
		}
	case core.ModelSwitched:
		t.line("model", fmt.Sprintf("%s can't be used: %s goes on", p.From, modelName(p.To)), 0)
		t.more(p.Reason)
	case core.TaskPlanned:
		t.plan(p.Plan, e.At)
	case core.StepStarted:
		t.step = e.At
		name := fmt.Sprintf("step %d", p.Step+1)
		title := p.Title
		if p.Beside {
			title += " (side by side with others)"
		}
		if p.Attempt > 1 {
			title += fmt.Sprintf(" (attempt %d)", p.Attempt)
		}
		t.line(name, title, 0)
	case core.ToolRequested:
		t.began[p.Call.ID], t.calls[p.Call.ID] = e.At, p.Call
	case core.ToolSettled:
		t.tool(p, e.At)
	case core.ApprovalRequested:
		t.line("waiting", p.Question, 0)
	case core.ApprovalAnswered:
		t.line("answered", reply(p), 0)
	case core.VerdictGiven:
		t.line("  "+string(p.Verdict), p.Reason, since(t.step, e.At))
		if p.Verdict == core.Retry || p.Verdict == core.Replan {
			t.more(p.Feedback)
		}
	case core.TaskForked:
		t.line("forked", fmt.Sprintf("here from %s, after its event %d", p.From, p.At), 0)
	case core.TaskCancelRequested:
		t.line("cancel", p.Reason, 0)
	case core.TaskFinished:
		t.line(string(p.Status), p.Summary, since(t.planned, e.At))
	}
	return nil
}

// answered says who answers, if that isn't the very model that was asked for, and when it is
// another one than before.
func (t *timeline) answered(p core.ModelSettled) {
	by := p.Provider + "/" + p.Model
	if p.Provider == "" || by == t.by {
		return
	}
	if t.by != "" || p.Model != t.asked {
		t.line("  model", t.asked+": "+by+" answers", 0)
	}
	t.by = by
}

func (t *timeline) plan(p core.Plan, at time.Time) {
	t.line("plan", p.Title, since(t.planned, at))
	t.more(p.Summary)
	for i, s := range p.Steps {
		t.more(fmt.Sprintf("%d. %s", i+1, s.Title))
	}
	for _, n := range p.Notes {
		t.line("note", n, 0)
	}
}

func (t *timeline) tool(p core.ToolSettled, at time.Time) {
	c := t.calls[p.Call]
	what := c.Tool
	if c.Subject != "" {
		what += " " + c.Subject
	}
	switch {
	case p.Error != nil:
		what += ": " + p.Error.Msg
	case p.Evidence != nil:
		what += ": " + p.Evidence.Text
	case p.Failed:
		what += ": " + oneLine(p.Output.Text)
	}
	name := "  tool"
	if p.Failed || p.Error != nil {
		name = "  failed"
	}
	t.line(name, what, since(t.began[p.Call], at))
}

const wide = 78

// line prints a name, a text and, right-aligned, a duration.
func (t *timeline) line(name, text string, d time.Duration) {
	s := fmt.Sprintf("%-10s %s", name, oneLine(text))
	if d > 0 {
		s = fmt.Sprintf("%-*s %8s", wide, s, short(d))
	}
	fmt.Fprintln(t.w, s)
}

// more prints text under the line before it.
func (t *timeline) more(text string) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > 12 {
		lines = append(lines[:12], "…")
	}
	for _, l := range lines {
		if l = printable(l); l != "" {
			fmt.Fprintf(t.w, "%-10s %s\n", "", l)
		}
	}
}

// since returns the time from a beginning; none from what never began.
func since(began, at time.Time) time.Duration {
	if began.IsZero() {
		return 0
	}
	return at.Sub(began)
}

func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// oneLine makes text fit a line: no control characters, at most 160 characters.
func oneLine(s string) string {
	s = printable(strings.Join(strings.Fields(s), " "))
	if r := []rune(s); len(r) > 160 {
		s = string(r[:159]) + "…"
	}
	return s
}

func modelName(m string) string {
	if m == "blueprint" {
		return "the built-in planner"
	}
	return m
}

// reply is what a person said, or that nobody did.
func reply(p core.ApprovalAnswered) string {
	s := string(p.Answer)
	if p.Expired {
		s = "nobody did in time: " + s
	}
	if p.Always {
		s += ", always in this task"
	}
	if p.Text != "" {
		s += ": " + p.Text
	}
	return s
}
