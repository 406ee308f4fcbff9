// Package mcpserver is Isekai as an MCP server (modelcontextprotocol.io): what agents elsewhere
// may do with tasks and apps, with what a project remembers and the skills that it has, and what
// they know of its MCP servers.
//
// It stands on the API's client alone, so that each tool takes the scope that its route takes,
// counts against the same limits and is in the same audit log. httpapi serves it at /mcp over
// streamable HTTP, to whom a request's own credential stands for; cli on standard input and
// output, as isekai mcp serve. It keeps no session and no secret.
package mcpserver

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// New returns the server. of returns the API as who asks has it.
func New(version string, of func(context.Context) (*client.Client, error)) *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "isekai", Title: "Isekai", Version: version}, &mcp.ServerOptions{
		Instructions: "Isekai turns prompts into finished tasks and running, tested web apps. create_task starts one; task_events says how far it is; cancel_task stops it. What it makes of kind app is in list_apps. " +
			"recall finds what the project knows; skills teach its tasks jobs.",
	})
	t := &tools{server: s, of: of}
	t.tasks()
	t.apps()
	t.memory()
	t.skills()
	t.others()
	return s
}

// tools registers tools.
type tools struct {
	server *mcp.Server
	of     func(context.Context) (*client.Client, error)
}

// add registers a tool whose answer is JSON, in an object.
func add[In any](t *tools, def mcp.Tool, f func(context.Context, *client.Client, In) (any, error)) {
	mcp.AddTool(t.server, &def, func(ctx context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
		api, err := t.of(ctx)
		if err != nil {
			return failed(err), nil, nil
		}
		v, err := f(ctx, api, in)
		if err != nil {
			return failed(err), nil, nil
		}
		b, err := json.Marshal(v)
		if err != nil {
			return failed(err), nil, nil
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: string(b)}}, StructuredContent: json.RawMessage(b)}, nil, nil
	})
}

// failed is an answer that says what went wrong, and how to go on.
func failed(err error) *mcp.CallToolResult {
	f := core.Fail(err)
	text := string(f.Code) + ": " + f.Msg
	if f.Hint != "" {
		text += "\n" + f.Hint
	}
	return &mcp.CallToolResult{IsError: true, Content: []mcp.Content{&mcp.TextContent{Text: strings.ToValidUTF8(text, "?")}}}
}

// reads is the hint of a tool that changes nothing, writes of one that does.
func reads(title string) *mcp.ToolAnnotations {
	closed := false
	return &mcp.ToolAnnotations{Title: title, ReadOnlyHint: true, OpenWorldHint: &closed}
}

func writes(title string, destructive, idempotent bool) *mcp.ToolAnnotations {
	return &mcp.ToolAnnotations{Title: title, DestructiveHint: &destructive, IdempotentHint: idempotent}
}

// list wraps what is in a list: structured content is an object.
func list[T any](items []T, next string) map[string]any {
	if items == nil {
		items = []T{}
	}
	m := map[string]any{"items": items}
	if next != "" {
		m["next"] = next
	}
	return m
}
