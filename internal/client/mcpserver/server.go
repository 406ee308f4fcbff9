// Package mcpserver is Isekai as an MCP server (modelcontextprotocol.io): what agents elsewhere
// may do with tasks and apps, and what they know of a project's MCP servers.
//
// It stands on the API's client alone, so that each tool takes the scope that its route takes,
// counts against the same limits and is in the same audit log. httpapi serves it at /mcp over
// streamable HTTP, to whom a request's own credential stands for; cli on standard input and
// output, as isekai mcp serve. It keeps no session and no secret.
package mcpserver

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// API is what the tools call. *client.Client is one.
type API interface {
	CreateTask(ctx context.Context, n client.NewTask, idempotencyKey string) (client.TaskDetail, error)
	Tasks(ctx context.Context, o client.ListOptions) (client.Page[client.Task], error)
	Task(ctx context.Context, id core.TaskID) (client.TaskDetail, error)
	TaskEvents(ctx context.Context, id core.TaskID, after int64) iter.Seq2[client.Event, error]
	CancelTask(ctx context.Context, id core.TaskID, reason string) (client.TaskDetail, error)
	Apps(ctx context.Context, o client.ListOptions) (client.Page[client.App], error)
	App(ctx context.Context, id core.AppID) (client.AppDetail, error)
	ChangeApp(ctx context.Context, app core.AppID, n client.NewChange, idempotencyKey string) (client.TaskDetail, error)
	Logs(ctx context.Context, id core.AppID, follow bool) iter.Seq2[client.LogLine, error]
	MCPServers(ctx context.Context) ([]client.MCPServer, error)
	MCPTools(ctx context.Context, name string) ([]client.MCPTool, error)
}

// New returns the server. of returns the API for who asks, of which header is that of the HTTP
// request, if there is one.
func New(version string, of func(ctx context.Context, header http.Header) (API, error)) *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "isekai", Title: "Isekai", Version: version}, &mcp.ServerOptions{
		Instructions: "Isekai turns prompts into finished tasks and running, tested web apps. create_task starts one; task_events says how far it is; cancel_task stops it. What it makes of kind app is in list_apps.",
	})
	t := &tools{server: s, of: of}
	t.tasks()
	t.apps()
	t.others()
	return s
}

// tools registers tools.
type tools struct {
	server *mcp.Server
	of     func(context.Context, http.Header) (API, error)
}

// add registers a tool whose answer is JSON, in an object.
func add[In any](t *tools, def mcp.Tool, f func(context.Context, API, In) (any, error)) {
	mcp.AddTool(t.server, &def, func(ctx context.Context, r *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
		var header http.Header
		if r.Extra != nil {
			header = r.Extra.Header
		}
		api, err := t.of(ctx, header)
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
