package recall

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/recall/read"
	"github.com/isekai-run/isekai/internal/store"
)

// Fact is something that was remembered of a conversation or a task.
type Fact struct {
	ID      string
	Text    string
	By      core.Actor
	Task    core.TaskID // that it was said in; may be empty
	Source  string      // the conversation that it was said in, as cnv_...; may be empty
	State   State
	Why     string
	Created time.Time
	Expires time.Time
}

// fact is a Fact as it is kept.
type fact struct {
	Text    string      `json:"text"`
	By      core.Actor  `json:"by"`
	Task    core.TaskID `json:"task,omitempty"`
	Source  string      `json:"source,omitempty"`
	State   State       `json:"state"`
	Why     string      `json:"why,omitempty"`
	Created time.Time   `json:"created"`
	Expires time.Time   `json:"expires,omitzero"`
}

// factStamp is every fact's: none changes.
const factStamp = "1"

// MaxFact bounds a fact, in bytes.
const MaxFact = 1500

// NewFact is something to be remembered.
type NewFact struct {
	Text   string
	Task   core.TaskID
	Source string // of a conversation: its id
	Days   int    // until it is forgotten; 0: as the project has set
	// Key makes repeating a call be one: a tool's call id. "": none.
	Key core.CallID
}

// Remember keeps a fact. denied: the project hasn't said that anything may be remembered;
// invalid: it is empty or too long; exhausted: there are too many.
func (s *Service) Remember(ctx context.Context, scope core.Scope, n NewFact) (Fact, error) {
	if err := scope.Valid(); err != nil {
		return Fact{}, err
	}
	said := strings.TrimSpace(text(n.Text, len(n.Text)))
	if said == "" || len(said) > MaxFact || n.Days < 0 || n.Days > MaxDays {
		return Fact{}, core.E(core.Invalid, op, "a fact has 1 to "+strconv.Itoa(MaxFact)+" bytes and is kept for at most "+strconv.Itoa(MaxDays)+" days").
			WithHint("a longer text is a document: isekai memory add")
	}
	set, err := s.Settings(ctx, scope)
	if err != nil {
		return Fact{}, err
	}
	if !set.Remember {
		return Fact{}, core.E(core.Denied, op, "this project hasn't said that anything may be remembered").WithHint("an admin allows it: isekai memory settings --remember on")
	}
	days := n.Days
	if days == 0 || days > set.Days {
		days = set.Days
	}
	now := s.cfg.Now().UTC()
	f := fact{Text: said, By: scope.Actor, Task: n.Task, Source: text(n.Source, memory.MaxID), State: Waiting, Created: now, Expires: now.AddDate(0, 0, days)}
	id := s.cfg.IDs("mem")
	if n.Key != "" {
		id = "mem_" + strings.TrimPrefix(namePlace("", string(n.Key)), "/")[:26]
	}
	err = s.enterFact(ctx, scope, id, f)
	if err != nil {
		return Fact{}, err
	}
	return s.indexFact(ctx, scope, id)
}

// enterFact writes the record of a fact, unless it is there already, and notes what has to be
// done afterwards: that it is put into the index, and that it is forgotten in its time.
func (s *Service) enterFact(ctx context.Context, scope core.Scope, id string, f fact) error {
	return store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		d, err := facts.Find(ctx, s.cfg.Records, scope.Org, place(scope.Project, id))
		if err != nil || d.Version > 0 {
			return nil, err
		}
		sum, err := totals.Find(ctx, s.cfg.Records, scope.Org, string(scope.Project))
		if err != nil {
			return nil, err
		}
		sum.Data.Facts++
		if err := s.room(sum.Data, false); err != nil {
			return nil, err
		}
		d.Data = f
		changes, err := s.due(ctx, scope, Facts, id)
		changes = append(changes, expiries.Put(store.Doc[expiry]{ID: expiryPlace(f.Expires, scope.Project, id)}))
		return append(changes, facts.Put(d), totals.Put(sum)), err
	})
}

// indexFact is index for a fact.
func (s *Service) indexFact(ctx context.Context, scope core.Scope, id string) (Fact, error) {
	d, err := s.fact(ctx, scope, id)
	if err != nil {
		return Fact{}, err
	}
	set, err := s.Settings(ctx, scope)
	if err != nil {
		return Fact{}, err
	}
	parts := []read.Part{{Text: d.Data.Text}}
	made := entry(id, factStamp, "", parts)
	state, why, again := s.embed(ctx, scope, set.Model, texts("", parts), &made)
	made.Parts[0] = []byte{} // the record has it
	if err := s.cfg.Index.Put(ctx, shelfOf(scope, Facts), made); err != nil {
		return Fact{}, err
	}
	err = store.Update(ctx, s.cfg.Records, scope.Org, func() (changes []store.Change, err error) {
		if d, err = s.fact(ctx, scope, id); err != nil {
			return nil, err
		}
		d.Data.State, d.Data.Why = state, why
		changes = []store.Change{facts.Put(d)}
		if !again {
			changes, err = s.done(ctx, scope, Facts, id, changes)
		}
		return changes, err
	})
	if core.CodeOf(err) == core.NotFound { // it was forgotten meanwhile
		_ = s.cfg.Index.Delete(context.WithoutCancel(ctx), shelfOf(scope, Facts), id)
	}
	return shownFact(id, d.Data), err
}

func shownFact(id string, f fact) Fact {
	return Fact{ID: id, Text: f.Text, By: f.By, Task: f.Task, Source: f.Source, State: f.State, Why: f.Why, Created: f.Created, Expires: f.Expires}
}

// fact returns one that hasn't expired, or not_found.
func (s *Service) fact(ctx context.Context, scope core.Scope, id string) (store.Doc[fact], error) {
	if err := scope.Valid(); err != nil {
		return store.Doc[fact]{}, err
	}
	if !core.ValidID("mem", id) {
		return store.Doc[fact]{}, missing("fact", id)
	}
	d, err := facts.Get(ctx, s.cfg.Records, scope.Org, place(scope.Project, id))
	if err == nil && expired(d.Data, s.cfg.Now()) || core.CodeOf(err) == core.NotFound && core.HintOf(err) == "" {
		err = missing("fact", id)
	}
	return d, err
}

func expired(f fact, now time.Time) bool { return !f.Expires.IsZero() && !f.Expires.After(now) }

// Remembered returns all that the project remembers, by id. There are at most Limits.Facts.
func (s *Service) Remembered(ctx context.Context, scope core.Scope) ([]Fact, error) {
	if err := scope.Valid(); err != nil {
		return nil, err
	}
	prefix := place(scope.Project, "")
	found, err := facts.All(ctx, s.cfg.Records, scope.Org, prefix, s.cfg.Limits.Facts+1)
	var all []Fact
	for _, d := range found {
		if !expired(d.Data, s.cfg.Now()) {
			all = append(all, shownFact(strings.TrimPrefix(d.ID, prefix), d.Data))
		}
	}
	return all, err
}

// Forget removes a fact with all that is of it.
func (s *Service) Forget(ctx context.Context, scope core.Scope, id string) error {
	if _, err := s.fact(ctx, scope, id); err != nil {
		return err
	}
	return s.forget(ctx, scope, id)
}

// ForgetAll removes all facts of the project, and returns how many.
func (s *Service) ForgetAll(ctx context.Context, scope core.Scope) (n int, err error) {
	if err := scope.Valid(); err != nil {
		return 0, err
	}
	prefix := place(scope.Project, "")
	for {
		found, err := facts.List(ctx, s.cfg.Records, scope.Org, prefix, "", 100)
		if err != nil {
			return n, err
		}
		for _, d := range found {
			if err := s.forget(ctx, scope, strings.TrimPrefix(d.ID, prefix)); err != nil {
				return n, err
			}
			n++
		}
		if len(found) == 0 {
			return n, s.cfg.Index.Clear(ctx, shelfOf(scope, Facts))
		}
	}
}

// forget removes a fact, expired or not. One that isn't there is no error.
func (s *Service) forget(ctx context.Context, scope core.Scope, id string) error {
	if err := s.cfg.Index.Delete(ctx, shelfOf(scope, Facts), id); err != nil {
		return err
	}
	err := store.Update(ctx, s.cfg.Records, scope.Org, func() (changes []store.Change, err error) {
		d, err := facts.Find(ctx, s.cfg.Records, scope.Org, place(scope.Project, id))
		if err != nil || d.Version == 0 {
			return nil, err
		}
		sum, err := totals.Find(ctx, s.cfg.Records, scope.Org, string(scope.Project))
		if err != nil {
			return nil, err
		}
		changes = []store.Change{facts.Drop(d)}
		if sum.Version > 0 {
			sum.Data.Facts--
			changes = append(changes, totals.Put(sum))
		}
		if e, err := expiries.Find(ctx, s.cfg.Records, scope.Org, expiryPlace(d.Data.Expires, scope.Project, id)); err != nil {
			return nil, err
		} else if e.Version > 0 {
			changes = append(changes, expiries.Drop(e))
		}
		return s.done(ctx, scope, Facts, id, changes)
	})
	if err != nil {
		return err
	}
	return s.cfg.Index.Delete(ctx, shelfOf(scope, Facts), id) // for who indexed it in between
}

// expiry says that a fact is to be forgotten: its id begins with when.
type expiry struct{}

const expiries store.Kind[expiry] = "memory_expiry"

const timeForm = "20060102T150405Z"

func expiryPlace(at time.Time, project core.ProjectID, id string) string {
	return at.UTC().Format(timeForm) + "/" + string(project) + "/" + id
}
