package redact

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"slices"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// Model returns a model that gets what the org's policy lets go: the system's text, every
// message, the calls with their arguments, and the descriptions and schemas of tools. A
// request that is refused fails with denied (model.ErrRefused) before anything is sent. The
// Brief, which no provider reads, stays; answers come as they are.
func (s *Service) Model(scope core.Scope, task core.TaskID, inner model.Model) model.Model {
	return &guardedModel{s, scope, task, inner}
}

type guardedModel struct {
	service *Service
	scope   core.Scope
	task    core.TaskID
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

func (m *guardedModel) clean(ctx context.Context, r model.Request) (model.Request, error) {
	l, err := m.service.look(ctx, Sighting{Scope: m.scope, Task: m.task, Where: "model"})
	if err != nil {
		return r, err
	}
	defer l.tell(ctx)
	if r.System, err = l.text(r.System); err != nil {
		return r, err
	}
	if r.Messages, err = l.messages(r.Messages); err != nil {
		return r, err
	}
	r.Tools = slices.Clone(r.Tools)
	for i := range r.Tools {
		t := &r.Tools[i]
		if t.Description, err = l.text(t.Description); err != nil {
			return r, err
		}
		if t.Schema, err = l.schema(t.Schema); err != nil {
			return r, err
		}
	}
	return r, nil
}

// schema is json for what is the same in each request, and mostly plain.
func (l *look) schema(raw json.RawMessage) (json.RawMessage, error) {
	if bytes.IndexByte(raw, '\\') < 0 && len(l.scanner.Find(string(raw))) == 0 {
		return raw, nil
	}
	return l.json(raw)
}

// messages returns those that may go; the given ones stay what they are.
func (l *look) messages(all []model.Message) (_ []model.Message, err error) {
	all = slices.Clone(all)
	for i := range all {
		m := &all[i]
		if m.Text, err = l.text(m.Text); err != nil {
			return nil, err
		}
		m.Calls = slices.Clone(m.Calls)
		for j := range m.Calls {
			if err := l.call(&m.Calls[j]); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

func (l *look) call(c *core.Call) (err error) {
	if c.Tool, err = l.text(c.Tool); err != nil {
		return err
	}
	if c.Problem, err = l.text(c.Problem); err != nil {
		return err
	}
	var args json.RawMessage
	args, err = l.json(c.Arguments)
	c.Arguments = args
	return err
}
