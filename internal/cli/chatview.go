package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/isekai-run/isekai/internal/cli/markdown"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// maxShown bounds the outputs of a conversation that can be opened.
const maxShown = 100

// chatView shows a turn's events to a person: what the model says as it comes, all else a
// line each.
type chatView struct {
	w     io.Writer
	style bool
	md    *markdown.Writer
	call  core.CallID // whose text is shown
	said  strings.Builder
	calls map[core.CallID]core.CallContent
	shown []string // outputs, by the number that is shown with each
}

// newChatView shows on a terminal in raw mode or not: the ends of lines are right in both.
func newChatView(f *os.File, style bool) *chatView {
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		width = 80
	}
	w := returning{f}
	return &chatView{w: w, style: style, calls: map[core.CallID]core.CallContent{},
		md: markdown.New(w, markdown.Config{Width: width, Style: style, Clean: printable})}
}

// show shows an event of the turn, or of a part of it, so deep below.
func (v *chatView) show(e core.Event, depth int) error {
	p, err := e.Payload()
	if err != nil {
		return err
	}
	line := func(s string) { v.line(depth, s) }
	switch p := p.(type) {
	case core.TaskCreated:
		if depth > 0 {
			line("part: " + p.Prompt)
		}
	case core.ModelStreamed:
		if depth == 0 {
			return v.streamed(p)
		}
	case core.IntentRouted:
		if p.Intent.Route != core.RouteChat {
			line(fmt.Sprintf("routed to %s: %s (%.2f); /route chat and /retry answer here", p.Intent.Route, p.Intent.Reason, p.Intent.Confidence))
		}
	case core.ToolRequested:
		v.calls[p.Call.ID] = p.Call
	case core.ToolSettled:
		v.tool(p, depth)
	case core.StepStarted:
		line(fmt.Sprintf("step %d: %s", p.Step+1, p.Title))
	case core.SubtaskFinished:
		line(fmt.Sprintf("%s: %s", p.Task, p.Status))
		if p.App != "" {
			line("app " + string(p.App) + ": isekai app open " + string(p.App))
		}
	case core.ModelSwitched:
		line(p.From + " can't be used: " + modelName(p.To) + " goes on")
	}
	return nil
}

// streamed shows the part of a text that wasn't yet.
func (v *chatView) streamed(p core.ModelStreamed) error {
	if p.Call != v.call {
		if err := v.md.Close(); err != nil {
			return err
		}
		v.call = p.Call
		v.said.Reset()
	}
	known := v.said.Len() - p.Offset
	if known < 0 || known >= len(p.Text) {
		return nil // its end shows what is missing; or it was shown
	}
	v.said.WriteString(p.Text[known:])
	_, err := v.md.Write([]byte(p.Text[known:]))
	return err
}

// tool shows a call and how it went.
func (v *chatView) tool(p core.ToolSettled, depth int) {
	c := v.calls[p.Call]
	mark, what := "✓", strings.TrimSpace(c.Tool+" "+c.Subject)
	switch {
	case p.Error != nil:
		mark, what = "✗", what+": "+p.Error.Msg
	case p.Denied:
		mark, what = "✗", what+": not allowed"
	case p.Failed:
		mark = "✗"
	}
	if len(v.shown) < maxShown && p.Output.Text != "" {
		v.shown = append(v.shown, p.Output.Text)
		what = fmt.Sprintf("%s  [/show %d]", cut(what, 120), len(v.shown))
	}
	v.line(depth, mark+" "+what)
}

// end shows what of a turn's outcome wasn't.
func (v *chatView) end(t client.TaskDetail) {
	said, answer := strings.TrimSpace(v.said.String()), strings.TrimSpace(t.Answer)
	if rest, ok := strings.CutPrefix(answer, said); ok {
		answer = rest
	} else {
		_ = v.md.Close() // its writer's error comes again
	}
	_, _ = v.md.Write([]byte(answer))
	_ = v.md.Close()
	v.call = ""
	v.said.Reset()
}

// dim shows a line that isn't the answer.
func (v *chatView) dim(s string) { v.line(0, s) }

// line is dim, for what is so deep below the turn.
func (v *chatView) line(depth int, s string) {
	_ = v.md.Close() // the terminal is gone with its writer
	if s = strings.Repeat("  ", depth) + oneLine(s); v.style {
		s = "\x1b[2m" + s + "\x1b[0m"
	}
	fmt.Fprintln(v.w, s)
}

// open shows the output of a call in full.
func (v *chatView) open(n int) bool {
	if n < 1 || n > len(v.shown) {
		return false
	}
	fmt.Fprintln(plain{v.w}, strings.TrimRight(v.shown[n-1], "\n"))
	return true
}

// message shows what was said, by a person or by a model.
func (v *chatView) message(m client.Message) {
	if m.Role == "user" {
		for l := range strings.Lines(m.Text) {
			fmt.Fprintln(v.w, "> "+printable(strings.TrimSuffix(l, "\n")))
		}
		return
	}
	_, _ = v.md.Write([]byte(strings.TrimSpace(m.Text))) // its writer's error comes again
	_ = v.md.Close()
	if m.Error != nil {
		v.dim(string(m.Status) + ": " + m.Error.Msg)
	}
}
