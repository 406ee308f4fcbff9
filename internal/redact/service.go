package redact

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// ServiceConfig connects a Service. Records is required; the other zero fields have the
// defaults that are named.
type ServiceConfig struct {
	Records store.Records // sealed: canaries are kept here
	// Secrets returns the secrets that an org keeps, which its texts are searched for. Those
	// that aren't Valid are left out. nil: it keeps none.
	Secrets  func(ctx context.Context, org core.OrgID) ([]Value, error)
	IDs      core.IDs // core.NewID
	Now      func() time.Time
	CacheFor time.Duration // how long an org's policy and values are taken for what they are, and stay in memory; 5 s
	Orgs     int           // how many orgs' are kept at hand; 256
	// Found is told what was found, once for each request or call. nil: nobody.
	Found func(ctx context.Context, s Sighting)
}

// Sighting says what was found in one request or call, and never its text.
type Sighting struct {
	Scope   core.Scope
	Task    core.TaskID // that it is of; may be ""
	Where   string      // it was going to: "model", "tool web_fetch"
	Outcome Action      // the severest that was taken
	Kinds   []Kind      // sorted
	Names   []string    // of the canaries and kept secrets, sorted
}

// Service applies the policy of each org. Safe for concurrent use.
type Service struct {
	cfg    ServiceConfig
	shapes []*rule
	plain  *Scanner // of shapes alone: what most orgs need

	mu      sync.Mutex
	orgs    map[core.OrgID]*settings
	changes int // that were made here, of any org
}

// settings are what is at hand of an org.
type settings struct {
	policy Policy
	full   *Scanner // of shapes and values
	exact  *Scanner // of values alone; nil: there are none
	at     time.Time
}

// NewService returns a Service.
func NewService(cfg ServiceConfig) *Service {
	if cfg.IDs == nil {
		cfg.IDs = core.NewID
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.CacheFor <= 0 {
		cfg.CacheFor = 5 * time.Second
	}
	if cfg.Orgs <= 0 {
		cfg.Orgs = 256
	}
	if cfg.Found == nil {
		cfg.Found = func(context.Context, Sighting) {}
	}
	rules := shapes()
	return &Service{cfg: cfg, shapes: rules, plain: newScanner(rules), orgs: map[core.OrgID]*settings{}}
}

// settings returns an org's, not older than CacheFor.
func (s *Service) settings(ctx context.Context, org core.OrgID) (*settings, error) {
	now := s.cfg.Now()
	s.mu.Lock()
	of, changes := s.orgs[org], s.changes
	s.mu.Unlock()
	if of != nil && now.Sub(of.at).Abs() < s.cfg.CacheFor {
		return of, nil
	}
	of = &settings{full: s.plain, at: now}
	var err error
	if of.policy, _, err = s.Policy(ctx, org); err != nil {
		return nil, err
	}
	values, err := s.values(ctx, org)
	if err != nil {
		return nil, err
	}
	if len(values) > 0 {
		of.full, of.exact = newScanner(slices.Concat(s.shapes, values)), newScanner(values)
	}
	s.keep(org, of, changes)
	return of, nil
}

// values returns the rules that find an org's canaries and secrets.
func (s *Service) values(ctx context.Context, org core.OrgID) ([]*rule, error) {
	var cfg Config
	traps, err := s.traps(ctx, org)
	if err != nil {
		return nil, err
	}
	for _, d := range traps {
		cfg.Canaries = append(cfg.Canaries, Value{Name: d.Data.Name, Text: d.Data.Text})
	}
	if s.cfg.Secrets != nil {
		if cfg.Secrets, err = s.cfg.Secrets(ctx, org); err != nil {
			return nil, err
		}
		cfg.Secrets = slices.DeleteFunc(cfg.Secrets, func(v Value) bool { return v.Valid() != nil })
	}
	return cfg.rules()
}

// keep has an org's settings at hand for CacheFor; then nothing holds its values any more. It
// does nothing if something has changed since there were changes: they may be what was before.
func (s *Service) keep(org core.OrgID, of *settings, changes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes != changes {
		return
	}
	for other := range s.orgs {
		if len(s.orgs) < s.cfg.Orgs {
			break
		}
		delete(s.orgs, other)
	}
	s.orgs[org] = of
	time.AfterFunc(s.cfg.CacheFor, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.orgs[org] == of {
			delete(s.orgs, org)
		}
	})
}

// forget has an org's settings be read anew.
func (s *Service) forget(org core.OrgID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	delete(s.orgs, org)
}
