package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// load is tasks over nodes. Who creates one under a fault repeats the request, with its
// key, until it is acknowledged, at whichever node.
type load struct {
	mu    sync.Mutex
	nodes []*server
	tasks []core.TaskID // acknowledged
	over  map[core.TaskID]bool
}

func (in *installation) load(t *testing.T, nodes int) *load {
	t.Helper()
	return &load{nodes: in.nodes(t, nodes), over: map[core.TaskID]bool{}}
}

// node returns one that is there now.
func (l *load) node() *server {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.nodes[rand.IntN(len(l.nodes))]
}

// ask repeats f at whichever node until it succeeds: a node that is killed, or can't
// reach its database, says so.
func (l *load) ask(t *testing.T, f func(context.Context, *server) error) {
	t.Helper()
	var err error
	until(t, func() bool {
		ctx, done := context.WithTimeout(t.Context(), 10*time.Second)
		defer done()
		err = f(ctx, l.node())
		return err == nil
	}, func() string { return err.Error() })
}

// accept creates n tasks, eight at a time.
func (l *load) accept(t *testing.T, n int) {
	t.Helper()
	var all sync.WaitGroup
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	for range 8 {
		all.Go(func() {
			for i := range next {
				l.create(t, i)
			}
		})
	}
	all.Wait()
}

func (l *load) create(t *testing.T, i int) {
	n := client.NewTask{Kind: core.KindTask, Prompt: fmt.Sprintf("note this: item-%d.", i)}
	l.ask(t, func(ctx context.Context, s *server) error {
		d, err := s.CreateTask(ctx, n, fmt.Sprintf("load-%d", i))
		if err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.tasks = append(l.tasks, d.ID)
		return nil
	})
}

// inFlight is how many tasks of a flood may not be over.
const inFlight = 32

// flood creates tasks one after the other until it is told to stop. It goes on only as
// fast as they come to their end.
func (l *load) flood(t *testing.T) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			case <-t.Context().Done():
				return
			default:
				l.create(t, i)
			}
			if i >= inFlight {
				l.end(t, l.tasks[i-inFlight]) // this goroutine alone appends
			}
		}
	}()
	return func() { close(end); <-ended }
}

// end waits until a task is over.
func (l *load) end(t *testing.T, id core.TaskID) {
	until(t, func() bool {
		over := false
		l.ask(t, func(ctx context.Context, s *server) error {
			d, err := s.Task(ctx, id)
			over = err == nil && d.Status.Terminal()
			return err
		})
		return over
	}, func() string { return string(id) + " isn't over" })
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.tasks)
}

// more waits until n more tasks were accepted.
func (l *load) more(t *testing.T, n int) {
	t.Helper()
	want := l.count() + n
	until(t, func() bool { return l.count() >= want }, func() string { return fmt.Sprintf("%d tasks accepted, not %d", l.count(), want) })
}

// replace kills a node and starts another.
func (l *load) replace(t *testing.T, in *installation, i int) {
	t.Helper()
	l.mu.Lock()
	old := l.nodes[i]
	l.mu.Unlock()
	old.kill()
	fresh := in.node(t)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nodes[i] = fresh
}

// unfinished looks at the tasks that weren't over at the last look, and returns how many
// still aren't.
func (l *load) unfinished(t *testing.T) (n int) {
	t.Helper()
	l.mu.Lock()
	tasks := append([]core.TaskID(nil), l.tasks...)
	l.mu.Unlock()
	for _, id := range tasks {
		if l.over[id] {
			continue
		}
		l.ask(t, func(ctx context.Context, s *server) error {
			d, err := s.Task(ctx, id)
			l.over[id] = err == nil && d.Status.Terminal()
			return err
		})
		if !l.over[id] {
			n++
		}
	}
	return n
}

func (l *load) wait(t *testing.T) {
	t.Helper()
	left := 0
	until(t, func() bool { left = l.unfinished(t); return left == 0 }, func() string { return fmt.Sprintf("%d of %d tasks", left, l.count()) })
}

// check sees that every task succeeded, that its stream is whole, that none is lost,
// doubled or there without being asked for, and that list and usage say so, too.
func (l *load) check(t *testing.T) {
	t.Helper()
	s := l.node()
	asked := map[core.TaskID]bool{}
	var errs []error
	for _, id := range l.tasks {
		asked[id] = true
		d, err := s.Task(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if d.Status != core.StatusSucceeded {
			errs = append(errs, fmt.Errorf("%s is %s: %+v", id, d.Status, d.Error))
		} else if want := "noted " + d.Prompt[len("note this: "):]; d.Answer != want {
			errs = append(errs, fmt.Errorf("%s says %q, not %q", id, d.Answer, want))
		}
		s.story(t, id)
	}
	if len(asked) != len(l.tasks) {
		t.Errorf("%d requests, %d tasks", len(l.tasks), len(asked))
	}
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	s.agrees(t)
	listed := s.allTasks(t)
	for _, task := range listed {
		if !asked[task.ID] || task.Status != core.StatusSucceeded {
			t.Errorf("the list has %s as %s", task.ID, task.Status)
		}
		delete(asked, task.ID)
	}
	if len(asked) > 0 || s.usedTasks(t) != len(listed) {
		t.Errorf("%d tasks listed, %d used, %d lost", len(listed), s.usedTasks(t), len(asked))
	}
}
