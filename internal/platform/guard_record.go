package platform

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/redact"
)

// sightings have the audit log keep what was found on its way out, and where; never what it
// said. What is found again within a minute, as in each request of a task, isn't told again,
// and an org has at most sightingsPerMinute entries, so that nobody floods the log. A canary
// is always told.
type sightings struct {
	record func(context.Context, core.OrgID, auditlog.Entry) error
	log    *slog.Logger
	now    func() time.Time

	mu     sync.Mutex
	minute time.Time
	orgs   map[core.OrgID]*tally // of the minute
}

// tally is what was told of an org's in a minute.
type tally struct {
	told   map[string]bool
	missed int // that weren't
}

const sightingsPerMinute = 20

func newSightings(record func(context.Context, core.OrgID, auditlog.Entry) error, log *slog.Logger) *sightings {
	return &sightings{record: record, log: log, now: time.Now, orgs: map[core.OrgID]*tally{}}
}

// tell is redact.ServiceConfig.Found.
func (s *sightings) tell(ctx context.Context, seen redact.Sighting) {
	canary := slices.Contains(seen.Kinds, redact.Canary)
	missed, due := s.due(seen)
	if !due && !canary {
		return
	}
	e := auditlog.Entry{
		Action: "redact.found", Actor: seen.Scope.Actor, Project: seen.Scope.Project, Target: string(seen.Task),
		Detail: map[string]string{"where": seen.Where, "kinds": kindList(seen.Kinds), "did": string(seen.Outcome)},
	}
	if seen.Outcome == redact.Refuse {
		e.Action, e.Outcome = "redact.refused", auditlog.Refused
	}
	if len(seen.Names) > 0 {
		e.Detail["names"] = strings.Join(seen.Names, ", ")
	}
	if missed > 0 {
		e.Detail["not_told_before"] = strconv.Itoa(missed)
	}
	if canary {
		s.log.WarnContext(ctx, "a canary was found on its way out", "org", seen.Scope.Org, "task", seen.Task, "where", seen.Where, "did", string(seen.Outcome))
	}
	if err := s.record(ctx, seen.Scope.Org, e); err != nil {
		s.log.ErrorContext(ctx, "the audit log lacks an entry", "action", e.Action, "org", seen.Scope.Org, "err", err)
	}
}

// due reports whether the sighting is one to tell, and how many of the org's weren't told
// since the last that was.
func (s *sightings) due(seen redact.Sighting) (missed int, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); now.Sub(s.minute).Abs() >= time.Minute {
		before := s.orgs
		s.minute, s.orgs = now, map[core.OrgID]*tally{}
		for org, t := range before {
			if t.missed > 0 {
				s.orgs[org] = &tally{told: map[string]bool{}, missed: t.missed}
			}
		}
	}
	t := s.orgs[seen.Scope.Org]
	if t == nil {
		t = &tally{told: map[string]bool{}}
		s.orgs[seen.Scope.Org] = t
	}
	what := fmt.Sprint(seen.Task, seen.Where, seen.Outcome, seen.Kinds, seen.Names)
	switch {
	case t.told[what]:
		return 0, false
	case len(t.told) >= sightingsPerMinute:
		t.missed++
		return 0, false
	}
	missed, t.missed = t.missed, 0
	t.told[what] = true
	return missed, true
}

func kindList(kinds []redact.Kind) string {
	var all []string
	for _, k := range kinds {
		all = append(all, string(k))
	}
	return strings.Join(all, ", ")
}
