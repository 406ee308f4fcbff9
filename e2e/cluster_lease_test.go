package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// A command that runs for longer than a lease keeps it, though another node looks for
// work all the time: one worker does the task, and the command runs once. Before a
// release it runs for a quarter of an hour.
func TestALongCommandKeepsItsLease(t *testing.T) {
	t.Parallel()
	length := time.Duration(scale(14, 900)) * time.Second // a lease lasts for 6 s
	ws := t.TempDir()
	long := call("c", "run_command", map[string]any{
		"argv": []string{"sh", "-c", fmt.Sprintf("echo x >> log.txt; sleep %.0f", length.Seconds())}, "timeout_seconds": 1800,
	})
	in := install(t, on{model: upstream(t, commanding(long))})
	nodes := in.nodes(t, 2)
	began := time.Now()
	task, err := nodes[0].CreateTask(t.Context(), client.NewTask{Kind: core.KindTask, Prompt: "append a line", Workspace: ws}, "")
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(length)
	if d := nodes[1].ended(t, task.ID); d.Status != core.StatusSucceeded {
		t.Errorf("the task ended as %s: %+v", d.Status, d.Error)
	}
	if took := time.Since(began); took < length {
		t.Errorf("a command of %v was over after %v", length, took)
	}
	if names := workers(nodes[1].story(t, task.ID)); len(names) != 1 {
		t.Errorf("it was worked on by %q", names)
	}
	if log, err := os.ReadFile(filepath.Join(ws, "log.txt")); err != nil || string(log) != "x\n" {
		t.Errorf("the command left %q, %v", log, err)
	}
}

// A worker that was frozen for longer than its lease and then goes on can't append: what
// it was told meanwhile doesn't appear, and the task, finished elsewhere, stays as it is.
func TestAFrozenNodeCantAppend(t *testing.T) {
	t.Parallel()
	thinking := newGate()
	defer thinking.let()
	first := make(chan struct{}, 1)
	in := install(t, on{model: upstream(t, func(n int, r modeltest.Request) modeltest.Answer {
		if kind, turn := turnOf(r); kind == working && turn == 2 {
			select {
			case first <- struct{}{}:
				thinking.wait()
				return modeltest.Answer{Text: "too late"}
			default:
				thinking.asked <- time.Now()
			}
		}
		return noting(n, r)
	})})
	a := in.node(t)
	id := a.create(t, "note this: frozen")
	thinking.reached(t)
	b := in.node(t)
	a.signal(t, syscall.SIGSTOP)
	stopped := time.Now()
	took := thinking.reached(t).Sub(stopped)
	within(t, "from the freeze until the task went on", took, 10*time.Second)
	if d := b.ended(t, id); d.Answer != "noted frozen" {
		t.Errorf("the task says %q", d.Answer)
	}
	before := b.story(t, id)
	thinking.let() // the frozen node's answer comes
	a.signal(t, syscall.SIGCONT)
	until(t, func() bool { return strings.Contains(a.errs.String(), "lease lost") }, a.errs.String)
	for _, s := range []*server{a, b} {
		after := s.story(t, id)
		if len(after) != len(before) || after[len(after)-1].ID != before[len(before)-1].ID {
			t.Errorf("the stream had %d events, and has %d", len(before), len(after))
		}
	}
	// It works on: what it is given next it does.
	next := a.create(t, "note this: thawed")
	b.stop(t)
	if d := a.ended(t, next); d.Status != core.StatusSucceeded {
		t.Errorf("the next task ended as %s", d.Status)
	}
	a.agrees(t)
}

func (s *server) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}
