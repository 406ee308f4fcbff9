package clients

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// program runs one of programs/ with its cases, and returns what each got.
func (r *rig) program(t *testing.T, name string) map[string]any {
	t.Helper()
	folder, dir := clients(t), t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("programs")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(folder, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	arg, err := json.Marshal(object{
		"url": r.url, "key": r.key, "sight": r.sight,
		"models": object{"chat": byChat, "messages": byMessages, "responses": byResponses},
	})
	if err != nil {
		t.Fatal(err)
	}
	with := "node"
	if strings.HasSuffix(name, ".py") {
		with = filepath.Join(folder, "python", "bin", "python3")
	}
	ctx, done := context.WithTimeout(t.Context(), patience)
	defer done()
	c := exec.CommandContext(ctx, with, filepath.Join(dir, name), string(arg))
	c.Env = quiet()
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, out.String(), errs.String())
	}
	got := map[string]any{}
	lines := bufio.NewScanner(&out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Case string
			Got  any
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%v in %s", err, lines.Text())
		}
		got[line.Case] = line.Got
	}
	return got
}

// quiet is the environment of clients: nothing of the developer's own, and no reports home.
func quiet() []string {
	return []string{
		"HOME=/nonexistent", "PATH=" + os.Getenv("PATH"), "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1",
		"LITELLM_LOCAL_MODEL_COST_MAP=True", "LITELLM_TELEMETRY=False", "AI_SDK_LOG_WARNINGS=false",
	}
}

// compare fails for each case that got something else than is wanted, or that is missing on
// either side.
func compare(t *testing.T, got map[string]any, want map[string]any) {
	t.Helper()
	for name, w := range want {
		b, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		var plain any
		if err := json.Unmarshal(b, &plain); err != nil {
			t.Fatal(err)
		}
		g, ran := got[name]
		if !ran {
			t.Errorf("%s didn't run", name)
		} else if diff := cmp.Diff(plain, g); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for name, g := range got {
		if _, expected := want[name]; !expected {
			b, _ := json.Marshal(g) // it was JSON
			t.Errorf("%s isn't expected: %s", name, b)
		}
	}
}

// abandoned waits until so many callers have left slow streams, as the models see it.
func (r *rig) abandoned(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); r.up.left() < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d streams that were left have ended", r.up.left(), n)
		}
	}
}

// private fails if a caller's key went to a provider.
func (r *rig) private(t *testing.T) {
	t.Helper()
	if r.up.heard(r.key) {
		t.Error("a provider was sent the caller's key")
	}
}
