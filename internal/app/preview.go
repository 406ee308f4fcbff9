package app

import (
	"context"
	"errors"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// undoing bounds what must happen although the caller's context has ended.
const undoing = 30 * time.Second

// Start runs the current version and returns when it has answered GET / with
// 200; it is recorded as started only then. If another version runs, it is
// stopped first (the data folder has one writer), and runs again if the new one
// fails. invalid: the app ended, or answered something else; unavailable: it
// didn't answer in time; the message ends with the app's last words. exhausted:
// too many previews run.
func (s *Service) Start(ctx context.Context, scope core.Scope, app core.AppID, expected int64) (State, error) {
	res, err := s.do(ctx, order{Do: doStart, Scope: scope, App: app, Expected: expected})
	return res.state, err
}

func (s *Service) start(ctx context.Context, scope core.Scope, app core.AppID, expected int64) (State, error) {
	return s.switchTo(ctx, scope, app, expected, func(st State) (int, bool) { return st.Current, true }, State.start)
}

// Select makes another version the current one: a roll back or forward. If the
// app runs, the selected version replaces the running one; should it fail to
// start, nothing is selected and the old version runs again.
func (s *Service) Select(ctx context.Context, scope core.Scope, app core.AppID, number int, expected int64) (State, error) {
	res, err := s.do(ctx, order{Do: doSelect, Scope: scope, App: app, Number: number, Expected: expected})
	return res.state, err
}

func (s *Service) pick(ctx context.Context, scope core.Scope, app core.AppID, number int, expected int64) (State, error) {
	return s.switchTo(ctx, scope, app, expected, func(st State) (int, bool) { return number, st.Started != 0 }, State.pick)
}

// switchTo is the saga of both: run the version that which names (if it should
// run), then record it, or else leave everything as it was.
func (s *Service) switchTo(
	ctx context.Context, scope core.Scope, app core.AppID, expected int64,
	which func(State) (number int, run bool), record func(State, int) []core.Payload,
) (State, error) {
	sl, err := s.hold(ctx, app)
	if err != nil {
		return State{}, err
	}
	defer s.release(sl)
	st, err := s.Get(ctx, scope, app)
	if err != nil {
		return State{}, err
	}
	if err := st.at(expected); err != nil {
		return State{}, err
	}
	number, run := which(st)
	if _, ok := st.Version(number); !ok {
		return State{}, versionNotFound(number)
	}
	if run {
		err = s.run(ctx, sl, st, number)
	}
	var next State
	if err == nil {
		next, err = s.change(ctx, scope, app, expected, func(now State) ([]core.Payload, error) {
			if _, ok := now.Version(number); !ok || !now.Exists() {
				return nil, core.E(core.Conflict, "app", "the version was taken back while it started")
			}
			return record(now, number), nil
		})
	}
	if err != nil {
		if st.Started != number {
			s.goBack(ctx, sl, st)
		}
		return State{}, err
	}
	return next, nil
}

// goBack makes what runs match the state from before a failed change.
func (s *Service) goBack(ctx context.Context, sl *slot, st State) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoing)
	defer cancel()
	s.settle(ctx, sl, st)
}

// settle makes what runs match what should run. When that can't be started it
// is left to the next request, which tries again.
func (s *Service) settle(ctx context.Context, sl *slot, st State) {
	p := sl.running.Load()
	if p != nil && p.number != st.Started {
		s.halt(sl)
		p = nil
	}
	if p != nil || st.Started == 0 {
		return
	}
	if err := s.run(ctx, sl, st, st.Started); err != nil {
		s.cfg.Logger.WarnContext(ctx, "an app doesn't run again yet", "app", st.ID, "version", st.Started, "error", err)
	}
}

// run makes a version the one that runs. The caller has the turn.
func (s *Service) run(ctx context.Context, sl *slot, st State, number int) error {
	if p := sl.running.Load(); p != nil && p.number == number && p.alive() {
		return nil
	}
	if err := s.settleDown(ctx, sl, st); err != nil {
		return err
	}
	s.halt(sl)
	p, err := s.launch(ctx, sl, st, number)
	if err != nil {
		return err
	}
	sl.failure = nil
	sl.running.Store(p)
	return nil
}

// halt stops what runs, if anything does. The caller has the turn.
func (s *Service) halt(sl *slot) {
	if p := sl.running.Swap(nil); p != nil {
		p.stop()
	}
}

// Stop ends an app's preview and records that none should run.
func (s *Service) Stop(ctx context.Context, scope core.Scope, app core.AppID, expected int64) (State, error) {
	res, err := s.do(ctx, order{Do: doStop, Scope: scope, App: app, Expected: expected})
	return res.state, err
}

func (s *Service) stop(ctx context.Context, scope core.Scope, app core.AppID, expected int64) (State, error) {
	sl, err := s.hold(ctx, app)
	if err != nil {
		return State{}, err
	}
	defer s.release(sl)
	st, err := s.change(ctx, scope, app, expected, func(st State) ([]core.Payload, error) {
		if !st.Exists() {
			return nil, notFound(app)
		}
		return st.stop("asked"), nil
	})
	if err == nil {
		s.halt(sl)
	}
	return st, err
}

// Preview starts the current version and looks at it: what preview_app does. It
// is idempotent. An app that doesn't start is evidence too, not an error: its
// last words are the detail.
func (s *Service) Preview(ctx context.Context, scope core.Scope, app core.AppID) (core.Preview, error) {
	res, err := s.do(ctx, order{Do: doPreview, Scope: scope, App: app})
	if err == nil && res.Preview.Version != 0 {
		res.Preview.URL = s.URL(res.state) // as this node is reached
	}
	return res.Preview, err
}

func (s *Service) preview(ctx context.Context, scope core.Scope, app core.AppID) (res result, err error) {
	res.state, err = s.start(ctx, scope, app, 0)
	var words lastWords
	var why *core.Error
	if errors.As(err, &words) && errors.As(err, &why) {
		failed := core.Evidence{Kind: "http", Text: why.Msg, Detail: cut(string(words))}
		return result{Preview: core.Preview{App: app, Evidence: failed}}, nil
	}
	if err != nil {
		return result{}, err
	}
	evidence, err := s.Probe(ctx, scope, app)
	if err != nil {
		return result{}, err
	}
	res.Preview = core.Preview{App: app, Version: res.state.Started, URL: s.URL(res.state), Evidence: evidence}
	return res, nil
}

// Unpreview compensates Preview: if a version that the task published is what
// should run, nothing does any more. What ran before it runs again when the
// version is retracted. It is idempotent, and has nothing to do for an app that
// isn't there.
func (s *Service) Unpreview(ctx context.Context, scope core.Scope, app core.AppID, task core.TaskID) error {
	_, err := s.do(ctx, order{Do: doUndo, Scope: scope, App: app, Task: task})
	return err
}

func (s *Service) unpreview(ctx context.Context, scope core.Scope, app core.AppID, task core.TaskID) error {
	sl, err := s.hold(ctx, app)
	if err != nil {
		return err
	}
	defer s.release(sl)
	st, err := s.change(ctx, scope, app, 0, func(st State) ([]core.Payload, error) {
		if v, ok := st.Version(st.Started); !ok || v.Task != task {
			return nil, nil
		}
		return st.stop("taken back"), nil
	})
	if p := sl.running.Load(); err == nil && p != nil && p.number != st.Started {
		s.halt(sl)
	}
	return err
}

// Delete stops an app, deletes it and removes its data. Afterwards it is
// not_found, except for Delete, which is idempotent.
func (s *Service) Delete(ctx context.Context, scope core.Scope, app core.AppID, expected int64) error {
	_, err := s.do(ctx, order{Do: doDelete, Scope: scope, App: app, Expected: expected})
	return err
}

func (s *Service) delete(ctx context.Context, scope core.Scope, app core.AppID, expected int64) error {
	sl, err := s.hold(ctx, app)
	if err != nil {
		return err
	}
	defer s.release(sl)
	st, err := s.load(ctx, scope, app)
	if err == nil && st.ID == "" {
		err = notFound(app)
	}
	if err == nil && !st.Deleted {
		st, err = s.change(ctx, scope, app, expected, func(st State) ([]core.Payload, error) {
			if st.Deleted {
				return nil, nil
			}
			return []core.Payload{core.AppDeleted{}}, nil
		})
	}
	if err != nil {
		return err
	}
	return s.clear(ctx, sl, st)
}

// clear removes what a deleted app leaves on this machine, and its home.
func (s *Service) clear(ctx context.Context, sl *slot, st State) error {
	s.halt(sl)
	s.homes.forget(st.ID)
	if err := s.remove(s.folder(st.Org, st.ID)); err != nil {
		return err
	}
	return s.leave(ctx, st.Org, st.ID)
}
