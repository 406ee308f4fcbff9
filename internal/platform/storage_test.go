package platform

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// What PostgreSQL's driver says of its Config is told by the keys of the configuration.
func TestErrorsNameTheKeys(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs PostgreSQL")
	}
	cluster := pgtest.Start(t, pgtest.Config{Fast: true})
	db := cluster.Database(t)
	_, name, _ := strings.Cut(strings.TrimPrefix(db.URL, "postgres://"), "/")
	name, _, _ = strings.Cut(name, "?")
	admin := Secret(cluster.URL("postgres", name))
	for what, c := range map[string]struct {
		store Store
		key   string
	}{
		"a superuser for the application": {Store{URL: admin, RelayURL: Secret(db.RelayURL)}, "store.url"},
		"a superuser for the relay":       {Store{URL: Secret(db.URL), RelayURL: admin}, "store.relay_url"},
		"the relay for the application":   {Store{URL: Secret(db.RelayURL), RelayURL: Secret(db.RelayURL)}, "store.url"},
		"nobody for the owner":            {Store{URL: Secret(db.URL), RelayURL: Secret(db.RelayURL)}, "store.migrate_url"},
		"an owner who may make none":      {Store{URL: Secret(db.URL), RelayURL: Secret(db.RelayURL), MigrateURL: Secret(db.MigrateURL)}, "store.migrate_url"},
	} {
		in := testInstance(t)
		in.cfg.Store, in.cfg.Keys.File = c.store, filepath.Join(t.TempDir(), "master.key")
		in.cfg.Store.MaxConns = 2
		if err := New().NewMasterKey(in.cfg.Keys.File); err != nil {
			t.Fatal(err)
		}
		st, err := in.cfg.openDriver(t.Context())
		if err == nil { // what is wrong isn't seen at a start
			if err = st.Close(); err == nil && c.store.MigrateURL == "" {
				_, err = in.Schema(t.Context())
			} else if err == nil {
				_, _, err = in.cfg.scratch(t.Context())
			}
		}
		text := fmt.Sprint(err) + core.HintOf(err)
		if !strings.Contains(text, c.key) || core.HintOf(err) == "" || strings.Contains(text, "RelayURL") || strings.Contains(text, "MigrateURL") || strings.Contains(text, " in URL") {
			t.Errorf("%s: %s", what, text)
		}
	}
}
