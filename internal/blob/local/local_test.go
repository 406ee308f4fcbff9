package local_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/blob/blobtest"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
)

func open(t testing.TB, dir string) *local.Store {
	s, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t testing.TB) blob.Store { return open(t, t.TempDir()) })
}

func put(t *testing.T, s *local.Store, text string) core.Digest {
	d, _, err := s.Put(t.Context(), "org_a", strings.NewReader(text), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func read(s *local.Store, d core.Digest) (string, error) {
	r, err := s.Open(context.Background(), "org_a", d)
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	return string(b), err
}

func TestLayoutAndReopen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := put(t, open(t, dir), "hello")
	digits := strings.TrimPrefix(string(d), "sha256:")
	info, err := os.Stat(filepath.Join(dir, "org_a", digits[:2], digits))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want a file of its owner's alone", info, err)
	}
	if got, err := read(open(t, dir), d); got != "hello" || err != nil {
		t.Errorf("after reopening: %q, %v", got, err)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "tmp")); len(left) != 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestDamagedBlobFailsAtItsEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	d := put(t, s, "hello")
	digits := strings.TrimPrefix(string(d), "sha256:")
	file := filepath.Join(dir, "org_a", digits[:2], digits)
	for _, damaged := range []string{"hellx", "hell", "hello!", ""} {
		if err := os.WriteFile(file, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(s, d); core.CodeOf(err) != core.Internal || core.HintOf(err) == "" {
			t.Errorf("%q was read with %v", damaged, err)
		}
	}
	put(t, s, "hello") // another size is seen, and mended
	if got, err := read(s, d); got != "hello" || err != nil {
		t.Errorf("after mending: %q, %v", got, err)
	}
}

func TestOpenSweepsWhatIsLeftOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir)
	old, young := filepath.Join(dir, "tmp", "OLD"), filepath.Join(dir, "tmp", "YOUNG")
	for _, p := range []string{old, young} {
		if err := os.WriteFile(p, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	yesterday := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(old, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("the old one is still there (%v)", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("one that may be in use is gone: %v", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below"), "/proc/none"} {
		if _, err := local.Open(dir); core.CodeOf(err) == core.Internal || core.HintOf(err) == "" {
			t.Errorf("%s: %v (%s), without a hint", dir, err, core.CodeOf(err))
		}
	}
	s := open(t, t.TempDir())
	_ = s.Close()
	if _, _, err := s.Put(t.Context(), "org_a", strings.NewReader("x"), 1); core.CodeOf(err) != core.Unavailable {
		t.Errorf("put after close: %v", err)
	}
}

// A folder becomes a tree, and the tree a folder again.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := local.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		panic(err)
	}
	defer func() { _ = s.Close() }()

	ctx, work := context.Background(), filepath.Join(dir, "work")
	_ = os.Mkdir(work, 0o755)
	_ = os.WriteFile(filepath.Join(work, "hello.txt"), []byte("hello"), 0o644)
	digest, tree, err := blob.Snapshot(ctx, s, core.DefaultOrg, work, blob.Limits{})
	fmt.Println(tree.Paths(), err)

	again := filepath.Join(dir, "again")
	fmt.Println(blob.Checkout(ctx, s, core.DefaultOrg, digest, again))
	text, err := os.ReadFile(filepath.Join(again, "hello.txt"))
	fmt.Println(string(text), err)
	// Output:
	// [hello.txt] <nil>
	// <nil>
	// hello <nil>
}
