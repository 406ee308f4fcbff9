package platform

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
)

// TestStreamsThatAStopEnds: who reads one longer than the stop waits is told why there is no
// more, by an event of the API, and nobody takes a part for the whole.
func TestStreamsThatAStopEnds(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 3)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n")
		_ = http.NewResponseController(w).Flush()
		begun <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(up.Close)
	in := testInstance(t)
	conn := must(in.Connect(t.Context(), cli.Serving))(t)
	must(conn.Client.PutModelProvider(t.Context(), true, "p", client.NewModelProvider{Kind: "vllm", Address: up.URL, Models: []client.ProviderModel{{Name: "m"}}}, ""))(t)
	served, _ := FindServer(in.cfg.DataDir)
	ask := func(path, more string) *http.Response {
		t.Helper()
		body := fmt.Sprintf(`{"model":"m","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]%s}`, more)
		req := must(http.NewRequestWithContext(t.Context(), "POST", served.URL+path, strings.NewReader(body)))(t)
		req.Header.Set("Authorization", "Bearer "+served.Token)
		res := must(http.DefaultClient.Do(req))(t)
		t.Cleanup(func() { _ = res.Body.Close() })
		<-begun
		return res
	}
	open := map[string]*http.Response{
		`"code":null}}`:                      ask("/v1/chat/completions", ""),
		"/events with Last-Event-ID":         ask("/v1/chat/completions", `,"store":true`),
		`"type":"error","error":{"type":"ov`: ask("/v1/messages", ""),
	}
	began := time.Now()
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the stop took %s", took)
	}
	for want, res := range open {
		b, err := io.ReadAll(res.Body)
		if said := string(b); err != nil || !strings.Contains(said, "this node is stopping") || !strings.Contains(said, want) || strings.Contains(said, "[DONE]") {
			t.Errorf("%s (%v)", said, err)
		}
	}
}
