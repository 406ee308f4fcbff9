package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// TestAServiceCallsBack: a task has a service elsewhere do a job, and its server is killed while the service works. The
// service comes back to the next one, by the address that came with the job: the task goes on with what it says, nobody is
// asked anything, the job was submitted once, and one call of the tool is charged.
func TestAServiceCallsBack(t *testing.T) {
	t.Parallel()
	taken, times := make(chan string, 10), atomic.Int32{}
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		times.Add(1)
		var in struct {
			Callback string `json:"callback_url"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted) // and no word of where to ask
		taken <- in.Callback
	}))
	defer service.Close()
	const public = "https://isekai.example.org"
	j := newJob(t, func(h history) modeltest.Answer {
		if out := h.outputs("remote_skill"); len(out) > 0 {
			return modeltest.Answer{Text: "The service says: " + out[0]}
		}
		return calls("remote_skill", map[string]any{"url": service.URL + "/jobs", "input": map[string]int{"n": 1}, "timeout_seconds": 600})
	}, "ISEKAI_PUBLIC_URL="+public, "ISEKAI_PUBLIC_PROXIES=127.0.0.1", "ISEKAI_EGRESS_ALLOW="+strings.TrimPrefix(service.URL, "http://"))
	j.does("permission", "allow", "remote_skill")
	j.begin(client.NewTask{Prompt: "ask the service"})
	path, ours := strings.CutPrefix(<-taken, public)
	if !ours || !strings.HasPrefix(path, "/v1/callbacks/") {
		t.Fatalf("the callback is at %s", path)
	}
	j.kill()
	if _, err := http.Post(j.url+path, "application/json", strings.NewReader("{}")); err == nil {
		t.Fatal("the server wasn't killed")
	}
	j.server = serve(t, j.data.dir, j.env)
	for _, tt := range []struct {
		path, word string
		status     int
	}{
		{path[:len(path)-2], `{"status":"succeeded","output":"forged"}`, http.StatusUnauthorized},
		{path, `{"status":"succeeded","output":"forty-two"}`, http.StatusNoContent},
		{path, `{"status":"succeeded","output":"forty-three"}`, http.StatusConflict},
	} {
		resp, err := http.Post(j.url+tt.path, "application/json", strings.NewReader(tt.word))
		if err != nil {
			t.Fatal(err)
		}
		said, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != tt.status {
			t.Errorf("%s: %d %s", tt.word, resp.StatusCode, said)
		}
	}
	answer, events := j.succeeds()
	if !strings.Contains(answer, "forty-two") || times.Load() != 1 {
		t.Errorf("%q after %d submissions\n%s", answer, times.Load(), told(events))
	}
	if all := settled(t, events, "remote_skill"); len(all) != 1 || all[0].Failed || all[0].Cost == 0 {
		t.Errorf("%+v", all)
	}
	for _, e := range events {
		if e.Type == (core.ApprovalRequested{}).EventType() {
			t.Error("somebody was asked")
		}
	}
}
