package postgres_test

import (
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/memory/postgres"
)

// What is dropped is gone, is dropped once, and comes back empty and as another index.
func TestDrop(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	if err := postgres.Drop(t.Context(), cfg.MigrateURL); err != nil { // where there is none
		t.Fatal(err)
	}
	x := open(t, cfg)
	before, shelf := x.ID(), memory.Shelf{Org: "org_a", Project: "prj_one", Kind: "document"}
	if err := x.Put(t.Context(), shelf, memory.Document{ID: "doc_1", Stamp: "s", Parts: [][]byte{{1}}}); err != nil {
		t.Fatal(err)
	}
	_ = x.Close()
	for range 2 {
		if err := postgres.Drop(t.Context(), cfg.MigrateURL); err != nil {
			t.Fatal(err)
		}
	}
	if x, err := postgres.Open(t.Context(), postgres.Config{URL: cfg.URL, MaxConns: 2}); core.CodeOf(err) != core.Unavailable && core.CodeOf(err) != core.Unsupported {
		t.Errorf("without its tables: %v, %v", x, err)
	}
	x = open(t, cfg)
	if all, err := x.Entries(t.Context(), shelf); err != nil || len(all) != 0 || x.ID() == before {
		t.Errorf("%v, %v, %s", all, err, x.ID())
	}
}
