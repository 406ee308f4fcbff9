package redact

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// ServiceConfig connects a Service. Records is required; the other zero fields have the
// defaults that are named.
type ServiceConfig struct {
	Records store.Records
	// Values returns what an org's texts are searched for by value: its canaries, and the
	// secrets that it keeps. nil: nothing.
	Values   func(ctx context.Context, org core.OrgID) (Config, error)
	Now      func() time.Time
	CacheFor time.Duration // how long an org's policy and values are taken for what they are; 5 s
	Orgs     int           // how many orgs' are kept at hand; 256
	// Found is told what was found in a text, and whether that was refused. nil: nobody.
	Found func(ctx context.Context, scope core.Scope, where string, found []Finding, refused bool)
}

// Service applies the policy of each org. Safe for concurrent use.
type Service struct {
	cfg ServiceConfig

	mu   sync.Mutex
	orgs map[core.OrgID]*settings
}

// settings are what is at hand of an org.
type settings struct {
	policy  Policy
	values  Config
	scanner *Scanner // of values
	at      time.Time
}

// NewService returns a Service.
func NewService(cfg ServiceConfig) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.CacheFor <= 0 {
		cfg.CacheFor = 5 * time.Second
	}
	if cfg.Orgs <= 0 {
		cfg.Orgs = 256
	}
	return &Service{cfg: cfg, orgs: map[core.OrgID]*settings{}}
}

const policyKind, policyID = "redact_policy", "policy"

// Policy returns the org's policy and its version, the zero Policy and 0 if it has set none.
// Who may see or set it is decided by the caller.
func (s *Service) Policy(ctx context.Context, org core.OrgID) (p Policy, version int64, err error) {
	rec, err := s.cfg.Records.Record(ctx, org, policyKind, policyID)
	if core.CodeOf(err) == core.NotFound {
		return Policy{}, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(rec.Data, &p)
	}
	return p, rec.Version, err
}

// SetPolicy sets the org's policy, which has a version now. conflict: it has another.
// Other processes heed it after CacheFor.
func (s *Service) SetPolicy(ctx context.Context, org core.OrgID, version int64, p Policy) error {
	if err := p.Valid(); err != nil {
		return err
	}
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("redact.policy: %w", err)
	}
	if err := s.cfg.Records.Write(ctx, org, store.Change{Kind: policyKind, ID: policyID, Expected: version, Data: data}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.orgs, org)
	return nil
}

// Text returns a text as the org's policy lets it go to where ("model", "tool files_write").
// Errors: denied when it is refused; those of the store, for what couldn't be checked goes
// nowhere.
func (s *Service) Text(ctx context.Context, scope core.Scope, where, text string) (string, error) {
	if err := scope.Valid(); err != nil {
		return "", err
	}
	of, err := s.settings(ctx, scope.Org)
	if err != nil {
		return "", err
	}
	out, found, err := of.scanner.Apply(of.policy, text)
	if len(found) > 0 && s.cfg.Found != nil {
		s.cfg.Found(ctx, scope, where, found, err != nil)
	}
	return out, err
}

// settings returns an org's, not older than CacheFor.
func (s *Service) settings(ctx context.Context, org core.OrgID) (*settings, error) {
	now := s.cfg.Now()
	s.mu.Lock()
	of := s.orgs[org]
	s.mu.Unlock()
	if of != nil && now.Sub(of.at) < s.cfg.CacheFor {
		return of, nil
	}
	policy, _, err := s.Policy(ctx, org)
	if err != nil {
		return nil, err
	}
	var values Config
	if s.cfg.Values != nil {
		if values, err = s.cfg.Values(ctx, org); err != nil {
			return nil, err
		}
	}
	var scanner *Scanner
	if of != nil && slices.Equal(of.values.Canaries, values.Canaries) && slices.Equal(of.values.Secrets, values.Secrets) {
		scanner = of.scanner
	} else if scanner, err = New(values); err != nil {
		return nil, err
	}
	of = &settings{policy, values, scanner, now}
	s.mu.Lock()
	defer s.mu.Unlock()
	for other := range s.orgs {
		if len(s.orgs) < s.cfg.Orgs {
			break
		}
		delete(s.orgs, other)
	}
	s.orgs[org] = of
	return of, nil
}

// JSON is Text for each string in a JSON value, names of fields included. Without a finding
// it returns raw itself.
func (s *Service) JSON(ctx context.Context, scope core.Scope, where string, raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 {
		return raw, nil
	}
	w := &walk{text: func(text string) (string, error) { return s.Text(ctx, scope, where, text) }}
	out, err := w.raw(raw)
	if err != nil || !w.changed {
		return raw, err
	}
	return out, nil
}
