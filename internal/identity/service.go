package identity

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Config is what a Service needs. Records and Quotas are required.
type Config struct {
	Records store.Records // sealed: signing keys and second factors are in them
	Quotas  store.Quotas
	IDs     core.IDs         // core.NewID if nil
	Now     func() time.Time // time.Now if nil
	Issuer  string           // the installation's public URL, in tokens; "isekai" if ""
	URL     string           // where browsers reach it; Issuer if ""
	Log     *slog.Logger     // what went wrong besides; discarded if nil
	// Audit is told of every action that matters for security, after it. nil: nobody is.
	Audit func(context.Context, Event)
	// KeyEnded removes what others keep for a key that has ended, as its budget. It is
	// repeated if it fails, or the process dies. nil: nobody keeps anything.
	KeyEnded func(context.Context, core.OrgID, core.KeyID) error
	// OIDC are the issuers by which people may sign in, and no others are.
	OIDC []OIDCConfig
	HTTP *http.Client // to them; one that gives up after 10 s if nil
	// Breached reports whether a password is on a list of known ones. nil: none is.
	Breached func(password string) bool
	Hashing  Hashing
	// OpenOrgs lets everyone who is signed in create orgs. Otherwise operators do.
	OpenOrgs bool
	// Cached bounds each of the caches, in records; 8192 if 0.
	Cached int
}

// How long things last.
const (
	AccessLife  = 5 * time.Minute     // of an access token
	SessionIdle = 7 * 24 * time.Hour  // of a session that isn't used
	SessionLife = 30 * 24 * time.Hour // of any
	InviteLife  = 3 * 24 * time.Hour  // of an invitation
	SetupLife   = 24 * time.Hour      // of the link that a first start prints
	resetLife   = 24 * time.Hour      // of a link to set a password
	refreshLost = 10 * time.Second    // in which the answer to a refresh may be asked for again
	touchEvery  = time.Hour           // a session's last use is exact to this
	FlowLife    = 10 * time.Minute    // of a sign-in under way at an issuer
	skew        = 5 * time.Second     // that the nodes' clocks may differ by
)

// What there is at most.
const (
	mostSessions   = 100  // of a user
	MostKeysOfUser = 100  // in an org
	MostKeysOfOrg  = 1000 // more than a budget each would fit
)

// Service says who acts and what they may do. Safe for concurrent use.
type Service struct {
	cfg       Config
	hasher    *hasher
	cache     *recordCache
	verified  *lru[[32]byte, verified]
	holders   *lru[[32]byte, holder] // by digests of keys
	uses      *uses
	untold    atomic.Int64 // refused sign-ins that the audit log wasn't told of
	ring      ring
	providers map[string]*provider
}

// New returns a Service. invalid: the configuration can't be right.
func New(cfg Config) (*Service, error) {
	const op = "identity"
	if cfg.Records == nil || cfg.Quotas == nil {
		return nil, core.E(core.Invalid, op, "there is nowhere to keep users")
	}
	if cfg.IDs == nil {
		cfg.IDs = core.NewID
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Issuer == "" {
		cfg.Issuer = "isekai"
	}
	if cfg.URL == "" {
		cfg.URL = cfg.Issuer
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Audit == nil {
		cfg.Audit = func(context.Context, Event) {}
	}
	if cfg.KeyEnded == nil {
		cfg.KeyEnded = func(context.Context, core.OrgID, core.KeyID) error { return nil }
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: 10 * time.Second}
	}
	if cfg.Cached <= 0 {
		cfg.Cached = 8192
	}
	s := &Service{
		cfg: cfg, hasher: newHasher(cfg.Hashing), cache: newRecordCache(cfg.Cached),
		verified: newLRU[[32]byte, verified](cfg.Cached), holders: newLRU[[32]byte, holder](cfg.Cached), uses: newUses(cfg.Cached), ring: ring{turn: make(chan struct{}, 1)},
	}
	var err error
	s.providers, err = newProviders(cfg)
	return s, err
}

// Event is something that matters for security, for the audit log.
type Event struct {
	Action  string // what was done: "sign_in", "key.create"
	Actor   core.Actor
	Org     core.OrgID
	Project core.ProjectID
	Target  string // the id of what it was done to
	Address string // whence, if known
	Outcome string // "ok" or "refused"
	Detail  map[string]string
	At      time.Time
}

// note tells the audit log of its org what a principal has done in it.
func (s *Service) note(ctx context.Context, p Principal, action, target string, detail ...string) {
	s.noteIn(ctx, p, p.Scope.Org, action, target, detail...)
}

// noteIn tells the audit log of an org what a principal has done to it.
func (s *Service) noteIn(ctx context.Context, p Principal, org core.OrgID, action, target string, detail ...string) {
	e := Event{Action: action, Actor: p.Scope.Actor, Org: org, Target: target, Outcome: "ok"}
	if org == p.Scope.Org {
		e.Project = p.Scope.Project
	}
	s.tell(ctx, e, p.Address, detail...)
}

// noteOperator tells the installation's audit log what is an operator's to do, and those of
// the orgs that it concerns: an org sees what is done to its people from outside.
func (s *Service) noteOperator(ctx context.Context, p Principal, concerned []core.OrgID, action, target string, detail ...string) {
	s.noteIn(ctx, p, core.Installation, action, target, detail...)
	for _, org := range concerned {
		if org != core.Installation {
			s.noteIn(ctx, p, org, action, target, detail...)
		}
	}
}

// tell completes an event; detail are names and values.
func (s *Service) tell(ctx context.Context, e Event, from netip.Addr, detail ...string) {
	e.At = s.cfg.Now()
	if from.IsValid() {
		e.Address = from.Unmap().String()
	}
	for i := 0; i+1 < len(detail); i += 2 {
		if e.Detail == nil {
			e.Detail = map[string]string{}
		}
		e.Detail[detail[i]] = detail[i+1]
	}
	s.cfg.Audit(ctx, e)
}

// unknown returns the one error for a credential that isn't good, whatever the reason.
func unknown() *core.Error {
	return core.E(core.Unauthenticated, "identity", "the credential isn't valid").WithHint("sign in, or use another API key")
}

// expired is unknown for one that was good.
func expired() *core.Error { return unknown().WithHint("it has expired: sign in again") }

// absent makes not_found of something that isn't there, with the word for it.
func absent(err error, what string) error {
	if core.CodeOf(err) != core.NotFound {
		return err
	}
	return missing(what)
}

// missing returns not_found.
func missing(what string) error { return core.E(core.NotFound, "identity", "there is no such "+what) }

// refused makes unknown of what isn't there, and leaves other errors: a store that is
// down has refused nobody.
func refused(err error) error {
	if core.CodeOf(err) != core.NotFound {
		return err
	}
	return unknown()
}
