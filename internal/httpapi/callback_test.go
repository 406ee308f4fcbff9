package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/remote"
)

// TestCallback: a service that was given a job says how it went, without a credential, once and
// within bounds; what it says is what the call has.
func TestCallback(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	taken := make(chan string, 1)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var job struct {
			Callback string `json:"callback_url"`
		}
		b, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(b, &job); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
		taken <- job.Callback
	}))
	defer service.Close()
	tl := remote.New(remote.Config{Outside: nearby{}, Jobs: remote.NewJobs(w.store, publicURL+remote.CallbackPath)})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan tool.Result, 1)
	go func() {
		r, err := tl.Call(ctx, tool.Call{Scope: scope, Task: "tsk_x", ID: "cal_x", Arguments: json.RawMessage(`{"url":"` + service.URL + `","input":{}}`)})
		if err != nil {
			t.Error(err)
		}
		done <- r
	}()
	path, ours := strings.CutPrefix(<-taken, publicURL)
	if !ours {
		t.Fatal(path)
	}
	const well = `{"status":"succeeded","output":"all done","more":1}`
	for _, tt := range []struct {
		name, path, body string
		status           int
	}{
		{"forged", path[:len(path)-3] + "AAA", well, 401},
		{"made up", remote.CallbackPath + "x", well, 401},
		{"garbage", path, "<html>", 422},
		{"no status", path, `{"output":"x"}`, 422},
		{"no output", path, `{"status":"succeeded"}`, 422},
		{"too large", path, `{"status":"succeeded","output":"` + strings.Repeat("x", 300<<10) + `"}`, 413},
		{"well", path, well, 204},
		{"twice", path, well, 409},
	} {
		a := w.do("POST", tt.path, tt.body, "Authorization", "")
		if a.status != tt.status && (tt.status != 422 || a.status != 400) {
			t.Errorf("%s: %d, want %d: %s", tt.name, a.status, tt.status, a.body)
		}
		if strings.Contains(a.body, "icb_") {
			t.Errorf("%s: the address is told: %s", tt.name, a.body)
		}
	}
	if r := <-done; r.Failed || r.Output != "all done" {
		t.Errorf("%+v", r)
	}
	if strings.Contains(w.log.String(), path[len(path)-20:]) {
		t.Error("the address is in the log")
	}
}
