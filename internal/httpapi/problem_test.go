package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
)

// TestForeignWordsAreForTheLog: what a driver or the system says of a failure (addresses,
// users, paths, statements) is no tenant's business. Our own words are shown, however
// deep they are.
func TestForeignWordsAreForTheLog(t *testing.T) {
	t.Parallel()
	foreign := errors.New("failed to connect to `user=isekai_app`: 10.1.2.3:5432 (db.internal)")
	deep := core.E(core.Unavailable, "store.read", "no connection").WithHint("try again").Because(foreign)
	for name, c := range map[string]struct {
		err    error
		status int
		detail string
	}{
		"a cause":       {deep, 503, "store.read: no connection"},
		"a full disk":   {core.E(core.Exhausted, "blob.put", "the disk is full").Because(foreign), 429, "blob.put: the disk is full"},
		"a bad request": {core.E(core.Invalid, "store.append", "not fit to be stored").Because(foreign), 422, "store.append: not fit to be stored"},
		"wrapped":       {fmt.Errorf("of 10.1.2.3: %w", deep), 503, "store.read: no connection"},
		"in another": {core.E(core.Conflict, "replay", "it still fails").Because(fmt.Errorf("of 10.1.2.3: %w", deep)), 409,
			"replay: it still fails: store.read: no connection"},
		"joined": {errors.Join(deep, foreign, core.E(core.Denied, "b", "nor this")), 503, "store.read: no connection; b: nor this"},
	} {
		r := newRig(t, func(cfg *httpapi.Config) {
			cfg.Model = func(context.Context, core.OrgID, string) (string, error) { return "", c.err }
		})
		a := r.do("POST", "/v1/tasks", `{"kind":"app","prompt":"x"}`)
		if a.status != c.status || a.problem.Detail != c.detail {
			t.Errorf("%s: %d %q, want %d %q", name, a.status, a.problem.Detail, c.status, c.detail)
		}
		if !strings.Contains(r.log.String(), "10.1.2.3:5432") || !strings.Contains(r.log.String(), a.problem.RequestID) {
			t.Errorf("%s: the log doesn't say the rest: %s", name, r.log.String())
		}
	}
	r := newRig(t)
	if a := r.do("GET", "/v1/tasks/tsk_none", ""); a.status != 404 || r.log.String() != "" {
		t.Errorf("what is all said is logged: %s", r.log.String())
	}
}
