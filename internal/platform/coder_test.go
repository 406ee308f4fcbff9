package platform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

// Agents are read from the file, and those that aren't there are said to be missing.
func TestCoders(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "isekai.yaml")
	text := `coders:
  - name: here
    argv: [sh, -c, "true", "{task}"]
    env: {A: b}
    credentials: {KEY: models}
    hosts: [api.example.com]
  - name: gone
    argv: [no-such-agent]
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Coders) != 2 || c.Coders[0].Credentials["KEY"] != "models" || c.Coders[0].Env["A"] != "b" {
		t.Errorf("%+v", c.Coders)
	}
	checks := c.coderChecks(t.Context())
	if len(checks) != 2 || !checks[0].OK || checks[1].OK || checks[1].Hint == "" {
		t.Errorf("%+v", checks)
	}
	if none := (Config{}).coderChecks(t.Context()); len(none) != 1 || !none[0].OK || !strings.Contains(none[0].Detail, "none is configured") {
		t.Errorf("%+v", none)
	}
}

func TestCodersThatCantBe(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"misspelt": "coders: [{name: a, argv: [x], host: [a.example.com]}]",
		"no argv":  "coders: [{name: a}]",
		"twice":    "coders: [{name: a, argv: [x]}, {name: a, argv: [y]}]",
		"a word":   "coders: [x]",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "isekai.yaml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := LoadConfig(path, nil); core.CodeOf(err) != core.Invalid {
				t.Errorf("%v", err)
			}
		})
	}
}
