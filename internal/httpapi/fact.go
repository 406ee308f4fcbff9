package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/recall"
)

type (
	newFact  struct{ Body client.NewFact }
	factPath struct {
		Memory string `path:"memory" maxLength:"64" example:"mem_01hx"`
	}
)

// facts are the routes to what a project remembers.
func (s *server) facts() {
	tags := []string{"memory"}
	const path = "/v1/memories"
	handle(s, identity.MemoryRead, huma.Operation{
		OperationID: "list-memories", Method: http.MethodGet, Path: path, Summary: "List all that the project remembers", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, _ *struct{}) (*reply[[]client.Fact], error) {
		all, err := s.cfg.Memory.Remembered(ctx, scope)
		return replied(all, err, func(all []recall.Fact) []client.Fact { return each(all, wireFact) })
	})
	handle(s, identity.MemoryWrite, huma.Operation{
		OperationID: "remember", Method: http.MethodPost, Path: path, Summary: "Remember a fact", Tags: tags, DefaultStatus: http.StatusCreated,
		Description: "Denied until the project has said that facts may be remembered.",
	}, func(ctx context.Context, scope core.Scope, in *newFact) (*reply[client.Fact], error) {
		f, err := s.cfg.Memory.Remember(ctx, scope, recall.NewFact{Text: in.Body.Text, Days: in.Body.Days})
		if err == nil {
			err = s.recordOf(ctx, scope, "memory.remember", f.ID, nil)
		}
		return replied(f, err, wireFact)
	})
	handle(s, identity.MemoryWrite, huma.Operation{
		OperationID: "forget", Method: http.MethodDelete, Path: path + "/{memory}", Summary: "Forget a fact", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *factPath) (*struct{}, error) {
		err := s.cfg.Memory.Forget(ctx, scope, in.Memory)
		if err == nil {
			err = s.recordOf(ctx, scope, "memory.forget", in.Memory, nil)
		}
		return nil, err
	})
	handle(s, identity.MemoryWrite, huma.Operation{
		OperationID: "forget-all", Method: http.MethodDelete, Path: path, Summary: "Forget all that the project remembers", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, _ *struct{}) (*reply[client.Counted], error) {
		n, err := s.cfg.Memory.ForgetAll(ctx, scope)
		if err == nil {
			err = s.recordOf(ctx, scope, "memory.forget", "all", map[string]string{"count": strconv.Itoa(n)})
		}
		return replied(n, err, countOf)
	})
}

func wireFact(f recall.Fact) client.Fact {
	w := client.Fact{ID: f.ID, Text: f.Text, By: f.By, Task: f.Task, Source: f.Source, State: string(f.State), Why: f.Why, Created: f.Created}
	if !f.Expires.IsZero() {
		w.Expires = &f.Expires
	}
	return w
}
