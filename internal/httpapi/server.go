// Package httpapi serves the HTTP API: routes, authentication, the mapping of
// error codes to statuses, and server-sent events.
//
// platform wires it. It is the only package that knows HTTP status codes. It
// decides nothing about tasks and apps: it calls the modules, with a scope that
// comes from the credential alone.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/agent/permission"
	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/backup"
	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/deadletter"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/repo"
	"github.com/isekai-run/isekai/internal/store"
)

// Config is what the API stands on. Every field is required, unless it says otherwise.
type Config struct {
	Version string
	Tasks   *agent.Service
	// Permissions say which calls of tools a project allows.
	Permissions *permission.Service
	// Repositories are what tasks may begin with.
	Repositories *repo.Service
	Apps         *app.Service
	Events       store.Events
	Views        store.Views
	Blobs        blob.Store
	// Projectors keep the views, for an operator to compare and build anew.
	Projectors []*store.Projector
	Backups    *backup.Backups
	Keys       Keys
	// DeadLetters are what consumers couldn't apply.
	DeadLetters *deadletter.Service
	// Authenticate returns whom a credential stands for, or unauthenticated.
	Authenticate func(ctx context.Context, c identity.Credential) (identity.Principal, error)
	// Model resolves what a caller asked for to the name of a model that the org has.
	Model func(ctx context.Context, org core.OrgID, asked string) (string, error)
	// Watch wakes its caller when a stream has changed.
	Watch func(core.OrgID, core.StreamID) (<-chan struct{}, func())
	// Feed is what the live stream of an org's events reads.
	Feed Feed
	// Health says how each dependency is.
	Health func(ctx context.Context) client.Health
	// Records keep answers to requests that may be repeated.
	Records store.Records
	// Quotas are shared by the nodes. nil: nothing is limited, which is right if the only
	// one to ask is the owner of this process.
	Quotas store.Quotas
	Rates  Rates // what is zero has its default
	// Origins are those whose pages may use the API with their user's session, besides its
	// own: see CheckOrigin.
	Origins []string
	// TLSOnly refuses what comes from another machine without TLS.
	TLSOnly bool
	// Previews says that this process runs apps; without, none is shown as running.
	Previews bool
	// Stopping ends when the server begins to stop: streams end then, and
	// their readers resume elsewhere or later.
	Stopping context.Context
	Logger   *slog.Logger // discarded if nil
	Gateway  *gateway.Gateway
	// Callbacks take what services say of their jobs.
	Callbacks Callbacks
	Console   Console
	// Metrics serves what is counted, as Prometheus reads it.
	Metrics http.Handler
	Accounts
}

type server struct {
	cfg      Config
	api      huma.API
	waiting  patience
	crossing *crossing
	limiter  *limiter // nil: nothing is limited
	rates    Rates
	open     *openings // streams
	answers  *answers
	tools    *sdk.Server               // for agents elsewhere
	whole    http.Handler              // all of this, as it is served
	refused  map[string]*huma.Response // what the document says of a status, for all operations: of each its own would take a megabyte
}

// setHumaError runs once: huma keeps its error constructors in package
// variables, and offers no other way.
var setHumaError = sync.OnceFunc(func() {
	huma.NewErrorWithContext = humaError
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return humaError(nil, status, msg, errs...)
	}
})

// New returns the API as a handler. invalid: the configuration can't be right.
func New(cfg Config) (http.Handler, error) { return newServer(cfg, usualPatience) }

func newServer(cfg Config, waiting patience) (http.Handler, error) {
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
	s := &server{cfg: cfg, api: humago.New(mux, hc), waiting: waiting, rates: cfg.Rates.orDefault(), open: newOpenings(), answers: newAnswers(cfg.Records)}
	if cfg.Quotas != nil {
		s.limiter = newLimiter(cfg.Quotas)
	}
	var err error
	if s.crossing, err = newCrossing(cfg.Origins, func(r *http.Request) []string { return allowed(mux, r) }); err != nil {
		return nil, err
	}
	s.api.UseMiddleware(s.bound, s.authenticate, s.large, s.place)
	s.health()
	s.tasks()
	s.permissions()
	s.events()
	s.live()
	s.repositories()
	s.contents()
	s.apps()
	s.files()
	s.usage()
	s.projections()
	s.backups()
	s.keys()
	s.deadLetters()
	s.accounts()
	s.modelCalls()
	s.modelNames()
	s.keptAnswers()
	s.metrics()
	s.mcpServe()
	s.docs(mux)
	s.console(mux)
	mux.HandleFunc("/", s.unrouted(mux))
	s.whole = s.perimeter(mux)
	return s.whole, nil
}

// request is what is known of a request besides its input. It is the request's context, too:
// what makes one has the other with it.
type request struct {
	context.Context // net/http's
	id              string
	from            netip.Addr // not valid: from within this process
	own             bool       // it came from this machine itself
	secure          bool       // over TLS
	most            int64      // bytes that its body may have
	flow            string     // of a sign-in that is under way at an issuer
	cred            identity.Credential
	action          identity.Action
	who             identity.Principal                 // whom cred stands for, and who may do action
	path            string                             // of the URL
	key             string                             // commandKey
	now             atomic.Pointer[identity.Principal] // who, as again has seen it last
	// lacking is why the audit log doesn't have what was done for it.
	lacking atomic.Pointer[error]
	lines   [8]string // of the answer's header
	used    int       // of lines
	rate    [2]string // that it is nearest to the end of, likewise
}

// Value implements context.Context.
func (rq *request) Value(key any) any {
	if _, is := key.(requestKey); is {
		return rq
	}
	return rq.Context.Value(key)
}

// line is a value for the answer's header. The first are in one place, the request's own: each
// answer has some.
func (rq *request) line(value string) []string {
	if rq.used == len(rq.lines) {
		return []string{value}
	}
	rq.lines[rq.used] = value
	rq.used++
	return rq.lines[rq.used-1 : rq.used : rq.used]
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{}
}

func (s *server) write(ctx huma.Context, rq *request, err error) {
	if op, ok := ctx.Operation().Metadata[dialectMark].(dialect.Operation); ok {
		_, w := humago.Unwrap(ctx)
		writeModelError(w, s.fromError(rq, err).(*problem), op, err)
		return
	}
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
	if op, ok := dialectAt(r.URL.Path); ok {
		p.inDialect(w, op, dialect.Problem{})
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	if err := s.api.Marshal(w, "application/json", p); err != nil {
		s.cfg.Logger.Debug("write answer", "request", requestOf(r.Context()).id, "err", err)
	}
}

// handle registers an operation, for those who may do the action, whose handler speaks
// core errors.
func handle[In, Out any](s *server, action identity.Action, op huma.Operation, f func(context.Context, core.Scope, *In) (*Out, error)) {
	op = refusals(s.repeatable(bounded[In](guarded(op, action))), statusOf)
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	ids := idFields[In]()
	huma.Register(s.api, op, func(ctx context.Context, in *In) (*Out, error) {
		rq := requestOf(ctx)
		out, err := (*Out)(nil), checkIDs(in, ids)
		if err == nil {
			out, err = f(ctx, rq.who.Scope, in)
		}
		if rerr := s.outcome(ctx, op.OperationID, rq, err); err == nil {
			err = rerr
		}
		if err != nil {
			return nil, s.fromError(rq, err)
		}
		return out, nil
	})
	s.share(op)
}

// share gives an operation the document's one answer for each status that it may fail with.
func (s *server) share(op huma.Operation) {
	if s.refused == nil {
		s.refused = map[string]*huma.Response{}
	}
	for _, code := range op.Errors {
		status := strconv.Itoa(code)
		if s.refused[status] == nil {
			s.refused[status] = op.Responses[status]
		}
		op.Responses[status] = s.refused[status]
	}
}
