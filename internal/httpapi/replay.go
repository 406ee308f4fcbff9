package httpapi

import (
	"context"
	"mime"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/sandbox/archive"
)

type (
	forkTask struct {
		TaskPath
		Body client.Fork
	}
	taskDiffQuery struct {
		TaskPath
		With core.TaskID `query:"with" required:"true" maxLength:"64" doc:"the other task"`
	}
	taskExport struct {
		TaskPath
		At     int64  `query:"at" minimum:"1" doc:"the event after which; default: the last"`
		Format string `query:"format" enum:"zip,tar.gz" default:"zip"`
	}
)

// replays are the routes to a task's history: looked at step by step, gone on with from a point of
// it, and compared with another.
func (s *server) replays() {
	tags := []string{"tasks"}
	handle(s, identity.TaskRead, huma.Operation{
		OperationID: "replay-task", Method: http.MethodGet, Path: "/v1/tasks/{task}/replay", Summary: "Rebuild a task from its events, step by step", Tags: tags,
		Description: "No model and no tool is called, and nothing is changed. Each event is compared with what the task wanted by the rules of this build.",
	}, func(ctx context.Context, scope core.Scope, in *TaskPath) (*reply[[]client.Frame], error) {
		frames, err := s.cfg.Tasks.Replay(ctx, scope, in.Task)
		return &reply[[]client.Frame]{each(frames, func(f agent.Frame) client.Frame {
			return client.Frame{
				Version: f.Version, Type: f.Type, At: f.At, By: string(f.By), Status: f.Status, Plan: f.Plan, Step: f.Step, Attempt: f.Attempt,
				Calls: f.Calls, Tokens: f.Tokens, Spent: f.Spent, Tree: f.Tree, Next: f.Next, Diverges: f.Diverges,
			}
		})}, err
	})
	handle(s, identity.TaskWrite, foundAgain(huma.Operation{
		OperationID: "fork-task", Method: http.MethodPost, Path: "/v1/tasks/{task}/fork", Summary: "Go on from a point of a task, as another one", Tags: tags, DefaultStatus: http.StatusCreated,
		Description: "The new task begins with the events of the other up to the point, and with the files as they were then. What the other did isn't done, paid or undone again.",
	}), func(ctx context.Context, scope core.Scope, in *forkTask) (*taskAnswer, error) {
		f := agent.Fork{At: in.Body.At, Prompt: in.Body.Prompt, Key: commandKey(ctx)}
		if in.Body.Limits != nil {
			f.Limits = limits(*in.Body.Limits)
		}
		var err error
		if in.Body.Model != "" {
			if f.Model, err = s.cfg.Model(ctx, scope.Org, in.Body.Model); err != nil {
				return nil, err
			}
		}
		st, err := s.cfg.Tasks.Fork(ctx, scope, in.Task, f)
		return s.taskAnswer(ctx, scope, st, err)
	})
	handle(s, identity.TaskRead, huma.Operation{
		OperationID: "diff-tasks", Method: http.MethodGet, Path: "/v1/tasks/{task}/diff", Summary: "How a task differs from another", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *taskDiffQuery) (*reply[client.TaskDiff], error) {
		c, err := s.cfg.Tasks.Compare(ctx, scope, s.cfg.Blobs, in.Task, in.With)
		return replied(c, err, func(c agent.Comparison) client.TaskDiff {
			d := client.TaskDiff{A: client.Task(c.A.Summary()), B: client.Task(c.B.Summary()), Lines: c.Lines, Files: []client.FileDiff{}}
			for _, f := range c.Files {
				d.Files = append(d.Files, client.FileDiff{Path: f.Path, Change: string(f.Change), Unified: f.Unified, Binary: f.Binary, TooLong: f.TooLong})
			}
			return d
		})
	})
	handle(s, identity.TaskRead, stream(huma.Operation{
		OperationID: "export-task", Method: http.MethodGet, Path: "/v1/tasks/{task}/export", Summary: "Export the files of a task's workspace as an archive", Tags: tags,
	}, "application/zip"), s.exportTask)
}

func (s *server) exportTask(ctx context.Context, scope core.Scope, in *taskExport) (*huma.StreamResponse, error) {
	st, err := s.cfg.Tasks.At(ctx, scope, in.Task, in.At)
	switch {
	case err != nil:
		return nil, err
	case st.Created.Workspace != "":
		return nil, core.E(core.Unsupported, "task.export", "the task works in a folder of the host, which has its files").WithHint("look there")
	case st.Tree == "":
		return nil, core.E(core.NotFound, "task.export", "the task has no files then").WithHint("isekai task replay shows after which events there are some")
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		name := string(st.Task) + "-" + strconv.FormatInt(st.Version, 10)
		hc.SetHeader("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name + "." + in.Format}))
		hc.SetHeader("Content-Type", map[string]string{"zip": "application/zip", "tar.gz": "application/gzip"}[in.Format])
		if err := app.ExportTree(ctx, s.cfg.Blobs, scope.Org, st.Tree, name, st.UpdatedAt, archive.Format(in.Format), hc.BodyWriter()); err != nil {
			s.cfg.Logger.Error("export", "task", st.Task, "err", err)
			panic(http.ErrAbortHandler) // the reader must not take half an archive for a whole one
		}
	}}, nil
}
