package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// host is a Platform and Instance before a server that the test scripts: answers
// by "METHOD /path", everything else is not_found.
type host struct {
	t       *testing.T
	answers map[string]string
	load    error
	connect error
	closing error
	modes   []Mode
	given   map[string]any // to Load
	exit    int            // of a sandbox
	failed  chan error
	serving bool // an embedded server
	away    int  // how often a server that has just ended is found first
	server  *httptest.Server
}

func newHost(t *testing.T, answers map[string]string) *host {
	t.Helper()
	h := &host{t: t, answers: answers, failed: make(chan error, 1)}
	h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := h.answers[r.Method+" "+r.URL.Path]
		switch {
		case !ok:
			body = `404 {"code":"not_found","detail":"there is no such thing","hint":"look elsewhere"}`
		case strings.HasPrefix(body, "id: "):
			w.Header().Set("Content-Type", "text/event-stream")
		}
		if status, problem, ok := strings.Cut(body, " {"); ok && len(status) == 3 {
			w.WriteHeader(map[string]int{"404": 404, "409": 409, "503": 503}[status])
			body = "{" + problem
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(h.server.Close)
	return h
}

func (h *host) Load(_ string, over map[string]any) (Instance, error) {
	h.given = over
	return h, h.load
}
func (h *host) Version() Version { return Version{Version: "1.2.3", Go: "go", Platform: "linux/x"} }
func (h *host) Config() any      { return map[string]string{"api_key": "[set]"} }
func (h *host) Connect(_ context.Context, m Mode) (*Conn, error) {
	h.modes = append(h.modes, m)
	if h.connect != nil {
		return nil, h.connect
	}
	if h.away > 0 {
		h.away--
		return &Conn{Client: client.New("http://127.0.0.1:1", "t", nil), Close: func() error { return nil },
			Again: func(ctx context.Context) (*Conn, error) { return h.Connect(ctx, m) }}, nil
	}
	return &Conn{Client: client.New(h.server.URL, "t", nil), URL: h.server.URL, Embedded: h.serving, Model: "m", Failed: h.failed,
		Close: func() error { return h.closing }}, nil
}
func (h *host) Doctor(context.Context) []client.HealthCheck {
	return []client.HealthCheck{{Name: "store", OK: true, Detail: "fine"}, {Name: "disk", OK: h.exit == 0, Detail: "full", Hint: "free some"}}
}
func (h *host) Sandbox(_ context.Context, c SandboxCommand) (int, error) {
	_, err := io.WriteString(c.Stdout, strings.Join(c.Argv, " "))
	return h.exit, err
}

func (h *host) Restore(_ context.Context, id string, verify bool) (Restored, error) {
	r := Restored{Backup: client.Backup{ID: id, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local), Events: 7, Blobs: 2}, Verified: verify, Rows: 3, Shut: []string{"org_gone"}, Problems: []string{}}
	if h.exit != 0 {
		r.Problems = append(r.Problems, "a row is missing")
	}
	return r, h.load
}
func (h *host) Schema(context.Context) (Schema, error) {
	return Schema{Store: "sqlite", Current: 2, Newest: 3}, nil
}
func (h *host) Migrate(_ context.Context, version int64, drop bool) (Schema, error) {
	if version == 0 && !drop {
		return Schema{}, core.E(core.Conflict, "migrate", "2 users would be dropped").WithHint("say --drop")
	}
	return Schema{Store: "sqlite", Current: version, Newest: 3}, nil
}
func (h *host) RecoverKeys(context.Context) (RecoveredKeys, error) {
	return RecoveredKeys{Orgs: 2, Shredded: 1}, nil
}

func (h *host) NewMasterKey(string) error { return h.load }

func (h *host) ReadPDF(io.Reader, io.Writer) error { return h.load }

func (h *host) Embed(context.Context, string, []string) (Embeddings, error) {
	return Embeddings{}, h.load
}

func (h *host) IssueNode(r NodeRequest) (IssuedNode, error) {
	return IssuedNode{Name: r.Name, CAFile: r.Dir + "/ca.crt"}, h.load
}

func (h *host) Move(_ context.Context, progress func(core.OrgID, int64)) (Moved, error) {
	progress("org_a", 5)
	return Moved{Orgs: 1, Events: 5, Rows: 2}, nil
}

// run runs a command line to its end.
func (h *host) run(ctx context.Context, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = Main(ctx, h, IO{In: strings.NewReader(""), Out: &o, Err: &e, Home: h.t.TempDir()}, args)
	return code, o.String(), e.String()
}

var errPlain = errors.New("plain")

var _ interface {
	Platform
	Instance
} = (*host)(nil)

const (
	aTask = `{"id":"tsk_a","kind":"app","status":"succeeded","prompt":"p\u001b[2J","app":"app_a","summary":"done","plan":{"title":"t","steps":[{"title":"one"},{"title":"two"}]},"step":1,"calls":2,"tokens":3}`
	anApp = `{"id":"app_a","name":"shelf","title":"Shelf","status":"running","url":"http://shelf.localhost","version":2,"versions":2,` +
		`"selected":{"number":2,"prompt":"p","tests":{"passed":3},"suggestions":["more"],"notes":["a note"]},"dir":"/d"}`
	aPrompt         = `{"id":"prm_a","at":"2026-01-02T03:04:05Z","expires":"2026-01-04T03:04:05Z","project":"prj_a","actor":{"kind":"user","id":"usr_a"},"call":"chat","model":"gpt-x","provider":"openai","outcome":"ok","cut":true`
	someDiagnostics = `{"node":"node-a","version":"1.2.3","since":"2026-01-02T03:04:05Z","slow_ms":200,` +
		`"requests":[{"operation":"show-task","count":7,"refused":2,"failed":1,"in_flight":1,"p50_ms":1.5,"p95_ms":36.912,"p99_ms":60000}],` +
		`"tools":[{"tool":"run_tests","count":3,"failed":1,"errors":{"invalid":1,"internal":1},"longest_ms":1234.5}],` +
		`"models":[{"provider":"openai","model":"m","op":"chat","count":3,"statuses":{"ok":2,"failed":1},"errors":{"unavailable":1}},{"op":"chat","count":1}],` +
		`"providers":[{"provider":"openai","op":"chat","attempts":{"ok":2,"no connection":1},"call":{"p50_ms":2000}}],` +
		`"queries":[{"store":"sqlite","statement":"SELECT 1\u001b[2J","count":2,"longest_ms":1500,"total_ms":2000,"last":"2026-01-02T03:04:05Z"}],` +
		`"runtime":{"goroutines":12,"heap_bytes":4194304,"total_bytes":8388608,"gc_cycles":1,"gc_cpu_seconds":0.0123,"uptime_seconds":3661.4}}`
	aBackup = `{"id":"20260102T030405Z","events":9,"orgs":1,"blobs":1}`
	aLetter = `{"consumer":"ledger","stream":"tsk_a","version":3,"type":"thing.happened","reason":"a bug","tries":5`
	itsEnd  = "id: 1\ndata: {\"type\":\"task.finished\",\"version\":1,\"data\":{\"status\":\"succeeded\",\"summary\":\"done\"}}\n\nevent: end\ndata: {}\n\n"
)

// everything answers every request of a command well.
func everything() map[string]string {
	return map[string]string{
		"GET /v1/installation/diagnostics": someDiagnostics,
		"GET /v1/tasks":                    `{"items":[` + aTask + `],"next":"cur"}`, "GET /v1/tasks/tsk_a": aTask, "GET /v1/tasks/tsk_a/events": itsEnd,
		"POST /v1/tasks": aTask, "POST /v1/tasks/tsk_a/cancel": aTask, "POST /v1/tasks/tsk_a/resume": aTask,
		"GET /v1/apps": `{"items":[` + anApp + `]}`, "GET /v1/apps/shelf": anApp, "GET /v1/apps/app_a": anApp,
		"POST /v1/apps/app_a/start": anApp, "POST /v1/apps/app_a/move": anApp, "POST /v1/apps/app_a/stop": anApp, "POST /v1/apps/app_a/select": anApp,
		"POST /v1/apps/app_a/changes": aTask, "DELETE /v1/apps/app_a": "",
		"GET /v1/apps/app_a/versions":               `{"items":[{"number":1,"prompt":"p"},{"number":2,"prompt":"q"}]}`,
		"GET /v1/apps/app_a/versions/current/files": `{"items":[{"path":"app.py","size":7}]}`,
		"GET /v1/apps/app_a/versions/current/file":  "print(1)\n", "GET /v1/apps/app_a/versions/current/export": "PK",
		"GET /v1/apps/app_a/diff":           `{"from":1,"to":2,"files":[{"path":"app.py","change":"modified","unified":"-a\n+b\n"}]}`,
		"GET /v1/usage":                     `[{"day":"2026-01-02","model":"m","tasks":1,"seconds":60}]`,
		"POST /v1/projections/tasks/verify": `{"view":"tasks","rows":2,"differences":[]}`, "POST /v1/projections/tasks/rebuild": `{"view":"tasks"}`,
		"POST /v1/projections/apps/rebuild": `{"view":"apps"}`, "POST /v1/projections/usage/rebuild": `{"view":"usage"}`, "POST /v1/projections/calls/rebuild": `{"view":"calls"}`,
		"GET /v1/usage/models":    `[{"day":"2026-01-02","project":"prj_a","key":"key_a","provider":"openai","model":"gpt-x","calls":7,"failed":1,"input":700,"output":70,"cached":300,"credits":1500000}]`,
		"GET /v1/gateway/prompts": `{"items":[` + aPrompt + `}],"next":"cur"}`, "GET /v1/gateway/prompts/prm_a": aPrompt + `,"request":"{\"a\":1}","answer":"data: 1\n\ndata: 2\u001b[2J\n"}`,
		"DELETE /v1/gateway/prompts/prm_a": "", "DELETE /v1/gateway/prompts": "",
		"POST /v1/backups": aBackup, "GET /v1/backups": "[" + aBackup + "]",
		"GET /v1/deadletters": `{"items":[` + aLetter + `}]}`, "GET /v1/deadletters/ledger/tsk_a/3": aLetter + `,"content":{"data":{"n":1}}}`,
		"POST /v1/deadletters/ledger/tsk_a/3/replay": `{"applied":[3,4]}`, "DELETE /v1/deadletters/ledger/tsk_a/3": `{"behind":4}`,
		"POST /v1/keys/rotate": `{"orgs":2}`, "POST /v1/keys/rotate-master": `{"orgs":2}`, "POST /v1/keys/rotate-signing": ``, "POST /v1/keys/shred": `{"orgs":1}`,
		"GET /v1/apps/app_a/logs": `{"items":[{"seq":1,"text":"hello","dropped":2}]}`,
	}
}

func fails(c core.Code) error { return core.E(c, "", "it failed").WithHint("mend it") }
