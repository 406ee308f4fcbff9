package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
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

// NewProjector returns the consumer of the bus that keeps View.
func NewProjector(st store.ProjectorStore) *store.Projector {
	return &store.Projector{
		Store: st, View: View,
		Wants: func(eventType string) bool { return strings.HasPrefix(eventType, "app.") },
		Row: func(events []core.Event) (store.Row, error) {
			var s State
			for _, e := range events {
				var err error
				if s, err = s.Apply(e); err != nil {
					return store.Row{}, err
				}
			}
			return Project(s)
		},
	}
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

// learn puts the names of an org's apps into the index: the first time of all, then of
// those that are newer than the newest of the last time, or nearly: lists follow the
// events, and nodes' clocks differ.
func (s *Service) learn(ctx context.Context, org core.OrgID) error {
	const nearly = 5 * time.Minute
	known, newest := s.names.learned(org), int64(0)
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
		last := int64(0)
		if n := len(page.Rows); n > 0 {
			newest, last = max(newest, page.Rows[0].Sort), page.Rows[n-1].Sort
		}
		if after = page.Next; after == "" || last < known-nearly.Milliseconds() {
			s.names.learn(org, newest)
			return nil
		}
	}
}
