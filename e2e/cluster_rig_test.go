package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/bus/kafka/kafkatest"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// soaking is set before a release: the same tests, at full scale.
var soaking = os.Getenv("ISEKAI_SOAK") == "1"

// scale returns small, or soak when soaking.
func scale(small, soak int) int {
	if soaking {
		return soak
	}
	return small
}

// runs ends the test in short mode, which does without the programs of others.
func runs(t *testing.T, what string) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs " + what)
	}
}

// backends are the PostgreSQL and the Kafka that the tests of this binary share. Each
// starts when it is first asked for. A test that kills one doesn't run in parallel, so
// that it is alone with it.
var backends struct {
	cluster once[*pgtest.Cluster]
	broker  once[*kafkatest.Broker]
}

// once is a value that is made at most once.
type once[T any] struct {
	sync.Once
	value T
	err   error
}

func (o *once[T]) get(t *testing.T, open func() (T, error)) T {
	t.Helper()
	o.Do(func() { o.value, o.err = open() })
	if o.err != nil {
		t.Fatal(o.err)
	}
	return o.value
}

func postgresCluster(t *testing.T) *pgtest.Cluster {
	t.Helper()
	runs(t, "PostgreSQL")
	return backends.cluster.get(t, func() (*pgtest.Cluster, error) {
		// What is acknowledged survives a kill of PostgreSQL, not of the machine.
		c, err := pgtest.New(pgtest.Config{Settings: []string{"fsync = off"}})
		if err != nil {
			return nil, err
		}
		if _, err := c.NewDatabase(); err != nil { // with which the roles are made
			return c, err
		}
		// What restore --verify asks for: a scratch database.
		return c, c.Admin("postgres", "ALTER ROLE "+pgtest.Owner+" CREATEDB")
	})
}

func kafkaBroker(t *testing.T) *kafkatest.Broker {
	t.Helper()
	runs(t, "Kafka")
	return backends.broker.get(t, kafkatest.New)
}

func stopBackends() {
	if c := backends.cluster.value; c != nil {
		c.Stop()
	}
	if b := backends.broker.value; b != nil {
		b.Close()
	}
}

// installation is what nodes share: a database, perhaps a topic, a master key, and
// folders of blobs and backups.
type installation struct {
	db      postgres.Config
	topic   string // empty: each process is its own bus
	dir     string // of all of the following
	key     string // the master key's file
	blobs   string
	backups string
	env     []string
}

// on says what an installation is made of.
type on struct {
	kafka bool
	model *modeltest.Upstream
	env   []string
}

var topics atomic.Int64

// install makes an installation on a new database.
func install(t *testing.T, o on) *installation {
	t.Helper()
	in := &installation{db: postgresCluster(t).Database(t), dir: t.TempDir()}
	in.key, in.blobs, in.backups = filepath.Join(in.dir, "master.key"), filepath.Join(in.dir, "blobs"), filepath.Join(in.dir, "backups")
	newMasterKey(t, in.key)
	in.env = cleanEnv(
		"ISEKAI_STORE_URL="+in.db.URL, "ISEKAI_STORE_RELAY_URL="+in.db.RelayURL, "ISEKAI_STORE_MIGRATE_URL="+in.db.MigrateURL,
		"ISEKAI_KEYS_FILE="+in.key, "ISEKAI_BLOB_DIR="+in.blobs, "ISEKAI_BACKUP_DIR="+in.backups, "ISEKAI_BACKUP_EVERY=0s",
	)
	if o.kafka {
		in.topic = "e2e." + strconv.FormatInt(topics.Add(1), 10)
		in.env = append(in.env, "ISEKAI_BUS_BROKERS="+kafkaBroker(t).Addr, "ISEKAI_BUS_TOPIC="+in.topic)
	}
	in.env = append(append(in.env, modelEnv(o.model)...), o.env...)
	return in
}

// modelEnv leads to a scripted model, if there is one.
func modelEnv(up *modeltest.Upstream) []string {
	if up == nil {
		return nil
	}
	return []string{"OPENAI_API_KEY=k", "OPENAI_BASE_URL=" + up.BaseURL(), "ISEKAI_MODEL_NAME=scripted"}
}

// node starts a server of the installation with a data directory of its own.
func (in *installation) node(t *testing.T) *server {
	t.Helper()
	return serve(t, t.TempDir(), in.env)
}

// nodes starts n servers at once.
func (in *installation) nodes(t *testing.T, n int) []*server {
	t.Helper()
	all := make([]*server, n)
	for i := range all {
		all[i] = in.node(t)
	}
	return all
}

// newMasterKey lets the program make a master key: that of a data directory of its own.
func newMasterKey(t *testing.T, path string) {
	t.Helper()
	dir := t.TempDir()
	if r := isekai(t, cleanEnv(), "task", "list", "--data-dir", dir); r.code != 0 {
		t.Fatalf("%d: %s%s", r.code, r.out, r.err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "master.key"))
	if err == nil {
		err = os.WriteFile(path, key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// at is the command line against a node, or its data directory once it has stopped.
func (in *installation) at(t *testing.T, dir string) data {
	return data{t: t, dir: dir, env: in.env}
}

// upstream starts a scripted model that ends with the test.
func upstream(t *testing.T, s modeltest.Script) *modeltest.Upstream {
	t.Helper()
	up := modeltest.NewServer(s)
	t.Cleanup(up.Close)
	return up
}

// turn says where in a task's work a request to the model stands.
type turn string

const (
	planning turn = "plan"
	judging  turn = "judge"
	working  turn = "work"
)

// turnOf returns what the model is asked for, and for work how many of its answers
// called tools before.
func turnOf(r modeltest.Request) (turn, int) {
	switch {
	case strings.Contains(string(r.Schema), "verdict"):
		return judging, 0
	case r.Schema != nil:
		return planning, 0
	}
	n := 0
	for _, m := range r.Messages {
		if len(m.Calls) > 0 {
			n++
		}
	}
	return working, n
}

// onePlan and aSuccess are the answers of a scripted model that isn't asked for more.
var (
	onePlan  = modeltest.Answer{Text: `{"title":"Do it","summary":"s","steps":[{"title":"Do it","goal":"g"}],"notes":[]}`}
	aSuccess = modeltest.Answer{Text: `{"verdict":"SUCCESS","reason":"done","feedback":""}`}
)

// call is a tool call of a scripted model.
func call(id, tool string, args any) modeltest.Call {
	b, err := json.Marshal(args)
	if err != nil {
		panic(err)
	}
	return modeltest.Call{ID: id, Name: tool, Arguments: string(b)}
}

// noting is the script of the load: a plan, a file that is written, read back, and an
// answer that repeats the prompt's last word.
func noting(_ int, r modeltest.Request) modeltest.Answer {
	kind, n := turnOf(r)
	switch {
	case kind == planning:
		return onePlan
	case kind == judging:
		return aSuccess
	case n == 0:
		return modeltest.Answer{Calls: []modeltest.Call{call("w", "write_file", map[string]string{"path": "note.txt", "content": lastWord(r)})}}
	case n == 1:
		return modeltest.Answer{Calls: []modeltest.Call{call("r", "read_file", map[string]string{"path": "note.txt"})}}
	}
	if text := r.Last(); !strings.Contains(text, lastWord(r)) {
		return modeltest.Answer{Text: "the note is gone: " + text}
	}
	return modeltest.Answer{Text: "noted " + lastWord(r)}
}

// lastWord returns the last word of the prompt that a request is about. Prompts of the load
// are one line.
func lastWord(r modeltest.Request) string {
	_, text, found := strings.Cut(r.Messages[0].Text, "What the person asked for:\n")
	if !found {
		text = r.Messages[0].Text
	}
	line, _, _ := strings.Cut(text, "\n")
	return line[strings.LastIndex(line, " ")+1:]
}

// create creates a task of kind task.
func (s *server) create(t *testing.T, prompt string) core.TaskID {
	t.Helper()
	d, err := s.CreateTask(t.Context(), client.NewTask{Kind: core.KindTask, Prompt: prompt}, "")
	if err != nil {
		t.Fatal(err)
	}
	return d.ID
}

// ended waits for a task's end, as this node sees it.
func (s *server) ended(t *testing.T, id core.TaskID) client.TaskDetail {
	t.Helper()
	var d client.TaskDetail
	until(t, func() bool {
		var err error
		if d, err = s.Task(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		return d.Status.Terminal()
	}, func() string { return fmt.Sprintf("%+v", d) })
	return d
}

// story reads a task's whole stream and checks what holds of every one: versions
// without a gap, each call settled once, one terminal event, and that the last.
func (s *server) story(t *testing.T, id core.TaskID) []core.Event {
	t.Helper()
	var all []core.Event
	for e, err := range s.TaskEvents(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if err := whole(all); err != nil {
		t.Errorf("%s: %v\n%s", id, err, told(all))
	}
	return all
}

// told lists events for a person.
func told(events []core.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%3d %s %-20s by %s %.300s\n", e.Version, e.At.Format("15:04:05.000"), e.Type, e.Actor.ID, e.Data)
	}
	return b.String()
}

// whole says what is wrong with the stream of a task that is over.
func whole(events []core.Event) error {
	var errs []error
	finished := 0
	settled := map[core.CallID]int{}
	for i, e := range events {
		if e.Version != int64(i+1) {
			errs = append(errs, fmt.Errorf("event %d has version %d", i+1, e.Version))
		}
		p, err := e.Payload()
		if err != nil {
			return err
		}
		switch p := p.(type) {
		case core.TaskFinished:
			finished++
		case core.ToolSettled:
			settled[p.Call]++
		case core.ModelSettled:
			settled[p.Call]++
		}
	}
	for call, n := range settled {
		if n != 1 {
			errs = append(errs, fmt.Errorf("%s was settled %d times", call, n))
		}
	}
	if finished != 1 || events[len(events)-1].Type != (core.TaskFinished{}).EventType() {
		errs = append(errs, fmt.Errorf("%d terminal events in %d", finished, len(events)))
	}
	return errors.Join(errs...)
}

// allTasks reads the whole list of tasks, page by page.
func (s *server) allTasks(t *testing.T) []client.Task {
	t.Helper()
	var all []client.Task
	for o := (client.ListOptions{Limit: 200}); ; {
		p, err := s.Tasks(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Items...)
		if o.Cursor = p.Next; o.Cursor == "" {
			return all
		}
	}
}

// views are built from the events.
var views = []string{"tasks", "apps", "usage"}

// agrees waits until every view is what the events say: lists follow within moments.
func (s *server) agrees(t *testing.T) {
	t.Helper()
	for _, view := range views {
		var p client.Projection
		until(t, func() bool {
			var err error
			if p, err = s.VerifyProjection(t.Context(), view); err != nil {
				t.Fatal(err)
			}
			return len(p.Differences) == 0
		}, func() string { return fmt.Sprintf("%+v", p) })
	}
}

// usedTasks returns how many tasks the usage counts.
func (s *server) usedTasks(t *testing.T) (n int) {
	t.Helper()
	used, err := s.Usage(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range used {
		n += u.Tasks
	}
	return n
}

// workers returns who appended to the stream as a worker, in order, each once.
func workers(events []core.Event) (names []string) {
	for _, e := range events {
		if e.Actor.Kind == core.ActorWorker && (len(names) == 0 || names[len(names)-1] != e.Actor.ID) {
			names = append(names, e.Actor.ID)
		}
	}
	return names
}

// within fails the test if what took longer than limit.
func within(t *testing.T, what string, took, limit time.Duration) {
	t.Helper()
	t.Logf("%s: %v", what, took.Round(time.Millisecond))
	if took > limit {
		t.Errorf("%s took %v, more than %v", what, took, limit)
	}
}
