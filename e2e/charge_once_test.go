package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestKilledWithinACreation kills the server at each write of a creation that has an
// Idempotency-Key, before and after it took place. The same request after a restart has
// one task, however far the first had come, and so has every other.
func TestKilledWithinACreation(t *testing.T) {
	t.Parallel()
	places := map[string]func(*testing.T) (env []string, dir func() string){
		"sqlite": func(t *testing.T) ([]string, func() string) {
			dir := t.TempDir()
			return cleanEnv(), func() string { return dir }
		},
		"postgres": func(t *testing.T) ([]string, func() string) { return install(t, on{}).env, t.TempDir },
	}
	for name, place := range places {
		for _, when := range []string{"before", "after"} {
			for what, at := range map[string][2]string{
				"the claim": {"answer", "1"}, "the command": {"append", "1"}, "the answer": {"answer", "2"},
			} {
				t.Run(name+" "+when+" "+what, func(t *testing.T) {
					t.Parallel()
					env, dir := place(t)
					killedWithinCreation(t, env, dir, "CRASH_ON="+at[0], "CRASH_AT="+at[1], "CRASH_WHEN="+when)
				})
			}
		}
	}
}

func killedWithinCreation(t *testing.T, env []string, dir func() string, crash ...string) {
	wish := client.NewTask{Kind: core.KindApp, Prompt: "two player tic tac toe"}
	dying := serveCrash(t, dir(), append(env[:len(env):len(env)], crash...))
	if d, err := dying.CreateTask(t.Context(), wish, "k"); err == nil {
		t.Fatalf("it wasn't killed: %+v", d)
	}
	dying.died(t)
	s := serve(t, dir(), env)
	first, err := s.CreateTask(t.Context(), wish, "k")
	if err != nil {
		t.Fatal(err)
	}
	again := s.ask(t, "POST", "/v1/tasks", wish, append(s.bearer(), "Idempotency-Key", "k")...)
	if again.status != http.StatusCreated || again.json["id"] != string(first.ID) || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("once more: %d %s, the first is %s", again.status, again.text, first.ID)
	}
	wish.Prompt = "a tip calculator"
	s.ask(t, "POST", "/v1/tasks", wish, append(s.bearer(), "Idempotency-Key", "k")...).refused(t, http.StatusUnprocessableEntity, core.Invalid)
	var tasks []client.Task
	until(t, func() bool { // the list follows the events, in their order
		tasks = s.allTasks(t)
		return len(tasks) > 0
	}, func() string { return "no task" })
	if len(tasks) != 1 || tasks[0].ID != first.ID {
		t.Errorf("%d tasks: %+v", len(tasks), tasks)
	}
}

// serveCrash starts the server that kills itself; it is gone when done yields.
func serveCrash(t *testing.T, dir string, env []string) *server {
	t.Helper()
	c := exec.Command(filepath.Join(bin, "crash"), "serve", "--listen", "127.0.0.1:0", "--data-dir", dir)
	c.Env = env
	p := start(t, c)
	var s *server
	until(t, func() bool {
		s = announced(dir, c)
		return s != nil || p.ended()
	}, p.said)
	if s == nil {
		t.Fatalf("it ended before it was ready: %s", p.said())
	}
	s.outs, s.errs, s.done = &p.out, &p.errs, make(chan error, 1)
	go func() { <-p.done; s.done <- nil }()
	return s
}

// died waits until the server has ended, which SIGKILL must have done.
func (s *server) died(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.done:
		s.done <- err
	case <-time.After(patience):
		t.Fatalf("it goes on\n%s", s.errs)
	}
	if ws, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !ws.Signaled() || ws.Signal() != syscall.SIGKILL {
		t.Fatalf("it wasn't killed, but ended otherwise: %s\n%s", s.cmd.ProcessState, s.errs)
	}
}

// announced returns the server that a running command announces in its data directory; nil
// if it doesn't yet.
func announced(dir string, c *exec.Cmd) *server {
	b, err := os.ReadFile(filepath.Join(dir, "server.json"))
	if err != nil {
		return nil
	}
	var at struct {
		URL, Token string
		PID        int
	}
	if json.Unmarshal(b, &at) != nil || at.PID != c.Process.Pid {
		return nil
	}
	return &server{Client: client.New(at.URL, at.Token, nil), url: at.URL, token: at.Token, dir: dir, cmd: c}
}

// Test200CreationsOnTwoNodes sends the same creation with one Idempotency-Key to two nodes
// that share a database, 200 times at once: there is one task.
func Test200CreationsOnTwoNodes(t *testing.T) {
	t.Parallel()
	nodes := install(t, on{}).nodes(t, 2)
	wish := client.NewTask{Kind: core.KindApp, Prompt: "two player tic tac toe"}
	const times = 200
	var all sync.WaitGroup
	var mu sync.Mutex
	got := map[core.TaskID]int{}
	conflicts := 0
	begin := make(chan struct{})
	for i := range times {
		all.Go(func() {
			<-begin
			d, err := nodes[i%2].CreateTask(t.Context(), wish, "one key")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				got[d.ID]++
			case core.CodeOf(err) == core.Conflict: // the first isn't answered yet
				conflicts++
			default:
				t.Errorf("creation %s: %v", strconv.Itoa(i), err)
			}
		})
	}
	close(begin)
	all.Wait()
	if len(got) != 1 {
		t.Errorf("there are %d tasks: %v", len(got), got)
	}
	t.Logf("%s answered, %d to be repeated", fmt.Sprint(got), conflicts)
	for _, s := range nodes {
		for id := range got {
			s.ended(t, id)
		}
		s.agrees(t)
		if tasks := s.allTasks(t); len(tasks) != 1 || got[tasks[0].ID] == 0 {
			t.Errorf("%d tasks: %+v", len(tasks), tasks)
		}
	}
}
