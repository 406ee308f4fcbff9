package platform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// with calls f with the installation's client, in this process.
func (i instance) with(t *testing.T, f func(*client.Client)) {
	t.Helper()
	conn, err := i.Connect(t.Context(), cli.Direct)
	if err != nil {
		t.Fatal(err)
	}
	f(conn.Client)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

// aTask makes a task, and with it the org's keys.
func (i instance) aTask(t *testing.T) (id core.TaskID) {
	t.Helper()
	i.with(t, func(c *client.Client) {
		task, err := c.CreateTask(t.Context(), client.NewTask{Kind: core.KindApp, Prompt: "x"}, "")
		if err != nil {
			t.Fatal(err)
		}
		id = task.ID
	})
	return id
}

// opens reports whether the task can be read.
func (i instance) opens(t *testing.T, id core.TaskID) (err error) {
	t.Helper()
	conn, err := i.Connect(t.Context(), cli.Direct)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Client.Task(t.Context(), id)
	return err
}

// The master key moves from one place to another by configuration: from the data
// directory's file to a variable, to another variable, and to another file.
func TestMovingTheMasterKey(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	id := in.aTask(t)
	in.with(t, func(c *client.Client) {
		if _, err := c.TakeBackup(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	newKey := func(name string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := New().NewMasterKey(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	variable := func() Secret {
		b, err := os.ReadFile(newKey("key"))
		if err != nil {
			t.Fatal(err)
		}
		return Secret(b)
	}
	places := []Keys{{File: filepath.Join(in.cfg.DataDir, "master.key")}, {Key: variable()}, {Key: variable()}, {File: newKey("file")}}
	for i, next := range places[1:] {
		before := in
		before.cfg.Keys, before.cfg.OldKeys = places[i], Keys{}
		in.cfg.Keys, in.cfg.OldKeys = next, places[i]
		if err := in.opens(t, id); err != nil {
			t.Fatalf("before move %d, with both keys: %v", i, err)
		}
		in.with(t, func(c *client.Client) {
			if r, err := c.RotateMasterKey(t.Context()); err != nil || r.Orgs != 2 { // the first org, and the installation
				t.Fatalf("move %d: %+v, %v", i, r, err)
			}
		})
		in.cfg.OldKeys = Keys{}
		if err := in.opens(t, id); err != nil {
			t.Errorf("after move %d: %v", i, err)
		}
		if err := before.opens(t, id); core.CodeOf(err) != core.Invalid {
			t.Errorf("after move %d, with the old key: %v", i, err)
		}
		if r, err := in.Restore(t.Context(), "", true); err != nil || len(r.Problems) > 0 {
			t.Errorf("a backup from before move %d: %+v, %v", i, r, err)
		}
	}
}

// A variable is changed by naming the one before; the error says so.
func TestAVariableIsntRotatedInPlace(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	path := filepath.Join(t.TempDir(), "key")
	if err := New().NewMasterKey(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	in.cfg.Keys.Key = Secret(b)
	in.aTask(t)
	in.with(t, func(c *client.Client) {
		if _, err := c.RotateMasterKey(t.Context()); core.CodeOf(err) != core.Unsupported || !strings.Contains(core.HintOf(err), "old_keys.key") {
			t.Errorf("%v (%s)", err, core.HintOf(err))
		}
	})
}

func TestNewMasterKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := New().NewMasterKey(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	for name, c := range map[string]struct {
		path string
		code core.Code
	}{"a file that is there": {path, core.Conflict}, "a folder that isn't": {filepath.Join(dir, "none", "key"), core.NotFound}} {
		if err := New().NewMasterKey(c.path); core.CodeOf(err) != c.code || core.HintOf(err) == "" || strings.Contains(err.Error(), "no master key") {
			t.Errorf("%s: %v (%s)", name, err, core.HintOf(err))
		}
	}
}

// A name that was mistyped names those that there are.
func TestKeysOfAnOrgThatIsntThere(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	in.aTask(t)
	in.with(t, func(c *client.Client) {
		_, rotated := c.RotateKeys(t.Context(), "org_defalt")
		_, shredded := c.ShredKeys(t.Context(), "org_defalt", "org_defalt")
		for _, err := range []error{rotated, shredded} {
			if core.CodeOf(err) != core.NotFound || !strings.Contains(core.HintOf(err), string(core.DefaultOrg)) {
				t.Errorf("%v (%s)", err, core.HintOf(err))
			}
		}
	})
}
