package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/store"
)

// Store is what the module keeps apps in.
type Store interface {
	store.Events
	store.Views
	store.Terms
}

// Config says where and how apps are kept. Dir is required; the rest has defaults.
type Config struct {
	Dir      string                   // absolute; apps' data folders, and checkouts of what runs
	URL      func(name string) string // where Proxy is reached; default "http://<name>.localhost"
	Now      func() time.Time         // default time.Now
	IDs      core.IDs                 // default core.NewID
	Logger   *slog.Logger             // default slog.Default
	Limits   sandbox.Limits           // of a preview's box; default sandbox.DefaultLimits, without end
	Files    blob.Limits              // of a version's tree; default blob.DefaultLimits
	Ready    time.Duration            // how long a preview may take to answer; default 15 s
	Backoff  time.Duration            // before the first restart after a crash, then doubling; default 250 ms
	Crashes  int                      // without a minute in between, before a preview is given up; default 5
	Previews int                      // running at once; default 256
	Starts   int                      // at once, the others wait their turn; default twice the CPUs
	// Homes know which node has an app's data. nil: this node is the only one.
	Homes Homes
	// Nodes carries requests to the Remote of other nodes; nil: they can't be reached.
	Nodes http.RoundTripper
}

func (c Config) orDefault() Config {
	if c.URL == nil {
		c.URL = func(name string) string { return "http://" + name + ".localhost" }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.IDs == nil {
		c.IDs = core.NewID
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	orDefault(&c.Ready, 15*time.Second)
	orDefault(&c.Backoff, 250*time.Millisecond)
	orDefault(&c.Crashes, 5)
	orDefault(&c.Previews, 256)
	orDefault(&c.Starts, 2*runtime.NumCPU())
	orDefault(&c.Limits.Wall, -1)
	orDefault(&c.Limits.Output, -1)
	orDefault(&c.Limits.CPUTime, 30*24*time.Hour)
	return c
}

func orDefault[T int | time.Duration | int64](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// Service is the module's way in. Methods are safe for concurrent use; those
// that start, stop, switch or delete wait for each other, per app. A method
// that changes an app takes the stream version that the caller has seen (0: any)
// and fails with conflict if the app has moved on.
//
// What starts, stops, switches, deletes or reads the log of an app is done at the node
// where it is at home, and is unavailable while that can't be reached.
type Service struct {
	store   Store
	blobs   blob.Store
	sandbox sandbox.Driver
	cfg     Config
	names   *index
	homes   *homeCache
	gate    chan struct{} // holds a token for each start that is under way
	places  places

	ctx   context.Context // ends with Shutdown
	end   context.CancelFunc
	procs sync.WaitGroup // one for each preview

	mu    sync.Mutex
	slots map[core.AppID]*slot
}

// New returns a service that runs nothing yet. Call Sweep, then Restore, before
// it serves, and Shutdown at the end.
func New(st Store, blobs blob.Store, driver sandbox.Driver, cfg Config) *Service {
	cfg = cfg.orDefault()
	ctx, end := context.WithCancel(context.Background())
	return &Service{
		store: st, blobs: blobs, sandbox: driver, cfg: cfg, names: newIndex(), homes: newHomeCache(),
		gate: make(chan struct{}, cfg.Starts), ctx: ctx, end: end, slots: map[core.AppID]*slot{},
	}
}

// Get returns an app; not_found if it isn't there, was deleted, or is another
// tenant's.
func (s *Service) Get(ctx context.Context, scope core.Scope, app core.AppID) (State, error) {
	st, err := s.load(ctx, scope, app)
	if err == nil && !st.Exists() {
		err = notFound(app)
	}
	return st, err
}

// Version returns one version of an app; 0 for the current one.
func (s *Service) Version(ctx context.Context, scope core.Scope, app core.AppID, number int) (Version, error) {
	st, err := s.Get(ctx, scope, app)
	if err != nil {
		return Version{}, err
	}
	if number == 0 {
		number = st.Current
	}
	v, ok := st.Version(number)
	if !ok {
		return Version{}, versionNotFound(number)
	}
	return v, nil
}

// URL returns where an app's preview is reached.
func (s *Service) URL(st State) string { return s.cfg.URL(st.Name) }

// load folds an app's stream. An app that isn't there is the zero State; one
// that was deleted has Deleted set; one of another tenant is not_found.
func (s *Service) load(ctx context.Context, scope core.Scope, app core.AppID) (State, error) {
	if err := scope.Valid(); err != nil {
		return State{}, err
	}
	if !core.ValidID("app", string(app)) {
		return State{}, notFound(app)
	}
	st, err := fold(ctx, s.store, scope.Org, app)
	if err != nil {
		return State{}, err
	}
	if st.ID != "" && st.Project != scope.Project {
		return State{}, notFound(app)
	}
	return st, nil
}

// fold reads a whole stream, a page at a time.
func fold(ctx context.Context, events store.Events, org core.OrgID, app core.AppID) (State, error) {
	const page = 256
	var st State
	for {
		batch, err := events.ReadStream(ctx, org, app.Stream(), st.Stream, page)
		if err != nil {
			return State{}, fmt.Errorf("app.load: %w", err)
		}
		for _, e := range batch {
			if st, err = st.Apply(e); err != nil {
				return State{}, err
			}
		}
		if len(batch) < page {
			return st, nil
		}
	}
}

// change appends what decide says of the app's present state, and returns the
// state after it. decide must not have effects: when the app has moved on in
// between, and expected is 0, it is asked again.
func (s *Service) change(
	ctx context.Context, scope core.Scope, app core.AppID, expected int64, decide func(State) ([]core.Payload, error),
) (State, error) {
	const tries = 8
	for try := 1; ; try++ {
		st, err := s.load(ctx, scope, app)
		if err != nil {
			return State{}, err
		}
		if err := st.at(expected); err != nil {
			return State{}, err
		}
		payloads, err := decide(st)
		if err != nil {
			return State{}, err
		}
		next, err := s.append(ctx, scope, app, st, payloads)
		if core.CodeOf(err) == core.Conflict && expected == 0 && try < tries {
			continue
		}
		return next, err
	}
}

// at returns a conflict unless the state is at the version that a caller has seen.
func (s State) at(expected int64) error {
	if expected == 0 || expected == s.Stream {
		return nil
	}
	return core.E(core.Conflict, "app", fmt.Sprintf("the app has changed: it is at %d, not at %d", s.Stream, expected)).
		WithHint("read it again and repeat the change")
}

func (s *Service) append(ctx context.Context, scope core.Scope, app core.AppID, st State, payloads []core.Payload) (State, error) {
	if len(payloads) == 0 {
		return st, nil
	}
	a := store.Append{Stream: app.Stream(), Expected: st.Stream}
	for _, p := range payloads {
		data, err := core.EncodePayload(p)
		if err != nil {
			return State{}, err
		}
		a.Events = append(a.Events, store.NewEvent{ID: core.EventID(s.cfg.IDs("evt")), Type: p.EventType(), Data: data})
	}
	events, err := s.store.Append(ctx, scope, a)
	if err != nil {
		return State{}, fmt.Errorf("app.append: %w", err)
	}
	for _, e := range events {
		if st, err = st.Apply(e); err != nil {
			return State{}, err
		}
	}
	s.names.put(st)
	return st, nil
}
