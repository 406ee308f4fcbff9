package meter_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// full is a storage whose disk is full for what is posted, or for records.
type full struct {
	store.Store
	post, write atomic.Bool
}

var errFull = core.E(core.Exhausted, "store.write", "the disk is full").WithHint("free space")

func (f *full) Post(ctx context.Context, org core.OrgID, p ...store.Posting) ([]bool, error) {
	if f.post.Load() {
		return nil, errFull
	}
	return f.Store.Post(ctx, org, p...)
}

func (f *full) Write(ctx context.Context, org core.OrgID, c ...store.Change) error {
	if f.write.Load() {
		return errFull
	}
	return f.Store.Write(ctx, org, c...)
}

// TestAFullDiskIsNoBudget: who calls then is told to come again, and not that his credits are
// used up.
func TestAFullDiskIsNoBudget(t *testing.T) {
	t.Parallel()
	st := &full{Store: openSQLite(t)}
	w := newWorld(t, st, 1000)
	m := w.node(st)
	for _, disk := range []*atomic.Bool{&st.write, &st.post} {
		disk.Store(true)
		if _, err := m.Open(ctx, w.ask(10)); core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "the disk is full") || core.HintOf(err) != "free space" {
			t.Errorf("%v", err)
		}
		disk.Store(false)
		w.open(m, 10).Settle(used(3))
		w.idle(m)
	}
	w.settled(1000, 6)
}
