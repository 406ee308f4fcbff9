package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// gate is a place in a script where the model is asked and answers only when it is let.
type gate struct {
	asked chan time.Time // one for each request that has come here
	open  chan struct{}
	once  sync.Once
}

// newGate returns one that is closed. Let it go before the model server is closed, which
// waits for who stands here.
func newGate() *gate {
	return &gate{asked: make(chan time.Time, 1024), open: make(chan struct{})}
}

// wait is called by the script.
func (g *gate) wait() {
	g.asked <- time.Now()
	<-g.open
}

// let lets everybody through, now and later.
func (g *gate) let() { g.once.Do(func() { close(g.open) }) }

// reached waits until a request has come.
func (g *gate) reached(t *testing.T) time.Time {
	t.Helper()
	select {
	case at := <-g.asked:
		return at
	case <-time.After(patience):
		t.Fatal("the model wasn't asked")
		return time.Time{}
	}
}

// A worker is killed while the model thinks about a step that has written a file: the
// task goes on at another node, with the file, within ten seconds.
func TestAKilledNodesTaskGoesOnElsewhere(t *testing.T) {
	t.Parallel()
	thinking := newGate()
	defer thinking.let()
	first := make(chan struct{}, 1)
	in := install(t, on{model: upstream(t, func(n int, r modeltest.Request) modeltest.Answer {
		if kind, turn := turnOf(r); kind == working && turn == 1 {
			select {
			case first <- struct{}{}: // only the first worker finds it closed
				thinking.wait()
			default:
				thinking.asked <- time.Now()
			}
		}
		return noting(n, r)
	})})
	a := in.node(t)
	id := a.create(t, "note this: kept")
	thinking.reached(t)
	b := in.node(t)
	killed := time.Now()
	a.kill()
	took := thinking.reached(t).Sub(killed)
	within(t, "from the kill until the task went on", took, 10*time.Second)
	if d := b.ended(t, id); d.Status != core.StatusSucceeded || d.Answer != "noted kept" {
		t.Errorf("the task ended as %s: %q %+v", d.Status, d.Answer, d.Error)
	}
	if names := workers(b.story(t, id)); len(names) != 2 {
		t.Errorf("it was worked on by %q", names)
	}
	b.agrees(t)
}

// A worker is killed while a command runs that must not run twice: the other node asks a
// person, and the command has run once in the end.
func TestAKilledNodesCommandRunsOnce(t *testing.T) {
	t.Parallel()
	ws := t.TempDir()
	log := filepath.Join(ws, "log.txt")
	once := call("c", "run_command", map[string]any{"argv": []string{"sh", "-c", "echo x >> log.txt; while [ ! -e go ]; do sleep 0.05; done"}})
	in := install(t, on{model: upstream(t, commanding(once))})
	a := in.node(t)
	task, err := a.CreateTask(t.Context(), client.NewTask{Kind: core.KindTask, Prompt: "append a line", Workspace: ws}, "")
	if err != nil {
		t.Fatal(err)
	}
	ran := func() int {
		b, err := os.ReadFile(log)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return strings.Count(string(b), "x")
	}
	until(t, func() bool { return ran() > 0 }, func() string { return a.errs.String() })
	b := in.node(t)
	killed := time.Now()
	a.kill()
	until(t, func() bool {
		d, err := b.Task(t.Context(), task.ID)
		if err != nil {
			t.Fatal(err)
		}
		return d.Status == core.StatusWaiting
	}, func() string { return b.errs.String() })
	within(t, "from the kill until a person was asked", time.Since(killed), 10*time.Second)
	if _, err := b.ResumeTask(t.Context(), task.ID, client.Reply{As: core.AnswerDone}); err != nil {
		t.Fatal(err)
	}
	if d := b.ended(t, task.ID); d.Status != core.StatusSucceeded || ran() != 1 {
		t.Errorf("the task ended as %s, and the command ran %d times", d.Status, ran())
	}
	b.story(t, task.ID)
}
