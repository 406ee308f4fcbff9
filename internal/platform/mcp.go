package platform

import (
	"context"
	"errors"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/mcp"
	"github.com/isekai-run/isekai/internal/redact"
	"github.com/isekai-run/isekai/internal/tool"
)

// openMCP opens projects' MCP servers. Nothing of them is started by it.
func (n *node) openMCP(context.Context) error {
	way, err := n.cfg.Egress.streams(mcp.MaxTimeout)
	if err != nil {
		return err
	}
	n.stages.add("connections with MCP servers", func(context.Context) error { way.Close(); return nil })
	n.mcp, err = mcp.New(mcp.Config{
		Records: n.store, Blobs: n.blobs, Boxes: n.sandbox, Outside: outside{way, n.secrets}, Dir: n.dir.Join("mcp"), Log: n.log,
		Taken:    func(name string) bool { _, taken := n.tools.Get(name); return taken },
		Provider: n.secrets.ProviderOf,
	})
	if err != nil {
		return err
	}
	n.stages.add("MCP servers", n.mcp.Shutdown)
	n.sources = append(n.sources, guardedSource{n.mcp, n.guard})
	if n.mode == cli.Direct {
		return nil
	}
	return n.mcp.Sweep()
}

// guardedSource is a source whose tools get no secrets but those that may leave: see
// redact.Service.Tool.
type guardedSource struct {
	tool.Source
	guard *redact.Service
}

// Tools implements tool.Source.
func (s guardedSource) Tools(ctx context.Context, scope core.Scope, task core.TaskID) ([]tool.Tool, error) {
	all, err := s.Source.Tools(ctx, scope, task)
	if err != nil {
		err = errors.Join(errors.New("some MCP servers' tools aren't there"), err)
	}
	return guarded(s.guard, all), err
}
