package platform

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

func TestModels(t *testing.T) {
	t.Parallel()
	ollama := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"models":[{"name":"last-used"},{"name":"other"}]}`)
	}))
	defer ollama.Close()
	empty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"models":[]}`) }))
	defer empty.Close()
	kept, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	for name, c := range map[string]struct {
		cfg      Model
		uses     string
		asked    string
		resolved string
		code     core.Code
	}{
		"none":                      {Model{}, "blueprint", "", "blueprint", ""},
		"none, and one is asked":    {Model{}, "blueprint", "gpt", "", core.Unsupported},
		"an Ollama that isn't":      {Model{Ollama: "http://127.0.0.1:1"}, "blueprint", "", "blueprint", ""},
		"an Ollama without a model": {Model{Ollama: empty.URL}, "blueprint", "", "blueprint", ""},
		"Ollama":                    {Model{Ollama: ollama.URL}, "last-used", "", "last-used", ""},
		"Ollama, another":           {Model{Ollama: ollama.URL}, "last-used", "other", "other", ""},
		"Ollama, one that isn't":    {Model{Ollama: ollama.URL}, "last-used", "gpt", "", core.NotFound},
		"Ollama, configured":        {Model{Ollama: ollama.URL, Name: "other"}, "other", "", "other", ""},
		"a key":                     {Model{APIKey: "k", Ollama: ollama.URL}, DefaultModel, "", DefaultModel, ""},
		"a provider":                {Model{BaseURL: "http://127.0.0.1:1/v1", Name: "x"}, "x", "anything", "anything", ""},
		"the planner is asked":      {Model{APIKey: "k"}, DefaultModel, "blueprint", "blueprint", ""},
	} {
		c.cfg.Timeout = time.Second
		n := &node{cfg: Config{Model: c.cfg}, models: newModels(t.Context(), c.cfg, newPlanner()), store: kept}
		n.filter, _ = n.cfg.filter("")
		if err := n.openCatalog(); err != nil {
			t.Fatal(err)
		}
		if uses, notice := n.usual(t.Context(), "org_a"); uses != c.uses || (notice == "") != (c.uses != "blueprint") {
			t.Errorf("%s: uses %s (%s)", name, uses, notice)
		}
		got, err := n.resolveModel(t.Context(), "org_a", c.asked)
		if got != c.resolved || core.CodeOf(err) != c.code || err != nil && core.HintOf(err) == "" {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

// TestAModelOfTheCatalog: with providers that were added and nothing configured, who names no
// model is told how to name one, until there is a route for that.
func TestAModelOfTheCatalog(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	conn := must(in.Connect(t.Context(), cli.Serving))(t)
	t.Cleanup(func() { _ = conn.Close() })
	shown := func() client.Health { return must(conn.Client.Health(t.Context()))(t) }
	if h := shown(); !strings.Contains(h.Notice, "isekai model add") {
		t.Errorf("without a provider: %q", h.Notice)
	}
	must(conn.Client.PutModelProvider(t.Context(), true, "p", client.NewModelProvider{Kind: "vllm", Models: []client.ProviderModel{{Name: "m"}}}, ""))(t)
	if h := shown(); h.Model != "blueprint" || !strings.Contains(h.Notice, "--model NAME") || !strings.Contains(h.Notice, "isekai model route default") {
		t.Errorf("with one: %+v", h)
	}
	_, err := conn.Client.CreateTask(t.Context(), client.NewTask{Kind: core.KindTask, Prompt: "count"}, "key-1")
	if core.CodeOf(err) != core.Unsupported || !strings.Contains(core.HintOf(err), "--model NAME") {
		t.Errorf("a task without a model: %v (%s)", err, core.HintOf(err))
	}
	must(conn.Client.PutModelRoute(t.Context(), false, "default", client.NewModelRoute{Targets: []client.RouteTarget{{Provider: "p", Model: "m"}}}, ""))(t)
	if h := shown(); h.Model != "default" || h.Notice != "" {
		t.Errorf("with a route for it: %+v", h)
	}
}

// TestATaskWaitsForItsModel as long as the provider's record lets it, and not as long as the
// configured model may take.
func TestATaskWaitsForItsModel(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	in.cfg.Model.Timeout = time.Second
	waited := make(chan bool, 10)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or nobody sees that it has gone
		select {
		case <-r.Context().Done():
			waited <- false
		case <-time.After(1500 * time.Millisecond):
			waited <- true
		}
		w.WriteHeader(http.StatusBadRequest)
	}))
	t.Cleanup(up.Close)
	conn := must(in.Connect(t.Context(), cli.Serving))(t)
	t.Cleanup(func() { _ = conn.Close() })
	must(conn.Client.PutModelProvider(t.Context(), true, "p", client.NewModelProvider{Kind: "vllm", Address: up.URL, Models: []client.ProviderModel{{Name: "m"}}}, ""))(t)
	must(conn.Client.CreateTask(t.Context(), client.NewTask{Kind: core.KindTask, Prompt: "count", Model: "m"}, "key-1"))(t)
	if !<-waited {
		t.Error("the task's call was given up")
	}
}

// TestDoctor looks at an installation that isn't there, that runs and that is in
// the way, and changes nothing.
func TestDoctor(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	look := func() map[string]bool {
		ok := map[string]bool{}
		for _, c := range in.Doctor(t.Context()) {
			if ok[c.Name] = c.OK; !c.OK && c.Detail == "" {
				t.Errorf("%s fails, and nobody knows why", c.Name)
			}
		}
		return ok
	}
	if ok := look(); !ok["data directory"] || !ok["disk"] || !ok["model"] || len(ok) < 6 {
		t.Errorf("%v", ok)
	}
	conn, err := in.Connect(t.Context(), cli.Serving)
	if err != nil {
		t.Fatal(err)
	}
	if ok := look(); !ok["data directory"] {
		t.Error("a server that runs is taken for a fault")
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	key, kept := in.cfg.masterFile(), filepath.Join(t.TempDir(), "kept")
	in.aTask(t)
	if ok := look(); !ok["store"] || !ok["keys"] || !ok["backup"] {
		t.Errorf("a store that opens: %v", ok)
	}
	if err := os.Rename(key, kept); err != nil {
		t.Fatal(err)
	}
	if ok := look(); ok["keys"] || !ok["store"] {
		t.Errorf("without the master key: %v", ok)
	}
	if _, err := os.Stat(key); err == nil {
		t.Error("the doctor made a master key")
	}
	bad := in
	bad.cfg.Store = Store{URL: "postgres://app@127.0.0.1:1/x", RelayURL: "postgres://relay@127.0.0.1:1/x", MaxConns: 2}
	bad.cfg.Bus.Brokers = "127.0.0.1:1"
	for _, c := range bad.Doctor(t.Context()) {
		if (c.Name == "store" || c.Name == "bus") && (c.OK || c.Hint == "") {
			t.Errorf("with nobody there: %+v", c)
		}
	}
	in.cfg.DataDir = "/proc/nowhere"
	if ok := look(); ok["data directory"] {
		t.Error("a folder that can't be made is fine")
	}
}

// An outbox that doesn't empty shows, before somebody misses something in a list.
func TestOutboxCheck(t *testing.T) {
	t.Parallel()
	now := time.Now()
	since := func(d time.Duration) []store.Message { return []store.Message{{Event: core.Event{At: now.Add(-d)}}} }
	for name, c := range map[string]struct {
		oldest []store.Message
		err    error
		ok     bool
	}{
		"empty": {nil, nil, true}, "on its way": {since(time.Second), nil, true}, "stuck": {since(time.Hour), nil, false},
		"ahead of our clock": {since(-time.Hour), nil, true}, "not to be seen": {nil, core.E(core.Unavailable, "store", "gone"), false},
	} {
		got := outboxCheck(c.oldest, c.err, now)
		if got.OK != c.ok || got.Detail == "" || name == "stuck" && (got.Hint == "" || !strings.Contains(got.Detail, "1h0m0s")) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestPlatform(t *testing.T) {
	cleanEnv(t)
	t.Setenv("ISEKAI_CONFIG", yamlFile(t, "listen: 127.0.0.1:9\nmodel:\n  api_key: sk-secret\n"))
	in, err := New().Load("", map[string]any{"data_dir": "/d"})
	if err != nil {
		t.Fatal(err)
	}
	if c := in.Config().(Config); c.Listen != "127.0.0.1:9" || c.DataDir != "/d" || c.Model.APIKey.Reveal() != "sk-secret" {
		t.Errorf("%+v", c)
	}
	if _, err := New().Load("/none", nil); core.CodeOf(err) != core.Invalid {
		t.Errorf("%v", err)
	}
	if v := New().Version(); v.Version != BuildVersion || v.Go == "" || v.Platform == "" {
		t.Errorf("%+v", v)
	}
}

// TestAHostWithoutASandbox says why wherever a box is wanted.
func TestAHostWithoutASandbox(t *testing.T) {
	t.Parallel()
	none := noSandbox{core.E(core.Unsupported, "sandbox", "no namespaces").WithHint("allow them")}
	if _, err := none.Create(t.Context(), localScope, sandbox.Spec{}); core.CodeOf(err) != core.Unsupported || core.HintOf(err) != "allow them" {
		t.Errorf("%v", err)
	}
	if n, err := none.Sweep(t.Context()); n != 0 || err != nil {
		t.Error(n, err)
	}
	if err := none.Probe(t.Context()).Err(); err == nil {
		t.Error("it claims to isolate")
	}
}
