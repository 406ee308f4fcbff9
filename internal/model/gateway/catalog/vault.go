package catalog

import (
	"context"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Vault is where credentials are.
type Vault interface {
	// Use gives the value of a provider's credential, for its host, and records that. refused
	// is the Version of a value that the provider didn't take; 0: none.
	Use(ctx context.Context, scope core.Scope, p *Provider, refused int64) (Secret, error)
	// Revision returns a text that changes whenever the credential does, which records
	// nothing. not_found: there is none.
	Revision(ctx context.Context, p *Provider) (string, error)
}

// SecretsConfig is what Secrets need. Vault is required; the other zero fields have the
// defaults that are named.
type SecretsConfig struct {
	Vault Vault
	// Static are those of the providers of the configuration, by name.
	Static map[string]Secret
	Now    func() time.Time
	// Keep is how long a value is given again, and so how often a use of it is recorded, by
	// each node; 1 min. Look is how old what is known of its credential may be: one that was
	// rotated or removed is noticed so soon; 3 s.
	Keep, Look time.Duration
}

// Secrets give providers' credentials, with a use on record a minute and not one a call.
// Safe for concurrent use.
type Secrets struct {
	cfg SecretsConfig

	mu    sync.Mutex
	known map[string]*secretAt // by Provider.ID, which a change of the address changes
}

// secretAt is a value at hand. Its fields but ready are set under ready.
type secretAt struct {
	ready    chan struct{} // holds one: whoever looks
	secret   Secret
	err      error // of the last look
	revision string
	used     time.Time // when the vault gave it; zero: it is to be read anew
	looked   time.Time
	refused  int64
	again    time.Time // when it was read anew last because of a refusal
}

// maxSecrets bounds what is at hand. One that goes is read anew.
const maxSecrets = 2048

// NewSecrets returns Secrets.
func NewSecrets(cfg SecretsConfig) *Secrets {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Keep <= 0 {
		cfg.Keep = time.Minute
	}
	if cfg.Look <= 0 {
		cfg.Look = 3 * time.Second
	}
	return &Secrets{cfg: cfg, known: map[string]*secretAt{}}
}

// Secret returns a provider's, the zero one if it takes none. scope is the caller's. Errors
// are the vault's; one is given again until the next look.
func (s *Secrets) Secret(ctx context.Context, scope core.Scope, p *Provider) (Secret, error) {
	switch {
	case p.Static():
		return s.cfg.Static[p.Name], nil
	case p.Credential == "":
		return Secret{}, nil
	}
	at := s.at(p.ID)
	select {
	case at.ready <- struct{}{}:
		defer func() { <-at.ready }()
	case <-ctx.Done():
		return Secret{}, core.E(core.Canceled, "model.secret", "nobody waits for it any more").Because(context.Cause(ctx))
	}
	now := s.cfg.Now()
	if since(at.looked, now) < s.cfg.Look && (at.err != nil || s.good(at, now)) {
		return at.secret, at.err
	}
	revision, err := s.cfg.Vault.Revision(ctx, p)
	if err == nil && revision == at.revision && at.err == nil && s.good(at, now) {
		at.looked = now
		return at.secret, nil
	}
	var secret Secret
	if err == nil {
		secret, err = s.cfg.Vault.Use(ctx, scope, p, at.refused)
	}
	if err != nil && ctx.Err() != nil { // it says nothing about the credential
		return Secret{}, err
	}
	at.secret, at.err, at.revision, at.used, at.looked, at.refused = secret, err, revision, now, now, 0
	return secret, err
}

// Fresh is Secret of a credential that is looked at now: who has just changed it tries that.
func (s *Secrets) Fresh(ctx context.Context, scope core.Scope, p *Provider) (Secret, error) {
	if !p.Static() && p.Credential != "" {
		at := s.at(p.ID)
		select {
		case at.ready <- struct{}{}:
			at.looked = time.Time{}
			<-at.ready
		case <-ctx.Done():
		}
	}
	return s.Secret(ctx, scope, p)
}

// good reports whether a value may be given again.
func (s *Secrets) good(at *secretAt, now time.Time) bool {
	return !at.used.IsZero() && since(at.used, now) < s.cfg.Keep && (at.secret.Until.IsZero() || now.Before(at.secret.Until))
}

// since is how long ago t was; a clock that was set back makes it long ago.
func since(t, now time.Time) time.Duration {
	if d := now.Sub(t); d >= 0 {
		return d
	}
	return time.Duration(1<<63 - 1)
}

// Refused says that a provider didn't take a secret: it is read anew, though not more often
// than once in Look.
func (s *Secrets) Refused(p *Provider, was Secret) {
	if p.Static() || p.Credential == "" {
		return
	}
	at := s.at(p.ID)
	at.ready <- struct{}{}
	defer func() { <-at.ready }()
	if now := s.cfg.Now(); at.secret == was && since(at.again, now) >= s.cfg.Look {
		at.used, at.again, at.refused = time.Time{}, now, was.Version
	}
}

// at returns what is at hand for a provider. Nothing holds a value for longer than it is
// given.
func (s *Secrets) at(id string) *secretAt {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.known[id]; at != nil {
		return at
	}
	for other := range s.known {
		if len(s.known) < maxSecrets {
			break
		}
		delete(s.known, other)
	}
	at := &secretAt{ready: make(chan struct{}, 1)}
	s.known[id] = at
	time.AfterFunc(s.cfg.Keep, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.known[id] == at {
			delete(s.known, id)
		}
	})
	return at
}
