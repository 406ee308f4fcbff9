package redact

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

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
	s.forget(org)
	return nil
}
