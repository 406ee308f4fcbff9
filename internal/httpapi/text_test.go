package httpapi_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
)

// TestAForgedAnswerIsNotShown: a blob that somebody has replaced on the disk isn't taken
// for the answer, even where its forged beginning is all that would be shown.
func TestAForgedAnswerIsNotShown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	blobs, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	r := newRig(t, func(cfg *httpapi.Config) { cfg.Blobs = blobs })
	long := bytes.Repeat([]byte("answer "), 300_000)
	d, n, err := blobs.Put(t.Context(), scope.Org, bytes.NewReader(long), 1<<24)
	if err != nil {
		t.Fatal(err)
	}
	r.append(core.TaskFinished{Status: core.StatusSucceeded, Summary: "Done.", Answer: core.Content{Blob: d, Size: n}})
	task := "/v1/tasks/" + string(r.task)
	if a := r.do("GET", task, ""); a.status != 200 || !strings.Contains(a.body, `"answer":"answer answer`) {
		t.Fatalf("%d %.200s", a.status, a.body)
	}
	digits := strings.TrimPrefix(string(d), "sha256:")
	forged := bytes.Replace(long, []byte("answer"), []byte("forged"), 1)
	if err := os.WriteFile(filepath.Join(dir, string(scope.Org), digits[:2], digits), forged, 0o600); err != nil {
		t.Fatal(err)
	}
	if a := r.do("GET", task, ""); a.status != 500 || strings.Contains(a.body, "forged") {
		t.Errorf("%d %.200s", a.status, a.body)
	}
}
