package gateway

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestALifeIsAContext as package context has it: of its own end and of the caller's, whichever
// is first, all hear who asked to, and why.
func TestALifeIsAContext(t *testing.T) {
	t.Parallel()
	ours, theirs := errors.New("ours"), errors.New("theirs")
	for name, c := range map[string]struct {
		ends func(l *life, caller context.CancelCauseFunc)
		want error
	}{
		"nobody ends it":  {func(*life, context.CancelCauseFunc) {}, nil},
		"we end it":       {func(l *life, _ context.CancelCauseFunc) { l.end(ours) }, ours},
		"the caller goes": {func(_ *life, caller context.CancelCauseFunc) { caller(theirs) }, theirs},
		"we first":        {func(l *life, caller context.CancelCauseFunc) { l.end(ours); caller(theirs) }, ours},
		"the caller first": {func(l *life, caller context.CancelCauseFunc) {
			caller(theirs)
			synctest.Wait()
			l.end(ours)
		}, theirs},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				caller, leave := context.WithCancelCause(t.Context())
				var l life
				l.begin(caller)
				child, stop := context.WithCancel(&l)
				told, untold := 0, 0
				l.AfterFunc(func() { told++ })
				if !l.AfterFunc(func() { untold++ })() {
					t.Error("what was dropped wasn't there")
				}
				c.ends(&l, leave)
				synctest.Wait()
				over := c.want != nil
				if l.Err() != c.want || context.Cause(&l) != c.want || context.Cause(child) != c.want {
					t.Errorf("it ended for %v, its child for %v", context.Cause(&l), context.Cause(child))
				}
				if (told == 1) != over || untold != 0 {
					t.Errorf("%d were told, and %d who had dropped it", told, untold)
				}
				select {
				case <-l.Done():
					if !over {
						t.Error("it is done")
					}
				default:
					if over {
						t.Error("it isn't done")
					}
				}
				late := 0
				drop := l.AfterFunc(func() { late++ })
				synctest.Wait()
				if (late == 1) != over || drop() == over {
					t.Error("who asks afterwards is told at once")
				}
				stop()
				l.leave()
				leave(nil)
			})
		})
	}
}

// TestALifeKnowsOfItsCallersEnd at once, before anybody is told.
func TestALifeKnowsOfItsCallersEnd(t *testing.T) {
	t.Parallel()
	caller, leave := context.WithCancel(t.Context())
	leave()
	var l life
	l.begin(caller)
	if !errors.Is(l.Err(), context.Canceled) {
		t.Error(l.Err())
	}
	select {
	case <-l.Done():
	default:
		t.Error("it isn't done")
	}
}
