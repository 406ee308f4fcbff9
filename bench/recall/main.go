// Command recall measures how long a project's memory takes to answer: of 100,000 parts of
// documents, by words, and by words and meaning, on SQLite and, where it is installed, on PostgreSQL,
// sealed as the product has it. It prints the times of 300 questions at the 50th and 99th
// percentile, what they take of a processor in this process, the time of the first, which reads the
// vectors, and the memory of this process.
// Run it with: go run ./bench/recall
//
// A part has 80 words, whose frequencies are those of a language (Zipf's law), and a vector of 384
// dimensions. A question has six words and a vector, which takes no time to make here.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/isekai-run/isekai/bench/internal/sealed"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
	mempostgres "github.com/isekai-run/isekai/internal/memory/postgres"
	memsqlite "github.com/isekai-run/isekai/internal/memory/sqlite"
	"github.com/isekai-run/isekai/internal/recall"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

const (
	perDocument = 32
	questions   = 300
)

func main() {
	parts := flag.Int("parts", 100_000, "parts of documents")
	only := flag.String("on", "", "sqlite or postgres; default: both")
	flag.Parse()
	var err error
	if *only != "postgres" {
		err = measure("SQLite", *parts, func(dir string) (memory.Index, func(), error) {
			x, err := memsqlite.Open(context.Background(), filepath.Join(dir, "memory.db"))
			return x, func() {}, err
		})
	}
	if _, missing := pgtest.Programs(); *only != "sqlite" && missing == nil {
		err = errors.Join(err, measure("PostgreSQL", *parts, onPostgres))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "recall:", err)
		os.Exit(1)
	}
}

func onPostgres(string) (memory.Index, func(), error) {
	c, err := pgtest.New(pgtest.Config{Settings: []string{"max_wal_size = 4GB"}})
	if err != nil {
		return nil, nil, err
	}
	cfg, err := c.NewDatabase()
	if err != nil {
		return nil, c.Stop, err
	}
	x, err := mempostgres.Open(context.Background(), mempostgres.Config{URL: cfg.URL, MigrateURL: cfg.MigrateURL})
	return x, c.Stop, err
}

// words are made up; the i-th is the i-th commonest.
type words struct {
	*rand.Rand
	zipf *rand.Zipf
}

func newWords(seed uint64) words {
	r := rand.New(rand.NewPCG(seed, 1))
	return words{r, rand.NewZipf(r, 1.07, 8, 60_000)}
}

func (w words) some(n int) string {
	var b strings.Builder
	for range n {
		fmt.Fprintf(&b, "w%dx ", w.zipf.Uint64())
	}
	return b.String()
}

// vectors answers any text with a vector that is nobody's.
type vectors struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (v *vectors) embed(_ context.Context, _ core.Scope, e recall.Embedding) (recall.Vectors, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := recall.Vectors{Model: "bench/384"}
	for range e.Texts {
		x := make([]float32, 384)
		for i := range x {
			x[i] = float32(v.r.NormFloat64())
		}
		out.All = append(out.All, x)
	}
	return out, nil
}

func measure(name string, parts int, open func(dir string) (memory.Index, func(), error)) (err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "bench-recall")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	st, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
	if err != nil {
		return err
	}
	defer st.Close()
	v, err := sealed.New(st, filepath.Join(dir, "master.key"))
	if err != nil {
		return err
	}
	files, err := local.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return err
	}
	defer files.Close()
	index, stop, err := open(dir)
	if stop != nil {
		defer stop()
	}
	if err != nil {
		return err
	}
	defer index.Close()
	records := v.Store(st)
	s, err := recall.New(recall.Config{
		Records: records, Blobs: v.Blobs(files), Index: v.Memory(index, records), Orgs: st.KeysetOrgs, Terms: st,
		Embed: (&vectors{r: rand.New(rand.NewPCG(3, 4))}).embed,
	})
	if err != nil {
		return err
	}
	scope := core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "bench"}}
	if err := fill(ctx, name, s, scope, parts); err != nil {
		return err
	}
	return ask(ctx, name, s, scope)
}

func fill(ctx context.Context, name string, s *recall.Service, scope core.Scope, parts int) error {
	w := newWords(1)
	start := time.Now()
	n := 0
	for i := 0; n < parts; i++ {
		var b strings.Builder
		for j := range perDocument {
			fmt.Fprintf(&b, "# s%d\n%s\n", j, w.some(80))
		}
		d, err := s.Add(ctx, scope, recall.NewDocument{Source: fmt.Sprintf("d%d.md", i), Data: []byte(b.String())})
		if err != nil {
			return err
		}
		n += d.Parts
	}
	fmt.Printf("%-10s  %d parts put in %.0f s, %.2f ms each\n", name, n, time.Since(start).Seconds(), float64(time.Since(start).Milliseconds())/float64(n))
	return nil
}

func ask(ctx context.Context, name string, s *recall.Service, scope core.Scope) error {
	w := newWords(2)
	for _, only := range []recall.State{recall.Words, ""} {
		how := map[recall.State]string{recall.Words: "by words", "": "by words and meaning"}[only]
		times := make([]time.Duration, 0, questions)
		var before time.Duration
		for i := range questions + 1 {
			start := time.Now()
			if _, err := s.Recall(ctx, scope, recall.Query{Text: w.some(6), Only: only}); err != nil {
				return err
			}
			if took := time.Since(start); i > 0 {
				times = append(times, took)
			} else {
				fmt.Printf("%-10s  %-21s  first %4d ms", name, how, took.Milliseconds())
				before = processor()
			}
		}
		used := processor() - before
		slices.Sort(times)
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		fmt.Printf("   p50 %5.1f ms   p99 %5.1f ms   %5.1f ms of a processor each   heap %d MiB\n",
			ms(times[questions/2]), ms(times[questions*99/100]), ms(used/questions), m.HeapInuse>>20)
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// processor is the time that this process has had, which doesn't depend on what else is at work.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
