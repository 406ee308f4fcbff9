package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/cli"
)

// TestScaffoldedToolBuilds with the program, passes the suite of tools, and is listed. The
// files are seen by the compiler as if they were in the source; vet would look for their folder.
func TestScaffoldedToolBuilds(t *testing.T) {
	source := must(filepath.Abs("../.."))(t)
	copied := t.TempDir()
	for _, name := range []string{"go.mod", "internal/platform/tools.go"} {
		to := filepath.Join(copied, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, must(os.ReadFile(filepath.Join(source, name)))(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(copied)
	var out, errs bytes.Buffer
	if code := cli.Main(t.Context(), neighbour{}, cli.IO{In: strings.NewReader(""), Out: &out, Err: &errs}, []string{"scaffold", "tool", "send_fax", "--json"}); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	replace := map[string]string{}
	for _, name := range []string{"internal/platform/tools.go", "internal/tool/sendfax/sendfax.go", "internal/tool/sendfax/sendfax_test.go"} {
		replace[filepath.Join(source, name)] = filepath.Join(copied, name)
	}
	overlay := filepath.Join(copied, "overlay.json")
	if err := os.WriteFile(overlay, must(json.Marshal(map[string]any{"Replace": replace}))(t), 0o644); err != nil {
		t.Fatal(err)
	}
	unformatted := must(exec.CommandContext(t.Context(), "gofmt", "-l", copied).Output())(t)
	if len(unformatted) > 0 {
		t.Errorf("gofmt would change %s", unformatted)
	}
	suite := filepath.Join(copied, "suite.test")
	for _, args := range [][]string{
		{"test", "-c", "-vet=off", "-overlay", overlay, "-o", suite, "./internal/tool/sendfax"},
		{"build", "-overlay", overlay, "./internal/platform"},
		{"list", "-overlay", overlay, "-deps", "./internal/platform"},
	} {
		c := exec.CommandContext(t.Context(), "go", args...)
		c.Dir = source
		c.Env = append(os.Environ(), "CGO_ENABLED=0") // as the program is built, so that most of it is there
		said, err := c.CombinedOutput()
		if err != nil {
			t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, said)
		}
		if args[0] == "list" && !strings.Contains(string(said), "/internal/tool/sendfax\n") {
			t.Error("it isn't part of the program")
		}
	}
	c := exec.CommandContext(t.Context(), suite, "-test.v")
	c.Dir = copied
	if said, err := c.CombinedOutput(); err != nil || !strings.Contains(string(said), "--- PASS: TestSendFax/escapes") {
		t.Errorf("the suite: %v\n%s", err, said)
	}
}
