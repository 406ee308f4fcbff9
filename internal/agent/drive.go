package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool"
)

var (
	errShutdown = errors.New("the worker is stopping")
	errCanceled = errors.New("the task is being canceled")
)

// drive is one task being worked on under one lease.
type drive struct {
	*Worker
	scope core.Scope
	lease store.Lease
	state State
	// facts are payloads that state has and the store hasn't yet: they are
	// appended together with the next request, in one transaction.
	facts []core.Payload

	tools  *tool.Registry // that the task has; nil: not asked for yet
	dir    string         // of the workspace
	opened bool           // the workspace is what the events say
	traces bool           // a call whose outcome a person decides about may have left something there

	described *string         // what a prompt says of skills; nil: not asked for yet
	denied    map[string]bool // tools of which no call is allowed; nil: not asked for yet

	heard bool // a call was told that the task is being canceled: what it shows is no failure of its own
}

// drive works on one task until it rests, ends, or the worker stops. ctx ends
// the drive between calls; calls ends the calls themselves.
func (w *Worker) drive(ctx, calls context.Context, l store.Lease) {
	d := &drive{Worker: w, scope: w.scope(l), lease: l}
	log := w.Logger.With("org", l.Org, "task", l.Stream)
	calls, lost := context.WithCancelCause(calls)
	defer lost(nil)
	beat := make(chan struct{})
	go func() {
		defer close(beat)
		w.heartbeat(calls, l, lost)
	}()
	err := d.run(ctx, calls)
	lost(nil)
	<-beat

	delay := time.Duration(0)
	switch {
	case err == nil:
		return // the last append has settled the work
	case store.LeaseLost(err):
		log.Warn("lease lost")
		return
	case ctx.Err() == nil && core.CodeOf(err) != core.Canceled:
		log.Error("drive", "err", err)
		if delay = 5 * time.Second; d.state.Version == 0 && lasting(err) { // a stream that can't be read: an operator has to help
			delay = 5 * time.Minute
		}
	}
	release, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	if err := w.Work.Release(release, l, delay); err != nil {
		log.Error("release", "err", err)
	}
}

// heartbeat renews the lease until ctx ends, and calls lost when it is gone.
func (w *Worker) heartbeat(ctx context.Context, l store.Lease, lost context.CancelCauseFunc) {
	t := time.NewTicker(w.Lease / 3)
	defer t.Stop()
	last := w.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		beat, done := context.WithTimeout(ctx, w.Lease/3) // a store that hangs has to be noticed, too
		renewed, err := w.Work.Renew(beat, l, w.Lease)
		done()
		switch {
		case err == nil:
			l, last = renewed, w.Now()
		case store.LeaseLost(err) || w.Now().Sub(last) >= w.Lease:
			lost(store.ErrLeaseLost)
			return
		}
	}
}

// run is the drive loop: decide, do, append, again.
func (d *drive) run(ctx, calls context.Context) error {
	if err := d.load(calls); err != nil {
		return err
	}
	d.place()
	for {
		if ctx.Err() != nil {
			return errors.Join(d.leave(calls), ctx.Err())
		}
		e := Decide(d.state, d.Now())
		var err error
		switch {
		case e.Record != nil:
			if err = d.keepTraces(calls, e.Record); err != nil {
				break
			}
			was := d.state.Tree
			if d.note(e.Record...); d.state.Finished != nil {
				return d.finish(calls)
			}
			if d.state.Tree != was { // by what a sub-task, or a lost call, has left
				d.opened = false
			}
		case e.Model != nil:
			err = d.callModel(calls, *e.Model)
		case e.Tool != nil:
			err = d.callTool(calls, *e.Tool)
		case e.Subtasks != nil:
			known := false
			for _, c := range e.Subtasks {
				var over bool
				if over, err = d.subtask(calls, c); err != nil {
					break
				}
				known = known || over
			}
			if err == nil && !known {
				if err = d.rest(calls, d.Now().Add(lookAgain)); err == nil {
					return nil
				}
			}
		case e.Join != nil:
			err = d.join(calls, *e.Join)
		case e.Ask != nil:
			err = d.asks(calls, *e.Ask)
		case e.Sleep > 0:
			if err = d.flush(calls, store.WorkKeep); err == nil {
				err = d.sleep(ctx, e.Sleep)
			}
		default:
			if err = d.rest(calls, e.Until); err == nil {
				return nil
			}
		}
		if moved(err) || err == nil && d.heard && !d.state.Canceling {
			err = d.reload(calls)
		}
		if err != nil {
			return err
		}
	}
}

// leave stores the outcomes that are known, whoever else appends meanwhile.
func (d *drive) leave(ctx context.Context) error {
	err := d.flush(ctx, store.WorkKeep)
	for moved(err) {
		if err = d.reload(ctx); err == nil {
			err = d.flush(ctx, store.WorkKeep)
		}
	}
	return err
}

// lasting reports whether err is one that time doesn't mend.
func lasting(err error) bool {
	switch core.CodeOf(err) {
	case core.NotFound, core.Invalid, core.Internal:
		return true
	}
	return false
}

// moved reports whether somebody else appended to the stream: a cancel, say.
func moved(err error) bool {
	return core.CodeOf(err) == core.Conflict && !store.LeaseLost(err)
}

// finish appends the terminal event and removes the workspace.
func (d *drive) finish(ctx context.Context) error {
	for {
		err := d.flush(ctx, store.WorkNone)
		if !moved(err) {
			if err == nil && d.managed() {
				err = errors.Join(os.RemoveAll(d.dir), os.RemoveAll(d.mark()))
			}
			return err
		}
		// A cancel came last: the task was over by then, so it stays over.
		facts := d.facts
		if err := d.load(ctx); err != nil {
			return err
		}
		d.note(facts...)
	}
}

// note applies facts to the state; they are stored by the next flush.
func (d *drive) note(facts ...core.Payload) {
	for _, f := range facts {
		d.state = d.state.apply(f, d.Now().UTC())
		if _, ok := f.(core.ModelSwitched); ok { // whose successor begins with other files
			d.opened, d.traces = false, false
		}
	}
	d.facts = append(d.facts, facts...)
}

// rest stores the facts and hands the lease back, until somebody appends, or until a time if it
// isn't zero.
func (d *drive) rest(ctx context.Context, until time.Time) error {
	if until.IsZero() {
		return d.flush(ctx, store.WorkNone)
	}
	return d.append(ctx, store.Append{Work: store.WorkLater, Delay: max(0, until.Sub(d.Now()))})
}

// flush appends the facts, if there are any or the work changes.
func (d *drive) flush(ctx context.Context, change store.WorkChange) error {
	if len(d.facts) == 0 && change == store.WorkKeep {
		return nil
	}
	return d.append(ctx, store.Append{Work: change})
}

// append stores the facts with what becomes of the work.
func (d *drive) append(ctx context.Context, a store.Append) error {
	events := make([]store.NewEvent, len(d.facts))
	for i, f := range d.facts {
		data, err := core.EncodePayload(f)
		if err != nil {
			return err
		}
		events[i] = store.NewEvent{ID: core.EventID(core.NewID("evt")), Type: f.EventType(), Data: data}
	}
	a.Stream, a.Expected, a.Events, a.Lease = d.lease.Stream, d.state.Version, events, &d.lease
	stored, err := d.Events.Append(ctx, d.scope, a)
	if err != nil {
		return err
	}
	d.facts = nil
	d.state.Version += int64(len(stored))
	return nil
}

// load reads the whole stream.
func (d *drive) load(ctx context.Context) error {
	s, err := Load(ctx, d.Events, d.lease.Org, core.TaskID(d.lease.Stream))
	if err != nil {
		return err
	}
	d.state, d.facts = s, nil
	return nil
}

// reload starts over from the store after somebody else has appended. Of what
// wasn't stored only outcomes are kept: decisions are made again.
func (d *drive) reload(ctx context.Context) error {
	facts := d.facts
	if err := d.load(ctx); err != nil {
		return err
	}
	for _, f := range facts {
		switch f.(type) {
		case core.ModelSettled, core.ToolSettled:
			d.note(f)
		}
	}
	return nil
}

func (d *drive) sleep(ctx context.Context, dur time.Duration) error {
	changed, stop := d.Changed(d.lease.Org, d.lease.Stream)
	defer stop()
	t := time.NewTimer(dur)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return nil // run sees it
	case <-changed:
		return d.reload(ctx)
	case <-t.C:
		return nil
	}
}

// Load folds a task's stream. not_found: the org has no such task.
func Load(ctx context.Context, events store.Events, org core.OrgID, task core.TaskID) (State, error) {
	const page = 500
	var s State
	for {
		es, err := events.ReadStream(ctx, org, task.Stream(), s.Version, page)
		if err != nil {
			return s, fmt.Errorf("load task: %w", err)
		}
		if s, err = Fold(s, es...); err != nil {
			return s, err
		}
		if len(es) < page {
			break
		}
	}
	if s.Version == 0 {
		return s, noTask(task)
	}
	return s, nil
}

func noTask(id core.TaskID) error {
	return core.E(core.NotFound, "task", "there is no task "+string(id)).WithHint("isekai task list shows the tasks")
}
