package backup_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/backup"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// keysFile is what opens the backups of a rig.
func (r *rig) keysFile() string { return filepath.Join(r.folder(), "keys.json") }

func (r *rig) readKeys() string {
	r.t.Helper()
	data, err := os.ReadFile(r.keysFile())
	if err != nil {
		r.t.Fatal(err)
	}
	return string(data)
}

func (r *rig) writeKeys(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.keysFile(), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// over returns the backups of another store in the same folder.
func (r *rig) over(st *sqlite.Store) *backup.Backups {
	return backup.New(backup.Config{Dir: r.folder(), Store: st, Driver: "sqlite", From: r.blobs, To: openBlobs, Keep: r.keep, Now: r.clock})
}

// An org whose keys are missing isn't taken for one that was shredded: a restore would
// make that true.
func TestMissingIsntShredded(t *testing.T) {
	for name, c := range map[string]struct {
		keys string
		code core.Code
		says string
	}{
		"none":                       {`{}`, core.NotFound, "org_a"},
		"another's":                  {`{"org_z":{"wrapped":"AAAA","first":"evt_z"}}`, core.NotFound, "org_a"},
		"of one org":                 {`{"org_b":{"wrapped":"AAAA","first":"evt_org_b_tsk_1_0"}}`, core.NotFound, "org_a"},
		"another's with our names":   {`{"org_a":{"wrapped":"AAAA","first":"evt_x"},"org_b":{"wrapped":"AAAA","first":"evt_y"}}`, core.Conflict, "another installation"},
		"neither keys nor tombstone": {`{"org_a":{},"org_b":{}}`, core.Invalid, "damaged"},
		"cut":                        {`{"org_a":{"wrap`, core.Invalid, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.take()
			r.writeKeys(c.keys)
			_, err := r.restore("", nil)
			if core.CodeOf(err) != c.code || core.HintOf(err) == "" || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v (%s)", err, core.HintOf(err))
			}
		})
	}
}

// A new installation that is given the folder of backups of a lost one, and starts
// before anybody has restored, leaves the keys of those alone.
func TestAnotherInstallationsFolder(t *testing.T) {
	for name, prepare := range map[string]func(*rig, *sqlite.Store){
		"empty": func(*rig, *sqlite.Store) {},
		"with an org of the same name": func(r *rig, st *sqlite.Store) {
			fresh := &rig{t: r.t, store: st}
			for _, org := range []core.OrgID{"org_a", "org_b"} {
				if err := st.SetKeyset(r.t.Context(), org, 0, []byte("new keys of "+org)); err != nil {
					r.t.Fatal(err)
				}
				fresh.work(org, "tsk_other", 0, 1)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			m := r.take()
			before := r.readKeys()
			other := r.openStore(filepath.Join(r.dir, "other.db"))
			prepare(r, other)
			_, err := r.over(other).Take(t.Context())
			if core.CodeOf(err) != core.Conflict || !strings.Contains(core.HintOf(err), "backup.dir") {
				t.Errorf("a backup of another installation: %v", err)
			}
			if err := r.over(other).WriteKeys(t.Context()); core.CodeOf(err) != core.Conflict {
				t.Errorf("keys of another installation: %v", err)
			}
			if now := r.readKeys(); now != before {
				t.Errorf("keys.json is %s, was %s", now, before)
			}
			if all, err := r.List(); err != nil || len(all) != 1 {
				t.Errorf("%d backups, %v", len(all), err)
			}
			r.wantGood(m.ID)
		})
	}
}

// What is restored is the same installation, also if the backup is older than an org, or
// than a rotation.
func TestARestoredInstallationGoesOn(t *testing.T) {
	r := newRig(t)
	first := r.take()
	if err := r.store.SetKeyset(t.Context(), "org_a", 1, []byte("rotated keys of org_a")); err != nil {
		t.Fatal(err)
	}
	if err := r.store.SetKeyset(t.Context(), "org_c", 0, []byte("keys of org_c")); err != nil {
		t.Fatal(err)
	}
	r.work("org_c", "tsk_1", 0, 2)
	if err := r.store.Shred(t.Context(), "org_b"); err != nil {
		t.Fatal(err)
	}
	r.take()
	path := filepath.Join(r.dir, "again.db")
	if report, err := r.restoreTo(first.ID, path, nil); err != nil || len(report.Problems) != 0 || len(report.Shut) != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	st := r.openStore(path)
	again := &rig{t: t, store: st}
	again.work("org_c", "tsk_other", 0, 1)
	for range 2 {
		if err := r.over(st).WriteKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.SetKeyset(t.Context(), "org_c", 1, []byte("rotated keys of org_c")); err != nil {
		t.Fatal(err)
	}
	if err := r.over(st).WriteKeys(t.Context()); err != nil {
		t.Error(err)
	}
}

// A backup whose store can't be had says so.
func TestABackupWithoutItsStore(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(t *testing.T, dir string)
		code core.Code
		says string
	}{
		"gone": {func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "store")); err != nil {
				t.Fatal(err)
			}
		}, core.Invalid, "is missing"},
		"cut": {func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "store"), 9000); err != nil {
				t.Fatal(err)
			}
		}, core.Invalid, "can't be put back"},
		"a manifest that is cut": {func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "manifest.json"), 50); err != nil {
				t.Fatal(err)
			}
		}, core.Invalid, "manifest"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.take()
			m := r.take()
			c.harm(t, filepath.Join(r.folder(), m.ID))
			for _, id := range []string{m.ID, ""} { // the newest, too: an older one must not pass for it
				_, err := r.restore(id, nil)
				if core.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) || !strings.Contains(core.HintOf(err), "backup list") {
					t.Errorf("%q: %v (%s)", id, err, core.HintOf(err))
				}
			}
			// A manifest that can't be read is no leftover.
			r.take()
			if _, err := os.Stat(filepath.Join(r.folder(), m.ID)); err != nil {
				t.Error(err)
			}
		})
	}
}

// A store that was taken back to an earlier time gets the keys that have become of its own,
// and what was shredded since is shredded again.
func TestRecover(t *testing.T) {
	r := newRig(t)
	// The master key opens what it has wrapped; it was changed at the time "new".
	opens := func(ctx context.Context, keys store.Keysets) error {
		orgs, err := keys.KeysetOrgs(ctx)
		for _, org := range orgs {
			if k, _ := keys.Keyset(ctx, org); !bytes.HasPrefix(k.Wrapped, []byte("new")) {
				err = core.E(core.Invalid, "", "the master key isn't the one")
			}
		}
		return err
	}
	path := filepath.Join(r.dir, "earlier.db")
	if _, err := r.store.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	earlier := r.openStore(path)
	for _, org := range []core.OrgID{"org_a", "org_b"} {
		if err := earlier.SetKeyset(t.Context(), org, 0, []byte("keys of "+org)); err != nil && core.CodeOf(err) != core.Conflict {
			t.Fatal(err)
		}
	}
	for org, generation := range map[core.OrgID]int64{"org_a": 1, "org_c": 0} {
		if err := r.store.SetKeyset(t.Context(), org, generation, []byte("new keys of "+org)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.store.Shred(t.Context(), "org_b"); err != nil {
		t.Fatal(err)
	}
	r.take()
	again := r.over(earlier)
	if _, err := again.Take(t.Context()); core.CodeOf(err) != core.Conflict || !strings.Contains(core.HintOf(err), "keys recover") {
		t.Errorf("a backup before that: %v (%s)", err, core.HintOf(err))
	}
	for n, want := range []backup.Recovered{{Orgs: 2, Shredded: 1}, {}} {
		if got, err := again.Recover(t.Context(), earlier, opens); err != nil || got != want {
			t.Errorf("time %d: %+v, %v", n, got, err)
		}
	}
	a, err := earlier.Keyset(t.Context(), "org_a")
	if err != nil || string(a.Wrapped) != "new keys of org_a" {
		t.Errorf("%s, %v", a.Wrapped, err)
	}
	if b, err := earlier.Keyset(t.Context(), "org_b"); err != nil || !b.Shredded {
		t.Errorf("%+v, %v", b, err)
	}
	if err := earlier.SetKeyset(t.Context(), "org_a", a.Generation, []byte("newer keys of org_a")); err != nil {
		t.Fatal(err)
	}
	if got, err := again.Recover(t.Context(), earlier, opens); err != nil || got != (backup.Recovered{}) {
		t.Errorf("keys that are newer and open are replaced: %+v, %v", got, err)
	}
	if _, err := again.Take(t.Context()); err != nil {
		t.Error(err)
	}
	r.writeKeys(`{"org_a":{"wrapped":"AAAA","first":"evt_other"}}`)
	if _, err := again.Recover(t.Context(), earlier, opens); core.CodeOf(err) != core.Conflict {
		t.Errorf("with another installation's keys: %v", err)
	}
	r.writeKeys(`{"org_d":{"wrapped":"AAAA","first":"evt_d"}}`)
	if _, err := again.Recover(t.Context(), earlier, opens); core.CodeOf(err) != core.Invalid {
		t.Errorf("with keys that don't open: %v", err)
	}
}

// Backups of the first form, without digests and marks of their installation, are good
// still, and the next backup knows more of them.
func TestTheFirstForm(t *testing.T) {
	r := newRig(t)
	m := r.take()
	r.writeKeys(`{"org_a":"` + base64.StdEncoding.EncodeToString([]byte("keys of org_a")) + `","org_b":"` + base64.StdEncoding.EncodeToString([]byte("keys of org_b")) + `"}`)
	path := filepath.Join(r.folder(), m.ID, "manifest.json")
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(strings.ReplaceAll(string(text), `"digest"`, `"other"`)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.wantGood("")
	if err := r.WriteKeys(t.Context()); err != nil || !strings.Contains(r.readKeys(), `"first"`) {
		t.Errorf("%s, %v", r.readKeys(), err)
	}
	r.wantGood("")
}
