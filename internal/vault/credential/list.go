package credential

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Credential is all that is shown of one: never a value.
type Credential struct {
	ID          string // "crd_..."
	Name        string
	Project     core.ProjectID // "": all of the org's may use it
	Kind        Kind
	Note        string
	Hosts       []string
	Fingerprint string // of an SSHKey: of its public part, if that can be had
	Revision    int64  // grows with each change
	Version     int64  // of the value; 0 for a connection
	Versions    []Version
	Rotate      time.Duration
	Grace       time.Duration
	Due         time.Time   // when a new value is due; zero: it isn't ever
	Used        *Usage      // nil: it wasn't yet
	Connection  *Connection // of OAuth alone
}

// Version is one value that a credential has or had.
type Version struct {
	Number  int64
	Created time.Time
	By      core.Actor
	Until   time.Time // when it can't be used any more; zero: it is the current one
}

// Usage is the last use, exact to a minute; the audit log has each.
type Usage struct {
	At    time.Time
	Actor core.Actor
	Task  core.TaskID
	Tool  string
}

// Connection is what is shown of a link to a provider.
type Connection struct {
	Provider string   // its name; the issuer of an authorization server that has registered us itself
	Resource string   `json:",omitempty"` // that its tokens are for, and are sent to alone; "": see Hosts
	Scopes   []string // that the provider granted
	By       core.Actor
	Since    time.Time
	Broken   bool   // the provider doesn't honour it any more
	Hint     string // what to do about it
}

// List returns the credentials that a project may use, its own and the org's, by name.
func (s *Service) List(ctx context.Context, scope core.Scope) ([]Credential, error) {
	if err := scope.Valid(); err != nil {
		return nil, err
	}
	var all []Credential
	for _, project := range []core.ProjectID{scope.Project, ""} {
		found, err := credentials.All(ctx, s.cfg.Records, scope.Org, folder(project), 2*MaxCredentials)
		if err != nil {
			return nil, err
		}
		used, err := usages.All(ctx, s.cfg.Records, scope.Org, folder(project), 2*MaxCredentials)
		if err != nil {
			return nil, err
		}
		last := make(map[string]*Usage, len(used))
		for _, u := range used {
			last[u.Data.Credential] = &u.Data.Usage
		}
		for _, e := range found {
			all = append(all, credentialOf(e, last[e.Data.ID]))
		}
	}
	slices.SortStableFunc(all, func(a, b Credential) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Get returns the credential that a use of the name would be of: the project's own, or
// the org's.
func (s *Service) Get(ctx context.Context, scope core.Scope, name string) (Credential, error) {
	if err := scope.Valid(); err != nil {
		return Credential{}, err
	}
	e, err := s.named(ctx, scope, name)
	if err != nil {
		return Credential{}, err
	}
	u, err := usages.Find(ctx, s.cfg.Records, scope.Org, e.ID)
	if err != nil || u.Data.Credential != e.Data.ID {
		return credentialOf(e, nil), err
	}
	return credentialOf(e, &u.Data.Usage), nil
}

// Shared returns the credential of a name that all of an org's projects share.
func (s *Service) Shared(ctx context.Context, org core.OrgID, name string) (Credential, error) {
	e, err := credentials.Find(ctx, s.cfg.Records, org, place("", name))
	switch {
	case err != nil:
		return Credential{}, err
	case e.Version == 0:
		return Credential{}, missing()
	}
	return credentialOf(e, nil), nil
}

// Due returns the credentials of all of an org's projects that should have got a new value
// by now, the longest due first. Whoever calls it tells people.
func (s *Service) Due(ctx context.Context, org core.OrgID) ([]Credential, error) {
	const most = 10_000
	found, err := credentials.All(ctx, s.cfg.Records, org, "", most)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now()
	var due []Credential
	for _, e := range found {
		if c := credentialOf(e, nil); !c.Due.IsZero() && !c.Due.After(now) {
			due = append(due, c)
		}
	}
	slices.SortFunc(due, func(a, b Credential) int { return cmp.Or(a.Due.Compare(b.Due), strings.Compare(a.ID, b.ID)) })
	return due, nil
}

// named finds a name's credential: the project's own before the org's.
func (s *Service) named(ctx context.Context, scope core.Scope, name string) (store.Doc[credentialDoc], error) {
	for _, project := range []core.ProjectID{scope.Project, ""} {
		e, err := credentials.Find(ctx, s.cfg.Records, scope.Org, place(project, name))
		if err != nil || e.Version != 0 {
			return e, err
		}
	}
	return store.Doc[credentialDoc]{}, missing()
}

func credentialOf(e store.Doc[credentialDoc], used *Usage) Credential {
	d := e.Data
	c := Credential{
		ID: d.ID, Name: d.Name, Project: d.Project, Kind: d.Kind, Note: d.Note, Hosts: d.Hosts, Fingerprint: d.Fingerprint,
		Revision: e.Version, Version: d.Version, Versions: d.Versions, Rotate: d.Rotate, Grace: d.Grace, Used: used,
	}
	if n := len(d.Versions); n > 0 && d.Rotate > 0 {
		c.Due = d.Versions[n-1].Created.Add(d.Rotate)
	}
	if d.Connection != nil {
		shown := *d.Connection
		c.Connection = &shown
	}
	return c
}
