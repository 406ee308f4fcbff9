package credential

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Config is what a Service needs. Records and Terms are required; HTTP and Redirect are
// when there are Providers, and without them no authorization server registers us. The other zero fields have the defaults that are named.
type Config struct {
	Records store.Records    // sealed
	Terms   store.Terms      // by which the nodes agree who refreshes
	IDs     core.IDs         // core.NewID
	Now     func() time.Time // time.Now
	Log     *slog.Logger     // what went wrong besides; nil: nobody is told
	// Audit keeps what was done. When it can't, a use gives no value, and a change, which
	// is made by then, returns its error. nil: nothing is kept.
	Audit func(context.Context, Event) error
	// Providers are those that people can connect to.
	Providers []Provider
	// HTTP reaches them: it looks at addresses and bounds answers. Its redirects aren't followed.
	HTTP     *http.Client
	Redirect string // the URL of ours to which they send browsers back
	// Patience is how long a use waits for a refresh while the old token is still valid; 5 s.
	Patience time.Duration
	// Orgs are those whose credentials Run looks after; nil: nobody's.
	Orgs func(context.Context) ([]core.OrgID, error)
	// Every is the time between two looks of Run; 5 min. Remind is that between two reminders
	// of the same value that is due; a week.
	Every, Remind time.Duration
}

// Event is something that matters for security, for the audit log.
type Event struct {
	Action  string // "credential.use"
	Actor   core.Actor
	Org     core.OrgID
	Project core.ProjectID
	Target  string            // the credential's id
	Outcome string            // "" or "refused" or "failed"
	Detail  map[string]string // name, version, task, tool
	At      time.Time
}

// Service keeps credentials and connections. Safe for concurrent use, and in several
// processes on one store. Shut it down.
type Service struct {
	cfg       Config
	http      *http.Client
	providers map[string]*Provider
	marks     marks

	mu      sync.Mutex // guards what follows
	flights map[string]*flight
	found   map[string]*Provider // whose endpoints their issuers have told
	closed  bool
	running sync.WaitGroup
}

// New returns a Service. invalid: the configuration can't be right.
func New(cfg Config) (*Service, error) {
	const op = "credential"
	if cfg.Records == nil || cfg.Terms == nil {
		return nil, core.E(core.Invalid, op, "there is nowhere to keep credentials")
	}
	if cfg.IDs == nil {
		cfg.IDs = core.NewID
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Audit == nil {
		cfg.Audit = func(context.Context, Event) error { return nil }
	}
	if cfg.Patience <= 0 {
		cfg.Patience = 5 * time.Second
	}
	if cfg.Every <= 0 {
		cfg.Every = 5 * time.Minute
	}
	if cfg.Remind <= 0 {
		cfg.Remind = 7 * 24 * time.Hour
	}
	if cfg.Orgs == nil {
		cfg.Orgs = func(context.Context) ([]core.OrgID, error) { return nil, nil }
	}
	providers, err := completed(cfg.Providers)
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, providers: providers, flights: map[string]*flight{}, found: map[string]*Provider{}, marks: marks{at: map[string]time.Time{}}}
	switch way := cfg.HTTP != nil && reachable(cfg.Redirect); {
	case !way && len(s.providers) == 0:
		return s, nil
	case !way:
		return nil, core.E(core.Invalid, op, "there is no way to the providers, or none back").WithHint("set the public URL, with https")
	}
	client := *cfg.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.http = &client
	return s, nil
}

// Shutdown waits for the refreshes under way, which takes at most flightLife, so that no
// answer is lost. Uses that need one are unavailable afterwards. unavailable: ctx ends before
// they do.
func (s *Service) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return core.E(core.Unavailable, "credential.shutdown", "a provider hasn't answered a refresh yet").WithHint("connect again what is shown as broken").Because(ctx.Err())
	}
}

// Format shows nothing that is in it.
func (s *Service) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "credential.Service") }

// LogValue is Format for slog.
func (s *Service) LogValue() slog.Value { return slog.StringValue("credential.Service") }

// tell has the audit log keep what was done to a credential; detail are names and values.
func (s *Service) tell(ctx context.Context, scope core.Scope, action string, c credentialDoc, outcome string, detail ...string) error {
	e := Event{
		Action: action, Actor: scope.Actor, Org: scope.Org, Project: c.Project, Target: c.ID, Outcome: outcome,
		Detail: map[string]string{"name": c.Name, "kind": string(c.Kind)}, At: s.cfg.Now(),
	}
	for i := 0; i+1 < len(detail); i += 2 {
		if detail[i+1] != "" {
			e.Detail[detail[i]] = detail[i+1]
		}
	}
	if err := s.cfg.Audit(ctx, e); err != nil {
		return core.E(core.Unavailable, "credential", "the audit log doesn't take "+action).
			WithHint("a use gives nothing then, a change is made; an operator looks at the store's disk, and at isekai audit verify").Because(err)
	}
	return nil
}

func missing() error { return core.E(core.NotFound, "credential", "there is no such credential") }
