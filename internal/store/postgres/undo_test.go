package postgres_test

import (
	"slices"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

// An import that meets another event keeps nothing of itself.
func TestConflictingImportIsUndone(t *testing.T) {
	t.Parallel()
	from, to := open(t, cluster.Database(t)), open(t, cluster.Database(t))
	events := slices.Concat(add(t, from, "org_a", "tsk_1", 0), add(t, from, "org_a", "tsk_2", 0))
	other := slices.Clone(events[1:])
	other[0].Data = []byte(`{"another":1}`)
	if err := to.Import(t.Context(), "org_a", other); err != nil {
		t.Fatal(err)
	}
	if err := to.Import(t.Context(), "org_a", events); core.CodeOf(err) != core.Conflict {
		t.Errorf("%v", err)
	}
	if got, err := to.ReadOrg(t.Context(), "org_a", 0, 10); err != nil || len(got) != 1 {
		t.Errorf("after the conflict there is %+v, %v", got, err)
	}
}
