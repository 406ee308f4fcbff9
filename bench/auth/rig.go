package main

import (
	"context"
	"net/http"
	"path/filepath"
	"time"

	"github.com/isekai-run/isekai/bench/internal/sealed"
	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// credential is what a request is sent with.
type credential struct{ name, header, value string }

const (
	nobody   = "nothing"
	password = "correct horse battery"
)

// rig is the same API twice, before a sealed store with a task.
type rig struct {
	guarded, open http.Handler
	credentials   []credential // nobody's first
	task          string
	driver        *sqlite.Store
}

func (r *rig) close() { _ = r.driver.Close() } // the folder goes

func newRig(ctx context.Context, dir string) (*rig, error) {
	driver, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
	if err != nil {
		return nil, err
	}
	r := &rig{driver: driver}
	if err := r.fill(ctx, dir); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *rig) fill(ctx context.Context, dir string) error {
	v, err := sealed.New(r.driver, filepath.Join(dir, "master.key"))
	if err != nil {
		return err
	}
	encrypted := v.Store(r.driver)
	people, err := identity.New(identity.Config{Records: encrypted, Quotas: r.driver})
	if err != nil {
		return err
	}
	owner, err := r.enter(ctx, people)
	if err != nil {
		return err
	}
	tasks := &agent.Service{Events: encrypted, IDs: core.NewID}
	task, err := tasks.Create(ctx, owner.Scope, agent.NewTask{Kind: core.KindApp, Prompt: "a shelf", Model: agent.Blueprint})
	if err != nil {
		return err
	}
	r.task = string(task.Task)
	if _, err := agent.NewProjector(encrypted).CatchUp(ctx, owner.Scope.Org, 0); err != nil {
		return err
	}
	cfg := httpapi.Config{
		Version: "bench", Tasks: tasks, Events: encrypted, Views: encrypted, Records: encrypted, Stopping: ctx,
		Health: func(context.Context) client.Health {
			return client.Health{Status: "ok", Checks: []client.HealthCheck{}}
		},
	}
	cfg.Authenticate = func(context.Context, identity.Credential) (identity.Principal, error) { return owner, nil }
	if r.open, err = httpapi.New(cfg); err != nil {
		return err
	}
	cfg.Authenticate = people.Authenticate
	cfg.Quotas = r.driver
	often := store.Rate{Burst: 20_000, Per: time.Second} // more than this asks, drawn in slices of 2,000
	cfg.Rates = httpapi.Rates{Address: often, User: often, Key: often, Project: often, Org: often}
	r.guarded, err = httpapi.New(cfg)
	return err
}

// enter makes the first user, with each kind of credential.
func (r *rig) enter(ctx context.Context, people *identity.Service) (identity.Principal, error) {
	token, _, err := people.Setup(ctx)
	if err != nil {
		return identity.Principal{}, err
	}
	t, err := people.FinishSetup(ctx, token, identity.NewUser{Email: "olga@example.org", Name: "Olga", Password: password})
	if err != nil {
		return identity.Principal{}, err
	}
	_, key, err := people.CreateKey(ctx, t.Principal, identity.NewKey{Name: "bench", Scopes: []string{"tasks:read"}})
	if err != nil {
		return identity.Principal{}, err
	}
	r.credentials = []credential{
		{nobody, "Authorization", "Bearer x"}, {"access token", "Authorization", "Bearer " + t.Access}, {"API key", "Authorization", "Bearer " + key},
		{"cookie", "Cookie", "isekai=" + t.Session},
	}
	return t.Principal, nil
}
