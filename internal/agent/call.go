package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool"
)

const (
	maxBlob       = 16 << 20 // bytes of one text that is kept as a blob
	maxPlanAnswer = 64 << 10 // bytes of a plan or a judgement
)

// callModel stores the request, asks, and notes the answer.
func (d *drive) callModel(ctx context.Context, c CallModel) error {
	d.openTools(ctx)
	req, unready := d.request(ctx, c.Purpose)
	input := tokens(req)
	quote, ok, err := d.admitModel(ctx, input)
	if err != nil || !ok {
		return err
	}
	if d.state.Pending == nil {
		d.note(core.ModelRequested{Call: c.Call, Purpose: c.Purpose, Model: d.state.Model})
	}
	if err := d.flush(ctx, store.WorkKeep); err != nil {
		return err
	}
	var answer model.Answer
	err = d.interruptible(ctx, func(ctx context.Context) error {
		m, name, err := d.Models(d.scope, d.state.Task, d.state.Model)
		if err != nil {
			return err
		}
		if unready != nil {
			return unready
		}
		req.Model, req.MaxTokens = name, d.state.reply(quote.Price, input)
		hear, end := d.live(ctx, c)
		defer end()
		answer, err = model.Collect(ctx, m, req, hear)
		return err
	})
	if unsettled(err) {
		return err
	}
	usage := used(answer, err, input)
	settled := core.ModelSettled{Call: c.Call, Usage: usage, Error: core.Fail(err), Provider: answer.By.Provider, Model: answer.By.Model}
	stopped := err != nil && d.heard && c.Purpose == purposeWork && d.state.Created.Kind == core.KindChat
	if stopped {
		answer.Calls = nil
	}
	if err == nil || stopped { // who stops an answer keeps what it has said
		switch err := d.keepAnswer(ctx, c, answer, &settled); {
		case core.CodeOf(err) == core.Exhausted: // asked again, it would be as long
			settled.Text, settled.Calls, settled.Error = core.Content{}, nil, core.Fail(err)
		case err != nil:
			return err
		}
	}
	if err == nil || usage != (core.Usage{}) { // what was cut off is paid for, too
		price := quote.of(answer)
		settled.Cost, settled.Share = d.state.pays(price.Tokens(usage))
		settled.Prices = price.Version
	}
	d.note(settled)
	if errors.Is(err, model.ErrRefused) { // and no other model is asked
		d.note(giveUp(d.state, settled.Error).Record...)
	}
	return nil
}

// keepAnswer puts a model's answer into the event, its long texts into blobs.
func (d *drive) keepAnswer(ctx context.Context, c CallModel, a model.Answer, to *core.ModelSettled) (err error) {
	if c.Purpose != purposeWork {
		to.Text = core.Content{Text: core.Clip(a.Text, maxPlanAnswer)}
		return nil
	}
	if to.Text, err = d.content(ctx, a.Text); err != nil {
		return err
	}
	for i, call := range a.Calls {
		args, err := d.content(ctx, string(call.Arguments))
		if err != nil {
			return err
		}
		// Ids are ours: a provider's may repeat within a task.
		id := core.CallID(fmt.Sprintf("%sc%d", c.Call, i+1))
		to.Calls = append(to.Calls, core.CallContent{
			ID: id, Tool: call.Tool, Arguments: args, Subject: subject(call.Arguments), Problem: call.Problem,
		})
	}
	return nil
}

// subject is the argument that says best what a call is about.
func subject(args json.RawMessage) string {
	var a struct {
		Path    string   `json:"path"`
		Argv    []string `json:"argv"`
		Method  string   `json:"method"`
		URL     string   `json:"url"`
		Pattern string   `json:"pattern"`
	}
	_ = json.Unmarshal(args, &a) // what doesn't decode has no subject
	switch {
	case a.Path != "":
		return core.Clip(a.Path, 200)
	case len(a.Argv) > 0:
		return core.Clip(strings.Join(a.Argv, " "), 200)
	case a.URL != "":
		return core.Clip(strings.TrimSpace(a.Method+" "+a.URL), 200)
	}
	return core.Clip(a.Pattern, 200)
}

// callTool stores the request, runs the tool, and notes what came of it.
func (d *drive) callTool(ctx context.Context, c CallTool) error {
	d.openTools(ctx)
	t, known := d.tool(c)
	if c.Settle == nil && !known {
		c.Settle = &core.ToolSettled{Call: c.Call.ID, Failed: true, Output: core.Content{Text: "there is no tool " + c.Call.Tool}}
	}
	if c.Settle == nil {
		if asked, err := d.permit(ctx, &c, t.Spec()); err != nil || asked {
			return err
		}
	}
	quote, ok, err := d.admitTool(ctx, c, t)
	if err != nil || !ok {
		return err
	}
	effect := core.Pure
	if c.Settle == nil {
		if effect = t.Spec().Effect; t.Spec().Resumes {
			effect = core.Idempotent
		}
	}
	if c.Settle == nil && c.Call.Tool == Delegate {
		c.Call.Subject = string(core.SubtaskOf(c.Call.ID)) // for those who want to follow it
		d.note(core.ToolRequested{Call: c.Call, Effect: core.Idempotent})
		return nil
	}
	workspace := d.workspace()
	switch {
	case c.Settle != nil:
	case t.Spec().Bare:
		workspace = tool.Workspace{}
	default:
		if err := d.openWorkspace(ctx); err != nil {
			if !lasting(err) || d.state.stopping() {
				return err
			}
			d.note(giveUp(d.state, core.Fail(err)).Record...)
			return nil
		}
		if effect == core.Once {
			if err := d.marks(c.Call.ID); err != nil {
				return err
			}
		}
	}
	if d.state.Pending == nil || d.state.answer(c.Call.ID).Answer != "" {
		d.note(core.ToolRequested{Call: c.Call, Effect: effect, Undo: c.Undo})
	}
	if c.Settle != nil {
		d.note(*c.Settle)
		return nil
	}
	if err := d.flush(ctx, store.WorkKeep); err != nil {
		return err
	}
	begun := d.Now()
	res, err := d.runTool(ctx, t, c, workspace)
	if unsettled(err) {
		return err
	}
	took, away := d.Now().Sub(begun), errors.Is(err, tool.ErrAway)
	settled, err := d.settle(ctx, c, effect, res, err)
	if err != nil {
		return err
	}
	free := away || t.Spec().FreeIfFailed && (settled.Failed || settled.Error != nil)
	ours := settled.Error != nil && settled.Error.Code != core.Canceled && took < t.Spec().Timeout // what fails for the platform's reasons costs nothing
	if !free && !ours {
		settled.Cost, settled.Share = d.state.pays(quote.Took(took))
		settled.Prices = quote.Version
	}
	d.note(settled)
	return nil
}

// runTool makes the call, and tells by the error why it ended early.
func (d *drive) runTool(ctx context.Context, t tool.Tool, c CallTool, w tool.Workspace) (res tool.Result, err error) {
	err = d.interruptible(ctx, func(ctx context.Context) error {
		args, err := d.text(ctx, c.Call.Arguments)
		if err != nil {
			return err
		}
		res, err = t.Call(ctx, tool.Call{
			Scope: d.scope, Task: d.state.Task, ID: c.Call.ID, Arguments: []byte(args), Workspace: w,
			Facts: tool.Facts{Prompt: d.state.Created.Prompt, App: d.state.Created.App, Base: d.state.Created.Base, Checkout: d.state.Created.Checkout, Turn: d.state.Created.Turn},
		})
		return err
	})
	return res, err
}

// settle makes the event of a tool's result.
func (d *drive) settle(ctx context.Context, c CallTool, effect core.Effect, res tool.Result, err error) (core.ToolSettled, error) {
	s := core.ToolSettled{Call: c.Call.ID, Failed: res.Failed, Evidence: res.Evidence, Data: res.Data, Undo: res.Undo}
	switch code := core.CodeOf(err); {
	case err == nil:
	case code == core.Invalid, code == core.NotFound, errors.Is(err, tool.ErrAway): // the model's to mend, or to do without
		s.Failed = true
		res.Output = err.Error()
		if h := core.HintOf(err); h != "" {
			res.Output += "\n" + h
		}
	default:
		s.Error = core.Fail(err)
	}
	s.Output, err = d.content(ctx, res.Output)
	if err == nil && effect != core.Pure && d.opened {
		s.Tree, err = d.snapshot(ctx)
	}
	if core.CodeOf(err) == core.Exhausted { // made again, the call would leave as much
		return unkept(s, err), nil
	}
	return s, err
}

// unkept is the outcome of a call that left more than can be kept.
func unkept(s core.ToolSettled, err error) core.ToolSettled {
	s.Output = core.Content{Text: core.Clip("The call was made, but what it left can't be kept: "+err.Error(), core.MaxInline)}
	s.Failed = true
	return s
}

// interruptible runs f with a context that also ends when the task is canceled,
// and tells by the error why it ended early. Nobody watches for that at first: most calls
// are over by then.
func (d *drive) interruptible(ctx context.Context, f func(context.Context) error) error {
	const short = 50 * time.Millisecond
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if !d.state.Canceling {
		done, after := make(chan struct{}), d.state.Version
		watch := time.AfterFunc(short, func() {
			defer close(done)
			d.watchCancel(ctx, cancel, after)
		})
		defer func() {
			if cancel(nil); !watch.Stop() {
				<-done
			}
		}()
	}
	err := f(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		if d.heard = errors.Is(cause, errCanceled); d.heard {
			return core.E(core.Canceled, "call", "canceled")
		}
		return cause
	}
	return err
}

// unsettled reports whether a call ended for a reason that leaves its outcome
// open: the next worker decides by the tool's effect.
func unsettled(err error) bool {
	return errors.Is(err, errShutdown) || store.LeaseLost(err)
}

// watchCancel ends the call when somebody asks for the task to be canceled.
func (d *drive) watchCancel(ctx context.Context, cancel context.CancelCauseFunc, after int64) {
	changed, stop := d.Changed(d.lease.Org, d.lease.Stream) // before the look, so that nothing is missed
	defer stop()
	poll := time.NewTicker(d.Poll) // for a wake-up, or a read, that failed
	defer poll.Stop()
	for {
		es, err := d.Events.ReadStream(ctx, d.lease.Org, d.lease.Stream, after, 100)
		if err == nil {
			for _, e := range es {
				after = e.Version
				if e.Type == (core.TaskCancelRequested{}).EventType() {
					cancel(errCanceled)
					return
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-poll.C:
		}
	}
}

// content keeps a text in the event, or in a blob if it is long.
func (d *drive) content(ctx context.Context, s string) (core.Content, error) {
	if len(s) <= core.MaxInline {
		return core.Content{Text: s}, nil
	}
	digest, size, err := d.Blobs.Put(ctx, d.lease.Org, strings.NewReader(s), maxBlob)
	if err != nil {
		return core.Content{}, fmt.Errorf("keep text: %w", err)
	}
	return core.Content{Blob: digest, Size: size}, nil
}

// text is the reverse of content.
func (d *drive) text(ctx context.Context, c core.Content) (string, error) {
	if c.Blob == "" {
		return c.Text, nil
	}
	b, size, err := blob.Head(ctx, d.Blobs, d.lease.Org, c.Blob, maxBlob)
	if err == nil && size > maxBlob {
		err = core.E(core.Internal, "agent.text", "a text of "+strconv.FormatInt(size, 10)+" bytes")
	}
	if err != nil {
		return "", fmt.Errorf("read text: %w", err)
	}
	return string(b), nil
}
