package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// create creates a task of kind task.
func (s *server) create(t *testing.T, prompt string) core.TaskID {
	t.Helper()
	d, err := s.CreateTask(t.Context(), client.NewTask{Kind: core.KindTask, Prompt: prompt}, "")
	if err != nil {
		t.Fatal(err)
	}
	return d.ID
}

// ended waits for a task's end, as this node sees it.
func (s *server) ended(t *testing.T, id core.TaskID) client.TaskDetail {
	t.Helper()
	var d client.TaskDetail
	until(t, func() bool {
		var err error
		if d, err = s.Task(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		return d.Status.Terminal()
	}, func() string { return fmt.Sprintf("%+v", d) })
	return d
}

// story reads a task's whole stream and checks what holds of every one: versions
// without a gap, each call settled once, one terminal event, and that the last.
func (s *server) story(t *testing.T, id core.TaskID) []core.Event {
	t.Helper()
	var all []core.Event
	for e, err := range s.TaskEvents(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if err := whole(all); err != nil {
		t.Errorf("%s: %v\n%s", id, err, told(all))
	}
	return all
}

// told lists events for a person.
func told(events []core.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%3d %s %-20s by %s %.300s\n", e.Version, e.At.Format("15:04:05.000"), e.Type, e.Actor.ID, e.Data)
	}
	return b.String()
}

// whole says what is wrong with the stream of a task that is over.
func whole(events []core.Event) error {
	var errs []error
	finished := 0
	settled := map[core.CallID]int{}
	for i, e := range events {
		if e.Version != int64(i+1) {
			errs = append(errs, fmt.Errorf("event %d has version %d", i+1, e.Version))
		}
		p, err := e.Payload()
		if err != nil {
			return err
		}
		switch p := p.(type) {
		case core.TaskFinished:
			finished++
		case core.ToolSettled:
			settled[p.Call]++
		case core.ModelSettled:
			settled[p.Call]++
		}
	}
	for call, n := range settled {
		if n != 1 {
			errs = append(errs, fmt.Errorf("%s was settled %d times", call, n))
		}
	}
	if finished != 1 || events[len(events)-1].Type != (core.TaskFinished{}).EventType() {
		errs = append(errs, fmt.Errorf("%d terminal events in %d", finished, len(events)))
	}
	return errors.Join(errs...)
}

// allTasks reads the whole list of tasks, page by page.
func (s *server) allTasks(t *testing.T) []client.Task {
	t.Helper()
	var all []client.Task
	for o := (client.ListOptions{Limit: 200}); ; {
		p, err := s.Tasks(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Items...)
		if o.Cursor = p.Next; o.Cursor == "" {
			return all
		}
	}
}

// views are built from the events.
var views = []string{"tasks", "apps", "usage", "calls"}

// agrees waits until every view is what the events say: lists follow within moments.
func (s *server) agrees(t *testing.T) {
	t.Helper()
	for _, view := range views {
		var p client.Projection
		until(t, func() bool {
			var err error
			if p, err = s.VerifyProjection(t.Context(), view); err != nil {
				t.Fatal(err)
			}
			return len(p.Differences) == 0
		}, func() string { return fmt.Sprintf("%+v", p) })
	}
}

// usedTasks returns how many tasks the usage counts.
func (s *server) usedTasks(t *testing.T) (n int) {
	t.Helper()
	used, err := s.Usage(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range used {
		n += u.Tasks
	}
	return n
}

// workers returns who appended to the stream as a worker, in order, each once.
func workers(events []core.Event) (names []string) {
	for _, e := range events {
		if e.Actor.Kind == core.ActorWorker && (len(names) == 0 || names[len(names)-1] != e.Actor.ID) {
			names = append(names, e.Actor.ID)
		}
	}
	return names
}

// within fails the test if what took longer than limit.
func within(t *testing.T, what string, took, limit time.Duration) {
	t.Helper()
	t.Logf("%s: %v", what, took.Round(time.Millisecond))
	if took > limit {
		t.Errorf("%s took %v, more than %v", what, took, limit)
	}
}
