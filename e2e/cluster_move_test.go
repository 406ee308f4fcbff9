package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
)

// An SQLite installation moves to PostgreSQL: its apps run again with their versions, its
// tasks and usage are there. A move that is killed, however often, comes to the same as
// one that isn't.
func TestAnInstallationMoves(t *testing.T) {
	t.Parallel()
	up := upstream(t, noting)
	d := data{t: t, dir: t.TempDir(), env: append(cleanEnv("ISEKAI_BACKUP_EVERY=0s"), modelEnv(up)...)}
	d.does("run", "--exit", "--model", "blueprint", "a reading list with title and author")
	name := d.listed(1).Name
	d.does("app", "change", "--exit", name, "--model", "blueprint", "add a rating from 1 to 5")
	for i := range scale(10, 200) {
		d.does("task", "run", fmt.Sprintf("note this: moved-%d.", i))
	}
	before := d.everything(name)
	if len(before.tasks) < 12 || before.app.Versions != 2 || len(before.files) == 0 {
		t.Fatalf("there is too little to move: %+v", before)
	}

	straight, killed := d.destination(t, up), d.destination(t, up)
	moved := lines[cli.Moved](t, straight.at(t, d.dir).does("store", "copy", "--json"))[0]
	if moved.Orgs != 2 || // the installation's own records are like an org's
		moved.Events == 0 || moved.Rows == 0 {
		t.Errorf("moved %+v", moved)
	}
	kills := killed.interrupted(t, d.dir)
	if got, want := killed.rows(t), straight.rows(t); !reflect.DeepEqual(got, want) {
		t.Errorf("after %d kills there are other rows: %d, not %d", kills, len(got), len(want))
	}
	again := lines[cli.Moved](t, killed.at(t, d.dir).does("store", "copy", "--json"))[0]
	if again != moved {
		t.Errorf("moved again: %+v, at first %+v", again, moved)
	}

	s := killed.node(t)
	after := killed.at(t, s.dir).everything(name)
	if !reflect.DeepEqual(after, before) {
		t.Errorf("there is\n%+v\nand was\n%+v", after, before)
	}
	s.agrees(t)
	there := killed.at(t, s.dir)
	url := strings.TrimSpace(there.does("app", "start", name))
	previewAt(t, url).must(http.StatusCreated, "POST", "/api/books", map[string]any{"title": "Momo", "rating": 5})
	there.does("app", "rollback", name, "1")
	if a := there.app(name); a.Version != 1 {
		t.Errorf("the app is at version %d", a.Version)
	}
	there.does("task", "run", "note this: afterwards.")
	// The source stays as it was.
	if still := d.everything(name); !reflect.DeepEqual(still, before) {
		t.Errorf("the source has\n%+v\nand had\n%+v", still, before)
	}
}

// destination is an installation that has the folders and the master key of d's.
func (d data) destination(t *testing.T, up interface{ BaseURL() string }) *installation {
	t.Helper()
	in := install(t, on{})
	in.env = append(in.env, "ISEKAI_KEYS_FILE="+filepath.Join(d.dir, "master.key"), "ISEKAI_BLOB_DIR="+filepath.Join(d.dir, "blobs"),
		"OPENAI_API_KEY=k", "OPENAI_BASE_URL="+up.BaseURL(), "ISEKAI_MODEL_NAME=scripted")
	return in
}

// everything is what a person sees of an installation with one app.
type everything struct {
	tasks []client.Task
	app   client.App
	files []client.File
	used  []client.Used
}

func (d data) everything(name string) everything {
	d.t.Helper()
	a := d.app(name).App
	a.Status, a.URL = "", "" // whether it runs
	a.UpdatedAt = time.Time{}
	return everything{
		tasks: d.tasks(), app: a,
		files: lines[[]client.File](d.t, d.does("app", "files", "--json", name))[0],
		used:  lines[[]client.Used](d.t, d.does("usage", "--json"))[0],
	}
}

// interrupted moves the store of dir, killed again and again, a little later each time,
// until a move comes to its end. It returns how often it was killed. One that was killed
// while it built a view makes the next wait for up to a minute: that isn't killed.
func (in *installation) interrupted(t *testing.T, dir string) (kills int) {
	t.Helper()
	const enough = time.Second
	for delay := 20 * time.Millisecond; ; delay += 20 * time.Millisecond {
		p := begin(t, in.env, "store", "copy", "--data-dir", dir)
		if delay > enough {
			delay = 2 * time.Minute
		}
		select {
		case <-p.done:
			if r := p.wait(t); r.code != 0 {
				t.Fatalf("exit code %d: %s%s", r.code, r.out, r.err)
			}
			t.Logf("killed %d times", kills)
			if kills == 0 {
				t.Error("it was never killed")
			}
			return kills
		case <-time.After(delay):
			if delay > enough {
				t.Fatalf("it doesn't end: %s", p.said())
			}
			_ = p.cmd.Process.Kill() // it may have ended
			p.wait(t)
			kills++
		}
	}
}

// rows are those of the events and of what belongs to them.
func (in *installation) rows(t *testing.T) (all []string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), in.superuser(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, table := range []string{"events", "orgs", "keysets", "work", "letters", "marks"} {
		rows, err := conn.Query(t.Context(), "SELECT '"+table+" ' || x::text FROM isekai."+table+" x ORDER BY 1")
		if err != nil {
			t.Fatal(err)
		}
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, texts...)
	}
	if len(all) < 20 {
		t.Fatalf("only %d rows", len(all))
	}
	return all
}

// A move refuses what it can't do, before it has done anything.
func TestMovesThatAreRefused(t *testing.T) {
	t.Parallel()
	in := install(t, on{})
	env := append(in.env, "ISEKAI_KEYS_FILE=")
	empty := t.TempDir()
	if r := isekai(t, in.env, "store", "copy", "--json", "--data-dir", empty); r.code != 3 || failure(t, r).Hint == "" {
		t.Errorf("of nothing: %d: %s", r.code, r.err)
	}
	if r := isekai(t, env, "store", "copy", "--json", "--data-dir", empty); r.code != 2 || failure(t, r).Hint == "" {
		t.Errorf("without a master key: %d: %s", r.code, r.err)
	}
	up := upstream(t, noting)
	d := data{t: t, dir: t.TempDir(), env: append(cleanEnv(), modelEnv(up)...)}
	d.does("task", "run", "note this: stays.")
	// The destination's master key isn't the source's.
	if r := isekai(t, in.env, "store", "copy", "--json", "--data-dir", d.dir); r.code == 0 || failure(t, r).Hint == "" {
		t.Errorf("with another's master key: %d: %s", r.code, r.err)
	}
	if _, err := os.Stat(filepath.Join(d.dir, "isekai.db")); err != nil || len(d.tasks()) != 1 {
		t.Errorf("the source isn't as it was: %v", err)
	}
	// A server works on the source.
	s := serve(t, d.dir, d.env)
	own := append(in.env[:len(in.env):len(in.env)], "ISEKAI_KEYS_FILE="+filepath.Join(d.dir, "master.key"))
	if r := isekai(t, own, "store", "copy", "--json", "--data-dir", d.dir); r.code != 4 || failure(t, r).Hint == "" {
		t.Errorf("while a server runs: %d: %s", r.code, r.err)
	}
	s.stop(t)
}
