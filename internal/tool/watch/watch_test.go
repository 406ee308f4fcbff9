package watch_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
	tools "github.com/isekai-run/isekai/internal/tool/watch"
	"github.com/isekai-run/isekai/internal/watch"
)

// kept is tools.Watches by the real service on a real store.
type kept struct{ *watch.Service }

func (k kept) Create(ctx context.Context, scope core.Scope, w tools.Watch, task core.TaskID, key string) (tools.Watch, error) {
	if w.Schedule == "" {
		w.Schedule = "every 1h"
	}
	made, err := k.Service.Create(ctx, scope, watch.Spec{
		Name: w.Name, URL: w.URL, Schedule: w.Schedule, Part: watch.Part{Selector: w.Selector, Pointer: w.Pointer, Pattern: w.Pattern}, When: watch.When{Kind: watch.Kind(w.When), Than: w.Than, By: w.By},
	}, task, key)
	return shown(made), err
}

func (k kept) List(ctx context.Context, scope core.Scope) (all []tools.Watch, err error) {
	found, err := k.Service.List(ctx, scope)
	for _, w := range found {
		all = append(all, shown(w))
	}
	return all, err
}

func (k kept) Remove(ctx context.Context, scope core.Scope, id string) (tools.Watch, error) {
	gone, err := k.Service.Remove(ctx, scope, id)
	return shown(gone), err
}

func shown(w watch.Watch) tools.Watch {
	return tools.Watch{ID: w.ID, Name: w.Name, URL: w.URL, Schedule: w.Schedule, Value: w.Value, Checked: w.Checked, Trouble: w.Trouble}
}

// page is a watch.Fetcher of one page.
type page string

func (p page) Fetch(context.Context, watch.Request) (watch.Page, error) {
	return watch.Page{Status: 200, Text: string(p)}, nil
}

func service(t *testing.T) *watch.Service {
	t.Helper()
	st := sqlitetest.Open(t, sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	return watch.New(watch.Config{Records: st, Events: st, Terms: st, Fetch: page("price 3\n\u202eignore\x1b[2J all"), IDs: core.NewID, Log: slog.New(slog.DiscardHandler)})
}

func TestWatch(t *testing.T) {
	t.Parallel()
	tooltest.Run(t, tools.Tools(kept{service(t)})[0],
		tooltest.Case{Name: "a price", Args: `{"name":"tea","url":"https://example.com/tea","selector":"#price","when":"below","than":10,"schedule":"every 30m"}`, Output: []string{"https://example.com/tea is watched as wch_", "every 30m"}},
		tooltest.Case{Name: "a page", Args: `{"name":"news","url":"https://example.com/news"}`, Output: []string{"every 1h"}},
		tooltest.Case{Name: "too often", Args: `{"name":"x","url":"https://example.com/","schedule":"every 1s"}`, Code: core.Invalid, Output: []string{"more often than"}},
		tooltest.Case{Name: "no page", Args: `{"name":"x","url":"file:///etc/passwd"}`, Code: core.Invalid, Output: []string{"can't be watched"}},
		tooltest.Case{Name: "a task", Args: `{"name":"x","url":"https://example.com/","prompt":"do it"}`, Code: core.Invalid},
		tooltest.Case{Name: "not a selector", Args: `{"name":"x","url":"https://example.com/","selector":"["}`, Code: core.Invalid, Output: []string{"selector"}},
	)
}

func TestListWatches(t *testing.T) {
	t.Parallel()
	s := service(t)
	scope := tooltest.Call("", "").Scope
	made, err := s.Create(t.Context(), scope, watch.Spec{Name: "tea", URL: "https://example.com/tea", Schedule: "every 1h"}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Round(t.Context(), "node"); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	tooltest.Run(t, tools.Tools(kept{s})[1],
		tooltest.Case{Name: "all", Args: `{}`, Output: []string{made.ID + " tea\n  https://example.com/tea, every 1h\n", "(data from the page): price 3 ignore[2J all\n"}, Not: []string{"\u202e", "\x1b"}},
	)
	other := tooltest.Call("", `{}`)
	other.Scope.Project = "prj_other"
	if r, err := tools.Tools(kept{s})[1].Call(t.Context(), other); err != nil || r.Output != "nothing is watched" {
		t.Errorf("another project: %v, %s", err, r.Output)
	}
}

func TestUnwatch(t *testing.T) {
	t.Parallel()
	s := service(t)
	scope := tooltest.Call("", "").Scope
	made, err := s.Create(t.Context(), scope, watch.Spec{Name: "tea", URL: "https://example.com/tea", Schedule: "every 1h"}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	other := tooltest.Call("", fmt.Sprintf(`{"watch":%q}`, made.ID))
	other.Scope.Project = "prj_other"
	if r, err := tools.Tools(kept{s})[2].Call(t.Context(), other); err != nil || !strings.Contains(r.Output, "there is no watch") {
		t.Errorf("another project: %v, %s", err, r.Output)
	}
	if all, err := s.List(t.Context(), scope); err != nil || len(all) != 1 {
		t.Fatalf("another project ended it: %v", err)
	}
	tooltest.Run(t, tools.Tools(kept{s})[2],
		tooltest.Case{Name: "one that isn't there", Args: `{"watch":"wch_none"}`, Output: []string{"there is no watch wch_none"}},
		tooltest.Case{Name: "one that is", Args: fmt.Sprintf(`{"watch":%q}`, made.ID), Output: []string{"tea isn't watched any more"}},
	)
}

// TestTheSameCallIsTheSameWatch also after a crash that forgot its result; and a full project is
// told so.
func TestTheSameCallIsTheSameWatch(t *testing.T) {
	t.Parallel()
	s := service(t)
	add := tools.Tools(kept{s})[0]
	if add.Spec().Effect != core.Idempotent || add.Spec().Timeout > time.Minute {
		t.Errorf("%+v", add.Spec())
	}
	call := tooltest.Call("", `{"name":"tea","url":"https://example.com/tea"}`)
	var last tool.Result
	for range 3 {
		r, err := add.Call(t.Context(), call)
		if err != nil || last.Output != "" && r.Output != last.Output {
			t.Fatalf("%v, %s", err, r.Output)
		}
		last = r
	}
	for n := range watch.MaxProject {
		r, err := add.Call(t.Context(), tooltest.Call("", `{"name":"tea","url":"https://example.com/tea"}`))
		if full := n == watch.MaxProject-1; err != nil || r.Failed != full || full && !strings.Contains(r.Output, "as many watches as it may") {
			t.Errorf("%d: %v, %s", n, err, r.Output)
		}
	}
}
