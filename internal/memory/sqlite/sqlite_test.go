package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/memory/memorytest"
	"github.com/isekai-run/isekai/internal/memory/sqlite"
)

func TestIndex(t *testing.T) {
	t.Parallel()
	memorytest.Run(t, func(t testing.TB) (memory.Index, func() memory.Index) {
		path := filepath.Join(t.TempDir(), "memory.db")
		open := func() memory.Index {
			x, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = x.Close() })
			return x
		}
		x := open()
		return x, func() memory.Index { _ = x.Close(); return open() }
	})
}
