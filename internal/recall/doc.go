// Package recall is what agents and people find again: documents that somebody gave a project,
// and facts that it had remembered, found by their words and by what they mean.
//
// httpapi calls it for people, platform hands it to the tools of agents. A document is kept as
// it came, as a blob; what it says of itself, as a record; and its parts, words and vectors in an
// index (package memory), which can be built again from the two. Everything is of one project,
// and is sealed by what stands below.
//
// It makes no vectors itself: what does is passed to it, and where nothing does, or that is
// away, things are found by their words alone, and each answer says so. Nothing is remembered of
// a conversation unless the project has said that it may be.
//
// A deletion is complete: record, blob and all that the index had.
package recall

import (
	"context"
	"log/slog"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/recall/read"
	"github.com/isekai-run/isekai/internal/store"
)

const op = "memory"

// The kinds of shelves.
const (
	Documents = "document"
	Facts     = "fact"
)

// Side says what a text is embedded for: some models make other vectors of questions.
type Side string

// The sides.
const (
	Passage  Side = "passage"
	Question Side = "question"
)

// Embedding asks for vectors of texts.
type Embedding struct {
	Model string // as the project has set; "": the installation's
	Side  Side
	Texts []string // at most MaxEmbed
}

// Vectors are what texts mean, one for each, and the model that says so: those of two models
// aren't comparable.
type Vectors struct {
	Model string
	All   [][]float32
}

// Embed makes vectors. unsupported: there is nothing that does; any other error may pass.
type Embed func(ctx context.Context, scope core.Scope, e Embedding) (Vectors, error)

// MaxEmbed bounds the texts of one Embedding.
const MaxEmbed = 32

// Config connects a Service. All but Embed, PDF, Model, IDs, Now, Log and Limits are required.
type Config struct {
	Records store.Records // sealed
	Blobs   blob.Store    // sealed
	Index   memory.Index  // sealed
	Orgs    func(ctx context.Context) ([]core.OrgID, error)
	Terms   store.Terms
	Embed   Embed // nil: there is nothing that makes vectors
	// PDF reads a PDF, which it bounds in time and memory. nil: none are taken.
	PDF    func(ctx context.Context, data []byte) (read.Document, error)
	Model  string // what Embed uses for projects that have set none: when it changes, all is embedded anew
	IDs    core.IDs
	Now    func() time.Time
	Log    *slog.Logger
	Limits Limits
}

// Limits bound what a project keeps. Zero fields have the defaults that are named.
type Limits struct {
	Document  int64         // bytes of one; 8 MiB
	Documents int           // 10,000
	Bytes     int64         // of all documents; 1 GiB
	Parts     int           // of all documents; 200,000
	Facts     int           // 2,000
	Held      int64         // bytes of vectors that this process keeps in memory; 256 MiB
	Patience  time.Duration // how long who adds something waits for its vectors; 20 s
}

func (l Limits) orDefaults() Limits {
	or(&l.Document, 8<<20)
	or(&l.Documents, 10_000)
	or(&l.Bytes, 1<<30)
	or(&l.Parts, 200_000)
	or(&l.Facts, 2000)
	or(&l.Held, 256<<20)
	or(&l.Patience, 20*time.Second)
	return l
}

func or[T int | int64 | time.Duration](v *T, usual T) {
	if *v <= 0 {
		*v = usual
	}
}

// Service keeps documents and facts, and finds them. Safe for concurrent use.
type Service struct {
	cfg  Config
	held *held
}

// New returns a Service.
func New(cfg Config) (*Service, error) {
	if cfg.Records == nil || cfg.Blobs == nil || cfg.Index == nil || cfg.Orgs == nil || cfg.Terms == nil {
		return nil, core.E(core.Internal, op, "a memory without what it stands on")
	}
	if cfg.Embed == nil {
		cfg.Embed = func(context.Context, core.Scope, Embedding) (Vectors, error) { return Vectors{}, NoEmbedder() }
	}
	if cfg.IDs == nil {
		cfg.IDs = core.NewID
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Limits = cfg.Limits.orDefaults()
	return &Service{cfg: cfg, held: newHeld(cfg.Index, cfg.Limits.Held)}, nil
}

// NoEmbedder says that nothing makes vectors here.
func NoEmbedder() error {
	return core.E(core.Unsupported, op, "there is no model that makes embeddings").
		WithHint("isekai memory settings --model NAME names one of the gateway's; or set memory.model, or memory.dir to a model's folder")
}

func shelfOf(scope core.Scope, kind string) memory.Shelf {
	return memory.Shelf{Org: scope.Org, Project: scope.Project, Kind: kind}
}
