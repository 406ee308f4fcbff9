package platform

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	watchtool "github.com/isekai-run/isekai/internal/tool/watch"
	"github.com/isekai-run/isekai/internal/tool/web"
	"github.com/isekai-run/isekai/internal/watch"
)

// openWatches wires the watches. What they tell is recorded as events of their streams, which
// the bus carries to whoever wants to be told.
func (n *node) openWatches() {
	n.watches = watch.New(watch.Config{
		Records: n.store, Events: n.store, Terms: n.driver, Fetch: pages{n.fetcher}, Start: starter{n}, IDs: core.NewID, Log: n.log,
	})
}

// pages is watch.Fetcher by the fetcher of web_fetch.
type pages struct{ fetcher *web.Fetcher }

// Fetch implements watch.Fetcher.
func (p pages) Fetch(ctx context.Context, r watch.Request) (watch.Page, error) {
	got, err := p.fetcher.Get(ctx, web.Request{URL: r.URL, ETag: r.ETag, Modified: r.Modified})
	if err != nil {
		return watch.Page{}, err
	}
	page := watch.Page{
		Unchanged: got.Unchanged, Status: got.Status, Body: got.Body, Cut: got.Cut, ETag: got.ETag, Modified: got.Modified, Retry: retryAt(got.Retry, time.Now()),
	}
	if got.Status == http.StatusOK {
		page.Text, err = web.Text(ctx, got)
	}
	return page, err
}

// retryAt reads a Retry-After (RFC 9110, section 10.2.3); zero: there is none.
func retryAt(value string, now time.Time) time.Time {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return now.Add(time.Duration(seconds) * time.Second)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return time.Time{}
	}
	return at
}

// starter is watch.Starter by tasks.
type starter struct{ n *node }

// Start implements watch.Starter.
func (s starter) Start(ctx context.Context, scope core.Scope, key, prompt string) (core.TaskID, error) {
	model, err := s.n.resolveModel(ctx, scope.Org, "")
	if err != nil {
		return "", err
	}
	st, err := s.n.tasks.Create(ctx, scope, agent.NewTask{Kind: core.KindTask, Prompt: prompt, Model: model, Key: key})
	return st.Task, err
}

// watched is the tools' view of the watches.
type watched struct{ service *watch.Service }

// Create implements watchtool.Watches.
func (k watched) Create(ctx context.Context, scope core.Scope, w watchtool.Watch, task core.TaskID, key string) (watchtool.Watch, error) {
	made, err := k.service.Create(ctx, scope, watch.Spec{
		Name: w.Name, URL: w.URL, Schedule: cmp.Or(w.Schedule, "every 1h"), Part: watch.Part{Selector: w.Selector, Pointer: w.Pointer, Pattern: w.Pattern},
		When: watch.When{Kind: watch.Kind(w.When), Than: w.Than, By: w.By},
	}, task, key)
	return toTool(made), err
}

// List implements watchtool.Watches.
func (k watched) List(ctx context.Context, scope core.Scope) ([]watchtool.Watch, error) {
	found, err := k.service.List(ctx, scope)
	all := make([]watchtool.Watch, len(found))
	for i, w := range found {
		all[i] = toTool(w)
	}
	return all, err
}

// Remove implements watchtool.Watches.
func (k watched) Remove(ctx context.Context, scope core.Scope, id string) (watchtool.Watch, error) {
	gone, err := k.service.Remove(ctx, scope, id)
	return toTool(gone), err
}

func toTool(w watch.Watch) watchtool.Watch {
	return watchtool.Watch{
		ID: w.ID, Name: w.Name, URL: w.URL, Schedule: w.Schedule, Selector: w.Part.Selector, Pointer: w.Part.Pointer, Pattern: w.Part.Pattern,
		When: string(w.When.Kind), Than: w.When.Than, By: w.When.By, Value: w.Value, Checked: w.Checked, Changed: w.Changed, Next: w.Next, Trouble: w.Trouble,
	}
}
