package platform

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// archived is a cluster whose write-ahead log is archived, as docs/operating.md says.
type archived struct {
	*pgtest.Cluster
	t       *testing.T
	archive string
	base    string
	owner   *syscall.Stat_t // PostgreSQL's user
}

func newArchived(t *testing.T) *archived {
	t.Helper()
	if testing.Short() {
		t.Skip("runs PostgreSQL")
	}
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) { // PostgreSQL's own user goes there
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	a := &archived{t: t, archive: filepath.Join(dir, "archive"), base: filepath.Join(dir, "base")}
	a.Cluster = pgtest.Start(t, pgtest.Config{Settings: []string{
		"fsync = off", "wal_level = replica", "archive_mode = on",
		"archive_command = 'test ! -f " + a.archive + "/%f && cp %p " + a.archive + "/%f'",
	}})
	if err := os.Mkdir(a.archive, 0o700); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(a.data())
	if err != nil {
		t.Fatal(err)
	}
	a.owner = info.Sys().(*syscall.Stat_t)
	a.own(a.archive)
	access, err := os.OpenFile(filepath.Join(a.data(), "pg_hba.conf"), os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = access.WriteString("local replication all trust\n")
		err = errors.Join(err, access.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	a.ask("SELECT pg_reload_conf()", nil)
	return a
}

func (a *archived) data() string { return filepath.Join(a.Dir(), "data") }

// own gives a folder to PostgreSQL's user.
func (a *archived) own(dir string) {
	a.t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, int(a.owner.Uid), int(a.owner.Gid)))
	})
	if err != nil {
		a.t.Fatal(err)
	}
}

// ask asks as the administrator.
func (a *archived) ask(query string, into any) {
	a.t.Helper()
	conn, err := pgx.Connect(a.t.Context(), a.URL("postgres", "postgres"))
	if err != nil {
		a.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(a.t.Context()))
	if into == nil {
		_, err = conn.Exec(a.t.Context(), query)
	} else {
		err = conn.QueryRow(a.t.Context(), query).Scan(into)
	}
	if err != nil {
		a.t.Fatalf("%s: %v", query, err)
	}
}

func (a *archived) until(query string) {
	a.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		var yes bool
		if a.ask(query, &yes); yes {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("it never became true: %s", query)
		}
	}
}

func (a *archived) backUp() {
	a.t.Helper()
	program := a.Bin("pg_basebackup")
	if _, err := os.Stat(program); err != nil {
		program = "pg_basebackup" // as Debian installs it
	}
	out, err := exec.Command(program, "--dbname="+a.URL("postgres", ""), "--pgdata="+a.base, "--checkpoint=fast", "--no-sync").CombinedOutput()
	if err != nil {
		a.t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
}

// recover loses the machine, and recovers to a time on another.
func (a *archived) recover(to string) {
	a.t.Helper()
	// What was written last is archived when its segment is full, or archive_timeout is up.
	var last string
	a.ask("SELECT pg_walfile_name(pg_switch_wal())", &last)
	a.until("SELECT coalesce(last_archived_wal >= '" + last + "', false) FROM pg_stat_archiver")
	a.Kill()
	settings := "restore_command = 'cp " + a.archive + "/%f %p'\nrecovery_target_time = '" + to + "'\nrecovery_target_action = promote\n"
	conf := filepath.Join(a.base, "postgresql.auto.conf")
	for _, err := range []error{
		os.RemoveAll(a.data()),
		os.WriteFile(conf, []byte(settings), 0o600),
		os.WriteFile(filepath.Join(a.base, "recovery.signal"), nil, 0o600),
		os.Rename(a.base, a.data()),
	} {
		if err != nil {
			a.t.Fatal(err)
		}
	}
	a.own(a.data())
	if err := a.Restart(); err != nil {
		a.t.Fatal(err)
	}
	a.until("SELECT NOT pg_is_in_recovery()")
}

// An installation is recovered to a point in time by the archived log: what came after is
// gone, all else is there, although the master key has been changed since, and what was
// shredded since stays so.
func TestRecoveryToAPointInTime(t *testing.T) {
	t.Parallel()
	a := newArchived(t)
	db := a.Database(t)
	a.ask("ALTER ROLE "+pgtest.Owner+" CREATEDB", nil) // for restore --verify
	in := testInstance(t)
	in.cfg.Store.URL, in.cfg.Store.RelayURL, in.cfg.Store.MigrateURL = Secret(db.URL), Secret(db.RelayURL), Secret(db.MigrateURL)
	in.cfg.Keys.File = filepath.Join(t.TempDir(), "master.key")
	if err := New().NewMasterKey(in.cfg.Keys.File); err != nil {
		t.Fatal(err)
	}
	first := in.aTask(t)
	in.write(t, "org_b")
	a.backUp()
	second := in.aTask(t)
	var mark string
	a.ask("SELECT clock_timestamp()::text", &mark)
	third := in.aTask(t)
	in.with(t, func(c *client.Client) {
		_, err := c.ShredKeys(t.Context(), "org_b", "org_b")
		if err == nil {
			_, err = c.RotateMasterKey(t.Context())
		}
		if err == nil {
			_, err = c.TakeBackup(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	a.recover(mark)

	if err := in.opens(t, first); core.CodeOf(err) != core.Invalid || !strings.Contains(core.HintOf(err), "master key") {
		t.Errorf("the keys of before a rotation: %v (%s)", err, core.HintOf(err))
	}
	if r, err := in.RecoverKeys(t.Context()); err != nil || r.Orgs != 2 || r.Shredded != 1 { // the first org, and the installation
		t.Fatalf("%+v, %v", r, err)
	}
	in.with(t, func(c *client.Client) {
		for _, view := range []string{"tasks", "apps", "usage", "calls"} {
			agrees(t, c, view) // when what was in the outbox has followed
		}
		page, err := c.Tasks(t.Context(), client.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var ids []core.TaskID
		for _, task := range page.Items {
			ids = append(ids, task.ID)
		}
		if !slices.Equal(ids, []core.TaskID{second, first}) { // the newest first
			t.Errorf("at %s there were %s and %s, then came %s; now there is %v", mark, first, second, third, ids)
		}
		_, err = c.TakeBackup(t.Context())
		for core.CodeOf(err) == core.Conflict && strings.Contains(err.Error(), "is there already") { // of this very second
			time.Sleep(50 * time.Millisecond)
			_, err = c.TakeBackup(t.Context())
		}
		if err != nil {
			t.Error(err)
		}
	})
	if r, err := in.Restore(t.Context(), "", true); err != nil || len(r.Problems) > 0 || !slices.Equal(r.Shut, []string{"org_b"}) {
		t.Errorf("%+v, %v", r, err)
	}
	in.aTask(t)
}

// agrees waits until a view is what the events say.
func agrees(t *testing.T, c *client.Client, view string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		p, err := c.VerifyProjection(t.Context(), view)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Differences) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it never agreed: %+v", p)
		}
	}
}

// write appends an event to a stream of another org.
func (i instance) write(t *testing.T, org core.OrgID) {
	t.Helper()
	st, err := i.cfg.openDriver(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	v, err := i.cfg.openVault(t.Context(), st, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	scope := core.Scope{Org: org, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "test"}}
	_, err = v.Store(st).Append(t.Context(), scope, store.Append{Stream: "str_x", Events: []store.NewEvent{
		{ID: core.EventID(core.NewID("evt")), Type: "test.written", Data: []byte(`{}`)},
	}})
	if err != nil {
		t.Fatal(err)
	}
}
