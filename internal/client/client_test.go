package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// serve returns a client of a server that answers with h.
func serve(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return client.New(s.URL+"/", "secret", nil)
}

// TestRequests sees what each method sends.
func TestRequests(t *testing.T) {
	t.Parallel()
	for want, call := range map[string]func(context.Context, *client.Client) error{
		"GET /v1/apps?cursor=c&limit=3&status=running": func(ctx context.Context, c *client.Client) error {
			_, err := c.Apps(ctx, client.ListOptions{Status: "running", Cursor: "c", Limit: 3})
			return err
		},
		"GET /v1/tasks?kind=app": func(ctx context.Context, c *client.Client) error {
			_, err := c.Tasks(ctx, client.ListOptions{Kind: "app"})
			return err
		},
		"GET /v1/apps/a%2Fb":             func(ctx context.Context, c *client.Client) error { _, err := c.App(ctx, "a/b"); return err },
		"GET /v1/apps/a/versions":        func(ctx context.Context, c *client.Client) error { _, err := c.Versions(ctx, "a"); return err },
		"POST /v1/apps/a/move":           func(ctx context.Context, c *client.Client) error { _, err := c.MoveApp(ctx, "a"); return err },
		"POST /v1/apps/a/start":          func(ctx context.Context, c *client.Client) error { _, err := c.StartApp(ctx, "a"); return err },
		"POST /v1/apps/a/stop":           func(ctx context.Context, c *client.Client) error { _, err := c.StopApp(ctx, "a"); return err },
		`DELETE /v1/apps/a If-Match:"3"`: func(ctx context.Context, c *client.Client) error { return c.DeleteApp(ctx, "a", `"3"`) },
		`POST /v1/apps/a/select {"version":2} If-Match:"3"`: func(ctx context.Context, c *client.Client) error {
			a, err := c.SelectVersion(ctx, "a", 2, `"3"`)
			if err == nil && a.ETag != `"9"` {
				return fmt.Errorf("the ETag is %q", a.ETag)
			}
			return err
		},
		`POST /v1/apps/a/changes {"prompt":"p"} Idempotency-Key:k`: func(ctx context.Context, c *client.Client) error {
			_, err := c.ChangeApp(ctx, "a", client.NewChange{Prompt: "p"}, "k")
			return err
		},
		`POST /v1/tasks {"kind":"app","prompt":"p"} Idempotency-Key:k`: func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateTask(ctx, client.NewTask{Kind: core.KindApp, Prompt: "p"}, "k")
			return err
		},
		"GET /v1/tasks/t": func(ctx context.Context, c *client.Client) error { _, err := c.Task(ctx, "t"); return err },
		`POST /v1/tasks/t/cancel {"reason":"r"}`: func(ctx context.Context, c *client.Client) error {
			_, err := c.CancelTask(ctx, "t", "r")
			return err
		},
		`POST /v1/tasks/t/resume {"as":"done"}`: func(ctx context.Context, c *client.Client) error {
			_, err := c.ResumeTask(ctx, "t", client.Reply{As: core.AnswerDone})
			return err
		},
		"GET /v1/apps/a/versions/current/files":       func(ctx context.Context, c *client.Client) error { _, err := c.Files(ctx, "a", 0); return err },
		"GET /v1/apps/a/versions/2/file?path=x%2Fy":   func(ctx context.Context, c *client.Client) error { return c.ReadFile(ctx, "a", 2, "x/y", io.Discard) },
		"GET /v1/apps/a/versions/2/export?format=zip": func(ctx context.Context, c *client.Client) error { return c.Export(ctx, "a", 2, "zip", io.Discard) },
		"GET /v1/apps/a/diff?from=1&to=2":             func(ctx context.Context, c *client.Client) error { _, err := c.Diff(ctx, "a", 1, 2); return err },
		"GET /v1/health":                              func(ctx context.Context, c *client.Client) error { _, err := c.Health(ctx); return err },
	} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			got := r.Method + " " + r.URL.RequestURI()
			if len(b) > 0 {
				got += " " + string(b)
			}
			for _, h := range []string{"If-Match", "Idempotency-Key"} {
				if v := r.Header.Get(h); v != "" {
					got += " " + h + ":" + v
				}
			}
			if got != want || r.Header.Get("Authorization") != "Bearer secret" || (len(b) > 0) != (r.Header.Get("Content-Type") == "application/json") {
				t.Errorf("got  %s %v\nwant %s", got, r.Header, want)
			}
			w.Header().Set("ETag", `"9"`)
			_, _ = io.WriteString(w, "{}")
		})
		if err := call(t.Context(), c); err != nil {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestWhatServersAnswer(t *testing.T) {
	t.Parallel()
	cut := func(w http.ResponseWriter, status int, body string) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		code   core.Code
		text   string
		hint   string
	}{
		"a problem": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(409)
			_, _ = io.WriteString(w, `{"code":"conflict","detail":"moved on","hint":"again","request_id":"req_1"}`)
		}, core.Conflict, "moved on", "again"},
		"a problem without detail": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(429)
			_, _ = io.WriteString(w, `{"code":"exhausted","title":"Too Many"}`)
		}, core.Exhausted, "Too Many", ""},
		"a bug": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			_, _ = io.WriteString(w, `{"code":"internal","detail":"oops","request_id":"req_1"}`)
		}, core.Internal, "oops (request req_1)", ""},
		"a page": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(502)
			_, _ = io.WriteString(w, `<html>Bad Gateway</html>`)
		}, core.Unavailable, "502 Bad Gateway", ""},
		"JSON of another API": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			_, _ = io.WriteString(w, `{"error":"?"}`)
		}, core.Unavailable, "404 Not Found", ""},
		"a problem that is cut": {func(w http.ResponseWriter, _ *http.Request) { cut(w, 503, `{"code":"conf`) }, core.Unavailable, "503", ""},
		"a page with success":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `<html>`) }, core.Unavailable, "isn't JSON", ""},
		"another type":          {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `[1]`) }, core.Unavailable, "isn't JSON", ""},
		"a cut answer":          {func(w http.ResponseWriter, _ *http.Request) { cut(w, 200, `{"id":"tsk_`) }, core.Unavailable, "cut", ""},
		"a cut connection":      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, core.Unavailable, "can't be reached", "is it running? isekai doctor says more"},
	} {
		_, err := serve(t, c.answer).Task(t.Context(), "tsk_a")
		if core.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.text) || core.HintOf(err) != c.hint {
			t.Errorf("%s: %s: %v (%s)", name, core.CodeOf(err), err, core.HintOf(err))
		}
	}
	err := serve(t, func(w http.ResponseWriter, _ *http.Request) { cut(w, 200, "half") }).ReadFile(t.Context(), "a", 1, "x", &bytes.Buffer{})
	if core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "cut") || client.Unsent(err) {
		t.Errorf("a cut download: %v", err)
	}
	if _, err := client.New("http://127.0.0.1:1", "", nil).Task(t.Context(), "t"); core.CodeOf(err) != core.Unavailable || !client.Gone(err) || !client.Unsent(err) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := client.New("://", "", nil).Task(t.Context(), "t"); core.CodeOf(err) != core.Invalid {
		t.Errorf("no address: %v", err)
	}
}

// TestAnEndedContext gives core.Errors, before the answer and in its middle.
func TestAnEndedContext(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{"before the answer": "", "in its middle": `{"id":`} {
		ctx, cancel := context.WithCancel(t.Context())
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if begin != "" {
				_, _ = io.WriteString(w, begin)
				_ = http.NewResponseController(w).Flush()
			}
			cancel()
			<-r.Context().Done()
		})
		var e *core.Error
		if _, err := c.Task(ctx, "t"); core.CodeOf(err) != core.Canceled || !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
		if err := c.ReadFile(ctx, "a", 1, "x", io.Discard); core.CodeOf(err) != core.Canceled {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func event(v int) string {
	return fmt.Sprintf("id: %d\ndata: {\"version\":%d,\"type\":\"step.started\"}\n\n", v, v)
}

// TestEventsAreResumed cuts the connection after each event, and once in the
// middle of one.
func TestEventsAreResumed(t *testing.T) {
	t.Parallel()
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		last := r.Header.Get("Last-Event-ID")
		asked = append(asked, last)
		w.Header().Set("Content-Type", "text/event-stream")
		switch {
		case last == "3":
			_, _ = io.WriteString(w, ": \n\nevent: end\ndata: {}\n\n")
		case last == "2" && !slices.Contains(asked[:len(asked)-1], "2"):
			_, _ = io.WriteString(w, event(3)[:12])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		default:
			_, _ = io.WriteString(w, event(len(asked)-len(asked)/4))
		}
	})
	var got []int64
	for e, err := range c.TaskEvents(t.Context(), "tsk_a", 0) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Version)
	}
	if !slices.Equal(got, []int64{1, 2, 3}) || !slices.Equal(asked, []string{"0", "1", "2", "2", "3"}) {
		t.Errorf("got %v, asked after %q", got, asked)
	}
}

func TestStreamsThatCantGoOn(t *testing.T) {
	t.Parallel()
	stream := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, text)
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		code   core.Code
	}{
		"a page":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, core.Invalid},
		"data of no use": {stream("data: x\n\n"), core.Invalid},
		"not found": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			_, _ = io.WriteString(w, `{"code":"not_found","detail":"none"}`)
		}, core.NotFound},
	} {
		var asked atomic.Int64
		cl := serve(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); c.answer(w, r) })
		var last error
		for _, err := range cl.TaskEvents(t.Context(), "t", 0) {
			last = err
		}
		if core.CodeOf(last) != c.code || asked.Load() != 1 {
			t.Errorf("%s: asked %d times: %v", name, asked.Load(), last)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cl := serve(t, func(w http.ResponseWriter, r *http.Request) {
		stream(event(1))(w, r)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	n := 0
	for _, err := range cl.TaskEvents(ctx, "t", 0) {
		if n++; n == 1 {
			cancel()
		} else if core.CodeOf(err) != core.Canceled {
			t.Errorf("after the end of the context: %v", err)
		}
	}
	if n != 2 {
		t.Errorf("%d yields", n)
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/stream") {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "id: 1\ndata: {\"seq\":1,\"text\":\"a\"}\n\nid: 2\ndata: {\"seq\":2,\"text\":\"b\"}\n\nevent: end\ndata: {}\n\n")
			return
		}
		_, _ = io.WriteString(w, `{"items":[{"seq":1,"text":"a"},{"seq":2,"text":"b"}]}`)
	})
	for _, follow := range []bool{false, true} {
		text := ""
		for l, err := range c.Logs(t.Context(), "a", follow) {
			if err != nil {
				t.Fatal(err)
			}
			text += l.Text
		}
		if text != "ab" {
			t.Errorf("follow %t: %q", follow, text)
		}
		for range c.Logs(t.Context(), "a", follow) {
			break // a reader may stop early
		}
	}
	down := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	for _, err := range down.Logs(t.Context(), "a", false) {
		if core.CodeOf(err) != core.Unavailable {
			t.Error(err)
		}
	}
}
