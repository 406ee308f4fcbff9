package credential

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// For says what a value is wanted for.
type For struct {
	Task core.TaskID
	Tool string
	Host string // whither it will be sent, if to one Place; asked for by credentials that have Hosts
	// Version asks for one that was replaced and has its grace; 0: the current one.
	Version int64
	// Refused is the Version of a connection's value that the service didn't take, though
	// it should be good: a newer one is wanted.
	Refused int64
	// Listed asks for a credential that names Host: one that may be sent anywhere is refused. It
	// is for hosts that somebody else than who stored the credential has chosen.
	Listed bool
	// Shared asks for the org's credential of the name, whatever the project has of its own.
	Shared bool
}

// Use gives a value to a tool, and records that: who, when, for which task. It waits for
// the refresh of a connection whose token has expired. not_found: the project has no such
// credential, or the version no grace any more; denied: it isn't for this host, or the
// connection is broken; unavailable: the provider doesn't answer.
func (s *Service) Use(ctx context.Context, scope core.Scope, name string, f For) (Value, error) {
	const op = "credential.use"
	if err := scope.Valid(); err != nil {
		return Value{}, err
	}
	of := scope
	if f.Shared {
		of.Project = ""
	}
	e, err := s.named(ctx, of, name)
	switch {
	case core.CodeOf(err) == core.NotFound:
		return Value{}, f.lacks(name)
	case err != nil:
		return Value{}, err
	}
	give := s.value
	if e.Data.Kind == OAuth {
		give = s.token
	}
	v, err := give(ctx, scope, e, f)
	outcome, code := "", ""
	if err != nil {
		outcome, code = "failed", string(core.CodeOf(err))
		if core.CodeOf(err) == core.Denied {
			outcome = "refused"
		}
	}
	told := s.tell(ctx, scope, op, e.Data, outcome, "version", number(v.Version), "task", string(f.Task), "tool", f.Tool, "host", Place(f.Host), "code", code)
	switch {
	case err != nil:
		return Value{}, err
	case told != nil:
		return Value{}, told
	}
	s.mark(ctx, scope, e, f)
	return v, nil
}

// Authorize gives a value to a tool, as Use does, in the request that it is for. A request that has
// the value already is one that was refused with it, though it should be good: it gets the
// connection's next one, and what isn't a connection is left. Errors are those of Use and of
// Value.Authorize.
func (s *Service) Authorize(ctx context.Context, scope core.Scope, name string, f For, r *http.Request) error {
	had := r.Header.Get("Authorization")
	v, err := s.Use(ctx, scope, name, f)
	if err != nil {
		return err
	}
	err = v.Authorize(r)
	if err != nil || v.Kind != OAuth || r.Header.Get("Authorization") != had {
		return err
	}
	f.Refused = v.Version
	if v, err = s.Use(ctx, scope, name, f); err != nil {
		return err
	}
	return v.Authorize(r)
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// value reads one version. The current one may be replaced, and gone, between two reads; what
// replaces it may be for other hosts.
func (s *Service) value(ctx context.Context, scope core.Scope, e store.Doc[credentialDoc], f For) (Value, error) {
	for range retries {
		if !f.fits(e.Data.Hosts) {
			return Value{}, f.refuses(e.Data)
		}
		v, err := s.versionOf(ctx, scope.Org, e.Data, f.Version)
		if core.CodeOf(err) != core.NotFound || f.Version != 0 {
			return v, err
		}
		again, err := credentials.Get(ctx, s.cfg.Records, scope.Org, e.ID)
		if err != nil {
			return Value{}, err
		}
		if again.Version == e.Version {
			break
		}
		e = again
	}
	return Value{}, core.E(core.NotFound, "credential.use", "the credential's value isn't there").WithHint("give it a new one")
}

func (s *Service) versionOf(ctx context.Context, org core.OrgID, doc credentialDoc, version int64) (Value, error) {
	if version == 0 {
		version = doc.Version
	}
	for _, v := range doc.Versions {
		if v.Number != version || !v.Until.IsZero() && !s.cfg.Now().Before(v.Until) {
			continue
		}
		r, err := values.Get(ctx, s.cfg.Records, org, valueID(doc.ID, version))
		if err != nil {
			return Value{}, err
		}
		d := r.Data
		return Value{
			Kind: doc.Kind, Version: version, Until: v.Until, hosts: doc.Hosts,
			Content: Content{User: d.User, Header: d.Header, Secret: d.Secret.Secret, Passphrase: d.Passphrase.Secret},
		}, nil
	}
	return Value{}, core.E(core.NotFound, "credential.use", "this version can't be used any more").WithHint("use the current one")
}

// markEvery is how exact the last use is.
const markEvery = time.Minute

// marks are when this process has looked at credentials' last uses.
type marks struct {
	mu sync.Mutex
	at map[string]time.Time
}

// maxMarks bounds marks; some that are forgotten cost a read each.
const maxMarks = 4096

// due reports whether a credential's mark may have to be written, to one caller.
func (m *marks) due(id string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if since := now.Sub(m.at[id]); since >= 0 && since < markEvery {
		return false
	}
	for other := range m.at {
		if len(m.at) < maxMarks {
			break
		}
		delete(m.at, other)
	}
	m.at[id] = now
	return true
}

// mark keeps the last use, with a write a minute whatever the number of nodes. That it
// can't be written is no reason to keep the value back.
func (s *Service) mark(ctx context.Context, scope core.Scope, e store.Doc[credentialDoc], f For) {
	now := s.cfg.Now()
	if !s.marks.due(string(scope.Org)+"/"+e.Data.ID, now) {
		return
	}
	err := store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		u, err := usages.Find(ctx, s.cfg.Records, scope.Org, e.ID)
		if err != nil || u.Data.Credential == e.Data.ID && now.Sub(u.Data.At) < markEvery {
			return nil, err
		}
		u.Data = usageDoc{e.Data.ID, Usage{At: now, Actor: scope.Actor, Task: f.Task, Tool: f.Tool}}
		return []store.Change{usages.Put(u)}, nil
	})
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "a credential's last use isn't kept", "credential", e.Data.ID, "error", err)
	}
}
