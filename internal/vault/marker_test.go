package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// wantInFiles fails the test unless what is, or isn't, in the bytes of some file below
// dir, in its own or another common form.
func wantInFiles(t testing.TB, dir, name string, what []byte, want bool) {
	t.Helper()
	forms := [][]byte{what, []byte(hex.EncodeToString(what)), []byte(strings.ToUpper(hex.EncodeToString(what)))}
	for shift := range min(3, len(what)) { // base 64 has three forms, by where in a text it begins
		b := what[shift:]
		b = b[:len(b)/3*3]
		forms = append(forms, []byte(base64.StdEncoding.EncodeToString(b)), []byte(base64.URLEncoding.EncodeToString(b)))
	}
	var wide []byte // UTF-16
	for _, c := range what {
		wide = append(wide, c, 0)
	}
	forms = append(forms, wide)
	found := ""
	ok(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, form := range forms {
			if bytes.Contains(b, form) {
				found = path
			}
		}
		return err
	}))
	if (found != "") != want {
		t.Errorf("%s: found in %q, want it found: %v", name, found, want)
	}
}

// TestNoMarkerIsOnTheDisk writes a marker everywhere a tenant can and looks for it in
// every file, the write-ahead log included, while the store is open and after it is closed.
func TestNoMarkerIsOnTheDisk(t *testing.T) {
	t.Parallel()
	const marker, control = "xyzzy-MARKER-plugh-314159", "a-name-that-is-plain-by-design"
	r := newRig(t)
	text := `{"prompt":"make ` + marker + `"}`
	write := func(stream core.StreamID) {
		appendTo(t, r.store, orgA, stream, 0, text)
		apply(t, r.store, orgA, "tasks", store.Row{ID: string(stream), Kind: control, Data: []byte(text)})
		apply(t, r.store, orgA, "tasks~beside", store.Row{ID: string(stream), Data: []byte(text)})
		ok(t, r.store.Bury(t.Context(), orgA, store.Letter{Consumer: "tasks", Mark: store.Mark{Stream: stream, Version: 1}, Reason: "can't read " + text}))
		ok(t, r.store.Write(t.Context(), orgA, store.Change{Kind: "note", ID: string(stream), Data: []byte(text)}))
		for _, b := range []string{marker, strings.Repeat(marker, 100_000)} {
			_, _, err := r.blobs.Put(t.Context(), orgA, strings.NewReader(b), 1<<30)
			ok(t, err)
		}
	}
	write("tsk_1")
	ok(t, r.vault.Rotate(t.Context(), orgA))
	write("tsk_2")
	ok(t, r.store.Replace(t.Context(), orgA, "tasks", "tasks~beside"))
	wantInFiles(t, r.dir, "the marker", []byte(marker), false)
	wantInFiles(t, r.dir, "what is plain by design", []byte(control), true)
	ok(t, r.inner.Close())
	wantInFiles(t, r.dir, "the marker, after closing", []byte(marker), false)
}

// TestTheLookFindsAMarker holds wantInFiles to its word: without the vault it is there.
func TestTheLookFindsAMarker(t *testing.T) {
	t.Parallel()
	const marker = "xyzzy-MARKER-plugh-271828"
	for name, form := range map[string]string{
		"raw": marker, "hex": hex.EncodeToString([]byte("a" + marker)),
		"base 64": base64.StdEncoding.EncodeToString([]byte(marker)), "base 64 within a text": base64.StdEncoding.EncodeToString([]byte("ab" + marker + "c")),
	} {
		r := newRig(t)
		appendTo(t, r.inner, orgA, "tsk_1", 0, form)
		wantInFiles(t, r.dir, name, []byte(marker), true)
	}
}
