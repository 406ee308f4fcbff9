package backup_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/isekai-run/isekai/internal/backup"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// rig is an installation with two orgs and a folder of backups.
type rig struct {
	*backup.Backups
	t     *testing.T
	dir   string
	store *sqlite.Store
	blobs *local.Store
	now   time.Time
	keep  time.Duration
}

func newRig(t *testing.T) *rig {
	t.Parallel()
	r := &rig{t: t, dir: t.TempDir(), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), keep: 7 * 24 * time.Hour}
	r.store = r.openStore(filepath.Join(r.dir, "live.db"))
	r.blobs = r.openBlobs("blobs")
	r.Backups = r.over(r.store)
	for _, org := range []core.OrgID{"org_a", "org_b"} {
		if err := r.store.SetKeyset(t.Context(), org, 0, []byte("keys of "+org)); err != nil {
			t.Fatal(err)
		}
		r.work(org, "tsk_1", 0, 5)
		if _, _, err := r.blobs.Put(t.Context(), org, strings.NewReader("blob of "+string(org)), 100); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *rig) clock() time.Time { return r.now }

func (r *rig) folder() string { return filepath.Join(r.dir, "backups") }

func (r *rig) openStore(path string) *sqlite.Store {
	r.t.Helper()
	st, err := sqlite.Open(r.t.Context(), sqlite.Config{Path: path})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { st.Close() })
	return st
}

func openBlobs(dir string) (backup.BlobFolder, error) { return local.Open(dir) }

func (r *rig) openBlobs(name string) *local.Store {
	r.t.Helper()
	b, err := local.Open(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { b.Close() })
	return b
}

// work appends n events after a version and lets the view follow.
func (r *rig) work(org core.OrgID, stream core.StreamID, after, n int) {
	r.t.Helper()
	scope := core.Scope{Org: org, Project: "prj_a", Actor: core.Actor{Kind: core.ActorUser, ID: "u"}}
	for v := after; v < after+n; v++ {
		events, err := r.store.Append(r.t.Context(), scope, store.Append{
			Stream: stream, Expected: int64(v), Work: store.WorkReady,
			Events: []store.NewEvent{{ID: core.EventID(fmt.Sprintf("evt_%s_%s_%d", org, stream, v)), Type: "x.done", Data: []byte(`{}`)}},
		})
		if err == nil {
			err = counting(r.store).Handle(r.t.Context(), events[0])
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

func counting(st store.Store) *store.Projector {
	return &store.Projector{Store: st, View: "counts", Wants: func(string) bool { return true },
		Row: func(events []core.Event) (store.Row, error) {
			return store.Row{ID: string(events[0].Stream), Project: "prj_a", Data: json.RawMessage(fmt.Sprint(len(events)))}, nil
		}}
}

func (r *rig) take() backup.Manifest {
	r.t.Helper()
	m, err := r.Take(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	r.now = r.now.Add(time.Hour)
	return m
}

// restore puts a backup into a scratch place.
func (r *rig) restore(id string, blobs *local.Store) (backup.Report, error) {
	r.t.Helper()
	return r.restoreTo(id, filepath.Join(r.t.TempDir(), "restored.db"), blobs)
}

func (r *rig) restoreTo(id, path string, blobs *local.Store) (backup.Report, error) {
	r.t.Helper()
	to := backup.Target{
		Check: func(ctx context.Context, keys store.Keysets) error {
			_, err := keys.KeysetOrgs(ctx)
			return err
		},
		Open: func(ctx context.Context, from string) (store.Store, error) {
			data, err := os.ReadFile(from)
			if err == nil {
				err = os.WriteFile(path, data, 0o600)
			}
			if err != nil {
				return nil, err
			}
			return sqlite.Open(ctx, sqlite.Config{Path: path})
		},
		Unseal:     func(st store.Store) (store.Store, error) { return st, nil },
		Projectors: func(st store.Store) []*store.Projector { return []*store.Projector{counting(st)} },
	}
	if blobs != nil {
		to.Blobs = blobs
	}
	return r.Restore(r.t.Context(), id, to)
}

func (r *rig) wantGood(id string) backup.Report {
	r.t.Helper()
	report, err := r.restore(id, nil)
	if err != nil || len(report.Problems) != 0 {
		r.t.Fatalf("backup %s: %v, %v", id, report.Problems, err)
	}
	return report
}

func TestABackupIsOfItsMoment(t *testing.T) {
	r := newRig(t)
	first := r.take()
	r.work("org_a", "tsk_1", 5, 3)
	r.work("org_a", "tsk_2", 0, 1)
	if _, _, err := r.blobs.Put(t.Context(), "org_a", strings.NewReader("another"), 100); err != nil {
		t.Fatal(err)
	}
	second := r.take()
	all, err := r.List()
	if err != nil || len(all) != 2 || all[0].ID != second.ID || all[1].ID != first.ID {
		t.Fatalf("%+v: %v", all, err)
	}
	one, two := r.wantGood(first.ID), r.wantGood("")
	if one.Events != 10 || two.Events != 14 || one.Rows != 2 || two.Rows != 3 || second.Blobs != 3 || two.ID != second.ID || two.Checked != 3 {
		t.Errorf("%+v\n%+v", one, two)
	}
}

func TestARestoreBringsEverythingBack(t *testing.T) {
	r := newRig(t)
	r.take()
	blobs := r.openBlobs("restored-blobs")
	report, err := r.restore("", blobs)
	if err != nil || len(report.Problems) != 0 {
		t.Fatalf("%v, %v", report.Problems, err)
	}
	n := 0
	err = blobs.Each(t.Context(), func(org core.OrgID, d core.Digest) error {
		n++
		f, err := blobs.Open(t.Context(), org, d)
		if err != nil {
			return err
		}
		defer f.Close()
		if b, err := io.ReadAll(f); err != nil || string(b) != "blob of "+string(org) {
			t.Errorf("%s: %q, %v", org, b, err)
		}
		return nil
	})
	if n != 2 || err != nil {
		t.Errorf("%d blobs: %v", n, err)
	}
}

// What was shredded after a backup opens in no backup: no backup holds a keyset, and
// the keys beside them are those of now.
func TestShreddedInOldBackups(t *testing.T) {
	r := newRig(t)
	r.take()
	if err := r.store.Shred(t.Context(), "org_a"); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	report := r.wantGood("")
	if len(report.Shut) != 1 || report.Shut[0] != "org_a" || report.Events != 10 || report.Rows != 1 {
		t.Errorf("%+v", report)
	}
	err := filepath.WalkDir(r.folder(), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, []byte("keys of org_a")) || bytes.Contains(raw, []byte("a2V5cyBvZiBvcmdfYQ")) {
			t.Errorf("%s holds the shredded keys", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamageIsSeen(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(r *rig, store string)
		want string
	}{
		"a lost event": {func(r *rig, p string) {
			harm(r, p, `DELETE FROM outbox; DELETE FROM events WHERE org = 'org_b' AND version = 5`)
		}, "org_b has 4 events"},
		"a changed event": {func(r *rig, p string) {
			harm(r, p, `UPDATE events SET data = x'7B7D20' WHERE org = 'org_b' AND version = 1`)
		}, "hashes differ"},
		"a changed row":  {func(r *rig, p string) { harm(r, p, `UPDATE view_rows SET data = x'39' WHERE org = 'org_a'`) }, "row tsk_1: data"},
		"a lost row":     {func(r *rig, p string) { harm(r, p, `DELETE FROM view_rows WHERE org = 'org_a'`) }, "row tsk_1: missing"},
		"a row too many": {func(r *rig, p string) { harm(r, p, `UPDATE view_rows SET id = 'x' WHERE org = 'org_a'`) }, "row x: left over"},
		"a damaged blob": {func(r *rig, _ string) { changeBlobs(r) }, "blob sha256:"},
		"blobs that are gone": {func(r *rig, _ string) {
			if err := os.RemoveAll(filepath.Join(r.folder(), "blobs", "org_a")); err != nil {
				r.t.Fatal(err)
			}
		}, "1 blobs, the manifest has 2"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			m := r.take()
			c.harm(r, filepath.Join(r.folder(), m.ID, "store"))
			report, err := r.restore("", nil)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(report.Problems, "\n"), c.want) {
				t.Errorf("%q, want %q", report.Problems, c.want)
			}
		})
	}
}

func harm(r *rig, path, query string) {
	r.t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(query); err != nil {
		r.t.Fatal(err)
	}
}

func changeBlobs(r *rig) {
	r.t.Helper()
	err := filepath.WalkDir(filepath.Join(r.folder(), "blobs"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return os.WriteFile(path, []byte("changed"), 0o600)
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func TestKeysAreNeeded(t *testing.T) {
	r := newRig(t)
	r.take()
	if err := os.Remove(filepath.Join(r.folder(), "keys.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.restore("", nil); core.CodeOf(err) != core.NotFound || core.HintOf(err) == "" {
		t.Errorf("without keys: %v", err)
	}
	if _, err := r.restore("20000101T000000Z", nil); core.CodeOf(err) != core.NotFound || core.HintOf(err) == "" {
		t.Errorf("no such backup: %v", err)
	}
}

// Backups are kept for as long as configured, and the newest for ever; what a killed
// process left goes with the next.
func TestPrune(t *testing.T) {
	r := newRig(t)
	for range 3 {
		r.take()
	}
	left := filepath.Join(r.folder(), r.now.Add(-30*time.Minute).Format("20060102T150405Z"))
	other := filepath.Join(r.folder(), "mine")
	for _, dir := range []string{left, other} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r.take()
	if all, _ := r.List(); len(all) != 4 {
		t.Errorf("%d backups", len(all))
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Error("what was left is still there")
	}
	r.now = r.now.Add(7*24*time.Hour - 90*time.Minute)
	last := r.take()
	all, _ := r.List()
	if len(all) != 2 || all[0].ID != last.ID {
		t.Errorf("after a week: %+v", all)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("a folder that isn't a backup: %v", err)
	}
	if _, err := r.Take(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Take(t.Context()); core.CodeOf(err) != core.Conflict {
		t.Errorf("two in one second: %v", err)
	}
}

// The schedule takes one when it is due, once, whoever else runs it.
func TestSchedule(t *testing.T) {
	r := newRig(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 2)
	for _, name := range []string{"one", "two"} {
		go func() { done <- r.Schedule(ctx, time.Hour, r.store, name, slog.New(slog.DiscardHandler)) }()
	}
	for {
		all, err := r.List()
		if err != nil || len(all) > 1 {
			t.Fatalf("%+v: %v", all, err)
		}
		if len(all) == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	stop()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	r.wantGood("")
}
