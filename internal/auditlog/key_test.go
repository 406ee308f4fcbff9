package auditlog_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// watched are records that count how often the key is read, and may let that wait.
type watched struct {
	records
	reads atomic.Int64
	stuck chan struct{} // nil: nothing waits
}

func (w *watched) Record(ctx context.Context, org core.OrgID, kind, id string) (store.Record, error) {
	if kind == "audit_key" {
		w.reads.Add(1)
		if w.stuck != nil {
			<-w.stuck
		}
	}
	return w.records.Record(ctx, org, kind, id)
}

// TestAStoreThatHangs while the key is read keeps nobody longer than he waits.
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

// TestTheKeyIsReadOnce by a process, and made by one of many.
func TestTheKeyIsReadOnce(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		w := &watched{records: r.cfg.Records}
		r.cfg.Records = w
		const nodes = 8
		made := make(chan string, nodes)
		for range nodes {
			go func() {
				keys, err := r.restart().PublicKeys(t.Context())
				if err != nil || len(keys) != 1 {
					t.Error(keys, err)
				}
				made <- strings.Join(keys, " ")
			}()
		}
		first := <-made
		for range nodes - 1 {
			if other := <-made; other != first {
				t.Errorf("two keys are made: %s, %s", first, other)
			}
		}
		l := r.restart()
		w.reads.Store(0)
		for range 3 {
			ok(t, l.Record(t.Context(), orgA, entry("x")))
			must(l.List(t.Context(), orgA, auditlog.Query{}))(t)
			must(l.Checkpoint(t.Context(), orgA))(t)
			wantGood(t, must(l.Verify(t.Context(), orgA))(t), must(l.List(t.Context(), orgA, auditlog.Query{}))(t).Entries[0].Row)
		}
		if n := w.reads.Load(); n != 1 {
			t.Errorf("the key is read %d times", n)
		}
	})
}
