package mcp

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool"
)

// Config is what a Service needs. Records, Blobs, Boxes, Outside and Dir are required. The other
// zero fields have the defaults that are named.
type Config struct {
	Records store.Records // sealed
	Blobs   blob.Store
	Boxes   sandbox.Driver
	// Outside reaches HTTP servers. How long it waits for an answer's beginning bounds a call, if
	// that is less than the call's own time.
	Outside tool.Outside
	Dir     string                 // of the Service alone: what programs' boxes see
	Taken   func(name string) bool // whether there is a tool of the name besides; nil: none
	// Provider returns the name of the provider of connections that has the issuer, or "". nil:
	// there is none.
	Provider func(issuer string) string
	IDs      core.IDs         // core.NewID
	Now      func() time.Time // time.Now
	Log      *slog.Logger     // nil: nobody is told

	PerProject int           // sessions of a project on this node; 8
	PerNode    int           // sessions of this node; 64
	Idle       time.Duration // after which a session that nobody uses ends; 10 min
	Connect    time.Duration // for a server to greet; 30 s
	Fresh      time.Duration // for how long a list of tools isn't asked for again; 10 min
	Failures   int           // in a row, after which a server is left alone; 5
	OpenFor    time.Duration // how long; 30 s
}

func (c Config) orDefault() Config {
	if c.Taken == nil {
		c.Taken = func(string) bool { return false }
	}
	if c.Provider == nil {
		c.Provider = func(string) string { return "" }
	}
	if c.IDs == nil {
		c.IDs = core.NewID
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	or(&c.PerProject, 8)
	or(&c.PerNode, 64)
	or(&c.Idle, 10*time.Minute)
	or(&c.Connect, connectTimeout)
	or(&c.Fresh, 10*time.Minute)
	or(&c.Failures, 5)
	or(&c.OpenFor, 30*time.Second)
	return c
}

func or[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Service keeps projects' MCP servers and speaks with them. Safe for concurrent use. Shut it
// down.
type Service struct {
	cfg     Config
	files   *shelf
	pool    *pool
	running sync.WaitGroup // all that works for sessions
}

var _ tool.Source = (*Service)(nil)

// New returns a Service. Nothing is started. invalid: the configuration lacks something.
func New(cfg Config) (*Service, error) {
	if cfg.Records == nil || cfg.Blobs == nil || cfg.Boxes == nil || cfg.Outside == nil || cfg.Dir == "" {
		return nil, core.E(core.Invalid, "mcp", "there is no place for MCP servers, or no way to them")
	}
	s := &Service{cfg: cfg.orDefault()}
	s.files = &shelf{dir: cfg.Dir, blobs: cfg.Blobs, ids: s.cfg.IDs, trees: map[treeKey]*checkedOut{}}
	s.pool = newPool(s.cfg, &s.running, s.open)
	return s, nil
}

// Sweep removes what a killed process left below Config.Dir. Call it before anything starts.
func (s *Service) Sweep() error { return s.files.sweep() }

// Run ends sessions that nobody uses, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(max(s.cfg.Idle/4, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.pool.evict(s.cfg.Now())
		}
	}
}

// Shutdown ends every session, and returns when nothing of them is left. Calls are unavailable
// from then on. unavailable: ctx ended before they did.
func (s *Service) Shutdown(ctx context.Context) error {
	s.pool.shut()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return core.E(core.Unavailable, "mcp.shutdown", "a session with an MCP server hasn't ended yet").Because(ctx.Err())
	}
}
