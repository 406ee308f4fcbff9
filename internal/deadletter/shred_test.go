package deadletter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/deadletter"
	"github.com/isekai-run/isekai/internal/store"
)

// shredded is the letters of orgs whose keys were destroyed: what only tells places
// works, what reads or writes a reason doesn't (package vault).
type shredded struct{ store.Letters }

var errGone = core.E(core.NotFound, "vault", "the org is gone")

func (shredded) Bury(context.Context, core.OrgID, store.Letter) error { return errGone }

func (shredded) Buried(context.Context, core.OrgID, string, store.Letter, int) ([]store.Letter, error) {
	return nil, errGone
}

// TestAShreddedOrgHoldsNobodyUp: its events behind a dead letter are done with, for an
// event that is delivered again and again keeps a partition, with other orgs in it.
func TestAShreddedOrgHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	r := newRig(openStore(t), true)
	events := r.append(t, "s", 3)
	r.fail = failing(1)
	r.deliver(t, events[:2]...)
	equal(t, "letters", r.letters(t)["s"], 1, 2)
	r.guard.Letters = shredded{r.st}
	r.deliver(t, events...)
	equal(t, "applied", r.applied["s"])
}

// TestLogsHoldNoReasons: a reason may quote what a tenant wrote, and is sealed in its
// letter; a log is plain and outlives a shredding.
func TestLogsHoldNoReasons(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(context.Context, core.Event) error{
		"an error":           func(context.Context, core.Event) error { return errors.New("can't read 'planted marker'") },
		"an error with code": func(context.Context, core.Event) error { return core.E(core.Invalid, "x", "planted marker") },
		"a panic":            func(context.Context, core.Event) error { panic("planted marker") },
		"a panic of a value": func(context.Context, core.Event) error { panic(fmt.Errorf("of %s", "planted marker")) },
	} {
		r := newRig(openStore(t), false)
		log := &bytes.Buffer{}
		g := &deadletter.Guard{Consumer: "one", Next: next, Letters: r.st, Tries: 1, Log: slog.New(slog.NewTextHandler(log, nil))}
		e := r.append(t, "s", 1)[0]
		if err := g.Handle(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		l, _, err := r.service.Show(t.Context(), r.scope, "one", "s", 1)
		if err != nil || !strings.Contains(l.Reason, "planted marker") {
			t.Errorf("%s: the letter's reason is %q (%v)", name, l.Reason, err)
		}
		if strings.Contains(log.String(), "planted") {
			t.Errorf("%s: the log has %s", name, log)
		}
		for _, want := range []string{"consumer=one", string(e.Org), "stream=s", "version=1", "code="} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s: the log doesn't say %s: %s", name, want, log)
			}
		}
		if strings.HasPrefix(name, "a panic") != strings.Contains(log.String(), "shred_test.go") {
			t.Errorf("%s: where it happened: %s", name, log)
		}
	}
}
