package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// View is the name of the view that lists apps.
const View = "apps"

// The status of a row in View.
const (
	Running = "running" // it should run; it does, or will with the first request
	Stopped = "stopped"
)

// Summary is an app in a list: the Data of its row.
type Summary struct {
	ID       core.AppID     `json:"id"`
	Project  core.ProjectID `json:"project"`
	Name     string         `json:"name"`
	Title    string         `json:"title"`
	Status   string         `json:"status"`
	Version  int            `json:"version"`  // the current one
	Versions int            `json:"versions"` // how many there are
	Created  time.Time      `json:"created"`
	Updated  time.Time      `json:"updated"`
	Stream   int64          `json:"stream"` // the stream's version
}

// Project returns an app's row in View.
func Project(st State) (store.Row, error) {
	sum := Summary{
		ID: st.ID, Project: st.Project, Name: st.Name, Title: st.Title, Status: Stopped, Version: st.Current,
		Versions: len(st.Live()), Created: st.Created, Updated: st.Updated, Stream: st.Stream,
	}
	if st.Started != 0 {
		sum.Status = Running
	}
	data, err := json.Marshal(sum)
	return store.Row{
		ID: string(st.ID), Project: st.Project, Kind: "app", Status: sum.Status,
		Sort: st.Created.UnixMilli(), Data: data, Deleted: !st.Exists(),
	}, err
}

// Projector keeps View. An event from the bus is its signal to catch up from
// the org's own order of events: so it misses none and applies each once, in
// whatever order or however often the bus delivers. Safe for concurrent use.
type Projector struct {
	Store Store
	mu    sync.Mutex
}

// Handle is the bus.Handler. unavailable: an event before this one can't be
// read yet; it is to be delivered again.
func (p *Projector) Handle(ctx context.Context, e core.Event) error {
	if !strings.HasPrefix(e.Type, "app.") {
		return nil
	}
	return p.CatchUp(ctx, e.Org, e.Position)
}

// CatchUp applies an org's events up to the newest, and fails with unavailable
// if that is before upTo.
func (p *Projector) CatchUp(ctx context.Context, org core.OrgID, upTo int64) error {
	const page = 256
	p.mu.Lock()
	defer p.mu.Unlock()
	at, err := p.Store.Checkpoint(ctx, org, View)
	for err == nil && (upTo == 0 || at < upTo) {
		var events []core.Event
		if events, err = p.Store.ReadOrg(ctx, org, at, page); err != nil || len(events) == 0 {
			break
		}
		at = events[len(events)-1].Position
		err = p.apply(ctx, org, at, events)
	}
	if err != nil {
		return fmt.Errorf("app.project: %w", err)
	}
	if at < upTo {
		return core.E(core.Unavailable, "app.project", "an earlier event isn't readable yet")
	}
	return nil
}

// apply writes the rows of the apps that events are about. A row is the fold of
// the whole stream, so it may be ahead of position, never behind it.
func (p *Projector) apply(ctx context.Context, org core.OrgID, position int64, events []core.Event) error {
	var rows []store.Row
	seen := map[core.StreamID]bool{}
	for _, e := range events {
		if seen[e.Stream] || !strings.HasPrefix(e.Type, "app.") {
			continue
		}
		seen[e.Stream] = true
		st, err := fold(ctx, p.Store, org, core.AppID(e.Stream))
		if err != nil {
			return err
		}
		row, err := Project(st)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	_, err := p.Store.Apply(ctx, org, View, position, rows)
	return err
}

// List returns a page of the project's apps, newest first, and the cursor of
// the next page ("" at the end). One query, whatever the number of versions. The
// list follows the events within moments.
func (s *Service) List(ctx context.Context, scope core.Scope, status, after string, limit int) ([]Summary, string, error) {
	if err := scope.Valid(); err != nil {
		return nil, "", err
	}
	q := store.Query{Project: scope.Project, Kind: "app", Status: status, After: after, Limit: limit}
	page, err := s.store.List(ctx, scope.Org, View, q)
	if err != nil {
		return nil, "", fmt.Errorf("app.list: %w", err)
	}
	out, err := summaries(page.Rows)
	return out, page.Next, err
}

func summaries(rows []store.Row) ([]Summary, error) {
	out := make([]Summary, len(rows))
	for i, r := range rows {
		if err := json.Unmarshal(r.Data, &out[i]); err != nil {
			return nil, fmt.Errorf("app.list %s: %w", r.ID, err)
		}
	}
	return out, nil
}

// learn puts the names of an org's apps into the index.
func (s *Service) learn(ctx context.Context, org core.OrgID) error {
	for after := ""; ; {
		page, err := s.store.List(ctx, org, View, store.Query{After: after, Limit: 200})
		if err != nil {
			return fmt.Errorf("app.restore: %w", err)
		}
		apps, err := summaries(page.Rows)
		if err != nil {
			return err
		}
		for _, a := range apps {
			s.names.put(State{ID: a.ID, Org: org, Project: a.Project, Name: a.Name})
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}
