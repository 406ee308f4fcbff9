package auditlog_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

type records = store.Records

// watched are records that count how often the keys are read, and may let that wait.
type watched struct {
	records
	reads atomic.Int64
	stuck chan struct{} // nil: nothing waits
}

func (w *watched) Records(ctx context.Context, org core.OrgID, kind, prefix, after string, limit int) ([]store.Record, error) {
	if kind == "audit_key" {
		w.reads.Add(1)
		if w.stuck != nil {
			<-w.stuck
		}
	}
	return w.records.Records(ctx, org, kind, prefix, after, limit)
}

// TestAStoreThatHangs while the keys are read keeps nobody longer than he waits.
func TestAStoreThatHangs(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		w := &watched{records: r.cfg.Records, stuck: make(chan struct{})}
		r.cfg.Records = w
		l := r.restart()
		first := make(chan error, 1)
		go func() {
			_, err := l.PublicKeys(t.Context())
			first <- err
		}()
		for w.reads.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		for name, call := range map[string]func(context.Context) error{
			"keys":       func(ctx context.Context) error { _, err := l.PublicKeys(ctx); return err },
			"checkpoint": func(ctx context.Context) error { _, err := l.Checkpoint(ctx, orgA); return err },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			done := make(chan error, 1)
			go func() { done <- call(ctx) }()
			select {
			case err := <-done:
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: %v", name, err)
				}
			case <-time.After(5 * time.Second):
				t.Errorf("%s: it still waits", name)
			}
			cancel()
		}
		close(w.stuck)
		ok(t, <-first)
	})
}

// TestKeysAreReadOnce by a process, and again when a signature is of none of them.
func TestKeysAreReadOnce(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		r.fill(t, orgA, 3)
		r.checkpoint(t, orgA)
		w := &watched{records: r.cfg.Records}
		r.cfg.Records = w
		l := r.restart()
		use := func() {
			t.Helper()
			ok(t, l.Record(t.Context(), orgA, entry("x")))
			must(l.List(t.Context(), orgA, auditlog.Query{}))(t)
			must(l.Checkpoint(t.Context(), orgA))(t)
		}
		use()
		use()
		if n := w.reads.Load(); n != 1 {
			t.Errorf("the keys are read %d times", n)
		}
		ok(t, r.RotateKey(t.Context()))
		ok(t, r.Record(t.Context(), orgA, entry("x")))
		r.checkpoint(t, orgA)
		must(l.List(t.Context(), orgA, auditlog.Query{}))(t) // looks at the checkpoint, which is by the new key
		use()
		if n := w.reads.Load(); n != 2 {
			t.Errorf("after a rotation the keys are read %d times", n)
		}
	})
}
