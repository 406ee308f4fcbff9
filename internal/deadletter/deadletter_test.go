package deadletter_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

func equal(t rapid.TB, what string, got []int64, want ...int64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func code(t rapid.TB, what string, err error, want core.Code) {
	t.Helper()
	if core.CodeOf(err) != want {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

func TestTheRestGoesOn(t *testing.T) {
	t.Parallel()
	r := newRig(openStore(t), false)
	events := r.append(t, "s", 4)
	r.fail = failing(2)
	r.deliver(t, events...)
	equal(t, "applied", r.applied["s"], 1, 3, 4)
	if r.calls != 3+3 {
		t.Errorf("%d calls, want 3 tries of one and 1 of the others", r.calls)
	}
	l, e, err := r.service.Show(t.Context(), r.scope, "one", "s", 2)
	if err != nil || l.Reason != "a bug" || l.Tries != 3 || l.Event != events[1].ID || l.At.IsZero() || e.ID != events[1].ID {
		t.Errorf("show: %+v, %+v, %v", l, e, err)
	}
	_, err = r.service.Replay(t.Context(), r.scope, "one", "s", 2)
	if !errors.Is(err, errBad) || core.HintOf(err) == "" {
		t.Errorf("replay of what still fails: %v", err)
	}
	equal(t, "letters after it", r.letters(t)["s"], 2)
	r.fail = nil
	applied, err := r.service.Replay(t.Context(), r.scope, "one", "s", 2)
	code(t, "replay", err, "")
	equal(t, "replayed", applied, 2)
	equal(t, "letters at last", r.letters(t)["s"])
	_, err = r.service.Replay(t.Context(), r.scope, "one", "s", 2)
	code(t, "replay again", err, core.NotFound)
}

func TestTheRestWaits(t *testing.T) {
	t.Parallel()
	r := newRig(openStore(t), true)
	events, other := r.append(t, "s", 5), r.append(t, "s2", 2)
	r.fail = func(e core.Event) error {
		if e.Stream == "s" && e.Version == 2 {
			return errBad
		}
		return nil
	}
	r.deliver(t, events[:4]...)
	r.deliver(t, other...)
	r.deliver(t, events[1:3]...) // delivered again
	equal(t, "applied", r.applied["s"], 1)
	equal(t, "applied of another stream", r.applied["s2"], 1, 2)
	equal(t, "letters", r.letters(t)["s"], 2, 3, 4)
	l, _, err := r.service.Show(t.Context(), r.scope, "one", "s", 3)
	if err != nil || l.Reason != "waits for version 2" || l.Tries != 0 {
		t.Errorf("show: %+v, %v", l, err)
	}
	l, _, err = r.service.Show(t.Context(), r.scope, "one", "s", 2)
	if err != nil || l.Reason != "a bug" || l.Tries != 3 {
		t.Errorf("what was delivered again is %+v, %v", l, err)
	}
	_, err = r.service.Replay(t.Context(), r.scope, "one", "s", 3)
	code(t, "replay out of order", err, core.Conflict)

	r.fail = failing(4)
	applied, err := r.service.Replay(t.Context(), r.scope, "one", "s", 2)
	if !errors.Is(err, errBad) {
		t.Errorf("replay up to one that fails: %v", err)
	}
	equal(t, "replayed", applied, 2, 3)
	r.deliver(t, events[4])
	equal(t, "letters behind one that fails", r.letters(t)["s"], 4, 5)

	behind, err := r.service.Drop(t.Context(), r.scope, "one", "s", 5)
	if err != nil || behind != 4 {
		t.Errorf("drop: %d, %v", behind, err)
	}
	_, err = r.service.Drop(t.Context(), r.scope, "one", "s", 5)
	code(t, "drop again", err, core.NotFound)
	r.fail = nil
	applied, err = r.service.Replay(t.Context(), r.scope, "one", "s", 4)
	code(t, "replay the last", err, "")
	equal(t, "replayed last", applied, 4)
	equal(t, "all applied", r.applied["s"], 1, 2, 3, 4)
	if r.fault != "" {
		t.Error(r.fault)
	}
}

// A failure that isn't the event's goes back to the bus at once, as often as it
// comes, and makes no dead letter.
func TestPassingFailures(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"unavailable":             core.E(core.Unavailable, "store", "down"),
		"canceled":                core.E(core.Canceled, "store", ""),
		"an ended context inside": errors.Join(errBad, context.Canceled),
		"a deadline":              context.DeadlineExceeded,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(openStore(t), false)
			e := r.append(t, "s", 1)[0]
			r.fail = func(core.Event) error { return err }
			for n := 1; n <= 20; n++ {
				if got := r.guard.Handle(t.Context(), e); !errors.Is(got, err) {
					t.Fatalf("handle: %v", got)
				}
				if r.calls != n {
					t.Fatalf("%d calls in %d deliveries", r.calls, n)
				}
			}
			equal(t, "letters", r.letters(t)["s"])
		})
	}
}

// When the consumer is stopped between two tries, the event isn't blamed.
func TestStopBetweenTries(t *testing.T) {
	t.Parallel()
	r := newRig(openStore(t), false)
	r.guard.Backoff, r.guard.MaxBackoff = time.Hour, time.Hour
	e := r.append(t, "s", 1)[0]
	ctx, cancel := context.WithCancel(t.Context())
	r.fail = func(core.Event) error { time.AfterFunc(time.Millisecond, cancel); return errBad }
	code(t, "handle", r.guard.Handle(ctx, e), core.Canceled)
	equal(t, "letters", r.letters(t)["s"])
}

func TestAPanicIsAReason(t *testing.T) {
	t.Parallel()
	r := newRig(openStore(t), false)
	events := r.append(t, "s", 2)
	r.guard.Next = func(_ context.Context, e core.Event) error {
		if e.Version == 1 {
			panic("index out of range")
		}
		return nil
	}
	r.deliver(t, events...)
	l, _, err := r.service.Show(t.Context(), r.scope, "one", "s", 1)
	if err != nil || !strings.Contains(l.Reason, "panicked: index out of range") {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestReasonIsBounded(t *testing.T) {
	t.Parallel()
	r := newRig(openStore(t), false)
	e := r.append(t, "s", 1)[0]
	r.fail = func(core.Event) error { return errors.New("\x00\xff" + strings.Repeat("é", 5000)) }
	r.deliver(t, e)
	l, _, err := r.service.Show(t.Context(), r.scope, "one", "s", 1)
	if err != nil || len(l.Reason) > 1000 || len(l.Reason) < 900 || !utf8.ValidString(l.Reason) || strings.Contains(l.Reason, "\x00") {
		t.Errorf("%q, %v", l.Reason, err)
	}
}

// burying is a store that can't keep letters.
type burying struct {
	store.Letters
	err error
}

func (b burying) Bury(context.Context, core.OrgID, store.Letter) error { return b.err }

func TestWhatCantBeBuriedIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	r := newRig(openStore(t), false)
	e := r.append(t, "s", 1)[0]
	r.fail = failing(1)
	r.guard.Letters = burying{r.st, core.E(core.Exhausted, "store", "disk full")}
	code(t, "handle", r.guard.Handle(t.Context(), e), core.Exhausted)
	r.guard.Letters = burying{r.st, core.E(core.NotFound, "vault", "the org is gone")}
	code(t, "handle of an org that is gone", r.guard.Handle(t.Context(), e), "")
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	r := newRig(openStore(t), true)
	e := r.append(t, "s", 2)
	r.fail = failing(1)
	r.deliver(t, e...)
	stranger := r.scope
	stranger.Org = "org_other"
	for name, c := range map[string]struct {
		scope    core.Scope
		consumer string
		stream   core.StreamID
		version  int64
		want     core.Code
	}{
		"another org":      {stranger, "one", "s", 1, core.NotFound},
		"no tenant":        {core.Scope{}, "one", "s", 1, core.Internal},
		"another consumer": {r.scope, "two", "s", 1, core.NotFound},
		"no consumer":      {r.scope, "", "s", 1, core.NotFound},
		"another stream":   {r.scope, "one", "r", 1, core.NotFound},
		"a version before": {r.scope, "one", "s", 0, core.NotFound},
		"a version after":  {r.scope, "one", "s", 3, core.NotFound},
	} {
		_, _, err := r.service.Show(t.Context(), c.scope, c.consumer, c.stream, c.version)
		code(t, "show "+name, err, c.want)
		_, err = r.service.Replay(t.Context(), c.scope, c.consumer, c.stream, c.version)
		code(t, "replay "+name, err, c.want)
		_, err = r.service.Drop(t.Context(), c.scope, c.consumer, c.stream, c.version)
		code(t, "drop "+name, err, c.want)
	}
	if _, err := r.service.List(t.Context(), core.Scope{}, "", store.Letter{}, 10); core.CodeOf(err) != core.Internal {
		t.Errorf("list without a tenant: %v", err)
	}
	r.service.Consumers = nil
	_, err := r.service.Replay(t.Context(), r.scope, "one", "s", 1)
	code(t, "a consumer that is gone", err, core.Unsupported)
	equal(t, "letters", r.letters(t)["s"], 1, 2)
}
