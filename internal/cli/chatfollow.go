package cli

import (
	"context"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// family is a turn's task with its parts and theirs: sub-tasks, which begin as it goes. They are
// followed at the same time, and whoever of them asks is answered.
type family struct {
	root core.TaskID
	of   map[core.TaskID]*member // whose ends weren't heard yet
	show func(e core.Event, depth int) error
	ask  func(core.ApprovalRequested) (client.Reply, error) // nil: nobody is there to be asked
}

// member is one of the tasks.
type member struct {
	id    core.TaskID
	depth int   // below the turn
	seen  int64 // the version of its event that was shown last
}

// heard is what is heard of one of them: an event, that there are no more, or why that isn't known.
type heard struct {
	from *member
	e    core.Event
	over bool
	err  error
}

// hear shows what happens until the turn is over, or waits for a person whom nobody can ask here:
// t is the task that does. Called again, with another server, it goes on where it was.
func (f *family) hear(ctx context.Context, c *client.Client) (t client.TaskDetail, err error) {
	ctx, stop := context.WithCancel(ctx)
	all := make(chan heard)
	var open sync.WaitGroup
	defer func() { stop(); open.Wait() }()
	listen := func(m *member) {
		after := m.seen
		open.Go(func() { m.listen(ctx, c, after, all) })
	}
	for _, m := range f.of {
		if m.seen > 0 { // what it asked may not have been answered before its server went
			if t, waits, err := f.asked(ctx, c, m.id); err != nil || waits {
				return t, err
			}
		}
		listen(m)
	}
	for {
		var h heard
		select {
		case h = <-all:
		case <-ctx.Done():
			return t, ctx.Err()
		}
		switch {
		case h.err != nil:
			return t, h.err
		case h.over && h.from.id == f.root:
			return c.Task(ctx, f.root)
		case h.over:
			delete(f.of, h.from.id)
			continue
		}
		if err := f.show(h.e, h.from.depth); err != nil {
			return t, err
		}
		h.from.seen = h.e.Version
		for _, id := range parts(h.e) {
			m := &member{id: id, depth: h.from.depth + 1}
			f.of[id] = m
			listen(m)
		}
		if h.e.Type == (core.ApprovalRequested{}).EventType() {
			if t, waits, err := f.asked(ctx, c, h.from.id); err != nil || waits {
				return t, err
			}
		}
	}
}

// asked has a task that waits for a person answered. waits: nobody is there for it.
func (f *family) asked(ctx context.Context, c *client.Client, id core.TaskID) (t client.TaskDetail, waits bool, err error) {
	t, err = c.Task(ctx, id)
	if err != nil || t.Status != core.StatusWaiting || t.Approval == nil {
		return t, false, err
	}
	if f.ask == nil {
		return t, true, nil
	}
	r, err := f.ask(*t.Approval)
	if err != nil {
		return t, false, core.E(core.CodeOf(err), "", "the question stays open").Because(err).WithHint("answer: " + howToAnswer(id, t.Approval))
	}
	if _, err = c.ResumeTask(ctx, id, r); core.CodeOf(err) == core.Conflict { // somebody else was quicker
		err = nil
	}
	return t, false, err
}

// parts are the sub-tasks that an event has begun.
func parts(e core.Event) (ids []core.TaskID) {
	p, err := e.Payload()
	if err != nil { // who shows it says so
		return nil
	}
	switch p := p.(type) {
	case core.ToolRequested:
		if id := core.SubtaskOf(p.Call.ID); p.Call.Subject == string(id) {
			ids = append(ids, id)
		}
	case core.StepsParted:
		for _, s := range p.Steps {
			ids = append(ids, core.SubtaskOf(s.Call))
		}
	}
	return ids
}

// The time after which is looked again whether a part is there; it grows.
const (
	partSoon = 100 * time.Millisecond
	partLate = 5 * time.Second
)

// listen tells of a task's events after a version. A part is wanted before it is there, and may
// never be: that is waited for until the turn is over.
func (m *member) listen(ctx context.Context, c *client.Client, after int64, to chan<- heard) {
	tell := func(h heard) bool {
		h.from = m
		select {
		case to <- h:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for wait := partSoon; ; wait = min(2*wait, partLate) {
		missing := false
		for e, err := range c.TaskEvents(ctx, m.id, after) {
			if missing = m.depth > 0 && core.CodeOf(err) == core.NotFound; missing {
				break
			}
			if !tell(heard{e: core.Event(e), err: err}) || err != nil {
				return
			}
			after = e.Version
		}
		if !missing {
			tell(heard{over: true})
			return
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}
