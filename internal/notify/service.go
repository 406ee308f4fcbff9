package notify

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// ServiceConfig connects a Service. Events, Records and HTTP are required; what else is zero
// has the default that is named.
type ServiceConfig struct {
	Events  Streams
	Records store.Records // sealed: the endpoints' secrets are in them
	HTTP    *http.Client  // to endpoints: reaches only what may be reached; its redirects aren't used
	People  People        // nil: nobody is told
	// AllowHTTP lets endpoints be reached without TLS.
	AllowHTTP bool
	URL       string           // where the API is reached, for links; none without
	Agent     string           // the User-Agent; "isekai"
	Now       func() time.Time // time.Now
	IDs       core.IDs         // core.NewID
	Log       *slog.Logger     // discarded
	// Sent is told what came of each thing that was to be sent ("webhook" or "mail"; "sent",
	// "again" or "dead"). nil: nobody is.
	Sent func(what, outcome string)
	// Mailer sends e-mail; nil: none is sent.
	Mailer Mailer
	Quotas store.Quotas // of e-mail; nil: there is no limit
}

// Streams is the part of store.Events that is used.
type Streams interface {
	ReadStream(ctx context.Context, org core.OrgID, stream core.StreamID, after int64, limit int) ([]core.Event, error)
	Append(ctx context.Context, scope core.Scope, a store.Append) ([]core.Event, error)
}

// People says whom a notice concerns. platform passes identity.
type People interface {
	// PersonOf returns whose an actor's deeds are: a user's own, or his key's; "" if it is
	// nobody's, or he has gone.
	PersonOf(ctx context.Context, org core.OrgID, actor core.Actor) (core.UserID, error)
	// AdminsOf returns those who administer an org and can sign in.
	AdminsOf(ctx context.Context, org core.OrgID) ([]core.UserID, error)
	// MailOf returns the address of a member who may see the project ("": any). not_found:
	// the user is none (any more), may not, or has no address.
	MailOf(ctx context.Context, org core.OrgID, project core.ProjectID, user core.UserID) (string, error)
}

// Service makes notices of events and sends them. Safe for concurrent use, by several
// processes, too.
type Service struct {
	cfg   ServiceConfig
	queue queue
	wake  chan struct{} // something was put into the queue here
}

// NewService returns a Service, which sends nothing yet: see Run.
func NewService(cfg ServiceConfig) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.IDs == nil {
		cfg.IDs = core.NewID
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Sent == nil {
		cfg.Sent = func(string, string) {}
	}
	if cfg.Agent == "" {
		cfg.Agent = "isekai"
	}
	client := *cfg.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Timeout = hookTime
	cfg.HTTP = &client
	return &Service{cfg: cfg, queue: queue{cfg.Records}, wake: make(chan struct{}, 1)}
}

// now is the time to the millisecond, as the queue has it.
func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

// enqueue has a job done at a time, whatever becomes of this process.
func (s *Service) enqueue(ctx context.Context, at time.Time, j job) error {
	if err := s.queue.add(ctx, at, j); err != nil {
		return err
	}
	poke(s.wake)
	return nil
}
