package files_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// While somebody swaps a folder for a link to the outside, and back, as fast as
// it goes, no tool reads, writes or deletes there.
func TestRacingSwap(t *testing.T) {
	t.Parallel()
	dir := tooltest.Workspace(t, map[string]string{"d/canary.txt": "inside"})
	outside := filepath.Join(filepath.Dir(dir), "outside")
	must(t, os.Symlink(outside, filepath.Join(dir, "spare")))
	var swaps atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		a, b, c := filepath.Join(dir, "d"), filepath.Join(dir, "spare"), filepath.Join(dir, "third")
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Rename(a, c)
			_ = os.Rename(b, a)
			_ = os.Rename(c, b)
			swaps.Add(1)
		}
	})
	calls := map[string]string{
		"read_file":   `{"path":"d/canary.txt"}`,
		"write_file":  `{"path":"d/canary.txt","content":"inside"}`,
		"edit_file":   `{"path":"d/canary.txt","old":"canary","new":"changed"}`,
		"delete_file": `{"path":"d/canary.txt"}`,
		"list_files":  `{"path":"d"}`,
	}
	for i := 0; i < 100 || swaps.Load() < 400; i++ {
		for name, args := range calls {
			r, err := get(t, name).Call(t.Context(), tooltest.Call(dir, args))
			if strings.Contains(r.Output, "canary-") {
				t.Fatalf("%s read outside: %q, %v", name, r.Output, err)
			}
		}
	}
	close(stop)
	wg.Wait()
	entries, err := os.ReadDir(outside)
	must(t, err)
	b, err := os.ReadFile(filepath.Join(outside, "canary.txt"))
	if err != nil || len(entries) != 1 || !strings.HasPrefix(string(b), "canary-") {
		t.Errorf("outside are %v, the canary is %q, %v", entries, b, err)
	}
}

// A link, symbolic or hard, is replaced and not written through; a FIFO and a
// device are refused at once.
func TestOddFiles(t *testing.T) {
	t.Parallel()
	dir := tooltest.Workspace(t, map[string]string{"real": "old", ".git/config": "safe"})
	outside := filepath.Join(filepath.Dir(dir), "outside", "canary.txt")
	must(t, os.Link(outside, filepath.Join(dir, "hard")))
	must(t, os.Symlink("real", filepath.Join(dir, "soft")))
	must(t, os.Symlink(".git", filepath.Join(dir, "alias")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644))
	write := func(path string) error {
		args, err := json.Marshal(map[string]string{"path": path, "content": "new"})
		must(t, err)
		_, err = get(t, "write_file").Call(t.Context(), tooltest.Call(dir, string(args)))
		return err
	}
	must(t, write("hard"))
	must(t, write("soft"))
	for path, want := range map[string]string{outside: "canary-", filepath.Join(dir, "real"): "old", filepath.Join(dir, "soft"): "new", filepath.Join(dir, "hard"): "new"} {
		if b, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(b), want) {
			t.Errorf("%s holds %q, %v", path, b, err)
		}
	}
	if err := write("alias/config"); core.CodeOf(err) != core.Invalid || !strings.Contains(err.Error(), "link") {
		t.Errorf("through a link into .git: %v", err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, ".git/config")); err != nil || string(b) != "safe" {
		t.Errorf(".git/config holds %q, %v", b, err)
	}
	if _, err := get(t, "read_file").Call(t.Context(), tooltest.Call(dir, `{"path":"fifo"}`)); core.CodeOf(err) != core.Invalid {
		t.Errorf("a FIFO: %v", err)
	}
	if r, err := get(t, "read_file").Call(t.Context(), tooltest.Call(dir, `{"path":"soft"}`)); err != nil || r.Output != "new" {
		t.Errorf("%q, %v", r.Output, err)
	}
}

// Permissions stay, and nothing is left beside the file.
func TestWriteKeepsPermissions(t *testing.T) {
	t.Parallel()
	dir := tooltest.Workspace(t, map[string]string{"run.sh": "old"})
	must(t, os.Chmod(filepath.Join(dir, "run.sh"), 0o750))
	_, err := get(t, "write_file").Call(t.Context(), tooltest.Call(dir, `{"path":"run.sh","content":"new"}`))
	must(t, err)
	entries, err := os.ReadDir(dir)
	must(t, err)
	info, err := os.Stat(filepath.Join(dir, "run.sh"))
	if err != nil || info.Mode().Perm() != 0o750 || len(entries) != 1 {
		t.Errorf("%v, %v, %v", info.Mode(), entries, err)
	}
}

// Each tool that says it may be repeated leaves the same files the second time.
func TestTwiceIsOnce(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]string{
		"write_file":  `{"path":"a","content":"x"}`,
		"edit_file":   `{"path":"b","old":"one","new":"one two"}`,
		"delete_file": `{"path":"b"}`,
	} {
		dir := tooltest.Workspace(t, map[string]string{"b": "one"})
		var after [2]string
		for i := range after {
			_, err := get(t, name).Call(t.Context(), tooltest.Call(dir, args))
			must(t, err)
			a, _ := os.ReadFile(filepath.Join(dir, "a"))
			b, _ := os.ReadFile(filepath.Join(dir, "b"))
			after[i] = string(a) + "|" + string(b)
		}
		if after[0] != after[1] || get(t, name).Spec().Effect != core.Idempotent {
			t.Errorf("%s: %q, then %q", name, after[0], after[1])
		}
	}
}
