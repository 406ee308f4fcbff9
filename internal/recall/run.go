package recall

import (
	"context"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// every is how often Run looks for what is to be done.
const every = 15 * time.Second

// Run does until ctx ends what wasn't done when it was asked for: vectors that weren't to be had,
// what a process left that ended, an index that is new, and facts that expire. Of several
// processes that run it one works at a time.
func (s *Service) Run(ctx context.Context) error {
	const name = "memory"
	holder := s.cfg.IDs("nod")
	defer func() { _ = s.cfg.Terms.Resign(context.WithoutCancel(ctx), name, holder) }()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		leads, err := s.cfg.Terms.Lead(ctx, name, holder, 4*every)
		if err == nil && leads {
			err = s.Tend(ctx, func() bool {
				leads, err := s.cfg.Terms.Lead(ctx, name, holder, 4*every)
				return err == nil && leads
			})
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.WarnContext(ctx, "memory isn't tended", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Tend is one round of Run's: it does what is due, as long as on returns true. nil: it does all.
func (s *Service) Tend(ctx context.Context, on func() bool) error {
	if err := s.sameIndex(ctx); err != nil {
		return err
	}
	orgs, err := s.cfg.Orgs(ctx)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		for _, f := range []func(context.Context, core.OrgID, func() bool) error{s.expire, s.catchUp} {
			if err := f(ctx, org, on); err != nil && core.CodeOf(err) != core.NotFound { // that the org is gone is fine
				s.cfg.Log.WarnContext(ctx, "an org's memory isn't tended", "org", org, "err", err)
			}
		}
		if ctx.Err() != nil || on != nil && !on() {
			return ctx.Err()
		}
	}
	return nil
}

// seen is the index, and the model, that everything was put by.
type seen struct {
	Index string `json:"index"`
	Model string `json:"model"`
}

const seenAt store.Kind[seen] = "memory_index"

// sameIndex has everything be put into the index that is another one than before, or be embedded
// by the installation's model if that is another one. The first of all is no change.
func (s *Service) sameIndex(ctx context.Context) error {
	d, err := seenAt.Find(ctx, s.cfg.Records, core.Installation, "index")
	now := seen{s.cfg.Index.ID(), s.cfg.Model}
	if err != nil || d.Data == now {
		return err
	}
	if d.Version > 0 {
		orgs, err := s.cfg.Orgs(ctx)
		if err != nil {
			return err
		}
		for _, org := range orgs {
			if err := s.markAll(ctx, org, ""); err != nil && core.CodeOf(err) != core.NotFound {
				return err
			}
		}
	}
	d.Data = now
	err = s.cfg.Records.Write(ctx, core.Installation, seenAt.Put(d))
	if core.CodeOf(err) == core.Conflict { // another process has seen it
		return nil
	}
	return err
}

// Reindex has all documents and facts of the project be read and embedded anew, and returns how
// many. They are found meanwhile as they were. What is in the index and is no more is taken out.
func (s *Service) Reindex(ctx context.Context, scope core.Scope) (n int, err error) {
	if err := scope.Valid(); err != nil {
		return 0, err
	}
	sum, err := totals.Find(ctx, s.cfg.Records, scope.Org, string(scope.Project))
	if err != nil {
		return 0, err
	}
	if err := s.sweep(ctx, scope); err != nil {
		return 0, err
	}
	return sum.Data.Documents + sum.Data.Facts, s.markAll(ctx, scope.Org, place(scope.Project, ""))
}

// markAll writes a todo for each document and fact of an org whose record's id begins with prefix.
func (s *Service) markAll(ctx context.Context, org core.OrgID, prefix string) error {
	err := mark(ctx, s, documents, Documents, org, prefix)
	if err == nil {
		err = mark(ctx, s, facts, Facts, org, prefix)
	}
	return err
}

func mark[T any](ctx context.Context, s *Service, of store.Kind[T], kind string, org core.OrgID, prefix string) error {
	const page = 50
	for after := ""; ; {
		found, err := of.List(ctx, s.cfg.Records, org, prefix, after, page)
		if err != nil || len(found) == 0 {
			return err
		}
		err = store.Update(ctx, s.cfg.Records, org, func() (changes []store.Change, err error) {
			for _, d := range found {
				project, id, _ := strings.Cut(d.ID, "/")
				t, err := todos.Find(ctx, s.cfg.Records, org, todoPlace(core.ProjectID(project), kind, id))
				if err != nil {
					return nil, err
				}
				t.Data = todo{}
				changes = append(changes, todos.Put(t))
			}
			return changes, nil
		})
		if err != nil {
			return err
		}
		after = found[len(found)-1].ID
	}
}

// catchUp does the todos of an org that are due.
func (s *Service) catchUp(ctx context.Context, org core.OrgID, on func() bool) error {
	const page = 100
	for after := ""; ; {
		found, err := todos.List(ctx, s.cfg.Records, org, "", after, page)
		if err != nil || len(found) == 0 {
			return err
		}
		for _, d := range found {
			after = d.ID
			if d.Data.After.After(s.cfg.Now()) {
				continue
			}
			if ctx.Err() != nil || on != nil && !on() {
				return ctx.Err()
			}
			if err := s.attend(ctx, org, d.ID); err != nil {
				return err
			}
		}
	}
}

// attend does one todo. What fails is noted, and tried again later.
func (s *Service) attend(ctx context.Context, org core.OrgID, id string) error {
	project, kind, what, ok := parseTodo(id)
	if !ok {
		return core.E(core.Internal, op, "a todo that nobody wrote")
	}
	if err := s.later(ctx, org, id); err != nil { // before: a document that ends this process isn't tried at once again
		return err
	}
	scope := core.Scope{Org: org, Project: project, Actor: core.Actor{Kind: core.ActorSystem, ID: "memory"}}
	var err error
	switch kind {
	case Documents:
		err = s.again(ctx, scope, what)
	default:
		_, err = s.indexFact(ctx, scope, what)
	}
	if core.CodeOf(err) == core.NotFound { // it is gone, and so is what was to be done
		return store.Update(ctx, s.cfg.Records, org, func() ([]store.Change, error) { return s.done(ctx, scope, kind, what, nil) })
	}
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.WarnContext(ctx, "it isn't in the index as it should be", "org", org, "project", project, "id", what, "err", err)
	}
	return ctx.Err()
}

// again puts a document that is kept into the index. One that can't be read any more stays as it
// is there, and says so.
func (s *Service) again(ctx context.Context, scope core.Scope, id string) error {
	d, err := s.document(ctx, scope, id)
	if err != nil {
		return err
	}
	data, err := s.content(ctx, scope.Org, d.Data)
	if err != nil {
		return err
	}
	content, err := s.read(ctx, d.Data.Kind, data)
	if code := core.CodeOf(err); code == core.Invalid || code == core.Unsupported {
		d.Data.State, d.Data.Why = Failed, told(err)
		changes, err := s.done(ctx, scope, Documents, id, []store.Change{documents.Put(d)})
		if err != nil {
			return err
		}
		return s.cfg.Records.Write(ctx, scope.Org, changes...)
	}
	if err != nil {
		return err
	}
	_, err = s.index(ctx, scope, id, content)
	return err
}

// expire forgets the facts of an org whose time is over.
func (s *Service) expire(ctx context.Context, org core.OrgID, on func() bool) error {
	for {
		found, err := expiries.List(ctx, s.cfg.Records, org, "", "", 50)
		if err != nil {
			return err
		}
		n := 0
		for _, d := range found {
			at, project, id, ok := parseTodo(d.ID)
			if due, err := time.Parse(timeForm, string(at)); !ok || err != nil || due.After(s.cfg.Now()) {
				return err
			}
			scope := core.Scope{Org: org, Project: core.ProjectID(project), Actor: core.Actor{Kind: core.ActorSystem, ID: "memory"}}
			if err := s.forget(ctx, scope, id); err != nil {
				return err
			}
			if err := s.dropExpiry(ctx, org, d.ID); err != nil {
				return err
			}
			n++
		}
		if n == 0 || on != nil && !on() {
			return nil
		}
	}
}

// dropExpiry removes what forget hasn't: that of a fact which was forgotten before.
func (s *Service) dropExpiry(ctx context.Context, org core.OrgID, id string) error {
	return store.Update(ctx, s.cfg.Records, org, func() ([]store.Change, error) {
		d, err := expiries.Find(ctx, s.cfg.Records, org, id)
		if err != nil || d.Version == 0 {
			return nil, err
		}
		return []store.Change{expiries.Drop(d)}, nil
	})
}
