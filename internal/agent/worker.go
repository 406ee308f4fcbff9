package agent

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool"
)

// WorkerConfig is what a Worker needs. Zero durations and counts mean the
// default that the comment names.
type WorkerConfig struct {
	Name   string // of this worker, unique in the installation
	Events store.Events
	Work   store.Work
	Blobs  blob.Store
	Tools  *tool.Registry
	// Sources have tools of tenants besides.
	Sources []tool.Source
	// Models returns the model of a name for a task, with the provider's own name for it.
	Models func(scope core.Scope, task core.TaskID, name string) (model.Model, string, error)
	// Permissions say which calls of tools may be made. nil: all.
	Permissions Permissions
	// Turns have what turns of conversations are about. nil: there are none.
	Turns Turns
	// AppFiles returns the current version of an app, and its files. nil: there are no apps.
	AppFiles func(ctx context.Context, scope core.Scope, app core.AppID) (version int, tree core.Digest, err error)
	// Skills are what tasks may use. nil: none.
	Skills Skills
	// Prices say what a charged task's calls cost. nil: nothing.
	Prices Prices
	// Changed returns a channel that gets a value when the stream may have
	// changed, and a function that ends the watch.
	Changed func(core.OrgID, core.StreamID) (<-chan struct{}, func())
	// Wake returns a channel that is closed when there may be work to claim: a
	// store.Waker's WorkWake. nil: polling alone.
	Wake func() <-chan struct{}

	Dir         string           // of the managed workspaces
	Concurrency int              // tasks at once; 4
	Lease       time.Duration    // 10 s; renewed at a third of it
	Poll        time.Duration    // between claims when nothing wakes the worker; 1 s
	Grace       time.Duration    // that running calls get at a stop; 5 s
	Now         func() time.Time // time.Now
	Logger      *slog.Logger
}

func (c *WorkerConfig) setDefaults() {
	if c.Concurrency <= 0 {
		c.Concurrency = 4
	}
	if c.Lease <= 0 {
		c.Lease = 10 * time.Second
	}
	if c.Poll <= 0 {
		c.Poll = time.Second
	}
	if c.Grace <= 0 {
		c.Grace = 5 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// Worker claims tasks and drives them.
type Worker struct{ WorkerConfig }

// NewWorker returns a worker; Run starts it.
func NewWorker(c WorkerConfig) *Worker {
	c.setDefaults()
	return &Worker{c}
}

// Run claims and drives tasks until ctx ends, then gives running calls Grace to
// come to an end, hands every lease back and returns nil. It owns all its
// goroutines; at most Concurrency tasks run at once.
func (w *Worker) Run(ctx context.Context) error {
	// Calls outlive ctx by the grace period.
	calls, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(w.Grace, func() { stop(errShutdown) })
	})()

	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, w.Concurrency)
	poll := time.NewTicker(w.Poll)
	defer poll.Stop()
	freed := make(chan struct{}, 1)
	var last time.Time // that it claimed
	for ; ; last = time.Now() {
		if len(slots) >= many {
			pause(ctx, gather-time.Since(last))
		}
		var wake <-chan struct{}
		if w.Wake != nil {
			wake = w.Wake() // before the look, so that nothing is missed
		}
		free := cap(slots) - len(slots)
		var leases []store.Lease
		if free > 0 {
			var err error
			if leases, err = w.Work.Claim(ctx, w.Name, free, w.Lease); err != nil && ctx.Err() == nil {
				w.Logger.Error("claim", "err", err)
			}
		}
		for _, l := range leases {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() {
					<-slots
					select {
					case freed <- struct{}{}:
					default:
					}
				}()
				w.drive(ctx, calls, l)
			})
		}
		if free == 0 {
			wake = nil // only a free slot helps
		}
		select {
		case <-ctx.Done():
			return nil
		case <-freed:
		case <-wake:
		case <-poll.C:
		}
	}
}

// A worker that has many tasks lets others come together before it claims again: one
// claim for several costs the store less than one for each.
const (
	many   = 8
	gather = 5 * time.Millisecond
)

// pause returns after d, or when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// scope is for whom the worker acts while it drives a stream.
func (w *Worker) scope(l store.Lease) core.Scope {
	return core.Scope{Org: l.Org, Project: l.Project, Actor: core.Actor{Kind: core.ActorWorker, ID: w.Name}}
}
