package httpapi_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/redact"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// newGateway opens the town's way to models.
func (w *town) newGateway(t testing.TB, st *sqlite.Store, guard *redact.Service, way func(bool, time.Duration) gateway.Way, logger *slog.Logger) *gateway.Gateway {
	t.Helper()
	m := must(meter.New(meter.Config{Ledger: w.ledger, Events: st, Records: st, IDs: core.NewID, Charge: true, Every: 5 * time.Millisecond, Log: logger}))(t)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = m.Run(ctx) }()
	g := must(gateway.New(gateway.Config{
		Catalog: w.models, Meter: m, Records: st, Log: logger,
		Secret: func(context.Context, core.Scope, *catalog.Provider) (catalog.Secret, error) {
			return catalog.Secret{}, nil
		},
		Clean: func(ctx context.Context, scope core.Scope, task core.TaskID, where string, b []byte) ([]byte, error) {
			return guard.Body(ctx, redact.Sighting{Scope: scope, Task: task, Where: where}, b)
		},
		Transport: way,
	}))(t)
	t.Cleanup(func() { g.Close(); stop(); <-done })
	return g
}

func usualWay(_ bool, connect time.Duration) gateway.Way {
	return &http.Transport{DialContext: (&net.Dialer{Timeout: connect}).DialContext}
}

// office is a town whose org has a provider of models, and whose log has everything.
type office struct {
	*town
	all    *coretest.Output // at debug level
	models *catalog.Catalog
	asked  atomic.Int64 // of the provider
	answer atomic.Pointer[http.HandlerFunc]
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{all: &coretest.Output{}}
	o.town = newTown(t, func(cfg *httpapi.Config, _ *identity.Config, _ *credential.Config) {
		cfg.Logger = slog.New(slog.NewTextHandler(o.all, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	o.models = o.town.models
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.asked.Add(1)
		(*o.answer.Load())(w, r)
	}))
	t.Cleanup(provider.Close)
	o.says("application/json", http.StatusOK, helloAnswer)
	o.town.hasModel(provider.URL)
	return o
}

// hasModel gives the first org credits, and a provider of a model "m" at an address.
func (w *town) hasModel(address string) {
	w.t.Helper()
	_, err := w.models.PutProvider(w.t.Context(), core.DefaultOrg, catalog.Spec{
		Name: "p", Kind: catalog.Compatible, Address: address + "/v1", Speaks: []dialect.Operation{dialect.OpChat, dialect.OpEmbeddings},
		Models:   []catalog.Model{{Name: "m", Price: &core.Price{Input: core.Credit, Output: core.Credit}}},
		Limits:   catalog.Limits{Failures: 100, FailuresOf: 200, OpenFor: time.Second},
		Timeouts: catalog.Timeouts{Connect: time.Second, First: 5 * time.Second, Idle: 5 * time.Second, Total: 20 * time.Second},
	}, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.ledger.Grant(w.t.Context(), core.DefaultOrg, ledger.Command{ID: core.NewID("cmd"), Amount: 100 * core.Credit}); err != nil {
		w.t.Fatal(err)
	}
}

// call has somebody call a model.
func (o *office) call(bearer, body string) answer {
	o.t.Helper()
	return o.callOf("/v1/chat/completions", bearer, body)
}

// callOf is call of an API.
func (o *office) callOf(path, bearer, body string) answer {
	o.t.Helper()
	res := o.open("POST", path, body, "Authorization", "Bearer "+bearer)
	defer res.Body.Close()
	b := must(io.ReadAll(res.Body))(o.t)
	return answer{status: res.StatusCode, header: res.Header, body: string(b)}
}

const helloAnswer = `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}`

// says has the provider answer this from now on. It reads what it is asked.
func (o *office) says(media string, status int, body string) {
	f := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", media)
		w.WriteHeader(status)
		_, _ = io.Copy(w, bytes.NewReader([]byte(body)))
	})
	o.answer.Store(&f)
}

// putPrompt is a call that an org has had kept.
func putPrompt(id string) store.Change {
	return store.Kind[gateway.Note]("prompt").Put(store.Doc[gateway.Note]{ID: id, Data: gateway.Note{At: time.Now(), Project: core.DefaultProject, Op: "chat", Model: "m", Outcome: "ok"}})
}
