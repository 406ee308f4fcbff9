package recall_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/memory"
	memsqlite "github.com/isekai-run/isekai/internal/memory/sqlite"
	"github.com/isekai-run/isekai/internal/recall"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/vault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a memory on real drivers, sealed, and an embedder that the test says all of.
type rig struct {
	*recall.Service
	*testing.T
	dir     string
	clock   *coretest.Clock
	driver  *sqlite.Store
	vault   *vault.Vault
	records store.Store
	files   *local.Store
	blobs   blob.Store
	inner   *memsqlite.Index
	index   memory.Index
	model   *concepts
	cfg     recall.Config
}

var (
	ann   = core.Scope{Org: "org_a", Project: "prj_one", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_ann"}}
	other = core.Scope{Org: "org_a", Project: "prj_two", Actor: ann.Actor}
	bob   = core.Scope{Org: "org_b", Project: "prj_one", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_bob"}}
)

func newRig(t *testing.T, change ...func(*recall.Config)) *rig {
	t.Helper()
	t.Parallel()
	dir := t.TempDir()
	r := &rig{T: t, dir: dir, clock: coretest.At(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), model: &concepts{name: "concepts"}}
	master := filepath.Join(dir, "master.key")
	r.ok(vault.GenerateMaster(master))
	key, err := vault.OpenMaster(master)
	r.ok(err)
	r.driver = sqlitetest.Open(t, sqlite.Config{Path: filepath.Join(dir, "isekai.db"), Now: r.clock.Now})
	r.vault = vault.New(vault.Config{Keysets: r.driver, Master: key, Now: r.clock.Now})
	r.records = r.vault.Store(r.driver)
	r.files, err = local.Open(filepath.Join(dir, "blobs"))
	r.ok(err)
	t.Cleanup(func() { _ = r.files.Close() })
	r.blobs = r.vault.Blobs(r.files)
	r.openIndex("memory.db")
	r.cfg = recall.Config{
		Records: r.records, Blobs: r.blobs, Terms: r.driver, Embed: r.model.embed, Now: r.clock.Now, Model: "concepts",
		Orgs: func(context.Context) ([]core.OrgID, error) { return []core.OrgID{"org_a", "org_b", "org_none"}, nil },
	}
	for _, f := range change {
		f(&r.cfg)
	}
	r.start()
	return r
}

func (r *rig) openIndex(name string) {
	r.Helper()
	var err error
	r.inner, err = memsqlite.Open(r.Context(), filepath.Join(r.dir, name))
	r.ok(err)
	inner := r.inner
	r.Cleanup(func() { _ = inner.Close() })
	r.index = r.vault.Memory(inner, r.records)
}

// start makes the service anew, as another process would.
func (r *rig) start() {
	r.Helper()
	r.cfg.Index = r.index
	s, err := recall.New(r.cfg)
	r.ok(err)
	r.Service = s
}

func (r *rig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) wantCode(what string, err error, code core.Code) {
	r.Helper()
	if core.CodeOf(err) != code {
		r.Fatalf("%s: %v, want %s", what, err, code)
	}
}

func (r *rig) add(scope core.Scope, source, content string) recall.Document {
	r.Helper()
	d, err := r.Add(r.Context(), scope, recall.NewDocument{Source: source, Data: []byte(content)})
	r.ok(err)
	return d
}

func (r *rig) recall(scope core.Scope, question string) recall.Answer {
	r.Helper()
	a, err := r.Recall(r.Context(), scope, recall.Query{Text: question})
	r.ok(err)
	return a
}

// first returns the text of the best hit; "" if there is none.
func first(a recall.Answer) string {
	if len(a.Hits) == 0 {
		return ""
	}
	return a.Hits[0].Text
}

// fileCount is how many blobs the org has.
func (r *rig) fileCount(org core.OrgID) (n int) {
	r.Helper()
	r.ok(r.files.Each(r.Context(), func(of core.OrgID, _ core.Digest) error {
		if of == org {
			n++
		}
		return nil
	}))
	return n
}

// concepts is a model of embeddings for tests: texts are near each other that have words of the
// same meaning, by its list.
type concepts struct {
	mu    sync.Mutex
	name  string
	err   error
	calls int
	hold  chan struct{} // nil: it answers at once
	last  recall.Embedding
}

var meanings = [][]string{
	{"car", "automobile", "vehicle"}, {"doctor", "physician"}, {"fast", "quick", "rapid"}, {"money", "cash", "funds"}, {"happy", "glad"}, {"backup", "copy"}, {"begin", "start"},
}

func (c *concepts) embed(ctx context.Context, _ core.Scope, e recall.Embedding) (recall.Vectors, error) {
	c.mu.Lock()
	c.calls++
	c.last = e
	v, err, hold := recall.Vectors{Model: c.name}, c.err, c.hold
	c.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return recall.Vectors{}, core.E(core.Unavailable, "embed", "the time was up").Because(ctx.Err())
		}
	}
	if err != nil {
		return recall.Vectors{}, err
	}
	if len(e.Texts) > recall.MaxEmbed {
		return recall.Vectors{}, errors.New("too many texts")
	}
	for _, text := range e.Texts {
		x := make([]float32, len(meanings)+1)
		x[len(meanings)] = 0.1
		for i, words := range meanings {
			for _, w := range words {
				x[i] += float32(math.Sqrt(float64(strings.Count(strings.ToLower(text), w))))
			}
		}
		v.All = append(v.All, x)
	}
	return v, nil
}

func (c *concepts) set(f func(*concepts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}

func (c *concepts) asked() (int, recall.Embedding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls, c.last
}

var errAway = core.E(core.Unavailable, "embed", "the embedder is away")
