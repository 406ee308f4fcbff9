package notify

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/isekai-run/isekai/internal/core"
)

// told are the events that notices are made of.
var told = map[string]bool{
	core.TaskFinished{}.EventType(): true, core.ApprovalRequested{}.EventType(): true, core.AppStarted{}.EventType(): true,
	core.BudgetReached{}.EventType(): true, core.NoticeRaised{}.EventType(): true,
	core.WatchChanged{}.EventType(): true, core.WatchFailing{}.EventType(): true,
}

const (
	maxTitle  = 120  // characters
	maxDetail = 1000 // characters
)

// derive returns the notice of an event, or nil if there is none. It looks at nothing but the
// beginning of the event's stream, which never changes: so an event has one notice, whenever it
// is asked.
func (s *Service) derive(ctx context.Context, e core.Event) (*Notice, error) {
	if !told[e.Type] {
		return nil, nil
	}
	p, err := e.Payload()
	if err != nil {
		return nil, err
	}
	n := &Notice{ID: noticeID(e.ID), At: e.At, Org: e.Org, Project: e.Project}
	switch p := p.(type) {
	case core.TaskFinished:
		if p.Turn != nil || p.Parent != nil { // who talks sees the answer, and a part's end is its whole's business
			return nil, nil
		}
		err = s.ofTask(ctx, e, n)
		n.Type, n.Status, n.Version = TaskFinished, string(p.Status), p.Version
		n.Title, n.Detail = n.Title+": "+string(p.Status), detail(p.Summary)
	case core.ApprovalRequested:
		err = s.ofTask(ctx, e, n)
		n.Type, n.Status, n.Call = TaskWaiting, string(core.StatusWaiting), p.Call
		n.Title, n.Detail = n.Title+": waits for an answer", detail(p.Question)
	case core.AppStarted:
		err = s.ofApp(ctx, e, n)
		n.Type, n.Version = AppStarted, p.Number
		n.Title = fmt.Sprintf("%s: version %d answers", n.Title, p.Number)
	case core.BudgetReached:
		n.Type, n.Status, n.Subject = BudgetReached, fmt.Sprintf("%d%%", p.Percent), p.Budget
		n.Project = budgetProject(e, p.Budget)
		n.Title = fmt.Sprintf("%d%% of the budget of %s is used up", p.Percent, p.Budget)
		n.Detail = fmt.Sprintf("%s of %s credits (%s)", p.Used, p.Limit, p.Period)
	case core.WatchChanged:
		n.Type, n.Subject, n.Task, n.who = WatchChanged, p.Watch, p.Task, p.By
		n.Title, n.Detail = line(p.Name, maxTitle-20)+": it has changed", detail(p.URL+"\nbefore: "+p.Before+"\nnow: "+p.After)
	case core.WatchFailing:
		n.Type, n.Subject, n.Status, n.who = WatchChanged, p.Watch, "failing", p.By
		n.Title, n.Detail = line(p.Name, maxTitle-30)+": it can't be looked at", detail(fmt.Sprintf("%s\n%d times in a row: %s", p.URL, p.Failures, p.Why))
	case core.NoticeRaised:
		if _, ok := TypeOf(p.Type); !ok {
			return nil, nil // of a newer build's
		}
		n.Type, n.Title, n.Detail, n.Subject, n.to = p.Type, line(p.Title, maxTitle), detail(p.Detail), p.Subject, p.User
	}
	return n, err
}

// ofTask says which task a notice is about.
func (s *Service) ofTask(ctx context.Context, e core.Event, n *Notice) error {
	const first = 16 // events, in which there is a plan if there ever is a good one
	events, err := s.cfg.Events.ReadStream(ctx, e.Org, e.Stream, 0, first)
	if err != nil {
		return err
	}
	n.Task, n.Title = core.TaskID(e.Stream), "Task "+string(e.Stream)
	for _, e := range events {
		p, err := e.Payload()
		if err != nil {
			return err
		}
		switch p := p.(type) {
		case core.TaskCreated:
			n.App, n.Prompt, n.who = p.App, p.Prompt, e.Actor
		case core.TaskPlanned:
			if title := line(p.Plan.Title, maxTitle); title != "" {
				n.Title = title
			}
			return nil
		}
	}
	return nil
}

// ofApp says which app a notice is about, and who started it.
func (s *Service) ofApp(ctx context.Context, e core.Event, n *Notice) error {
	events, err := s.cfg.Events.ReadStream(ctx, e.Org, e.Stream, 0, 1)
	if err != nil {
		return err
	}
	n.App, n.Title, n.who = core.AppID(e.Stream), "App "+string(e.Stream), e.Actor
	for _, e := range events {
		p, err := e.Payload()
		if err != nil {
			return err
		}
		if c, ok := p.(core.AppCreated); ok && line(c.Title, maxTitle) != "" {
			n.Title = line(c.Title, maxTitle)
		}
	}
	return nil
}

// budgetProject is the project that a budget's notice concerns: "" for the org's own.
func budgetProject(e core.Event, budget string) core.ProjectID {
	if budget == "org" {
		return ""
	}
	if id, ok := strings.CutPrefix(budget, "project/"); ok {
		return core.ProjectID(id)
	}
	return e.Project
}

// detail is a longer text for a person, without what can't be seen but line breaks.
func detail(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return visible(r)
	}, strings.ToValidUTF8(s, "")))
	if r := []rune(s); len(r) > maxDetail {
		return string(r[:maxDetail-1]) + "…"
	}
	return s
}

// visible drops what isn't shown, or turns text around: direction marks and controls.
func visible(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsPrint(r):
		return r
	}
	return -1
}
