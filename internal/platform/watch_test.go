package platform

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestAWatchOfAServer: by the API and by a tool, a page is looked at politely, on a node as it is,
// and one that nobody may reach isn't.
func TestAWatchOfAServer(t *testing.T) {
	t.Parallel()
	var price, looks atomic.Int64
	price.Store(12)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/robots.txt":
			_, _ = w.Write([]byte("user-agent: *\ndisallow: /private"))
		case "/private":
			t.Error("what robots.txt forbids was got")
		default:
			looks.Add(1)
			_, _ = fmt.Fprintf(w, `<!doctype html><p>Tea <b class=price>%d,50 €</b><!-- 99 --></p>`, price.Load())
		}
	}))
	t.Cleanup(s.Close)
	in := testInstance(t)
	in.cfg.Egress.Allow = strings.TrimPrefix(s.URL, "http://")
	conn := must(in.Connect(t.Context(), cli.Serving))(t)
	t.Cleanup(func() { _ = conn.Close() })
	ctx := t.Context()
	tea := must(conn.Client.CreateWatch(ctx, client.NewWatch{Name: "tea", URL: s.URL + "/tea", Selector: ".price", When: "below", Than: 13, Schedule: "every 5m", Prompt: "Buy: {after}"}, "k"))(t)
	private := must(conn.Client.CreateWatch(ctx, client.NewWatch{Name: "private", URL: s.URL + "/private"}, ""))(t)
	inner := must(conn.Client.CreateWatch(ctx, client.NewWatch{Name: "inner", URL: "http://169.254.169.254/latest/meta-data"}, ""))(t)
	again := must(conn.Client.CreateWatch(ctx, client.NewWatch{Name: "tea", URL: s.URL + "/tea", Selector: ".price", When: "below", Than: 13, Schedule: "every 5m", Prompt: "Buy: {after}"}, "k"))(t)
	if again.ID != tea.ID || tea.Schedule != "every 5m" || private.Schedule != "every 1h" || len(must(conn.Client.Watches(ctx))(t)) != 3 {
		t.Errorf("%+v, %+v", tea, again)
	}
	looked := func(id string) client.Watch {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			w := must(conn.Client.Watch(ctx, id))(t)
			if w.Checked != nil && w.Trouble != "" {
				return w
			}
			if time.Now().After(end) {
				t.Fatalf("nobody looks: %+v", w)
			}
		}
	}
	if w := looked(tea.ID); w.Value != "12,50 €" || len(w.Notes) != 1 || w.Notes[0].After != "12,50 €" || !strings.Contains(w.Trouble, "the task wasn't started") || looks.Load() != 1 {
		t.Errorf("%+v", w) // there is no model here, which tasks need
	}
	if w := looked(private.ID); w.Failures != 1 || !strings.Contains(w.Trouble, "robots.txt") {
		t.Errorf("%+v", w)
	}
	if w := looked(inner.ID); w.Failures != 1 || !strings.Contains(w.Trouble, "169.254.169.254 is refused") {
		t.Errorf("%+v", w)
	}
	if err := conn.Client.RemoveWatch(ctx, tea.ID); err != nil {
		t.Error(err)
	}
	if _, err := conn.Client.Watch(ctx, tea.ID); core.CodeOf(err) != core.NotFound {
		t.Errorf("%v", err)
	}
}
