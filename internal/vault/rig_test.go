package vault_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/vault"
)

const orgA, orgB core.OrgID = "org_a", "org_b"

// rig is an installation: a store and blobs in a folder, below a vault.
type rig struct {
	dir    string
	master string // its file
	inner  *sqlite.Store
	files  *local.Store
	clock  *coretest.Clock
	replica
}

// replica is what one process of an installation has.
type replica struct {
	vault *vault.Vault
	store store.Store
	blobs blob.Store
}

func newRig(t testing.TB) *rig {
	t.Helper()
	dir := t.TempDir()
	r := &rig{dir: dir, master: filepath.Join(dir, "master.json"), clock: coretest.At(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))}
	ok(t, vault.GenerateMaster(r.master))
	r.inner = openStore(t, dir)
	var err error
	r.files, err = local.Open(filepath.Join(dir, "blobs"))
	ok(t, err)
	t.Cleanup(func() { _ = r.files.Close() })
	r.replica = r.start(t, openMaster(t, r.master))
	return r
}

func openStore(t testing.TB, dir string) *sqlite.Store {
	t.Helper()
	return sqlitetest.Open(t, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
}

// start returns another process's view of the installation.
func (r *rig) start(_ testing.TB, m vault.Master) replica { return r.over(r.inner, m) }

// over is start with something between the vault and its keysets.
func (r *rig) over(keysets store.Keysets, m vault.Master) replica {
	v := vault.New(vault.Config{Keysets: keysets, Master: m, Now: r.clock.Now})
	return replica{v, v.Store(r.inner), v.Blobs(r.files)}
}

func openMaster(t testing.TB, path string) *vault.Local {
	t.Helper()
	m, err := vault.OpenMaster(path)
	ok(t, err)
	return m
}

func newMaster(t testing.TB) *vault.Local {
	t.Helper()
	path := filepath.Join(t.TempDir(), "master.json")
	ok(t, vault.GenerateMaster(path))
	return openMaster(t, path)
}

// parsed is the master in a file as it is now.
func parsed(t testing.TB, path string) *vault.Local {
	t.Helper()
	text, err := os.ReadFile(path)
	ok(t, err)
	m, err := vault.ParseMaster(string(text))
	ok(t, err)
	return m
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, what string, err error, code core.Code) {
	t.Helper()
	if core.CodeOf(err) != code {
		t.Fatalf("%s: error %v has code %q, want %q", what, err, core.CodeOf(err), code)
	}
}

// wantUnopened fails the test unless err says that something can't be opened.
func wantUnopened(t testing.TB, what string, err error) {
	t.Helper()
	wantCode(t, what, err, core.Internal)
	if core.HintOf(err) == "" {
		t.Errorf("%s: %v has no hint", what, err)
	}
}

func scopeOf(org core.OrgID) core.Scope {
	return core.Scope{Org: org, Project: "prj_one", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_ann"}}
}

func newEvent(data string) store.NewEvent {
	return store.NewEvent{ID: core.EventID(core.NewID("evt")), Type: "thing.happened", Data: json.RawMessage(data)}
}

// appendTo appends one event, whose version is expected+1.
func appendTo(t testing.TB, s store.Events, org core.OrgID, stream core.StreamID, expected int64, data string) core.Event {
	t.Helper()
	events, err := s.Append(t.Context(), scopeOf(org), store.Append{Stream: stream, Expected: expected, Events: []store.NewEvent{newEvent(data)}})
	ok(t, err)
	return events[0]
}

// texts reads a stream's data.
func texts(ctx context.Context, s store.Events, org core.OrgID, stream core.StreamID) ([]string, error) {
	events, err := s.ReadStream(ctx, org, stream, 0, 1000)
	var all []string
	for _, e := range events {
		all = append(all, string(e.Data))
	}
	return all, err
}

func wantTexts(t testing.TB, s store.Events, org core.OrgID, stream core.StreamID, want ...string) {
	t.Helper()
	got, err := texts(t.Context(), s, org, stream)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("stream %s has %q (%v), want %q", stream, got, err, want)
	}
}
