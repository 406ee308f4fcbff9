package mcpserver

import (
	"context"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

type (
	newTask struct {
		Prompt  string `json:"prompt" jsonschema:"what is wanted, 1 to 5,000 characters"`
		Kind    string `json:"kind,omitempty" jsonschema:"app: a running, tested web app (default); task: work with tools in a workspace"`
		Model   string `json:"model,omitempty" jsonschema:"a configured model; default: the first configured"`
		Credits int64  `json:"credits,omitempty" jsonschema:"micro-credits that it may use, where tasks are charged"`
		Key     string `json:"idempotency_key,omitempty" jsonschema:"a text of your own: a call with the same one makes no second task"`
	}
	taskID struct {
		Task string `json:"task" jsonschema:"the task's id, tsk_..."`
	}
	taskCancel struct {
		taskID
		Reason string `json:"reason,omitempty"`
	}
	taskEvents struct {
		taskID
		After int64 `json:"after,omitempty" jsonschema:"version of the last event that you have; default: from the first"`
		Wait  int   `json:"wait_seconds,omitempty" jsonschema:"how long to wait for new ones if there are none, at most 25"`
	}
	page struct {
		Status string `json:"status,omitempty" jsonschema:"only those"`
		Limit  int    `json:"limit,omitempty" jsonschema:"at most so many, up to 200"`
		Cursor string `json:"cursor,omitempty" jsonschema:"next of the page before"`
	}
	appID struct {
		App string `json:"app" jsonschema:"the app's id, app_..."`
	}
	appChange struct {
		appID
		Prompt string `json:"prompt" jsonschema:"what to change, 1 to 5,000 characters"`
		Model  string `json:"model,omitempty"`
		Key    string `json:"idempotency_key,omitempty" jsonschema:"a text of your own: a call with the same one makes no second change"`
	}
	serverName struct {
		Server string `json:"server" jsonschema:"the server's name"`
	}
)

func (t *tools) tasks() {
	add(t, mcp.Tool{Name: "create_task", Description: "Start a task: a web app from a prompt, or work with tools. It goes on by itself; task_events says how far it is.", Annotations: writes("Create a task", false, false)},
		func(ctx context.Context, api *client.Client, in newTask) (any, error) {
			n := client.NewTask{Kind: core.TaskKind(in.Kind), Prompt: in.Prompt, Model: in.Model, Limits: client.Limits{Credits: core.Credits(in.Credits)}}
			if n.Kind == "" {
				n.Kind = core.KindApp
			}
			return api.CreateTask(ctx, n, in.Key)
		})
	add(t, mcp.Tool{Name: "list_tasks", Description: "List the project's tasks, newest first.", Annotations: reads("List tasks")},
		func(ctx context.Context, api *client.Client, in page) (any, error) {
			p, err := api.Tasks(ctx, client.ListOptions{Status: in.Status, Limit: in.Limit, Cursor: in.Cursor})
			return list(p.Items, p.Next), err
		})
	add(t, mcp.Tool{Name: "show_task", Description: "Show a task: its plan, how far it is, and its answer.", Annotations: reads("Show a task")},
		func(ctx context.Context, api *client.Client, in taskID) (any, error) {
			return api.Task(ctx, core.TaskID(in.Task))
		})
	add(t, mcp.Tool{Name: "task_events", Description: "What has happened in a task, in order: up to 100 events after the one that you have.", Annotations: reads("Watch a task")}, events)
	add(t, mcp.Tool{Name: "cancel_task", Description: "Stop a task.", Annotations: writes("Cancel a task", true, true)},
		func(ctx context.Context, api *client.Client, in taskCancel) (any, error) {
			return api.CancelTask(ctx, core.TaskID(in.Task), in.Reason)
		})
}

const (
	maxEvents = 100
	maxWait   = 25 * time.Second
)

// events reads what there is, or waits for the first that comes.
func events(ctx context.Context, api *client.Client, in taskEvents) (any, error) {
	task, err := api.Task(ctx, core.TaskID(in.Task))
	if err != nil {
		return nil, err
	}
	wait := min(time.Duration(in.Wait)*time.Second, maxWait)
	if task.Events <= in.After {
		if wait <= 0 {
			return list[client.Event](nil, ""), nil
		}
	} else {
		wait = maxWait // they are there, and come at once
	}
	limited, stop := context.WithTimeout(ctx, wait)
	defer stop()
	var all []client.Event
	for e, err := range api.TaskEvents(limited, core.TaskID(in.Task), in.After) {
		if err != nil {
			if limited.Err() != nil && ctx.Err() == nil {
				break
			}
			return nil, err
		}
		if all = append(all, e); len(all) == maxEvents || e.Version >= task.Events {
			break
		}
	}
	return list(all, ""), nil
}

func (t *tools) apps() {
	add(t, mcp.Tool{Name: "list_apps", Description: "List the project's apps, newest first, with their addresses.", Annotations: reads("List apps")},
		func(ctx context.Context, api *client.Client, in page) (any, error) {
			p, err := api.Apps(ctx, client.ListOptions{Status: in.Status, Limit: in.Limit, Cursor: in.Cursor})
			return list(p.Items, p.Next), err
		})
	add(t, mcp.Tool{Name: "show_app", Description: "Show an app: its versions' state, and where it runs.", Annotations: reads("Show an app")},
		func(ctx context.Context, api *client.Client, in appID) (any, error) {
			return api.App(ctx, core.AppID(in.App))
		})
	add(t, mcp.Tool{Name: "change_app", Description: "Ask for an app's next version. It is a task, which goes on by itself.", Annotations: writes("Change an app", false, false)},
		func(ctx context.Context, api *client.Client, in appChange) (any, error) {
			return api.ChangeApp(ctx, core.AppID(in.App), client.NewChange{Prompt: in.Prompt, Model: in.Model}, in.Key)
		})
	add(t, mcp.Tool{Name: "app_logs", Description: "What an app that runs has logged lately.", Annotations: reads("Read an app's log")},
		func(ctx context.Context, api *client.Client, in appID) (any, error) {
			var lines []client.LogLine
			for l, err := range api.Logs(ctx, core.AppID(in.App), false) {
				if err != nil {
					return nil, err
				}
				lines = append(lines, l)
			}
			return list(lines, ""), nil
		})
}

// others are the tools that the project has of MCP servers.
func (t *tools) others() {
	add(t, mcp.Tool{Name: "list_mcp_servers", Description: "List the MCP servers whose tools the project's tasks have.", Annotations: reads("List MCP servers")},
		func(ctx context.Context, api *client.Client, _ struct{}) (any, error) {
			all, err := api.MCPServers(ctx)
			return list(all, ""), err
		})
	add(t, mcp.Tool{Name: "list_mcp_tools", Description: "List the tools of one of the project's MCP servers, as it listed them last.", Annotations: reads("List tools")},
		func(ctx context.Context, api *client.Client, in serverName) (any, error) {
			all, err := api.MCPTools(ctx, in.Server)
			return list(all, ""), err
		})
}
