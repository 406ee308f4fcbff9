package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// The inputs of operations. Those that others embed are exported because huma
// sees no unexported field.
type (
	AppPath struct {
		App string `path:"app" maxLength:"80" doc:"an app's id or name"`
	}
	MatchHeader struct {
		IfMatch string `header:"If-Match" doc:"the ETag that the change is based on; a stale one is a conflict"`
	}
	appChange struct {
		AppPath
		Body client.NewChange
	}
	AppVerb struct {
		AppPath
		MatchHeader
	}
	appSelect struct {
		AppVerb
		Body struct {
			Version int `json:"version" minimum:"1"`
		}
	}
	appQuery struct {
		Status string `query:"status" enum:"running,stopped,"`
		PageQuery
	}
	appAnswer struct {
		ETag string `header:"ETag"`
		Body client.AppDetail
	}
	appPage struct{ Body client.Page[client.App] }
)

// version reads If-Match: 0 for none.
func (m MatchHeader) version() (int64, error) {
	if m.IfMatch == "" || m.IfMatch == "*" {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.Trim(m.IfMatch, `"`), 10, 64)
	if err != nil || n < 1 || m.IfMatch != etag(n) {
		return 0, core.E(core.Invalid, "app", "If-Match isn't an ETag of this API").WithHint("send the ETag of the answer that you have read")
	}
	return n, nil
}

func (s *server) apps() {
	tags := []string{"apps"}
	handle(s, identity.AppRead, huma.Operation{
		OperationID: "list-apps", Method: http.MethodGet, Path: "/v1/apps", Summary: "List apps, newest first", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *appQuery) (*appPage, error) {
		sums, next, err := s.cfg.Apps.List(ctx, scope, in.Status, in.Cursor, in.Limit)
		page := client.Page[client.App]{Items: make([]client.App, len(sums)), Next: next}
		for i, sum := range sums {
			page.Items[i] = s.wireApp(app.State{
				ID: sum.ID, Name: sum.Name, Title: sum.Title, Current: sum.Version, Created: sum.Created, Updated: sum.Updated,
			}, sum.Versions, sum.Status == app.Running)
		}
		return &appPage{Body: page}, err
	})
	handle(s, identity.AppRead, huma.Operation{
		OperationID: "show-app", Method: http.MethodGet, Path: "/v1/apps/{app}", Summary: "Show an app", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *AppPath) (*appAnswer, error) {
		st, err := s.cfg.Apps.Find(ctx, scope, in.App)
		return s.appAnswer(ctx, scope, st, err)
	})
	handle(s, identity.AppWrite, foundAgain(huma.Operation{
		OperationID: "change-app", Method: http.MethodPost, Path: "/v1/apps/{app}/changes", Summary: "Make an app's next version", Tags: tags,
		Description: "Creates the task that makes it; the app's data stays.", DefaultStatus: http.StatusCreated,
	}), s.changeApp)
	handle(s, identity.AppWrite, huma.Operation{
		OperationID: "select-version", Method: http.MethodPost, Path: "/v1/apps/{app}/select", Summary: "Roll back, or forward", Tags: tags,
		Description: "If the app runs, the selected version replaces the running one; should it fail to start, nothing changes.",
	}, func(ctx context.Context, scope core.Scope, in *appSelect) (*appAnswer, error) {
		return s.appAct(ctx, scope, in.AppVerb, func(id core.AppID, expected int64) (app.State, error) {
			return s.cfg.Apps.Select(ctx, scope, id, in.Body.Version, expected)
		})
	})
	handle(s, identity.AppWrite, huma.Operation{
		OperationID: "start-app", Method: http.MethodPost, Path: "/v1/apps/{app}/start", Summary: "Start an app, and wait until it answers", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *AppVerb) (*appAnswer, error) {
		if !s.cfg.Previews {
			return nil, core.E(core.Unsupported, "app.start", "this process runs no apps").WithHint("isekai serve")
		}
		return s.appAct(ctx, scope, *in, func(id core.AppID, expected int64) (app.State, error) {
			return s.cfg.Apps.Start(ctx, scope, id, expected)
		})
	})
	handle(s, identity.AppMove, huma.Operation{
		OperationID: "move-app", Method: http.MethodPost, Path: "/v1/apps/{app}/move", Summary: "Make this node the app's home", Tags: tags,
		Description: "For an app whose node is lost. What the app has stored there stays there, and the app begins anew here. Nothing is started.",
	}, func(ctx context.Context, scope core.Scope, in *AppVerb) (*appAnswer, error) {
		if !s.cfg.Previews {
			return nil, core.E(core.Unsupported, "app.move", "this process runs no apps").WithHint("isekai serve")
		}
		return s.appAct(ctx, scope, *in, func(id core.AppID, _ int64) (app.State, error) {
			return s.cfg.Apps.Move(ctx, scope, id)
		})
	})
	handle(s, identity.AppWrite, huma.Operation{
		OperationID: "stop-app", Method: http.MethodPost, Path: "/v1/apps/{app}/stop", Summary: "Stop an app", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *AppVerb) (*appAnswer, error) {
		return s.appAct(ctx, scope, *in, func(id core.AppID, expected int64) (app.State, error) {
			return s.cfg.Apps.Stop(ctx, scope, id, expected)
		})
	})
	handle(s, identity.AppWrite, huma.Operation{
		OperationID: "delete-app", Method: http.MethodDelete, Path: "/v1/apps/{app}", Summary: "Delete an app with its data", Tags: tags,
		DefaultStatus: http.StatusNoContent,
	}, func(ctx context.Context, scope core.Scope, in *AppVerb) (*struct{}, error) {
		st, err := s.cfg.Apps.Find(ctx, scope, in.App)
		if err != nil {
			return nil, err
		}
		expected, err := in.version()
		if err != nil {
			return nil, err
		}
		return nil, s.cfg.Apps.Delete(ctx, scope, st.ID, expected)
	})
}

// appAct finds an app and does something to the version that the caller knows.
func (s *server) appAct(ctx context.Context, scope core.Scope, in AppVerb, act func(core.AppID, int64) (app.State, error)) (*appAnswer, error) {
	st, err := s.cfg.Apps.Find(ctx, scope, in.App)
	if err != nil {
		return nil, err
	}
	expected, err := in.version()
	if err != nil {
		return nil, err
	}
	st, err = act(st.ID, expected)
	return s.appAnswer(ctx, scope, st, err)
}

func (s *server) changeApp(ctx context.Context, scope core.Scope, in *appChange) (*taskAnswer, error) {
	st, err := s.cfg.Apps.Find(ctx, scope, in.App)
	if err != nil {
		return nil, err
	}
	v, ok := st.Version(st.Current)
	if !ok {
		return nil, core.E(core.NotFound, "app", "the app has no version")
	}
	name, err := s.cfg.Model(ctx, scope.Org, in.Body.Model)
	if err != nil {
		return nil, err
	}
	n := agent.NewTask{Kind: core.KindApp, Prompt: in.Body.Prompt, Model: name, App: st.ID, Base: v.Number, Tree: v.Tree, Limits: limits(in.Body.Limits), Key: commandKey(ctx)}
	task, err := s.cfg.Tasks.Create(ctx, scope, n)
	return s.taskAnswer(ctx, scope, task, err)
}

func (s *server) wireApp(st app.State, versions int, started bool) client.App {
	a := client.App{
		ID: st.ID, Name: st.Name, Title: st.Title, Status: app.Stopped, Version: st.Current, Versions: versions,
		CreatedAt: st.Created, UpdatedAt: st.Updated,
	}
	if started && s.cfg.Previews {
		a.Status, a.URL = app.Running, s.cfg.Apps.URL(st)
	}
	return a
}

func (s *server) appAnswer(ctx context.Context, scope core.Scope, st app.State, err error) (*appAnswer, error) {
	if err != nil {
		return nil, err
	}
	d := client.AppDetail{App: s.wireApp(st, len(st.Live()), st.Started != 0)}
	if v, ok := st.Version(st.Current); ok {
		d.Selected = wireVersion(v)
	}
	if operates(ctx) { // whose machine it is
		if d.Dir, err = s.cfg.Apps.Folder(ctx, scope, st.ID); err != nil {
			return nil, err
		}
	}
	return &appAnswer{ETag: etag(st.Stream), Body: d}, nil
}

func wireVersion(v app.Version) client.Version {
	return client.Version{
		Number: v.Number, Parent: v.Parent, Prompt: v.Prompt, Task: v.Task, Tests: v.Tests, Runtime: v.Manifest.Runtime,
		Suggestions: orEmpty(v.Manifest.Suggestions), Notes: orEmpty(v.Manifest.Notes), CreatedAt: v.At,
	}
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
