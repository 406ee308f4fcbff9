package platform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
	mempostgres "github.com/isekai-run/isekai/internal/memory/postgres"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// Schema implements cli.Instance.
func (i instance) Schema(ctx context.Context) (cli.Schema, error) {
	s := cli.Schema{Store: i.cfg.driver()}
	err := i.alone(func(*DataDir) (err error) {
		if fresh := !exists(i.cfg.sqlite().Path); fresh && s.Store == onSQLite { // to look makes a file
			defer func() { err = errors.Join(err, i.cfg.removeSQLite()) }()
		}
		s.Current, s.Newest, err = i.cfg.versions(ctx)
		return err
	})
	return s, err
}

// versions returns the version of the store's schema and the newest that this build knows.
func (c Config) versions(ctx context.Context) (current, newest int64, err error) {
	if c.driver() == onPostgres {
		current, newest, err = postgres.Versions(ctx, c.postgres())
		return current, newest, err
	}
	return sqlite.Versions(ctx, c.sqlite())
}

// Migrate implements cli.Instance.
func (i instance) Migrate(ctx context.Context, version int64, drop bool) (cli.Schema, error) {
	err := i.alone(func(*DataDir) error {
		if err := i.mayGoTo(ctx, version, drop); err != nil {
			return err
		}
		if err := i.migrateStore(ctx, version); err != nil {
			return err
		}
		return i.cfg.migrateIndex(ctx, version)
	})
	if err != nil {
		return cli.Schema{}, err
	}
	return i.Schema(ctx)
}

func (i instance) migrateStore(ctx context.Context, version int64) error {
	if i.cfg.driver() == onPostgres {
		return postgres.Migrate(ctx, i.cfg.postgres(), version)
	}
	return sqlite.Migrate(ctx, i.cfg.sqlite(), version)
}

// migrateIndex has the index of documents fit a version of the store. An older one is for an older
// program, which may know no index, or another: it is dropped, and made again from the documents
// by whoever starts next and knows one.
func (c Config) migrateIndex(ctx context.Context, version int64) error {
	_, newest, err := c.versions(ctx)
	if err != nil {
		return err
	}
	if c.driver() == onPostgres {
		if version < newest {
			return mempostgres.Drop(ctx, c.Store.MigrateURL.Reveal())
		}
		return mempostgres.Migrate(ctx, c.Store.MigrateURL.Reveal())
	}
	if version == newest {
		return nil // a start makes it
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(c.indexFile() + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return core.E(core.Unavailable, "migrate", "the index of documents can't be removed").Because(err)
		}
	}
	return nil
}

// keysSince is the first version of the schema, of either store, that has keys.
const keysSince = 2

// mayGoTo refuses a version of the schema that has no keys, if there is something that
// only they open; and one that has no records, if there are any and they aren't to be
// dropped.
func (i instance) mayGoTo(ctx context.Context, version int64, drop bool) (err error) {
	if version >= recordsSince || i.cfg.driver() == onSQLite && !exists(i.cfg.sqlite().Path) {
		return nil
	}
	current, _, err := i.cfg.versions(ctx)
	if err != nil || current <= version || current < keysSince {
		return err
	}
	st, err := i.cfg.openDriver(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if version < keysSince {
		if err := unopened(ctx, st, version); err != nil {
			return err
		}
	}
	if drop {
		return nil
	}
	lost, err := losses(ctx, st)
	if err == nil && lost != "" {
		err = core.E(core.Conflict, "migrate", fmt.Sprintf("schema version %d has no place for users, orgs and what is theirs; for good would be dropped: %s", version, lost)).
			WithHint("make a backup (isekai backup), which alone brings them back; then say --drop. Nobody can sign in then, and no audit log can be verified")
	}
	return err
}

// unopened refuses a schema without keys for a store in which there is something.
func unopened(ctx context.Context, st store.Store, version int64) error {
	keyed, err := st.KeysetOrgs(ctx)
	if err != nil {
		return err
	}
	begun, err := st.Orgs(ctx)
	if err == nil && len(keyed)+len(begun) > 0 {
		err = core.E(core.Conflict, "migrate", fmt.Sprintf("schema version %d has no keys: nothing that is in the store could be read any more, ever", version)).
			WithHint("to begin anew, use another data directory or an empty database")
	}
	return err
}
