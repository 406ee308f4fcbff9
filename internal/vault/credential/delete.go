package credential

import (
	"context"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// revocationDoc is what a provider shall forget.
type revocationDoc struct {
	Provider        string
	Access, Refresh kept
}

// revocationLife is how long a provider that doesn't answer is asked to forget.
const revocationLife = 7 * 24 * time.Hour

// Delete removes a credential with all its values, the project's own or the org's. A
// connection is taken from its users first, and then revoked at the provider, if that has
// a way; when the provider doesn't answer, Revoke goes on with it. conflict: the revision
// is another (0: whatever it is).
func (s *Service) Delete(ctx context.Context, scope core.Scope, name string, shared bool, revision int64) error {
	if err := scope.Valid(); err != nil {
		return err
	}
	project := scope.Project
	if shared {
		project = ""
	}
	var e store.Doc[credentialDoc]
	var rev store.Doc[revocationDoc]
	err := store.Update(ctx, s.cfg.Records, scope.Org, func() (changes []store.Change, err error) {
		e, err = credentials.Find(ctx, s.cfg.Records, scope.Org, place(project, name))
		switch {
		case err != nil:
			return nil, err
		case e.Version == 0:
			return nil, missing()
		case revision != 0 && revision != e.Version:
			return nil, core.E(core.Conflict, "credential.delete", "the credential has changed").WithHint("read it again")
		}
		changes, rev, err = s.remains(ctx, scope.Org, e)
		return append(changes, credentials.Drop(e)), err
	})
	if err != nil {
		return err
	}
	action := "credential.delete"
	if e.Data.Kind == OAuth {
		action = "connection.disconnect"
	}
	if err := s.tell(ctx, scope, action, e.Data, ""); err != nil {
		return err
	}
	if rev.ID == "" {
		return nil
	}
	if err := s.revoke(ctx, scope.Org, rev); err != nil {
		s.cfg.Log.WarnContext(ctx, "a connection isn't revoked yet", "provider", rev.Data.Provider, "credential", rev.ID, "error", err)
	}
	return nil
}

// remains returns the changes that remove what a credential has besides its own record, and
// what is to be revoked.
func (s *Service) remains(ctx context.Context, org core.OrgID, e store.Doc[credentialDoc]) (changes []store.Change, rev store.Doc[revocationDoc], err error) {
	u, err := usages.Find(ctx, s.cfg.Records, org, e.ID)
	if err != nil {
		return nil, rev, err
	}
	if u.Version > 0 {
		changes = append(changes, usages.Drop(u))
	}
	held, err := values.All(ctx, s.cfg.Records, org, e.Data.ID+"/", maxVersions+1)
	if err != nil {
		return nil, rev, err
	}
	for _, v := range held {
		changes = append(changes, values.Drop(v))
	}
	g, err := grants.Find(ctx, s.cfg.Records, org, e.Data.ID)
	if err != nil || g.Version == 0 {
		return changes, rev, err
	}
	changes = append(changes, grants.Drop(g))
	if rev, err = s.revocation(ctx, org, e.Data, g.Data); rev.ID != "" {
		changes = append(changes, revocations.Put(rev))
		rev.Version++
	}
	return changes, rev, err
}

// revocation is what there is to revoke of a grant; its ID is "" if nothing is.
func (s *Service) revocation(ctx context.Context, org core.OrgID, c credentialDoc, g grantDoc) (rev store.Doc[revocationDoc], err error) {
	p, err := s.provider(ctx, org, c.Connection.Provider)
	if err != nil || p == nil || p.RevokeURL == "" && !p.hidden() || g.Access.IsZero() && g.Refresh.IsZero() {
		return rev, err
	}
	rev.ID, rev.Expires = s.cfg.IDs("rvc"), s.cfg.Now().Add(revocationLife)
	rev.Data = revocationDoc{p.Name, g.Access, g.Refresh}
	return rev, nil
}

// Revoke asks providers again to forget what they couldn't be asked to when it was deleted.
// It returns how much is left. Call it now and then; what is left after a week is forgotten.
func (s *Service) Revoke(ctx context.Context, org core.OrgID) (left int, err error) {
	const most = 1000
	pending, err := revocations.All(ctx, s.cfg.Records, org, "", most)
	if err != nil {
		return 0, err
	}
	for _, rev := range pending {
		if e := s.revoke(ctx, org, rev); e != nil {
			left, err = left+1, e
		}
	}
	return left, err
}

// revoke has the provider forget, and forgets then.
func (s *Service) revoke(ctx context.Context, org core.OrgID, rev store.Doc[revocationDoc]) error {
	p, err := s.provider(ctx, org, rev.Data.Provider)
	if err != nil {
		return err
	}
	if p == nil {
		return core.E(core.Unavailable, "connection.revoke", "the provider "+rev.Data.Provider+" isn't configured any more")
	}
	p, err = s.known(ctx, p)
	if err == nil && p.RevokeURL != "" {
		err = p.revoke(ctx, s.http, rev.Data.Access.Secret, rev.Data.Refresh.Secret)
	}
	if err != nil {
		return err
	}
	err = s.cfg.Records.Write(ctx, org, revocations.Drop(rev))
	if core.CodeOf(err) == core.Conflict { // another one has
		return nil
	}
	return err
}
