package e2e

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
)

// Tasks over several nodes, of which one is killed every two seconds and another takes
// its place, until all have finished.
func TestTasksOutliveTheirWorkers(t *testing.T) {
	nodes, tasks := scale(3, 8), scale(200, 1000)
	in := install(t, on{model: upstream(t, noting), env: []string{"ISEKAI_WORKER_CONCURRENCY=8"}})
	l := in.load(t, nodes)
	began := time.Now()
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		l.accept(t, tasks)
	}()
	kills := 0
	for busy := true; busy; {
		select {
		case <-accepted:
			busy = l.unfinished(t) > 0
		default:
		}
		if busy {
			time.Sleep(2 * time.Second)
			l.replace(t, in, rand.IntN(nodes))
			kills++
		}
	}
	took := time.Since(began)
	t.Logf("%d tasks on %d nodes with %d kills: %v, %.1f tasks/s", tasks, nodes, kills, took.Round(time.Millisecond), float64(tasks)/took.Seconds())
	if l.count() != tasks {
		t.Fatalf("%d of %d tasks were accepted", l.count(), tasks)
	}
	l.check(t)
}

// The broker is killed and restarted three times under load: events wait in the outbox,
// and nothing is lost or doubled.
func TestTasksOutliveTheBroker(t *testing.T) {
	broker := kafkaBroker(t)
	in := install(t, on{kafka: true, model: upstream(t, noting)})
	l := in.load(t, 2)
	done := l.flood(t)
	for range scale(2, 3) {
		l.more(t, scale(5, 50))
		broker.Kill()
		l.more(t, scale(5, 50)) // accepted and done without it
		if coretest.Soaking {
			time.Sleep(time.Minute)
		}
		if err := broker.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	done()
	l.wait(t)
	l.check(t)
}

// PostgreSQL is killed and restarted under load: every task whose creation was
// acknowledged finishes once.
func TestTasksOutliveTheDatabase(t *testing.T) {
	cluster := postgresCluster(t)
	in := install(t, on{model: upstream(t, noting)})
	l := in.load(t, 2)
	done := l.flood(t)
	for range scale(2, 20) {
		l.more(t, scale(10, 50))
		cluster.Kill()
		if err := cluster.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	l.more(t, 5)
	done()
	l.wait(t)
	l.check(t)
}

// Fifty creations at once are all accepted, once each and none for another; with one key
// for all of them there is one task.
func TestConcurrentCreations(t *testing.T) {
	t.Parallel()
	const n = 50
	in := install(t, on{model: upstream(t, noting)})
	l := in.load(t, 2)
	created := make([]client.TaskDetail, n)
	same := make([]client.TaskDetail, n)
	var all sync.WaitGroup
	for i := range n {
		create := func(to *client.TaskDetail, prompt, key string) {
			d, err := l.nodes[i%2].CreateTask(t.Context(), client.NewTask{Kind: core.KindTask, Prompt: prompt}, key)
			if err != nil {
				t.Error(err)
			}
			*to = d
		}
		all.Go(func() { create(&created[i], fmt.Sprintf("note this: own-%d.", i), fmt.Sprintf("key-%d", i)) })
		all.Go(func() { create(&same[i], "note this: shared.", "one key") })
	}
	all.Wait()
	for i, d := range created {
		if want := fmt.Sprintf("note this: own-%d.", i); d.Prompt != want {
			t.Errorf("asked for %q, it is %q", want, d.Prompt)
		}
		if same[i].ID != same[0].ID {
			t.Errorf("the key gave %s and %s", same[0].ID, same[i].ID)
		}
		l.tasks = append(l.tasks, d.ID)
	}
	l.tasks = append(l.tasks, same[0].ID)
	l.wait(t)
	l.check(t)
}
