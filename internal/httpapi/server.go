// Package httpapi serves the HTTP API: routes, authentication, the mapping of
// error codes to statuses, and server-sent events.
//
// platform wires it. It is the only package that knows HTTP status codes. It
// decides nothing about tasks and apps: it calls the modules, with a scope that
// comes from the credential alone.
package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/backup"
	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/deadletter"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

// Config is what the API stands on. Every field is required, except Logger.
type Config struct {
	Version string
	Tasks   *agent.Service
	Apps    *app.Service
	Events  store.Events
	Views   store.Views
	Blobs   blob.Store
	// Projectors keep the views, for an operator to compare and build anew.
	Projectors []*store.Projector
	Backups    *backup.Backups
	Keys       Keys
	// DeadLetters are what consumers couldn't apply.
	DeadLetters *deadletter.Service
	// Authenticate returns whom a credential stands for, or unauthenticated.
	Authenticate func(ctx context.Context, c identity.Credential) (identity.Principal, error)
	// Model resolves what a caller asked for to a configured model's name.
	Model func(asked string, kind core.TaskKind) (string, error)
	// Watch wakes its caller when a stream has changed.
	Watch func(core.OrgID, core.StreamID) (<-chan struct{}, func())
	// Health says how each dependency is.
	Health func(ctx context.Context) client.Health
	// Previews says that this process runs apps; without, none is shown as running.
	Previews bool
	// Stopping ends when the server begins to stop: streams end then, and
	// their readers resume elsewhere or later.
	Stopping context.Context
	Logger   *slog.Logger
}

const (
	maxRequest = 1 << 20 // bytes of a request's body
	bodyTime   = 10 * time.Second
	keepAlive  = 15 * time.Second
)

type server struct {
	cfg      Config
	api      huma.API
	bodyTime time.Duration // for a request's body to come
}

// setHumaError runs once: huma keeps its error constructors in package
// variables, and offers no other way.
var setHumaError = sync.OnceFunc(func() {
	huma.NewErrorWithContext = humaError
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return humaError(nil, status, msg, errs...)
	}
})

// New returns the API as a handler.
func New(cfg Config) http.Handler {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	setHumaError()
	mux := http.NewServeMux()
	hc := huma.DefaultConfig("Isekai", cfg.Version)
	hc.DocsPath = ""    // ours needs nothing from elsewhere
	hc.SchemasPath = "" // the document has them all
	hc.CreateHooks = nil
	hc.RejectUnknownQueryParameters = true
	hc.Info.Description = "Prompts go in; finished tasks and running, tested web apps come out."
	hc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	hc.Security = []map[string][]string{{"token": {}}}
	s := &server{cfg: cfg, api: humago.New(mux, hc), bodyTime: bodyTime}
	s.api.UseMiddleware(s.authenticate)
	s.health()
	s.tasks()
	s.apps()
	s.files()
	s.usage()
	s.projections()
	s.backups()
	s.keys()
	s.deadLetters()
	s.docs(mux)
	mux.HandleFunc("/", s.unrouted(mux))
	return s.perimeter(mux)
}

// request is what is known of a request besides its input.
type request struct {
	id  string
	who identity.Principal
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{}
}

// perimeter bounds and marks every request, whatever its route.
func (s *server) perimeter(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.deny(w, r, core.E(core.Denied, "request", "a page of another origin can't do this"))
	}))
	next = cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rq := &request{id: core.NewID("req")}
		h := w.Header()
		h.Set("X-Request-Id", rq.id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		if r.ContentLength != 0 { // also where nobody reads the body: net/http does, before it answers
			// Ends when the body has come. A writer without deadlines is a test's.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.bodyTime))
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, rq))
		defer s.survive(w, r)
		next.ServeHTTP(w, r)
	})
}

// survive answers a request whose handler panics like any other bug. If an
// answer has begun it is cut, so that nobody takes a part for the whole.
func (s *server) survive(w http.ResponseWriter, r *http.Request) {
	switch p := recover(); {
	case p == nil:
	case p == http.ErrAbortHandler: // a panic's value, by net/http's contract
		panic(p)
	default:
		err := core.E(core.Internal, "request", fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
		if w.Header().Get("Content-Type") != "" {
			s.cfg.Logger.Error("request failed", "request", requestOf(r.Context()).id, "err", err)
			panic(http.ErrAbortHandler)
		}
		s.deny(w, r, err)
	}
}

func (s *server) write(ctx huma.Context, rq *request, err error) {
	p := s.fromError(rq, err).(*problem)
	ctx.SetHeader("Content-Type", "application/problem+json")
	ctx.SetStatus(p.Status)
	if err := s.api.Marshal(ctx.BodyWriter(), "application/json", p); err != nil {
		s.cfg.Logger.Debug("write answer", "request", rq.id, "err", err)
	}
}

func (s *server) deny(w http.ResponseWriter, r *http.Request, err error) {
	s.answer(w, r, s.fromError(requestOf(r.Context()), err).(*problem))
}

// answer writes a problem outside of an operation.
func (s *server) answer(w http.ResponseWriter, r *http.Request, p *problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	if err := s.api.Marshal(w, "application/json", p); err != nil {
		s.cfg.Logger.Debug("write answer", "request", requestOf(r.Context()).id, "err", err)
	}
}

// handle registers an operation, for those who may do the action, whose handler speaks
// core errors.
func handle[In, Out any](s *server, action identity.Action, op huma.Operation, f func(context.Context, core.Scope, *In) (*Out, error)) {
	huma.Register(s.api, guarded(op, action), func(ctx context.Context, in *In) (*Out, error) {
		rq := requestOf(ctx)
		out, err := f(ctx, rq.who.Scope, in)
		if err != nil {
			return nil, s.fromError(rq, err)
		}
		return out, nil
	})
}
