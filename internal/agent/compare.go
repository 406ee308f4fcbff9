package agent

import (
	"context"
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
)

// Comparison is how two tasks differ.
type Comparison struct {
	A, B  State
	Lines string // unified: what the one did and the other, a line each
	Files []blob.FileDiff
}

// Compare returns how a task differs from another: in what was wanted and done, and in the files.
// The files of a task that works in a folder of the operator's aren't known: they are left out.
func (s *Service) Compare(ctx context.Context, scope core.Scope, blobs blob.Store, a, b core.TaskID) (Comparison, error) {
	var c Comparison
	var lines [2]string
	for i, id := range []core.TaskID{a, b} {
		st, err := s.Get(ctx, scope, id)
		if err != nil {
			return c, err
		}
		if i == 0 {
			c.A = st
		} else {
			c.B = st
		}
		if lines[i], err = s.lines(ctx, scope, st); err != nil {
			return c, err
		}
	}
	c.Lines = udiff.Unified(string(a), string(b), lines[0], lines[1])
	if c.A.Created.Workspace != "" || c.B.Created.Workspace != "" {
		return c, nil
	}
	var err error
	c.Files, err = blob.Diff(ctx, blobs, scope.Org, c.A.Tree, c.B.Tree)
	return c, err
}

// lines says what a task did, a line for each step, call and verdict, without what differs each
// time: ids and times.
func (s *Service) lines(ctx context.Context, scope core.Scope, st State) (string, error) {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString(strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " ") + "\n")
	}
	calls := map[core.CallID]core.CallContent{}
	for after := int64(0); after < st.Version; {
		events, err := s.Events.ReadStream(ctx, scope.Org, st.Task.Stream(), after, 500)
		if err != nil || len(events) == 0 {
			return b.String(), err
		}
		for _, e := range events {
			after = e.Version
			p, err := e.Payload()
			if err != nil {
				return "", err
			}
			switch p := p.(type) {
			case core.TaskCreated:
				line("prompt: %s", p.Prompt)
				line("model: %s", p.Model)
			case core.ModelSwitched:
				line("model: %s, because %s", p.To, p.Reason)
			case core.TaskPlanned:
				line("plan: %s", p.Plan.Title)
			case core.StepStarted:
				line("step %d, attempt %d: %s", p.Step+1, p.Attempt, p.Title)
			case core.ToolRequested:
				calls[p.Call.ID] = p.Call
			case core.ToolSettled:
				line("  %s", outcomeLine(calls[p.Call], p))
			case core.ApprovalAnswered:
				line("  answer: %s %s", p.Answer, p.Text)
			case core.VerdictGiven:
				line("  %s: %s", p.Verdict, p.Reason)
			case core.TaskFinished:
				line("%s: %s", p.Status, p.Summary)
				line("answer: %s", core.Clip(p.Answer.Text, core.MaxInline))
			}
		}
	}
	return b.String(), nil
}

// outcomeLine is a call with what came of it.
func outcomeLine(c core.CallContent, p core.ToolSettled) string {
	how := "ok"
	switch {
	case p.Denied:
		how = "denied"
	case p.Looped:
		how = "not made again"
	case p.Error != nil:
		how = "error: " + p.Error.Msg
	case p.Failed:
		how = "failed: " + firstLine(p.Output.Text)
	case p.Evidence != nil:
		how = p.Evidence.Text
	}
	return fmt.Sprintf("%s %s: %s", c.Tool, c.Subject, how)
}
