package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// signed is a message as its receiver got it.
type signed struct {
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// TestStandardWebhooks: what a server sends is verified by the specification's own libraries, for
// Node and for Python, also while a secret is replaced; what was changed on the way isn't.
func TestStandardWebhooks(t *testing.T) {
	t.Parallel()
	folder := clients(t)
	got := make(chan signed, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		m := signed{Headers: map[string]string{}, Body: string(b)}
		for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
			m.Headers[name] = r.Header.Get(name)
		}
		got <- m
	}))
	t.Cleanup(hook.Close)
	r := &rig{t: t, dir: t.TempDir(), env: []string{"ISEKAI_WEBHOOKS_HTTP=true", "ISEKAI_EGRESS_ALLOW=" + strings.TrimPrefix(hook.URL, "http://")}}
	r.serve()
	r.settle()
	ctx, done := context.WithTimeout(t.Context(), patience)
	defer done()
	made, err := r.owner.AddWebhook(ctx, client.NewWebhook{URL: hook.URL, Types: []string{"task.finished"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	task, err := r.owner.CreateTask(ctx, client.NewTask{Kind: core.KindApp, Prompt: "a reading list with title and author"}, "")
	if err == nil {
		_, err = r.owner.CancelTask(ctx, task.ID, "") // or it ends by itself
	}
	if err != nil {
		t.Fatal(err)
	}
	first := wait(ctx, t, got)
	next, err := r.owner.RotateWebhook(ctx, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := r.owner.TestWebhook(ctx, made.ID); err != nil || a.Status != http.StatusOK {
		t.Fatalf("%+v, %v", a, err)
	}
	both := wait(ctx, t, got)
	messages := []signed{first, both, both, first, first}
	for i := range messages {
		messages[i].Secret = made.Secret
	}
	messages[2].Secret = next.Secret
	messages[3].Body = strings.Replace(first.Body, "task.finished", "task.changed", 1)
	messages[4].Secret = next.Secret
	for name, argv := range map[string][]string{
		"Node":   {"node", programPath(t, "webhook.mjs")},
		"Python": {filepath.Join(folder, "python", "bin", "python3"), programPath(t, "webhook.py")},
	} {
		var in bytes.Buffer
		for _, m := range messages {
			if err := json.NewEncoder(&in).Encode(m); err != nil {
				t.Fatal(err)
			}
		}
		c := exec.CommandContext(ctx, argv[0], argv[1:]...)
		c.Dir, c.Stdin = folder, &in
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var said []string
		for line := range strings.Lines(string(out)) {
			var answer struct {
				Got *struct {
					Type string
					Data struct{ Task core.TaskID }
				}
				Error string
			}
			if err := json.Unmarshal([]byte(line), &answer); err != nil {
				t.Fatalf("%s: %s", name, line)
			}
			word := answer.Error
			if answer.Got != nil {
				word = answer.Got.Type + " " + string(answer.Got.Data.Task)
			}
			said = append(said, strings.TrimSpace(word))
		}
		bad := "WebhookVerificationError"
		if want := strings.Join([]string{"task.finished " + string(task.ID), "webhook.test", "webhook.test", bad, bad}, ", "); strings.Join(said, ", ") != want {
			t.Errorf("%s says\n%s, want\n%s", name, strings.Join(said, ", "), want)
		}
	}
}

func programPath(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("programs", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// wait returns the next of what comes.
func wait[T any](ctx context.Context, t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-ctx.Done():
		t.Fatal("nothing came")
		panic("unreachable")
	}
}
