package redact

import (
	"context"
	"iter"
	"slices"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/tool"
)

// Model returns a model that gets what the org's policy lets go: the system's text, every
// message, the arguments of calls and the descriptions of tools. A request that is refused
// fails with denied before anything is sent. The Brief, which no provider reads, stays.
func (s *Service) Model(scope core.Scope, inner model.Model) model.Model {
	return &guardedModel{s, scope, inner}
}

type guardedModel struct {
	service *Service
	scope   core.Scope
	inner   model.Model
}

// Stream implements model.Model.
func (m *guardedModel) Stream(ctx context.Context, r model.Request) iter.Seq2[model.Chunk, error] {
	clean, err := m.clean(ctx, r)
	if err != nil {
		return func(yield func(model.Chunk, error) bool) { yield(model.Chunk{}, err) }
	}
	return m.inner.Stream(ctx, clean)
}

const toModel = "model"

func (m *guardedModel) clean(ctx context.Context, r model.Request) (model.Request, error) {
	var err error
	if r.System, err = m.service.Text(ctx, m.scope, toModel, r.System); err != nil {
		return r, err
	}
	r.Messages = slices.Clone(r.Messages)
	for i := range r.Messages {
		msg := &r.Messages[i]
		if msg.Text, err = m.service.Text(ctx, m.scope, toModel, msg.Text); err != nil {
			return r, err
		}
		msg.Calls = slices.Clone(msg.Calls)
		for j := range msg.Calls {
			c := &msg.Calls[j]
			if c.Arguments, err = m.service.JSON(ctx, m.scope, toModel, c.Arguments); err != nil {
				return r, err
			}
		}
	}
	r.Tools = slices.Clone(r.Tools)
	for i := range r.Tools {
		if r.Tools[i].Description, err = m.service.Text(ctx, m.scope, toModel, r.Tools[i].Description); err != nil {
			return r, err
		}
	}
	return r, nil
}

// Tool returns a tool that gets the arguments that the policy of the call's org lets go, and
// whose output shows what that lets go. A call that is refused fails with denied before the
// tool knows of it; an output that is refused is withheld, since the call was made.
func (s *Service) Tool(inner tool.Tool) tool.Tool { return &guardedTool{s, inner} }

type guardedTool struct {
	service *Service
	inner   tool.Tool
}

// Spec implements tool.Tool.
func (t *guardedTool) Spec() tool.Spec { return t.inner.Spec() }

// Call implements tool.Tool.
func (t *guardedTool) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	where := "tool " + t.inner.Spec().Name
	var err error
	if c.Arguments, err = t.service.JSON(ctx, c.Scope, where, c.Arguments); err != nil {
		return tool.Result{}, err
	}
	r, err := t.inner.Call(ctx, c)
	if err != nil {
		return r, err
	}
	r.Output, err = t.service.Text(ctx, c.Scope, where, r.Output)
	if err != nil {
		r.Output = "[withheld: " + err.Error() + "]"
	}
	return r, nil
}
