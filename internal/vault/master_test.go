package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/vault"
)

func TestMasterFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "master.json")
	ok(t, vault.GenerateMaster(path))
	before, err := os.ReadFile(path)
	ok(t, err)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: want a file of its owner's alone", info, err)
	}
	wantCode(t, "generate over a key", vault.GenerateMaster(path), core.Conflict)
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("a key was overwritten")
	}
	wantCode(t, "generate nowhere", vault.GenerateMaster(filepath.Join(dir, "none", "x")), core.NotFound)
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left over: %v", left)
	}
}

// TestAMasterThatCantBeUsed is said at the start, with a hint.
func TestAMasterThatCantBeUsed(t *testing.T) {
	t.Parallel()
	good := filepath.Join(t.TempDir(), "good")
	ok(t, vault.GenerateMaster(good))
	key, err := os.ReadFile(good)
	ok(t, err)
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		code core.Code
	}{
		"good":                {string(key), 0o600, ""},
		"read-only":           {string(key), 0o400, ""},
		"for others to read":  {string(key), 0o604, core.Denied},
		"for a group to read": {string(key), 0o640, core.Denied}, // its owner is this user
		"for all to write":    {string(key), 0o622, core.Denied},
		"empty":               {"", 0o600, core.Invalid},
		"no JSON":             {"secret-sauce", 0o600, core.Invalid},
		"no keyset":           {`{"secret-sauce":1}`, 0o600, core.Invalid},
		"cut":                 {string(key[:len(key)/2]), 0o600, core.Invalid},
		"no key":              {`{"primaryKeyId":1,"key":[]}`, 0o600, core.Invalid},
	} {
		path := filepath.Join(t.TempDir(), "master.json")
		ok(t, os.WriteFile(path, []byte(c.text), 0o600))
		ok(t, os.Chmod(path, c.mode))
		_, err := vault.OpenMaster(path)
		wantCode(t, name, err, c.code)
		if c.code == "" {
			continue
		}
		if core.HintOf(err) == "" || bytes.Contains([]byte(err.Error()), []byte("sauce")) {
			t.Errorf("%s: %v (%s)", name, err, core.HintOf(err))
		}
		if c.code == core.Invalid {
			_, err := vault.ParseMaster(c.text)
			wantCode(t, name+" in a variable", err, core.Invalid)
		}
	}
	for name, path := range map[string]string{"missing": filepath.Join(t.TempDir(), "none"), "a folder": t.TempDir()} {
		_, err := vault.OpenMaster(path)
		if code := core.CodeOf(err); code != core.NotFound && code != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("%s: %v (%s)", name, err, code)
		}
	}
}

// TestAWrongMasterIsSeenAtTheStart, before anything is encrypted or opened.
func TestAWrongMasterIsSeenAtTheStart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	wrong := r.start(t, newMaster(t))
	ok(t, wrong.vault.Check(t.Context())) // an installation that has no keys takes any
	appendTo(t, r.store, orgA, "tsk_1", 0, "one")
	ok(t, r.vault.Check(t.Context()))
	err := wrong.vault.Check(t.Context())
	wantCode(t, "check", err, core.Invalid)
	if core.HintOf(err) == "" {
		t.Errorf("%v has no hint", err)
	}
	// Who goes on all the same gets nothing, and no wrong reason for it.
	_, err = wrong.store.ReadOrg(t.Context(), orgA, 0, 10)
	wantUnopened(t, "read with the wrong master", err)
	_, err = wrong.store.Append(t.Context(), scopeOf(orgA), store.Append{Stream: "tsk_2", Events: []store.NewEvent{newEvent("x")}})
	wantUnopened(t, "append with the wrong master", err)

	// The file is away while the process runs: that isn't a 404.
	ok(t, os.Remove(r.master))
	_, err = r.store.Append(t.Context(), scopeOf(orgB), store.Append{Stream: "tsk_2", Events: []store.NewEvent{newEvent("x")}})
	wantUnopened(t, "append without the file", err)
	_, err = r.store.ReadOrg(t.Context(), orgA, 0, 10)
	ok(t, err) // its keys are open
}

// TestKeysOfAnotherOrg in an org's place aren't used.
func TestKeysOfAnotherOrg(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, org := range []core.OrgID{orgA, orgB} {
		appendTo(t, r.store, org, "tsk_1", 0, "one")
	}
	change(t, r.raw(t), `UPDATE keysets SET wrapped = (SELECT wrapped FROM keysets WHERE org = 'org_b') WHERE org = 'org_a'`)
	_, err := r.start(t, openMaster(t, r.master)).store.ReadOrg(t.Context(), orgA, 0, 10)
	wantUnopened(t, "read with swapped keys", err)
	change(t, r.raw(t), `UPDATE keysets SET wrapped = x'0102' WHERE org = 'org_a'`)
	_, err = r.start(t, openMaster(t, r.master)).store.ReadOrg(t.Context(), orgA, 0, 10)
	wantUnopened(t, "read with damaged keys", err)
}

// killed is a process that ends at its nth change of a keyset.
type killed struct {
	store.Keysets
	left atomic.Int64
}

var errKilled = errors.New("killed")

func (k *killed) SetKeyset(ctx context.Context, org core.OrgID, generation int64, wrapped []byte) error {
	if k.left.Add(-1) < 0 {
		return errKilled
	}
	return k.Keysets.SetKeyset(ctx, org, generation, wrapped)
}

// TestAMasterRotationThatIsBrokenOff at any org leaves everything open to whoever has the
// file, and repeating it finishes.
func TestAMasterRotationThatIsBrokenOff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const orgs = 5
	org := func(i int) core.OrgID { return core.OrgID(fmt.Sprintf("org_%d", i)) }
	for i := range orgs {
		appendTo(t, r.store, org(i), "tsk_1", 0, "one")
	}
	before := parsed(t, r.master)
	readAll := func(what string, p replica) {
		t.Helper()
		for i := range orgs {
			if got, err := texts(t.Context(), p.store, org(i), "tsk_1"); err != nil || len(got) != 1 {
				t.Errorf("%s: %s: %q, %v", what, org(i), got, err)
			}
		}
	}
	total := 0
	for n := range 3 {
		k := &killed{Keysets: r.inner}
		k.left.Store(int64(n))
		p := r.over(k, openMaster(t, r.master))
		done, err := p.vault.RotateFile(t.Context(), r.master)
		if !errors.Is(err, errKilled) {
			t.Fatalf("broken off after %d: %v", n, err)
		}
		if total += done; done != n {
			t.Errorf("%d were wrapped anew before the end, want %d", done, n)
		}
		readAll("the process itself", p)
		readAll("a new process", r.start(t, openMaster(t, r.master)))
		ok(t, r.start(t, openMaster(t, r.master)).vault.Check(t.Context()))
	}
	done, err := r.vault.RotateFile(t.Context(), r.master)
	if err != nil || total+done != orgs {
		t.Errorf("finished with %d after %d (%v), want %d", done, total, err, orgs)
	}
	readAll("afterwards", r.start(t, openMaster(t, r.master)))
	wantCode(t, "check with the old key", r.start(t, before).vault.Check(t.Context()), core.Invalid)
	if done, err = r.vault.RotateFile(t.Context(), r.master); err != nil || done != orgs {
		t.Errorf("the next rotation: %d, %v", done, err)
	}
	readAll("after another", r.replica)
}

// TestAMasterMovesToAnother, of another file, while orgs are made and rotated.
func TestAMasterMovesToAnother(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	org := func(i int) core.OrgID { return core.OrgID(fmt.Sprintf("org_%d", i)) }
	for i := range 8 {
		appendTo(t, r.store, org(i), "tsk_1", 0, "one")
	}
	next := newMaster(t)
	var all sync.WaitGroup
	all.Go(func() {
		for i := range 8 {
			appendTo(t, r.store, org(100+i), "tsk_1", 0, "one")
		}
	})
	all.Go(func() {
		for i := range 8 {
			if err := r.vault.Rotate(t.Context(), org(i)); err != nil {
				t.Errorf("rotate %s: %v", org(i), err)
			}
		}
	})
	all.Go(func() {
		if _, err := r.vault.RotateMaster(t.Context(), next); err != nil {
			t.Errorf("rotate the master: %v", err)
		}
	})
	all.Wait()
	p := r.start(t, next) // with the next one alone
	for i := range 8 {
		wantTexts(t, p.store, org(i), "tsk_1", "one")
		wantTexts(t, p.store, org(100+i), "tsk_1", "one")
	}
}

// late is a process that is slow between wrapping the keys of a new org and storing them.
type late struct {
	store.Keysets
	before func()
}

func (l *late) SetKeyset(ctx context.Context, org core.OrgID, generation int64, wrapped []byte) error {
	if l.before != nil {
		before := l.before
		l.before = nil
		before()
	}
	return l.Keysets.SetKeyset(ctx, org, generation, wrapped)
}

// TestANewOrgIsntLostToARotation that ran from its beginning to its end while another
// process was about to store the org's first keys, which nobody could open any more.
func TestANewOrgIsntLostToARotation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	l := &late{Keysets: r.inner, before: func() {
		_, err := r.vault.RotateFile(t.Context(), r.master)
		ok(t, err)
	}}
	appendTo(t, r.over(l, openMaster(t, r.master)).store, orgA, "tsk_1", 0, "one")
	wantTexts(t, r.start(t, openMaster(t, r.master)).store, orgA, "tsk_1", "one")
}

// TestOneRotationOfAFile at a time: two would lose a key.
func TestOneRotationOfAFile(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	appendTo(t, r.store, orgA, "tsk_1", 0, "one")
	l := &late{Keysets: r.inner, before: func() {
		_, err := r.vault.RotateFile(t.Context(), r.master)
		wantCode(t, "a second rotation", err, core.Conflict)
		wantCode(t, "another key", vault.AddMasterKey(r.master), core.Conflict)
		wantCode(t, "prune", vault.PruneMaster(r.master), core.Conflict)
	}}
	_, err := r.over(l, openMaster(t, r.master)).vault.RotateFile(t.Context(), r.master)
	ok(t, err)
	wantTexts(t, r.start(t, openMaster(t, r.master)).store, orgA, "tsk_1", "one")
}

// TestWhatAKilledRotationLeft goes with the next one: it holds the key that is to be
// destroyed. What isn't of this file stays.
func TestWhatAKilledRotationLeft(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key, err := os.ReadFile(r.master)
	ok(t, err)
	left := vault.NewMasterFile(r.master, "4711")
	other := vault.NewMasterFile(filepath.Join(r.dir, "other.json"), "4711")
	for _, path := range []string{left, other} {
		ok(t, os.WriteFile(path, key, 0o600))
	}
	_, err = r.vault.RotateFile(t.Context(), r.master)
	ok(t, err)
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old key is still in %s (%v)", left, err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("what is another file's has gone: %v", err)
	}
}

// TestCopiesOfKeysets are brought up to date while the old master key is still there; if
// they can't be, it stays.
func TestCopiesOfKeysets(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	appendTo(t, r.store, orgA, "tsk_1", 0, "one")
	before, failed := parsed(t, r.master), errors.New("no room for a copy")
	_, err := r.vault.RotateFile(t.Context(), r.master, func(context.Context) error { return failed })
	if !errors.Is(err, failed) {
		t.Errorf("the copy's error came back as %v", err)
	}
	old, err := before.Wrap(t.Context(), []byte("keys in a copy"), nil)
	ok(t, err)
	opens := func() error {
		_, err := openMaster(t, r.master).Unwrap(t.Context(), old, nil)
		return err
	}
	ok(t, opens())
	_, err = r.vault.RotateFile(t.Context(), r.master, func(context.Context) error { return opens() })
	ok(t, err)
	wantCode(t, "open the copy afterwards", opens(), core.Invalid)
}

// TestCopiesOfAMasterFile are brought up to date after the first step.
func TestCopiesOfAMasterFile(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	appendTo(t, r.store, orgA, "tsk_1", 0, "one")
	ok(t, vault.AddMasterKey(r.master))
	ok(t, vault.AddMasterKey(r.master)) // the rotation has begun already
	copied := r.start(t, parsed(t, r.master))
	_, err := r.vault.RotateMaster(t.Context(), openMaster(t, r.master))
	ok(t, err)
	ok(t, vault.PruneMaster(r.master))
	wantTexts(t, copied.store, orgA, "tsk_1", "one")
	wantTexts(t, r.start(t, parsed(t, r.master)).store, orgA, "tsk_1", "one")
}
