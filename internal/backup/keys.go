package backup

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// WriteKeys writes the wrapped keysets as they are now beside the backups, in place of
// what was there. Call it after every rotation and shredding. Without a folder of
// backups it does nothing: there is none that could be opened.
func (b *Backups) WriteKeys(ctx context.Context) error {
	if _, err := os.Stat(b.cfg.Dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	orgs, err := b.cfg.Store.KeysetOrgs(ctx)
	if err != nil {
		return err
	}
	keys := map[core.OrgID][]byte{}
	for _, org := range orgs {
		k, err := b.cfg.Store.Keyset(ctx, org)
		if err != nil {
			return err
		}
		if !k.Shredded {
			keys[org] = k.Wrapped
		}
	}
	data, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(b.cfg.Dir, keysName), data)
}

// putKeys gives a restored store the keysets beside a folder of backups.
func putKeys(ctx context.Context, dir string, to store.Keysets) (map[core.OrgID]bool, error) {
	data, err := os.ReadFile(filepath.Join(dir, keysName))
	if err != nil {
		return nil, core.E(core.NotFound, "restore", "the keys are missing: "+filepath.Join(dir, keysName)).Because(err).
			WithHint("without them nothing in a backup can be read; look for a copy of that file")
	}
	var keys map[core.OrgID][]byte
	if err := json.Unmarshal(data, &keys); err != nil {
		return nil, core.E(core.Invalid, "restore", keysName+" is damaged").Because(err)
	}
	have := map[core.OrgID]bool{}
	for org, wrapped := range keys {
		if err := to.SetKeyset(ctx, org, 0, wrapped); err != nil {
			return nil, err
		}
		have[org] = true
	}
	return have, nil
}
