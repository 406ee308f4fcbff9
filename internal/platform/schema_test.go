package platform

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// A way back to a schema that has no place for people and what they have says what would be
// lost, and loses nothing unless that is asked for.
func TestAWayBackSaysWhatIsLost(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		saysWhatIsLost(t, testInstance(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		if testing.Short() {
			t.Skip("runs PostgreSQL")
		}
		db := pgtest.Start(t, pgtest.Config{Fast: true}).Database(t)
		in := testInstance(t)
		in.cfg.Store = Store{URL: Secret(db.URL), RelayURL: Secret(db.RelayURL), MigrateURL: Secret(db.MigrateURL), MaxConns: 4}
		in.cfg.Keys.File = filepath.Join(t.TempDir(), "master.key")
		if err := New().NewMasterKey(in.cfg.Keys.File); err != nil {
			t.Fatal(err)
		}
		saysWhatIsLost(t, in)
	})
}

func saysWhatIsLost(t *testing.T, in instance) {
	ctx := t.Context()
	n := openNode(t, in)
	who, err := n.people.FinishSetup(ctx, n.setup, olga)
	if err == nil {
		_, _, err = n.people.CreateKey(ctx, who.Principal, identity.NewKey{Name: "k", Scopes: []string{"tasks:read"}})
	}
	if err == nil {
		_, err = n.books.Grant(ctx, core.DefaultOrg, ledger.Command{ID: "g", Amount: core.Credit})
	}
	if err == nil {
		err = n.close()
	}
	if err != nil {
		t.Fatal(err)
	}
	const before = recordsSince - 1
	_, err = in.Migrate(ctx, before, false)
	if core.CodeOf(err) != core.Conflict || !strings.Contains(core.HintOf(err), "--drop") {
		t.Fatalf("%v (%s)", err, core.HintOf(err))
	}
	for _, lost := range []string{": 1 user, 2 orgs, 1 API key, 0 secrets, 2 ledger entries, "} {
		if !strings.Contains(err.Error(), lost) {
			t.Errorf("%q isn't in %v", lost, err)
		}
	}
	if again := openNode(t, in); again.setup != "" {
		t.Error("there is nobody any more")
	} else if err := again.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Migrate(ctx, keysSince-1, true); core.CodeOf(err) != core.Conflict {
		t.Errorf("a schema without keys: %v", err)
	}
	if s, err := in.Migrate(ctx, before, true); err != nil || s.Current != before {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := in.Migrate(ctx, before, false); err != nil || s.Current != before { // where it is already
		t.Errorf("%+v, %v", s, err)
	}
}
