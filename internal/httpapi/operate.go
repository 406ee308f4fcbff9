package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/backup"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

type (
	usageQuery struct {
		Days int `query:"days" minimum:"1" maximum:"366" default:"30"`
	}
	usageAnswer struct{ Body []client.Used }
	viewPath    struct {
		View string `path:"view" maxLength:"64" example:"tasks"`
		OrgQuery
	}
	projectionAnswer struct{ Body client.Projection }
	backupAnswer     struct{ Body client.Backup }
	backupsAnswer    struct{ Body []client.Backup }
)

// usage is what a tenant may ask of its own.
func (s *server) usage() {
	handle(s, identity.UsageRead, huma.Operation{
		OperationID: "usage", Method: http.MethodGet, Path: "/v1/usage", Summary: "What tasks have used, by day and model", Tags: []string{"usage"},
	}, func(ctx context.Context, scope core.Scope, in *usageQuery) (*usageAnswer, error) {
		used, err := s.used(ctx, scope, time.Now().UTC().AddDate(0, 0, 1-in.Days).Format(time.DateOnly))
		return &usageAnswer{Body: used}, err
	})
	s.modelUsage()
}

// used adds up the project's tasks since a day.
func (s *server) used(ctx context.Context, scope core.Scope, since string) ([]client.Used, error) {
	sums := map[[2]string]*client.Used{}
	for q := (store.Query{Project: scope.Project, Limit: store.MaxLimit}); ; {
		page, err := s.cfg.Views.List(ctx, scope.Org, agent.UsageView, q)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Rows {
			u, err := agent.UsageFromRow(r)
			if err != nil {
				return nil, err
			}
			day := u.CreatedAt.UTC().Format(time.DateOnly)
			if day < since { // the list goes back in time
				page.Next = ""
				break
			}
			sum := sums[[2]string{day, u.Model}]
			if sum == nil {
				sum = &client.Used{Day: day, Model: u.Model}
				sums[[2]string{day, u.Model}] = sum
			}
			sum.Tasks, sum.ModelCalls, sum.ToolCalls = sum.Tasks+1, sum.ModelCalls+u.ModelCalls, sum.ToolCalls+u.ToolCalls
			sum.Input, sum.Output, sum.Seconds = sum.Input+u.Input, sum.Output+u.Output, sum.Seconds+u.Seconds
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	used := []client.Used{}
	for _, u := range sums {
		used = append(used, *u)
	}
	slices.SortFunc(used, func(a, b client.Used) int {
		if a.Day != b.Day {
			return strings.Compare(b.Day, a.Day)
		}
		return strings.Compare(a.Model, b.Model)
	})
	return used, nil
}

// projections lets an operator build views anew and compare them.
func (s *server) projections() {
	handle(s, identity.OperateRead, huma.Operation{
		OperationID: "list-projections", Method: http.MethodGet, Path: "/v1/projections", Summary: "List the views that are made of events",
	}, func(context.Context, core.Scope, *struct{}) (*reply[[]string], error) {
		return &reply[[]string]{each(s.cfg.Projectors, func(p *store.Projector) string { return p.View })}, nil
	})
	handle(s, identity.Operate, huma.Operation{
		OperationID: "rebuild-projection", Method: http.MethodPost, Path: "/v1/projections/{view}/rebuild", Summary: "Build a view of an org anew from the events",
		Description: "The live view goes on and is replaced at the end.",
	}, func(ctx context.Context, _ core.Scope, in *viewPath) (*projectionAnswer, error) {
		return s.project(ctx, in, (*store.Projector).Rebuild)
	})
	handle(s, identity.Operate, huma.Operation{
		OperationID: "verify-projection", Method: http.MethodPost, Path: "/v1/projections/{view}/verify", Summary: "Compare a view of an org with the events",
	}, func(ctx context.Context, _ core.Scope, in *viewPath) (*projectionAnswer, error) {
		return s.project(ctx, in, func(*store.Projector, context.Context, core.OrgID) error { return nil })
	})
}

// project does something to an org's view, and compares it then.
func (s *server) project(ctx context.Context, in *viewPath, do func(*store.Projector, context.Context, core.OrgID) error) (*projectionAnswer, error) {
	p, err := s.projector(in.View)
	if err != nil {
		return nil, err
	}
	org, err := s.subject(ctx, in.OrgQuery)
	if err == nil {
		err = do(p, ctx, org)
	}
	if err != nil {
		return nil, err
	}
	return compared(ctx, p, org)
}

func (s *server) projector(view string) (*store.Projector, error) {
	var names []string
	for _, p := range s.cfg.Projectors {
		if p.View == view {
			return p, nil
		}
		names = append(names, p.View)
	}
	return nil, core.E(core.NotFound, "projection", "there is no view "+view).WithHint("the views are " + strings.Join(names, ", "))
}

func compared(ctx context.Context, p *store.Projector, org core.OrgID) (*projectionAnswer, error) {
	rows, differ, err := p.Verify(ctx, org)
	if err != nil {
		return nil, err
	}
	a := &projectionAnswer{Body: client.Projection{View: p.View, Rows: rows, Differences: []client.Difference{}}}
	for _, d := range differ {
		a.Body.Differences = append(a.Body.Differences, client.Difference(d))
	}
	return a, nil
}

func (s *server) backups() {
	handle(s, identity.Operate, huma.Operation{
		OperationID: "take-backup", Method: http.MethodPost, Path: "/v1/backups", Summary: "Make a backup", DefaultStatus: http.StatusCreated,
		Description: "Into the configured folder, while everything goes on. It holds no keys.",
	}, func(ctx context.Context, _ core.Scope, _ *struct{}) (*backupAnswer, error) {
		m, err := s.cfg.Backups.Take(ctx)
		if err != nil {
			return nil, err
		}
		return &backupAnswer{Body: wireBackup(m)}, nil
	})
	handle(s, identity.OperateRead, huma.Operation{
		OperationID: "list-backups", Method: http.MethodGet, Path: "/v1/backups", Summary: "List backups, newest first",
	}, func(context.Context, core.Scope, *struct{}) (*backupsAnswer, error) {
		all, err := s.cfg.Backups.List()
		if err != nil {
			return nil, err
		}
		a := &backupsAnswer{Body: []client.Backup{}}
		for _, m := range all {
			a.Body = append(a.Body, wireBackup(m))
		}
		return a, nil
	})
}

func wireBackup(m backup.Manifest) client.Backup {
	b := client.Backup{ID: m.ID, At: m.At, Orgs: len(m.Orgs), Blobs: m.Blobs}
	for _, o := range m.Orgs {
		b.Events += o.Events
	}
	return b
}

type (
	rotateKeys struct {
		Body struct {
			Org core.OrgID `json:"org,omitempty" maxLength:"64" doc:"only this org"`
		}
	}
	shredKeys struct {
		Body struct {
			Org     core.OrgID `json:"org" maxLength:"64"`
			Confirm core.OrgID `json:"confirm" maxLength:"64" doc:"the org's id once more"`
		}
	}
	keyAnswer struct{ Body client.KeyReport }
)

// Keys are what an operator does to keys. Each returns how many orgs' were changed.
type Keys interface {
	// Rotate gives an org, or every org if it is empty, a new key.
	Rotate(ctx context.Context, org core.OrgID) (int, error)
	// RotateMaster makes a new master key and destroys the old one.
	RotateMaster(ctx context.Context) (int, error)
	// Shred destroys an org's keys.
	Shred(ctx context.Context, org core.OrgID) error
}

func (s *server) keys() {
	handle(s, identity.Operate, huma.Operation{
		OperationID: "rotate-keys", Method: http.MethodPost, Path: "/v1/keys/rotate", Summary: "Give an org, or all, a new key",
		Description: "What the old keys have closed still opens.",
	}, func(ctx context.Context, _ core.Scope, in *rotateKeys) (*keyAnswer, error) {
		n, err := s.cfg.Keys.Rotate(ctx, in.Body.Org)
		return &keyAnswer{Body: client.KeyReport{Orgs: n}}, err
	})
	handle(s, identity.Operate, huma.Operation{
		OperationID: "rotate-master-key", Method: http.MethodPost, Path: "/v1/keys/rotate-master", Summary: "Make a new master key and destroy the old one",
	}, func(ctx context.Context, _ core.Scope, _ *struct{}) (*keyAnswer, error) {
		n, err := s.cfg.Keys.RotateMaster(ctx)
		return &keyAnswer{Body: client.KeyReport{Orgs: n}}, err
	})
	act(s, identity.Operate, huma.Operation{
		OperationID: "rotate-signing-keys", Method: http.MethodPost, Path: "/v1/keys/rotate-signing", Summary: "Replace the keys that access tokens are signed with", DefaultStatus: http.StatusNoContent,
		Description: "All access tokens end, at once on this node and within five seconds on others. Sessions stay: their programs refresh, and cookies go on.",
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*struct{}, error) {
		return nil, s.cfg.Identity.RotateSigning(ctx, p)
	})
	handle(s, identity.Operate, huma.Operation{
		OperationID: "shred-keys", Method: http.MethodPost, Path: "/v1/keys/shred", Summary: "Destroy an org's keys, for good",
		Description: "Nothing of the org can be read any more: not here, not on the bus and in no backup.",
	}, func(ctx context.Context, _ core.Scope, in *shredKeys) (*keyAnswer, error) {
		if in.Body.Confirm != in.Body.Org {
			return nil, core.E(core.Invalid, "keys.shred", "the confirmation isn't the org's id").WithHint("send the same id as confirm")
		}
		return &keyAnswer{Body: client.KeyReport{Orgs: 1}}, s.cfg.Keys.Shred(ctx, in.Body.Org)
	})
}
