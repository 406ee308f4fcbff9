package mcp

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Tools implements tool.Source: the tools of the project's servers that are on and that its
// records allow. Servers that don't answer in time are named in the error; the tools of the
// others come with it.
func (s *Service) Tools(ctx context.Context, scope core.Scope, task core.TaskID) ([]tool.Tool, error) {
	all, err := s.Servers(ctx, scope)
	if err != nil {
		return nil, err
	}
	of, errs := make([][]Offer, len(all)), make([]error, len(all))
	var wg sync.WaitGroup
	for i, srv := range all {
		if srv.Off {
			continue
		}
		wg.Go(func() {
			if of[i], errs[i] = s.Offers(ctx, tool.Call{Scope: scope, Task: task}, srv, false); errs[i] != nil {
				errs[i] = fmt.Errorf("the tools of %s: %w", srv.Name, errs[i])
			}
		})
	}
	wg.Wait()
	var tools []tool.Tool
	for i, srv := range all {
		for _, o := range of[i] {
			if o.Allowed {
				tools = append(tools, &foreign{service: s, server: srv, offer: o})
			}
		}
	}
	return tools, errors.Join(errs...)
}

// foreign is a tool of a server's.
type foreign struct {
	service *Service
	server  Server
	offer   Offer
}

// Spec implements tool.Tool.
func (f *foreign) Spec() tool.Spec {
	return tool.Spec{
		Name: f.offer.Name, Version: fmt.Sprint(f.server.Version), Description: f.description(), Schema: f.offer.Schema, Effect: f.offer.Effect,
		Timeout: f.server.timeout() + cancelGrace, Bare: true,
		Contained: f.server.Transport == Stdio, // its box has no network
	}
}

// description says whose words follow: a model takes no orders from them.
func (f *foreign) description() string {
	words := f.offer.Description
	if words == "" {
		words = "(none)"
	}
	return "The tool " + line(f.offer.Tool) + " of the MCP server " + f.server.Name + ", which describes it so: " + words
}

// Call implements tool.Tool. The record of the server counts as it is now.
func (f *foreign) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	now, err := f.service.Server(ctx, c.Scope, f.server.Name)
	if err != nil {
		return tool.Result{}, err
	}
	if now.ID != f.server.ID {
		return tool.Result{}, missing(f.server.Name)
	}
	effect := f.offer.Effect
	if !now.Trust {
		effect = core.Once
	}
	return f.service.call(ctx, c, now, f.offer.Tool, effect)
}
