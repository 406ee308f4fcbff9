package fleet

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// Fifty creations at once over five orgs, while three workers do them: all are accepted,
// each is its own org's alone, though the orgs use the same keys, and ends once.
func TestConcurrentCreationsOverFiveOrgs(t *testing.T) {
	onEach(t, func(t *testing.T, open func(func() time.Time) *fleet) {
		const orgs, each = 5, 10
		f := open(nil)
		for w := range 3 {
			f.work(fmt.Sprint("worker-", w), f.store, func(*agent.WorkerConfig) {})
		}
		var created [orgs][each]client.TaskDetail
		var all sync.WaitGroup
		for i := range orgs {
			for k := range each {
				all.Go(func() {
					n := client.NewTask{Kind: core.KindTask, Prompt: fmt.Sprintf("task %d of org %d", k, i)}
					d, err := f.as(name(i)).CreateTask(t.Context(), n, fmt.Sprint("key-", k))
					if err != nil {
						t.Error(err)
					}
					created[i][k] = d
				})
			}
		}
		all.Wait()
		if t.Failed() {
			return
		}
		for i := range orgs {
			own := map[core.StreamID]int{} // terminal events of each task
			for k, d := range created[i] {
				got := f.ended(name(i), d.ID)
				if want := fmt.Sprintf("task %d of org %d", k, i); got.Status != core.StatusSucceeded || got.Prompt != want {
					t.Errorf("%q ended as %s, asked for was %q", got.Prompt, got.Status, want)
				}
				own[d.ID.Stream()] = 0
				if _, err := f.as(name((i+1)%orgs)).Task(t.Context(), d.ID); core.CodeOf(err) != core.NotFound {
					t.Errorf("another org asks for %s: %v", d.ID, err)
				}
			}
			if len(own) != each {
				t.Errorf("org %d has %d tasks, asked for were %d", i, len(own), each)
			}
			events, err := f.store.ReadOrg(t.Context(), name(i), 0, 10_000)
			if err != nil {
				t.Fatal(err)
			}
			for n, e := range events {
				if _, ours := own[e.Stream]; !ours || n > 0 && e.Position <= events[n-1].Position {
					t.Errorf("event %d of org %d is of %s, at position %d", n+1, i, e.Stream, e.Position)
				}
				if e.Type == (core.TaskFinished{}).EventType() {
					own[e.Stream]++
				}
			}
			for stream, n := range own {
				if n != 1 {
					t.Errorf("%s ended %d times", stream, n)
				}
			}
		}
	})
}

func name(i int) core.OrgID { return core.OrgID(fmt.Sprint("org_", i)) }
