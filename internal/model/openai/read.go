package openai

import (
	"errors"
	"io"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/openai/wire"
)

// read hands the answer on from the first event to the end, or until yield
// returns false.
func (x *exchange) read(canonical *model.Canonical, yield func(model.Chunk) bool) error {
	var native wire.Calls
	var last *core.Usage
	spoken, reason := false, ""
	if x.by != nil && !yield(model.Chunk{By: x.by, Price: x.price}) {
		return nil
	}
	e, err := x.first, error(nil)
	for ; err == nil; e, err = x.again() {
		if e.Usage != nil {
			last = &core.Usage{Input: e.Usage.Input, Output: e.Usage.Output}
			last.Cached, last.CacheWrite = e.Usage.Cache()
		}
		for _, c := range e.Choices {
			if c.FinishReason != "" {
				reason = c.FinishReason
			}
			for _, p := range []wire.Part{c.Delta, c.Message} {
				for _, t := range p.ToolCalls {
					native.Add(t)
				}
				if f := p.FunctionCall; f != nil {
					native.Add(wire.ToolCall{Index: new(int), Function: *f})
				}
				text := p.String()
				spoken = spoken || text != ""
				if text = canonical.Text(text); text != "" && !yield(model.Chunk{Text: text}) {
					return nil
				}
			}
		}
	}
	if !errors.Is(err, io.EOF) && reason == "" {
		return cause(x.ctx, err)
	}
	if reason == "content_filter" && !spoken && len(native) == 0 {
		return errFiltered
	}
	for _, c := range native {
		canonical.Native(c.ID, c.Name, c.Arguments())
	}
	return finish(canonical, last, yield)
}

// again waits for the next event.
func (x *exchange) again() (wire.Event, error) {
	x.timer.Stop()
	x.timer = time.AfterFunc(x.idle, func() { x.cancel(errIdle) })
	return x.next()
}

// finish hands on what comes at the end: held text, calls, usage, Done.
func finish(canonical *model.Canonical, u *core.Usage, yield func(model.Chunk) bool) error {
	text, found := canonical.End()
	if text != "" && !yield(model.Chunk{Text: text}) {
		return nil
	}
	for i := range found {
		if !yield(model.Chunk{Call: &found[i]}) {
			return nil
		}
	}
	yield(model.Chunk{Usage: u, Done: true})
	return nil
}
