package e2e

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// The markers, by where a tenant's text comes from.
const (
	inPrompt   = "xyzzy-PROMPT-plugh-314159"
	inPlan     = "xyzzy-PLAN-plugh-265358"
	inFileName = "xyzzy-FILENAME-plugh-979323"
	inFile     = "xyzzy-CONTENT-plugh-846264"
	inLongFile = "xyzzy-LONGFILE-plugh-338327"
	inArgument = "xyzzy-ARGUMENT-plugh-950288"
	inAnswer   = "xyzzy-ANSWER-plugh-419716"
	inJudgment = "xyzzy-JUDGMENT-plugh-939937"
)

var markers = []string{inPrompt, inPlan, inFileName, inFile, inLongFile, inArgument, inAnswer, inJudgment}

// long is more text than an event carries itself.
func long(text string) string { return strings.Repeat(text+"\n", 1+2*core.MaxInline/len(text)) }

// telltale scripts a model that meets every marker: it reads a workspace that has some
// and says the others.
func telltale(_ int, r modeltest.Request) modeltest.Answer {
	switch kind, n := turnOf(r); {
	case kind == planning:
		return modeltest.Answer{Text: `{"title":"` + inPlan + `","summary":"` + inPlan + `","steps":[{"title":"` + inPlan + `","goal":"g"}],"notes":["` + inPlan + `"]}`}
	case kind == judging:
		return modeltest.Answer{Text: `{"verdict":"SUCCESS","reason":"` + inJudgment + `","feedback":""}`}
	case n == 0:
		return modeltest.Answer{Text: inAnswer, Calls: []modeltest.Call{
			call("a", "list_files", map[string]any{}), call("b", "read_file", map[string]string{"path": inFileName + ".txt"}),
			call("c", "read_file", map[string]string{"path": "long.txt"}), call("d", "search_code", map[string]string{"pattern": inFile}),
			call("e", "write_file", map[string]string{"path": "new.txt", "content": long(inArgument)}),
		}}
	}
	return modeltest.Answer{Text: long(inAnswer)}
}

// plant runs a task that meets every marker, and sees that it did.
func plant(t *testing.T, d data, up *modeltest.Upstream) {
	t.Helper()
	ws := t.TempDir()
	for name, text := range map[string]string{inFileName + ".txt": inFile, "long.txt": long(inLongFile)} {
		if err := os.WriteFile(filepath.Join(ws, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d.does("task", "run", "--workspace", ws, "look after "+inPrompt)
	var asked strings.Builder
	for _, q := range up.Requests() {
		asked.Write(q.Body)
	}
	for _, m := range markers {
		if m != inJudgment && !strings.Contains(asked.String(), m) {
			t.Errorf("the model never saw %s: the test plants nothing", m)
		}
	}
	list := ""
	until(t, func() bool { // it follows the events within moments
		list = d.does("task", "list")
		return strings.Contains(list, inPrompt)
	}, func() string { return list })
}

// clean fails the test if a marker was found, or if the control wasn't wherever it was
// written in plain.
func (s *scan) clean(t *testing.T, control string, places ...string) {
	t.Helper()
	for _, m := range markers {
		if at := s.places(m); len(at) > 0 {
			t.Errorf("%s is in %q", m, at)
		}
	}
	for _, place := range places {
		if !s.found[control][place] {
			t.Errorf("the control isn't found in %s: the scan sees nothing there", place)
		}
	}
	t.Logf("looked at %d MiB; the control was in %q", s.bytes>>20, s.places(control))
}

const control = "xyzzy-CONTROL-plugh-271828"

// plain writes the control into a new file of a folder.
func plain(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "control"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNoMarkerOnPostgresAndKafka(t *testing.T) {
	t.Parallel()
	up := upstream(t, telltale)
	in := install(t, on{kafka: true, model: up})
	s := in.node(t)
	d := in.at(t, s.dir)
	plant(t, d, up)
	s.agrees(t)
	d.does("keys", "rotate")
	plant(t, d, up)
	s.agrees(t)
	// The control is written in plain text, before the backup, wherever one can.
	in.admin(t, "CREATE TABLE isekai.control (a text, b bytea, c text)",
		"INSERT INTO isekai.control VALUES ('"+control+"', '"+control+"', '"+base64.StdEncoding.EncodeToString([]byte("a "+control))+"')")
	d.does("backup")
	s.stop(t)
	in.produce(t, control)
	for _, dir := range []string{in.blobs, in.backups, s.dir} {
		plain(t, dir, control)
	}

	look := newScan(append([]string{control}, markers...)...)
	look.database(t, in.superuser(t))
	look.dump(t, in.superuser(t))
	if n := look.topic(t, kafkaBroker(t).Addr, in.topic); n < 20 {
		t.Errorf("the topic has %d records", n)
	}
	look.files(t, "the blobs", in.blobs)
	look.files(t, "the backups", in.backups)
	look.files(t, "the data directory", s.dir)
	look.clean(t, control, "the database", "pg_dump", "the topic", "the blobs", "the backups", "the data directory")
	unpacked := newScan(append([]string{control}, markers...)...)
	unpacked.unpacked(t, in.backups)
	unpacked.clean(t, control, "the backups")
	in.tables(t, postgresCluster(t).Dir())
}

// tables looks at the files of the database, and at PostgreSQL's log of changes.
func (in *installation) tables(t *testing.T, dir string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), in.superuser(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var folder string
	err = conn.QueryRow(t.Context(), "SELECT 'base/' || oid FROM pg_database WHERE datname = current_database()").Scan(&folder)
	if err == nil {
		_, err = conn.Exec(t.Context(), "CHECKPOINT")
	}
	if err != nil {
		t.Fatal(err)
	}
	look := newScan(append([]string{control}, markers...)...)
	look.files(t, "the tables", filepath.Join(dir, "data", folder))
	look.clean(t, control, "the tables")
}

// superuser is the URL of one who sees all of the database.
func (in *installation) superuser(t *testing.T) string {
	t.Helper()
	return postgresCluster(t).URL("postgres", in.name(t))
}

// name is the database's.
func (in *installation) name(t *testing.T) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(in.db.URL)
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Database
}

// admin runs statements as the database's owner.
func (in *installation) admin(t *testing.T, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), in.db.MigrateURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// produce sends a record of plain text.
func (in *installation) produce(t *testing.T, text string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(kafkaBroker(t).Addr))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r := &kgo.Record{Topic: in.topic, Key: []byte("k"), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte(text)}}}
	if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func TestNoMarkerOnSQLite(t *testing.T) {
	t.Parallel()
	up := upstream(t, telltale)
	d := data{t: t, dir: t.TempDir(), env: append(cleanEnv("ISEKAI_BACKUP_EVERY=0s"), modelEnv(up)...)}
	s := serve(t, d.dir, d.env)
	plant(t, d, up)
	d.does("keys", "rotate")
	plant(t, d, up)
	s.agrees(t)
	d.does("backup")
	look := newScan(append([]string{control}, markers...)...)
	look.files(t, "the data directory at work", d.dir) // the write-ahead log, too
	look.clean(t, control)
	s.stop(t)
	plain(t, d.dir, strings.ToUpper(control)+base64.RawURLEncoding.EncodeToString([]byte("ab"+control)))
	look.files(t, "the data directory", d.dir)
	look.clean(t, control, "the data directory")
}
