package vault_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/memory/memorytest"
	memsqlite "github.com/isekai-run/isekai/internal/memory/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/vault"
)

var shelf = memory.Shelf{Org: orgA, Project: "prj_one", Kind: "document"}

// secretDocument has a word, a part and vectors that mustn't be seen.
func secretDocument() memory.Document {
	return memory.Document{
		ID: "doc_1", Stamp: "s1", Length: 2, Parts: [][]byte{[]byte("the part says rosebud"), []byte("and more")}, Space: "model/2", Vectors: []byte("0.25 0.75 of it"),
		Words: []memory.Word{{Text: []byte("rosebud"), Uses: []byte{0, 1}}, {Text: []byte("more"), Uses: []byte{1, 1}}},
	}
}

func (r *rig) openIndex(t testing.TB) (memory.Index, *memsqlite.Index) {
	t.Helper()
	inner, err := memsqlite.Open(t.Context(), filepath.Join(r.dir, "memory.db"))
	ok(t, err)
	t.Cleanup(func() { _ = inner.Close() })
	return r.vault.Memory(inner, r.store), inner
}

// TestMemory holds the sealed index to the whole contract of one.
func TestMemory(t *testing.T) {
	t.Parallel()
	memorytest.Run(t, func(t testing.TB) (memory.Index, func() memory.Index) {
		dir := t.TempDir()
		s := sqlitetest.Open(t, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
		v := vault.New(vault.Config{Keysets: s, Master: newMaster(t)})
		open := func() memory.Index {
			inner, err := memsqlite.Open(t.Context(), filepath.Join(dir, "memory.db"))
			ok(t, err)
			t.Cleanup(func() { _ = inner.Close() })
			return v.Memory(inner, v.Store(s))
		}
		x := open()
		return x, func() memory.Index { _ = x.Close(); return open() }
	})
}

func usesOf(t testing.TB, x memory.Index, s memory.Shelf, word string) (n int) {
	t.Helper()
	ok(t, x.Uses(t.Context(), s, [][]byte{[]byte(word)}, func(u memory.Use) error {
		if string(u.Word) == word {
			n++
		}
		return nil
	}))
	return n
}

// TestAnIndexShowsNothing looks for what was put in the files of the index.
func TestAnIndexShowsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	x, _ := r.openIndex(t)
	ok(t, x.Put(t.Context(), shelf, secretDocument()))
	for _, name := range []string{"memory.db", "memory.db-wal"} {
		raw, err := os.ReadFile(filepath.Join(r.dir, name))
		ok(t, err)
		for _, secret := range []string{"rosebud", "0.25 0.75", "more"} {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s has %q", name, secret)
			}
		}
	}
	if usesOf(t, x, shelf, "rosebud") != 1 {
		t.Error("and yet it is to be found")
	}
}

// TestAWordIsAnotherInEachProject: nobody who reads two projects' indexes sees that they have
// a word in common.
func TestAWordIsAnotherInEachProject(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	x, _ := r.openIndex(t)
	shelves := []memory.Shelf{shelf, {Org: orgA, Project: "prj_two", Kind: "document"}, {Org: orgB, Project: "prj_one", Kind: "document"}}
	for _, s := range shelves {
		ok(t, x.Put(t.Context(), s, secretDocument()))
		if usesOf(t, x, s, "rosebud") != 1 {
			t.Errorf("%v: it isn't found", s)
		}
	}
	db, err := sql.Open("sqlite", filepath.Join(r.dir, "memory.db"))
	ok(t, err)
	defer db.Close()
	var all, different int
	ok(t, db.QueryRow(`SELECT count(*), count(DISTINCT word) FROM words`).Scan(&all, &different))
	if all != 6 || different != 6 {
		t.Errorf("%d words, %d different ones", all, different)
	}
}

func TestARotationKeepsWhatIsFound(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	x, inner := r.openIndex(t)
	ok(t, x.Put(t.Context(), shelf, secretDocument()))
	ok(t, r.vault.Rotate(t.Context(), orgA))
	for _, x := range []memory.Index{x, r.vault.Memory(inner, r.store)} { // with the key at hand, and without
		if usesOf(t, x, shelf, "rosebud") != 1 {
			t.Error("it isn't found")
		}
		parts, err := x.Parts(t.Context(), shelf, "doc_1", []int{0})
		if err != nil || len(parts) != 1 || string(parts[0].Data) != "the part says rosebud" {
			t.Errorf("%v: %v", parts, err)
		}
	}
}

func TestAShreddedOrgRemembersNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	x, _ := r.openIndex(t)
	ok(t, x.Put(t.Context(), shelf, secretDocument()))
	ok(t, r.vault.Shred(t.Context(), orgA))
	_, err := x.Generation(t.Context(), shelf)
	wantCode(t, "generation", err, core.NotFound)
	_, err = x.Entries(t.Context(), shelf)
	wantCode(t, "entries", err, core.NotFound)
	_, err = x.Parts(t.Context(), shelf, "doc_1", []int{0})
	wantCode(t, "parts", err, core.NotFound)
	wantCode(t, "uses", x.Uses(t.Context(), shelf, [][]byte{[]byte("rosebud")}, func(memory.Use) error { return nil }), core.NotFound)
	wantCode(t, "vectors", x.Vectors(t.Context(), shelf, []string{"doc_1"}, func(memory.Vectors) error { return nil }), core.NotFound)
	wantCode(t, "put", x.Put(t.Context(), shelf, secretDocument()), core.NotFound)
	ok(t, x.Delete(t.Context(), shelf, "doc_1")) // what is left can be swept up
	ok(t, x.Clear(t.Context(), memory.Shelf{Org: orgA}))
}

// TestWhatIsMovedInAnIndexDoesntOpen changes the files behind the vault's back.
func TestWhatIsMovedInAnIndexDoesntOpen(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"parts are swapped":           `UPDATE parts SET data = (SELECT p.data FROM parts p WHERE p.n = 1 - parts.n)`,
		"a part is another version's": `UPDATE documents SET stamp = 's0'`,
		"it is another document's":    `UPDATE documents SET id = 'doc_2'`,
		"it is another org's":         `UPDATE shelves SET org = 'org_b'`,
		"it is another project's":     `UPDATE shelves SET project = 'prj_two'`,
		"it is changed":               `UPDATE parts SET data = zeroblob(60)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			x, _ := r.openIndex(t)
			ok(t, x.Put(t.Context(), shelf, secretDocument()))
			ok(t, x.Put(t.Context(), memory.Shelf{Org: orgB, Project: "prj_zero", Kind: "x"}, secretDocument())) // org_b has keys
			ok(t, x.Delete(t.Context(), memory.Shelf{Org: orgB, Project: "prj_zero", Kind: "x"}, "doc_1"))
			db, err := sql.Open("sqlite", filepath.Join(r.dir, "memory.db"))
			ok(t, err)
			defer db.Close()
			if name == "it is another org's" {
				_, err = db.Exec(`DELETE FROM shelves WHERE org = 'org_b'`)
				ok(t, err)
			}
			_, err = db.Exec(change)
			ok(t, err)
			for _, s := range []memory.Shelf{shelf, {Org: orgB, Project: "prj_one", Kind: "document"}, {Org: orgA, Project: "prj_two", Kind: "document"}} {
				for _, id := range []string{"doc_1", "doc_2"} {
					parts, err := x.Parts(t.Context(), s, id, []int{0})
					if len(parts) > 0 || err != nil {
						wantUnopened(t, s.Kind, err)
						return
					}
				}
			}
			t.Error("it is nowhere")
		})
	}
}
