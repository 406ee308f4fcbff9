package redact

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const policies store.Kind[Policy] = "redact_policy"

const policyID = "policy"

// Policy returns the org's policy and its version, the zero Policy and 0 if it has set none.
// Who may see or set it is decided by the caller.
func (s *Service) Policy(ctx context.Context, org core.OrgID) (p Policy, version int64, err error) {
	d, err := policies.Find(ctx, s.cfg.Records, org, policyID)
	return d.Data, d.Version, err
}

// SetPolicy sets the org's policy, which has a version now. conflict: it has another.
// Other processes heed it after CacheFor.
func (s *Service) SetPolicy(ctx context.Context, org core.OrgID, version int64, p Policy) error {
	if err := p.Valid(); err != nil {
		return err
	}
	if err := s.cfg.Records.Write(ctx, org, policies.Put(store.Doc[Policy]{ID: policyID, Version: version, Data: p})); err != nil {
		return err
	}
	s.forget(org)
	return nil
}
