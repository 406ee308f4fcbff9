package platform

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// cleanEnv takes what a developer's own environment says about Isekai away.
func cleanEnv(t *testing.T) {
	t.Helper()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "ISEKAI_") || strings.HasPrefix(name, "OPENAI_") {
			t.Setenv(name, "") // so that it comes back
			os.Unsetenv(name)
		}
	}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
}

func yamlFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "isekai.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrecedence(t *testing.T) {
	cleanEnv(t)
	path := yamlFile(t, "model:\n  name: file\n  base_url: http://file\n  timeout: 7s\nlog:\n  level: info\n")
	t.Setenv("ISEKAI_MODEL_BASE_URL", "http://env")
	t.Setenv("ISEKAI_LOG_LEVEL", "debug")
	t.Setenv("OPENAI_BASE_URL", "http://openai")
	t.Setenv("OPENAI_API_KEY", "sk-secret")
	c, err := LoadConfig(path, map[string]any{"log.level": "error"})
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.Model.Name, want.Model.BaseURL, want.Model.Timeout, want.Model.APIKey = "file", "http://env", 7*time.Second, "sk-secret"
	want.Log.Level = "error"
	if c != want {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestTheUsersOwnFileIsFound(t *testing.T) {
	cleanEnv(t)
	dir := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "isekai")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "isekai.yaml"), []byte("listen: 127.0.0.1:1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := LoadConfig("", nil); err != nil || c.Listen != "127.0.0.1:1" {
		t.Errorf("%q, %v", c.Listen, err)
	}
}

func TestWrongConfigurations(t *testing.T) {
	cleanEnv(t)
	for name, c := range map[string]struct {
		file string
		over map[string]any
		text string
	}{
		"an unknown key":     {"worker:\n  concurency: 2\n", nil, "worker.concurency"},
		"an unknown section": {"wrker:\n  concurrency: 2\n", nil, "wrker.concurrency"},
		"an unknown flag":    {"", map[string]any{"x": 1}, "unknown setting x"},
		"not YAML":           {"a: [", nil, "can't read"},
		"a wrong type":       {"worker:\n  concurrency: many\n", nil, "wrong type"},
		"no workers":         {"worker:\n  concurrency: 0\n", nil, "worker.concurrency"},
		"too many workers":   {"worker:\n  concurrency: 257\n", nil, "worker.concurrency"},
		"no grace":           {"worker:\n  grace: 0s\n", nil, "worker.grace"},
		"a wrong level":      {"log:\n  level: loud\n", nil, "log.level"},
		"a wrong format":     {"log:\n  format: xml\n", nil, "log.format"},
		"no time to answer":  {"model:\n  timeout: 1ms\n", nil, "model.timeout"},
		"no folder":          {"data_dir: \"\"\n", nil, "data directory"},
	} {
		if _, err := LoadConfig(yamlFile(t, c.file), c.over); core.CodeOf(err) != core.Invalid || !strings.Contains(fmt.Sprint(err), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := LoadConfig(filepath.Join(t.TempDir(), "none.yaml"), nil); core.CodeOf(err) != core.Invalid {
		t.Errorf("a file that isn't there: %v", err)
	}
	t.Setenv("ISEKAI_WORKER_CONCURENCY", "2")
	if _, err := LoadConfig("", nil); core.CodeOf(err) != core.Invalid || !strings.Contains(err.Error(), "ISEKAI_WORKER_CONCURENCY") {
		t.Errorf("a misspelt variable: %v", err)
	}
}

// TestPrintedConfigurationIsAFile: what isekai config prints can be read back.
func TestPrintedConfigurationIsAFile(t *testing.T) {
	t.Parallel()
	want := Defaults()
	want.DataDir, want.Model.BaseURL, want.Model.APIKey, want.Worker.Grace = "/d", "http://m", "[set]", 90*time.Second
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := LoadConfig(yamlFile(t, string(b)), nil)
	if err != nil || got != want {
		t.Errorf("%+v, not %+v: %v", got, want, err)
	}
}

func TestNoPrintingShowsASecret(t *testing.T) {
	t.Parallel()
	c := Config{Model: Model{APIKey: "sk-secret"}}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	all := string(b)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		all += fmt.Sprintf(verb, c) + fmt.Sprintf(verb, c.Model.APIKey)
	}
	if strings.Contains(all, "sk-secret") || strings.Contains(all, fmt.Sprintf("%x", "sk-secret")) || !strings.Contains(all, "[set]") {
		t.Errorf("%s", all)
	}
	if c.Model.APIKey.Reveal() != "sk-secret" || Secret("").String() != "" {
		t.Error("the secret itself is lost, or none is taken for one")
	}
}
