package platform

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
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
	t.Setenv("ISEKAI_MODEL_EXTRAS", "true")
	t.Setenv("ISEKAI_LOG_LEVEL", "debug")
	t.Setenv("OPENAI_BASE_URL", "http://openai")
	t.Setenv("OPENAI_API_KEY", "sk-secret")
	c, err := LoadConfig(path, map[string]any{"log.level": "error"})
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.Model.Name, want.Model.BaseURL, want.Model.Timeout, want.Model.APIKey = "file", "http://env", 7*time.Second, "sk-secret"
	want.Model.Extras, want.Log.Level = true, "error"
	if !reflect.DeepEqual(c, want) {
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
		"an unknown key":      {"worker:\n  concurency: 2\n", nil, "worker.concurency"},
		"an unknown section":  {"wrker:\n  concurrency: 2\n", nil, "wrker.concurrency"},
		"an unknown flag":     {"", map[string]any{"x": 1}, "unknown setting x"},
		"not YAML":            {"a: [", nil, "can't read"},
		"a wrong type":        {"worker:\n  concurrency: many\n", nil, "wrong type"},
		"no workers":          {"worker:\n  concurrency: 0\n", nil, "worker.concurrency"},
		"too many workers":    {"worker:\n  concurrency: 257\n", nil, "worker.concurrency"},
		"no grace":            {"worker:\n  grace: 0s\n", nil, "worker.grace"},
		"a wrong level":       {"log:\n  level: loud\n", nil, "log.level"},
		"a wrong format":      {"log:\n  format: xml\n", nil, "log.format"},
		"no time to answer":   {"model:\n  timeout: 1ms\n", nil, "model.timeout"},
		"no folder":           {"data_dir: \"\"\n", nil, "data directory"},
		"a broker by URL":     {"bus:\n  brokers: http://k:9092\n", nil, "bus.brokers"},
		"a broker, no port":   {"bus:\n  brokers: k1:9092,k2\n", nil, `"k2"`},
		"no topic's name":     {"bus:\n  topic: my topic\n", nil, "bus.topic"},
		"a CA without TLS":    {"bus:\n  brokers: k:9092\n  ca_file: /ca\n", nil, "bus.tls"},
		"two old keys":        {"old_keys:\n  file: /a\n  key: b\n", nil, "old_keys.file"},
		"old keys are these":  {"keys:\n  file: /a\nold_keys:\n  file: /a\n", nil, "same master key"},
		"a vault, no token":   {"old_keys:\n  vault_address: http://127.0.0.1\n", nil, "old_keys.vault_token_file"},
		"no address":          {"egress:\n  allow: 10.0.0.0/33\n", nil, "egress.allow"},
		"no such port":        {"egress:\n  ports: http\n", nil, "egress.ports"},
		"port 0":              {"egress:\n  ports: 0\n", nil, "egress.ports"},
		"no answers":          {"egress:\n  max_body: 0\n", nil, "egress.max_body"},
		"no time to reach":    {"egress:\n  timeout: 1ms\n", nil, "egress.timeout"},
		"no such home":        {"home:\n  kind: castle\n  url: https://example.com\n  credential: x\n", nil, "home.kind"},
		"no such engine":      {"search:\n  kind: bing\n  url: https://example.com\n", nil, "search.kind"},
		"no engine's place":   {"search:\n  kind: searxng\n", nil, "search.url"},
		"an engine by chance": {"search:\n  credential: x\n", nil, "search.kind"},
		"less than none":      {"egress:\n  redirects: -1\n", nil, "egress.redirects"},
		"a provider's typo":   {"connections:\n  providers:\n  - name: x\n    client: y\n", nil, "setting client"},
		"no provider":         {"connections:\n  providers: [github]\n", nil, "isn't a provider"},
		"no client":           {"connections:\n  providers:\n  - name: github\n    kind: github\n", nil, "provider github"},
		"one name for two":    {"connections:\n  providers:\n  - {name: a, kind: github, client_id: x}\n  - {name: a, kind: gitlab, client_id: x}\n", nil, "name a"},
		"two secrets":         {"connections:\n  providers:\n  - {name: a, kind: github, client_id: x, client_secret: y, client_secret_file: z}\n", nil, "client_secret_file"},
		"an open way":         {"connections:\n  providers:\n  - {name: a, issuer: 'http://issuer.example', client_id: x}\n", nil, "provider a"},
		"no master key":       {"store:\n  url: postgres://a@h/d\n  relay_url: postgres://r@h/d\n", nil, "master key must be named"},
		"less than no time":   {"store:\n  slow_after: -1s\n", nil, "store.slow_after"},
		"no sender":           {"smtp:\n  host: smtp.example.com\n", nil, "smtp.from"},
		"mail in the clear":   {"smtp:\n  host: smtp.example.com\n  from: a@example.com\n  tls: none\n", nil, "smtp.tls"},
		"two passwords":       {"smtp:\n  host: smtp.example.com\n  from: a@example.com\n  user: u\n  password: x\n  password_file: y\n", nil, "smtp.password_file"},
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
	want.Connections.Providers = []OAuthProvider{{Name: "github", Kind: "github", ClientID: "id", ClientSecretFile: "/s", Scopes: []string{"repo"}, Params: map[string]string{"prompt": "consent"}}}
	want.DataDir, want.Model.BaseURL, want.Model.APIKey, want.Worker.Grace = "/d", "http://m", "[set]", 90*time.Second
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := LoadConfig(yamlFile(t, string(b)), nil)
	if err != nil || !reflect.DeepEqual(got, want) {
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

// TestURLsOfPostgreSQL: what is wrong with one is told by its key, without the password,
// before anything is done with it.
func TestURLsOfPostgreSQL(t *testing.T) {
	t.Parallel()
	const good = "postgres://app:s3cret@db:5432/isekai"
	for name, c := range map[string]struct {
		store Store
		code  core.Code
		text  string
	}{
		"right":                   {Store{URL: good, RelayURL: "postgres://relay@db/isekai?sslmode=disable", MigrateURL: "postgresql://owner@/isekai?host=/run"}, "", ""},
		"another scheme":          {Store{URL: "postgre://app:s3cret@db/isekai", RelayURL: good}, core.Invalid, "store.url isn't"},
		"words":                   {Store{URL: good, RelayURL: "host=db user=relay password=s3cret dbname=isekai"}, core.Invalid, "store.relay_url isn't"},
		"a port that is none":     {Store{URL: "postgres://app:s3cret@db:x/isekai", RelayURL: "postgres://relay@db/isekai"}, core.Invalid, "invalid port"},
		"a slash in the password": {Store{URL: "postgres://app:s3/s3cret@db/isekai", RelayURL: "postgres://relay@db/isekai"}, core.Invalid, "store.url isn't"},
		"a wrong sslmode":         {Store{URL: good, RelayURL: "postgres://relay:s3cret@db/isekai?sslmode=yes"}, core.Invalid, "store.relay_url isn't"},
		"no user":                 {Store{URL: "postgres://db/isekai", RelayURL: good}, core.Invalid, "store.url names no user"},
		"no database":             {Store{URL: good, RelayURL: "postgres://relay:s3cret@db"}, core.Invalid, "store.relay_url names no database"},
		"one role for two":        {Store{URL: good, RelayURL: good}, core.Denied, "store.url logs in as app, the role of store.relay_url"},
		"the owner for the relay": {Store{URL: good, RelayURL: "postgres://o@db/isekai", MigrateURL: "postgres://o@db/isekai"}, core.Denied, "which owns tables"},
		"no relay":                {Store{URL: good}, core.Invalid, "needs store.relay_url"},
	} {
		cfg := Defaults()
		cfg.DataDir, cfg.Store, cfg.Keys.File = "/d", c.store, "/k"
		cfg.Store.MaxConns = 2
		err := cfg.check()
		if core.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.text) || (err != nil && core.HintOf(err) == "") || strings.Contains(fmt.Sprint(err), "s3") {
			t.Errorf("%s: %v (%s)", name, err, core.HintOf(err))
		}
	}
}
