package notify_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

// onEach runs a test on SQLite and, unless tests are to be quick, on PostgreSQL, as two nodes
// have it: there each with connections of its own to the one database.
func onEach(t *testing.T, test func(t *testing.T, nodes [2]store.Store)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		st := sqlitetest.Open(t, sqlite.Config{})
		test(t, [2]store.Store{st, st})
	})
	t.Run("postgres", func(t *testing.T) {
		if testing.Short() {
			t.Skip("starts a database server")
		}
		t.Parallel()
		cfg := cluster.Database(t)
		test(t, [2]store.Store{pgtest.Open(t, cfg), pgtest.Open(t, cfg)})
	})
}

var scope = core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_ann"}}

// clock is the time of a test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now().UTC().Truncate(time.Millisecond)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// people are Ann, who works, and Ada, who administers.
type people struct{}

func (people) PersonOf(_ context.Context, _ core.OrgID, a core.Actor) (core.UserID, error) {
	if a.Kind == core.ActorUser {
		return core.UserID(a.ID), nil
	}
	return "", nil
}

func (people) AdminsOf(context.Context, core.OrgID) ([]core.UserID, error) {
	return []core.UserID{"usr_ada"}, nil
}

func (people) MailOf(_ context.Context, _ core.OrgID, _ core.ProjectID, u core.UserID) (string, error) {
	if u == "usr_gone" {
		return "", core.E(core.NotFound, "people", "there is no such member")
	}
	return string(u)[len("usr_"):] + "@example.org", nil
}

// newService returns a service that may reach this machine.
func newService(t testing.TB, st store.Store, c *clock, change ...func(*notify.ServiceConfig)) *notify.Service {
	t.Helper()
	cfg := notify.ServiceConfig{Events: st, Records: st, HTTP: client(t, "127.0.0.0/8"), People: people{}, AllowHTTP: true, Now: c.Now, URL: "https://isekai.test"}
	for _, f := range change {
		f(&cfg)
	}
	return notify.NewService(cfg)
}

// client is the way out, with what it may reach besides what is public.
func client(t testing.TB, allow ...string) *http.Client {
	t.Helper()
	ports := make([]int, 0, len(allow))
	if len(allow) > 0 {
		for p := 1; p < 65536; p++ {
			ports = append(ports, p)
		}
	}
	g, err := egress.New(egress.Config{Allow: allow, Ports: ports})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g.Client()
}

// got is a message that a receiver was sent.
type got struct {
	ID   string
	Type string
	Data notify.Notice
	Raw  string
}

// receiver is an endpoint that verifies each message with the library of the specification.
type receiver struct {
	*httptest.Server
	t testing.TB

	mu      sync.Mutex
	secrets []string // any of which a message has to be signed with; all of them, if every
	every   bool
	status  int
	all     []got
	at      []time.Time
	hold    chan struct{} // not nil: answers wait for it
	clock   *clock
}

func newReceiver(t testing.TB, c *clock) *receiver {
	t.Helper()
	r := &receiver{t: t, status: http.StatusNoContent, clock: c}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // who sent it has gone
	}
	r.mu.Lock()
	hold := r.hold
	good := 0
	for _, s := range r.secrets {
		v, err := standardwebhooks.NewWebhook(s)
		if err == nil && v.VerifyIgnoringTimestamp(body, q.Header) == nil {
			good++
		}
	}
	if good == 0 || r.every && good < len(r.secrets) {
		r.t.Errorf("%d of %d signatures are good: %v", good, len(r.secrets), q.Header)
	}
	m := got{ID: q.Header.Get("webhook-id"), Raw: string(body)}
	if err := json.Unmarshal(body, &m); err != nil {
		r.t.Errorf("%v: %s", err, body)
	}
	r.all, r.at = append(r.all, m), append(r.at, r.clock.Now())
	status := r.status
	r.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-q.Context().Done():
		}
	}
	if status >= 300 && status < 400 {
		w.Header().Set("Location", r.URL+"/elsewhere")
	}
	w.WriteHeader(status)
}

func (r *receiver) got() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]got(nil), r.all...)
}

func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) takes(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = secrets
}

// hook makes an endpoint for a receiver.
func (r *receiver) hook(s *notify.Service, scope core.Scope, n notify.NewWebhook) notify.Webhook {
	r.t.Helper()
	n.URL = r.URL + "/hook"
	h, secret, err := s.AddWebhook(context.Background(), scope, "usr_ann", n)
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	r.secrets = append(r.secrets, secret)
	r.mu.Unlock()
	return h
}

// task appends a task that is over, and returns its events.
func task(t testing.TB, st store.Store, scope core.Scope, id string) []core.Event {
	t.Helper()
	return appendTo(t, st, scope, core.StreamID(id), 0,
		core.TaskCreated{Kind: core.KindTask, Prompt: "MARKER of the prompt", Model: "m"},
		core.TaskPlanned{Plan: core.Plan{Title: "A reading list"}},
		core.TaskFinished{Status: core.StatusSucceeded, Summary: "MARKER of the summary"})
}

func appendTo(t testing.TB, st store.Store, scope core.Scope, stream core.StreamID, after int64, facts ...core.Payload) []core.Event {
	t.Helper()
	var events []store.NewEvent
	for _, p := range facts {
		data, err := core.EncodePayload(p)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, store.NewEvent{ID: core.EventID(core.NewID("evt")), Type: p.EventType(), Data: data})
	}
	stored, err := st.Append(context.Background(), scope, store.Append{Stream: stream, Expected: after, Events: events})
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// handle gives events to the consumer.
func handle(t testing.TB, s *notify.Service, events ...core.Event) {
	t.Helper()
	for _, e := range events {
		if err := s.Handler()(context.Background(), e); err != nil {
			t.Fatal(err)
		}
	}
}

func pass(t testing.TB, s *notify.Service) {
	t.Helper()
	if err := s.Pass(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// only returns the one delivery to an endpoint.
func only(t testing.TB, s *notify.Service, h notify.Webhook) notify.Delivery {
	t.Helper()
	all, _, err := s.Deliveries(context.Background(), scope, h.ID, "", "", 10)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d deliveries, %v", len(all), err)
	}
	return all[0]
}

func wantCode(t testing.TB, what string, err error, code core.Code) {
	t.Helper()
	if core.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}
