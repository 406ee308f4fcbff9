package platform

import (
	"context"
	"errors"
	"fmt"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
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
func (i instance) Migrate(ctx context.Context, version int64) (cli.Schema, error) {
	err := i.alone(func(*DataDir) error {
		if err := i.mayGoTo(ctx, version); err != nil {
			return err
		}
		if i.cfg.driver() == onPostgres {
			return postgres.Migrate(ctx, i.cfg.postgres(), version)
		}
		return sqlite.Migrate(ctx, i.cfg.sqlite(), version)
	})
	if err != nil {
		return cli.Schema{}, err
	}
	return i.Schema(ctx)
}

// keysSince is the first version of the schema, of either store, that has keys.
const keysSince = 2

// mayGoTo refuses a version of the schema that has no keys, if there is something that
// only they open.
func (i instance) mayGoTo(ctx context.Context, version int64) (err error) {
	if version >= keysSince || i.cfg.driver() == onSQLite && !exists(i.cfg.sqlite().Path) {
		return nil
	}
	current, _, err := i.cfg.versions(ctx)
	if err != nil || current < keysSince {
		return err
	}
	st, err := i.cfg.openDriver(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
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
