package platform

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// testInstance is an installation of its own, without a model.
func testInstance(t *testing.T) instance {
	t.Helper()
	c := Defaults()
	c.DataDir, c.Listen, c.Model.Ollama, c.Log.Level = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", "", "error"
	c.Worker.Grace = 200 * time.Millisecond
	return instance{cfg: c}
}

func TestStagesStopOnceAndInReverse(t *testing.T) {
	t.Parallel()
	var s stages
	var got []string
	bad := errors.New("bad")
	for _, name := range []string{"store", "worker", "server"} {
		s.add(name, func(ctx context.Context) error {
			if _, ok := ctx.Deadline(); !ok {
				t.Errorf("%s may take for ever", name)
			}
			got = append(got, name)
			if name == "worker" {
				return bad
			}
			return nil
		})
	}
	for range 2 {
		if err := s.run(); !errors.Is(err, bad) {
			t.Errorf("%v", err)
		}
	}
	if want := []string{"server", "worker", "store"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestStartAndStop opens the same data directory again and again in every mode:
// it leaves no goroutine, no lock and no announcement.
func TestStartAndStop(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	in := testInstance(t)
	files := 0
	for n := range 9 {
		if n == 3 {
			files = openFiles(t)
		}
		mode := []cli.Mode{cli.Direct, cli.Working, cli.Serving}[n%3]
		conn, err := in.Connect(t.Context(), mode)
		if err != nil {
			t.Fatal(err)
		}
		if h, err := conn.Client.Health(t.Context()); err != nil || h.Model != "blueprint" || conn.Model != h.Model || conn.Notice == "" {
			t.Fatalf("%+v, %v", h, err)
		}
		if _, announced := FindServer(in.cfg.DataDir); announced != (mode != cli.Direct) || !conn.Embedded || (conn.URL == "") != (mode == cli.Direct) {
			t.Fatalf("mode %d: announced %t, %+v", mode, announced, conn)
		}
		for range 2 {
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := os.Stat(filepath.Join(in.cfg.DataDir, serverName)); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("the announcement stays: %v", err)
		}
		if _, err := conn.Client.Health(t.Context()); core.CodeOf(err) != core.Unavailable {
			t.Fatalf("after the stop: %v", err)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if now := openFiles(t); now > files {
		t.Errorf("%d files are open after nine stops, %d were after three", now, files)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}

// TestASecondProcess uses the one that runs, and refuses to serve beside it.
func TestASecondProcess(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	first, err := in.Connect(t.Context(), cli.Serving)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := in.Connect(t.Context(), cli.Serving); !Busy(err) {
		t.Errorf("a second server: %v", err)
	}
	second, err := in.Connect(t.Context(), cli.Working)
	if err != nil || second.Embedded || second.URL != first.URL {
		t.Fatalf("%+v, %v", second, err)
	}
	st, err := second.Client.CreateTask(t.Context(), client.NewTask{Kind: core.KindApp, Prompt: "x"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Client.CancelTask(t.Context(), st.ID, ""); err != nil {
		t.Error(err)
	}
	wrong := client.New(first.URL, "wrong", nil)
	if _, err := wrong.Tasks(t.Context(), client.ListOptions{}); core.CodeOf(err) != core.Unauthenticated {
		t.Errorf("a wrong token: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

// TestAStopDoesntWaitForAReader: somebody watches a task that goes on.
func TestAStopDoesntWaitForAReader(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	conn, err := in.Connect(t.Context(), cli.Direct) // nobody works on it
	if err != nil {
		t.Fatal(err)
	}
	st, err := conn.Client.CreateTask(t.Context(), client.NewTask{Kind: core.KindApp, Prompt: "x"}, "")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		var last error
		for _, err := range conn.Client.TaskEvents(context.Background(), st.ID, 0) {
			if last = err; err == nil {
				close(seen)
			}
		}
		ended <- last
	}()
	<-seen
	began := time.Now()
	if err := conn.Close(); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	if err := <-ended; core.CodeOf(err) != core.Unavailable {
		t.Errorf("the reader: %v", err)
	}
}

// TestADamagedStreamDoesntKeepTheRestFromWorking.
func TestADamagedStreamDoesntKeepTheRestFromWorking(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	conn, err := in.Connect(t.Context(), cli.Direct)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Client.CreateTask(t.Context(), client.NewTask{Kind: core.KindApp, Prompt: "x"}, ""); err != nil { // gives the org keys
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(in.cfg.DataDir, "isekai.db")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Append(t.Context(), localScope, store.Append{Stream: "tsk_bad", Events: []store.NewEvent{
		{ID: "evt_a", Type: core.TaskFinished{}.EventType(), Data: []byte(`{}`)},
	}}); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if conn, err = in.Connect(t.Context(), cli.Direct); err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	task, err := conn.Client.CreateTask(t.Context(), client.NewTask{Kind: core.KindApp, Prompt: "x"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Client.Task(t.Context(), task.ID); err != nil {
		t.Error(err)
	}
}
