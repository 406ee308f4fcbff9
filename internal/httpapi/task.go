package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

type (
	TaskPath struct {
		Task core.TaskID `path:"task" maxLength:"64" example:"tsk_01hx"`
	}
	createTask struct{ Body client.NewTask }
	PageQuery  struct {
		Cursor string `query:"cursor" doc:"next of the page before"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	listQuery struct {
		Kind   string `query:"kind" enum:"app,task,chat,"`
		Status string `query:"status" enum:"queued,running,waiting,succeeded,failed,canceled,"`
		PageQuery
	}
	cancelTask struct {
		TaskPath
		Body struct {
			Reason string `json:"reason,omitempty" maxLength:"500"`
		}
	}
	resumeTask struct {
		TaskPath
		Body client.Reply
	}
	taskAnswer struct {
		ETag string `header:"ETag"`
		Body client.TaskDetail
	}
	taskPage struct{ Body client.Page[client.Task] }
)

func (s *server) tasks() {
	tags := []string{"tasks"}
	handle(s, identity.TaskWrite, foundAgain(huma.Operation{
		OperationID: "create-task", Method: http.MethodPost, Path: "/v1/tasks", Summary: "Create a task", Tags: tags,
		Description: "The task is stored before the answer; follow it at /v1/tasks/{task}/events.", DefaultStatus: http.StatusCreated,
	}), func(ctx context.Context, scope core.Scope, in *createTask) (*taskAnswer, error) {
		if in.Body.Workspace != "" && !operates(ctx) {
			return nil, core.E(core.Denied, "task.create", "a folder of the host is its operator's").WithHint("leave out the workspace: the task gets one of its own")
		}
		name, err := s.cfg.Model(ctx, scope.Org, in.Body.Model)
		if err != nil {
			return nil, err
		}
		n := agent.NewTask{Kind: in.Body.Kind, Prompt: in.Body.Prompt, Model: name, Workspace: in.Body.Workspace, Limits: limits(in.Body.Limits), Key: commandKey(ctx)}
		if err := s.beginWith(ctx, scope, in.Body, &n); err != nil {
			return nil, err
		}
		st, err := s.cfg.Tasks.Create(ctx, scope, n)
		return s.taskAnswer(ctx, scope, st, err)
	})
	handle(s, identity.TaskRead, huma.Operation{
		OperationID: "list-tasks", Method: http.MethodGet, Path: "/v1/tasks", Summary: "List tasks, newest first", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *listQuery) (*taskPage, error) {
		page, err := list(ctx, s.cfg.Views, scope, agent.View, in, func(r store.Row) (client.Task, error) {
			sum, err := agent.FromRow(r)
			return client.Task(sum), err
		})
		return &taskPage{Body: page}, err
	})
	handle(s, identity.TaskRead, huma.Operation{
		OperationID: "show-task", Method: http.MethodGet, Path: "/v1/tasks/{task}", Summary: "Show a task", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *TaskPath) (*taskAnswer, error) {
		st, err := s.cfg.Tasks.Get(ctx, scope, in.Task)
		return s.taskAnswer(ctx, scope, st, err)
	})
	handle(s, identity.TaskWrite, huma.Operation{
		OperationID: "cancel-task", Method: http.MethodPost, Path: "/v1/tasks/{task}/cancel", Summary: "Ask a task to stop", Tags: tags,
		Description: "What it did is undone, then it ends as canceled. A task that is over stays as it is.",
	}, func(ctx context.Context, scope core.Scope, in *cancelTask) (*taskAnswer, error) {
		st, err := s.cfg.Tasks.Cancel(ctx, scope, in.Task, in.Body.Reason)
		return s.taskAnswer(ctx, scope, st, err)
	})
	handle(s, identity.ApprovalWrite, huma.Operation{
		OperationID: "resume-task", Method: http.MethodPost, Path: "/v1/tasks/{task}/resume", Summary: "Answer what a task waits for", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *resumeTask) (*taskAnswer, error) {
		st, err := s.cfg.Tasks.Resume(ctx, scope, in.Task, agent.Reply{Call: in.Body.Call, Answer: in.Body.As, Text: in.Body.Text, Always: in.Body.Always})
		return s.taskAnswer(ctx, scope, st, err)
	})
	s.replays()
	s.taskEvents(tags)
}

// list reads a page of a view and turns its rows into items.
func list[T any](ctx context.Context, views store.Views, scope core.Scope, view string, in *listQuery, from func(store.Row) (T, error)) (client.Page[T], error) {
	page := client.Page[T]{Items: []T{}}
	rows, err := views.List(ctx, scope.Org, view, store.Query{
		Project: scope.Project, Kind: in.Kind, Status: in.Status, After: in.Cursor, Limit: in.Limit,
	})
	if err != nil {
		return page, err
	}
	for _, r := range rows.Rows {
		item, err := from(r)
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, item)
	}
	page.Next = rows.Next
	return page, nil
}

// taskAnswer makes the answer of a task's state.
func (s *server) taskAnswer(ctx context.Context, scope core.Scope, st agent.State, err error) (*taskAnswer, error) {
	if err != nil {
		return nil, err
	}
	d := client.TaskDetail{
		Task: client.Task(st.Summary()), Plan: st.Plan, Step: st.Step, Limits: wireLimits(st.Limits), Calls: st.Calls, Tokens: st.Tokens,
		Tests: core.TestReport{Passed: st.Tests.Passed, Failed: st.Tests.Failed}, Events: st.Version, Retries: st.Tried,
	}
	if st.Finished != nil {
		if d.Answer, err = s.text(ctx, scope, st.Finished.Answer); err != nil {
			return nil, err
		}
	}
	return &taskAnswer{ETag: etag(st.Version), Body: d}, nil
}

func limits(l client.Limits) core.Limits {
	return core.Limits{
		Attempts: l.Attempts, Plans: l.Plans, Steps: l.Steps, Calls: l.Calls, Tokens: l.Tokens,
		Wall: time.Duration(l.WallSeconds) * time.Second, Credits: l.Credits,
	}
}

func wireLimits(l core.Limits) client.Limits {
	return client.Limits{
		Attempts: l.Attempts, Plans: l.Plans, Steps: l.Steps, Calls: l.Calls, Tokens: l.Tokens,
		WallSeconds: int(l.Wall / time.Second), Credits: l.Credits,
	}
}

// maxText is how much of a text is shown, in bytes.
const maxText = 1 << 20

// text reads a content that may be a blob.
func (s *server) text(ctx context.Context, scope core.Scope, c core.Content) (string, error) {
	if c.Blob == "" {
		return c.Text, nil
	}
	b, _, err := blob.Head(ctx, s.cfg.Blobs, scope.Org, c.Blob, maxText)
	if err != nil {
		return "", fmt.Errorf("read text: %w", err)
	}
	return string(b), nil
}

func etag(version int64) string { return fmt.Sprintf(`"%d"`, version) }
