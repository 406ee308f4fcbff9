package platform

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// A way back to a schema without keys would make everything unreadable: it is refused as
// soon as there is something.
func TestNoWayBackBeforeKeys(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	if s, err := in.Schema(t.Context()); err != nil || s.Current != 0 || s.Newest < keysSince {
		t.Fatalf("%+v, %v", s, err)
	}
	if _, err := os.Stat(in.cfg.sqlite().Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("to look made a database, which a restore refuses: %v", err)
	}
	for _, version := range []int64{keysSince, keysSince - 1, 0, keysSince} { // while it is empty
		if s, err := in.Migrate(t.Context(), version, true); err != nil || s.Current != version {
			t.Fatalf("to %d: %+v, %v", version, s, err)
		}
	}
	id := in.aTask(t)
	for _, version := range []int64{keysSince - 1, 0} {
		if _, err := in.Migrate(t.Context(), version, true); core.CodeOf(err) != core.Conflict || core.HintOf(err) == "" {
			t.Errorf("to %d: %v", version, err)
		}
	}
	if err := in.opens(t, id); err != nil {
		t.Error(err)
	}
}

// A restore that fails leaves the place as empty as it was, and is repeated when its
// cause is mended.
func TestARestoreThatFailsCanBeRepeated(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	id := in.aTask(t)
	in.with(t, func(c *client.Client) {
		if _, err := c.TakeBackup(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	in.cfg.Backup.Dir = in.cfg.backupDir()
	key := in.cfg.masterFile()
	in.cfg.DataDir = filepath.Join(t.TempDir(), "again")
	empty := func(when string) {
		t.Helper()
		if left, _ := filepath.Glob(in.cfg.sqlite().Path + "*"); len(left) > 0 {
			t.Fatalf("%s: left %v", when, left)
		}
	}
	refused := func(when string, code core.Code, says string) {
		t.Helper()
		if _, err := in.Restore(t.Context(), "", false); core.CodeOf(err) != code || core.HintOf(err) == "" || !strings.Contains(err.Error(), says) {
			t.Fatalf("%s: %v (%s)", when, err, core.HintOf(err))
		}
		empty(when)
	}
	refused("without the master key", core.NotFound, "master key")
	if err := New().NewMasterKey(in.cfg.masterFile()); err != nil {
		t.Fatal(err)
	}
	refused("with another master key", core.Invalid, "master key")
	if err := os.Rename(key, in.cfg.masterFile()); err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(in.cfg.Backup.Dir, "2*", "store"))
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	copied, err := os.ReadFile(all[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(all[0], 9000); err != nil {
		t.Fatal(err)
	}
	refused("a damaged copy", core.Invalid, "damaged")
	if err := os.WriteFile(all[0], copied, 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := in.Restore(t.Context(), "", false); err != nil || len(r.Problems) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := in.opens(t, id); err != nil {
		t.Error(err)
	}
	if _, err := in.Restore(t.Context(), "", false); core.CodeOf(err) != core.Conflict {
		t.Errorf("into a place in use: %v", err)
	}
	if err := in.opens(t, id); err != nil {
		t.Errorf("a refused restore did harm: %v", err)
	}
}
