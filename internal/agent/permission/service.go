package permission

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Wanted is a call that is wanted.
type Wanted struct {
	Tool      string
	Effect    core.Effect
	Contained bool // what the tool is given stays within the installation
	Arguments json.RawMessage
	Skill     string // that the task uses
}

// Ruling is what is to be done about a call.
type Ruling struct {
	Do   core.Permission
	Rule string        // the rule that says so, for a person; "": none does, and it is the default
	Wait time.Duration // for a person
}

// Service keeps the policies. Safe for concurrent use. A change is heeded within Fresh, on every
// node.
type Service struct {
	records store.Records
	now     func() time.Time

	mu    sync.Mutex
	known map[place]read
}

// place is whose a policy is; without a project it is the org's.
type place struct {
	org     core.OrgID
	project core.ProjectID
}

type read struct {
	policy Policy
	at     time.Time
}

// Fresh is how long a policy that was read is taken for what it is.
const Fresh = time.Second

// maxKnown bounds the policies that are remembered; what is forgotten is read again.
const maxKnown = 1024

// New returns a Service on sealed records. now: time.Now if nil.
func New(records store.Records, now func() time.Time) *Service {
	if now == nil {
		now = time.Now
	}
	return &Service{records: records, now: now, known: map[place]read{}}
}

// policies are the records of the policies. An org's own has the id "org".
const policies store.Kind[Policy] = "permission.policy"

func (p place) id() string {
	if p.project == "" {
		return "org"
	}
	return "project/" + string(p.project)
}

// Get returns the policy of a project, or of the org if project is empty, and its version, 0 if
// there is none yet.
func (s *Service) Get(ctx context.Context, org core.OrgID, project core.ProjectID) (Policy, int64, error) {
	d, err := policies.Find(ctx, s.records, org, place{org, project}.id())
	return d.Data, d.Version, err
}

// Put replaces it. invalid: it can't be right; conflict: it isn't of the version any more.
func (s *Service) Put(ctx context.Context, org core.OrgID, project core.ProjectID, version int64, p Policy) error {
	if err := p.Check(); err != nil {
		return err
	}
	at := place{org, project}
	if err := s.records.Write(ctx, org, policies.Put(store.Doc[Policy]{ID: at.id(), Version: version, Data: p})); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, at)
	return nil
}

// Rule returns what is to be done about a call: what the strictest rule of the org and of the
// project says that is about it; without one, a call that changes something elsewhere, and can't
// be repeated, is asked about, and any other allowed.
func (s *Service) Rule(ctx context.Context, scope core.Scope, w Wanted) (Ruling, error) {
	var args map[string]json.RawMessage
	_ = json.Unmarshal(w.Arguments, &args) // what isn't an object has no arguments, and is refused by the tool
	out := Ruling{Do: core.Allow, Wait: DefaultWait}
	if w.Effect == core.Once && !w.Contained {
		out.Do = core.Ask
	}
	ruled := false
	for _, project := range []core.ProjectID{"", scope.Project} {
		p, err := s.policy(ctx, place{scope.Org, project})
		if err != nil {
			return Ruling{}, err
		}
		if p.Wait > 0 {
			out.Wait = time.Duration(p.Wait) * time.Second
		}
		for _, r := range p.Rules {
			if r.matches(w, args) && (!ruled || r.Do.Stricter(out.Do)) {
				out.Do, out.Rule, ruled = r.Do, r.String(), true
			}
		}
	}
	return out, nil
}

// policy is one that was read a moment ago, or is read now.
func (s *Service) policy(ctx context.Context, at place) (Policy, error) {
	now := s.now()
	s.mu.Lock()
	had, ok := s.known[at]
	s.mu.Unlock()
	if age := now.Sub(had.at); ok && age >= 0 && age < Fresh {
		return had.policy, nil
	}
	p, _, err := s.Get(ctx, at.org, at.project)
	if err != nil {
		return Policy{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for other := range s.known {
		if len(s.known) < maxKnown {
			break
		}
		delete(s.known, other)
	}
	s.known[at] = read{p, now}
	return p, nil
}
