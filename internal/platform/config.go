package platform

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"
	"golang.org/x/crypto/acme/autocert"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/notify/smtp"
)

// Config is the one configuration. Its sources, by rising precedence: the
// defaults, the file, ISEKAI_* variables (ISEKAI_MODEL_NAME is model.name), and
// flags.
type Config struct {
	DataDir string  `koanf:"data_dir" json:"data_dir"` // everything that is kept; locked by one process
	Listen  string  `koanf:"listen" json:"listen"`     // host:port of API and previews; loopback, unless Public says more
	Public  Public  `koanf:"public" json:"public"`
	TLS     TLS     `koanf:"tls" json:"tls"`
	Nodes   Nodes   `koanf:"nodes" json:"nodes"`
	Rates   Rates   `koanf:"rates" json:"rates"`
	SignIn  SignIn  `koanf:"sign_in" json:"sign_in"`
	OIDC    OIDC    `koanf:"oidc" json:"oidc"`
	Credits Credits `koanf:"credits" json:"credits"`
	Log     Log     `koanf:"log" json:"log"`
	Model   Model   `koanf:"model" json:"model"`
	Worker  Worker  `koanf:"worker" json:"worker"`
	Store   Store   `koanf:"store" json:"store"`
	Blob    Blob    `koanf:"blob" json:"blob"`
	Bus     Bus     `koanf:"bus" json:"bus"`
	Keys    Keys    `koanf:"keys" json:"keys"`
	OldKeys Keys    `koanf:"old_keys" json:"old_keys"` // those before, while keys rotate --master moves from them
	Backup  Backup  `koanf:"backup" json:"backup"`
	Memory  Memory  `koanf:"memory" json:"memory"`

	Egress      Egress      `koanf:"egress" json:"egress"`
	Connections Connections `koanf:"connections" json:"connections"`
	Search      Search      `koanf:"search" json:"search"`
	Home        Home        `koanf:"home" json:"home"`
	Coders      []Coder     `koanf:"coders" json:"coders"`
	Skills      Skills      `koanf:"skills" json:"skills"`
	Webhooks    Webhooks    `koanf:"webhooks" json:"webhooks"`
	SMTP        SMTP        `koanf:"smtp" json:"smtp"`
}

// Store says where events and views are kept. Without a URL it is SQLite in the data
// directory. With one it is PostgreSQL, which several nodes share; each URL is
// postgres://user:password@host:port/database and logs in with a role of its own.
type Store struct {
	URL        Secret `koanf:"url" json:"url"`                 // the application's: under row-level security
	RelayURL   Secret `koanf:"relay_url" json:"relay_url"`     // the outbox relay's
	MigrateURL Secret `koanf:"migrate_url" json:"migrate_url"` // the owner's, for migrations and backups; may be absent on most nodes
	MaxConns   int    `koanf:"max_conns" json:"max_conns"`     // connections of a node under url
	// SlowAfter is from when on a statement is slow: it is counted, logged, and listed by isekai diagnostics. 0: none is.
	SlowAfter time.Duration `koanf:"slow_after" json:"slow_after"`
}

// MarshalJSON writes durations as the file has them: "200ms".
func (s Store) MarshalJSON() ([]byte, error) {
	type plain Store
	return json.Marshal(struct {
		plain
		SlowAfter string `json:"slow_after"`
	}{plain(s), s.SlowAfter.String()})
}

// Blob says where files are kept.
type Blob struct {
	Dir string `koanf:"dir" json:"dir"` // empty: in the data directory; several nodes need one that all see
}

// Bus says what carries events to consumers. Without brokers it is this process.
type Bus struct {
	Brokers  string `koanf:"brokers" json:"brokers"` // of Kafka: host:port, separated by commas
	Topic    string `koanf:"topic" json:"topic"`
	User     string `koanf:"user" json:"user"` // SASL; empty: none
	Password Secret `koanf:"password" json:"password"`
	SASL     string `koanf:"sasl" json:"sasl"` // SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN
	TLS      bool   `koanf:"tls" json:"tls"`
	CAFile   string `koanf:"ca_file" json:"ca_file"` // PEM; empty: the system's
}

// Keys say where the master key is, which wraps every org's keys. At most one of file,
// key and vault_address; without any it is master.key in the data directory, which is
// made at the first start.
type Keys struct {
	File         string `koanf:"file" json:"file"`
	Key          Secret `koanf:"key" json:"key"`                     // the key itself, as in a file
	VaultAddress string `koanf:"vault_address" json:"vault_address"` // of HashiCorp Vault or OpenBao
	VaultMount   string `koanf:"vault_mount" json:"vault_mount"`     // of the transit engine
	VaultKey     string `koanf:"vault_key" json:"vault_key"`         // the key's name there
	VaultToken   string `koanf:"vault_token_file" json:"vault_token_file"`
	VaultCA      string `koanf:"vault_ca_file" json:"vault_ca_file"` // PEM; empty: the system's
}

// Backup says where backups go, how often and for how long they are kept.
type Backup struct {
	Dir   string        `koanf:"dir" json:"dir"`     // empty: in the data directory
	Every time.Duration `koanf:"every" json:"every"` // 0: only when asked for
	Keep  time.Duration `koanf:"keep" json:"keep"`   // 0: for ever; the newest always stays
}

// named reports how many places of a master key are named; without one it is the data
// directory's.
func (k Keys) named() (n int) {
	for _, place := range []string{k.File, k.Key.Reveal(), k.VaultAddress} {
		if place != "" {
			n++
		}
	}
	return n
}

// MarshalJSON writes durations as the file has them: "1h0m0s".
func (b Backup) MarshalJSON() ([]byte, error) {
	type plain Backup
	return json.Marshal(struct {
		plain
		Every string `json:"every"`
		Keep  string `json:"keep"`
	}{plain(b), b.Every.String(), b.Keep.String()})
}

// Log configures logging, to standard error.
type Log struct {
	Level  string `koanf:"level" json:"level"`   // debug, info, warn or error
	Format string `koanf:"format" json:"format"` // text or json
}

// Model configures the language model. Without one the built-in planner builds
// apps, and tasks that need a model are refused.
type Model struct {
	BaseURL string        `koanf:"base_url" json:"base_url"` // of an OpenAI-compatible API; OPENAI_BASE_URL
	APIKey  Secret        `koanf:"api_key" json:"api_key"`   // OPENAI_API_KEY; never a flag
	Name    string        `koanf:"name" json:"name"`         // the provider's name for the model
	Ollama  string        `koanf:"ollama" json:"ollama"`     // address to look for Ollama at; empty: don't look
	Timeout time.Duration `koanf:"timeout" json:"timeout"`   // of one answer
	Extras  bool          `koanf:"extras" json:"extras"`     // it may be asked for what costs more than tokens
}

// MarshalJSON writes durations as the file has them: "2m0s".
func (m Model) MarshalJSON() ([]byte, error) {
	type plain Model
	return json.Marshal(struct {
		plain
		Timeout string `json:"timeout"`
	}{plain(m), m.Timeout.String()})
}

// Worker configures how tasks are worked on.
type Worker struct {
	Concurrency int           `koanf:"concurrency" json:"concurrency"` // tasks at once
	Grace       time.Duration `koanf:"grace" json:"grace"`             // that running calls get at a stop
}

// MarshalJSON writes durations as the file has them: "5s".
func (w Worker) MarshalJSON() ([]byte, error) {
	type plain Worker
	return json.Marshal(struct {
		plain
		Grace string `json:"grace"`
	}{plain(w), w.Grace.String()})
}

// Secret is a string that no printing shows.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[set]"
}

// Format hides the secret from every verb of package fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText hides the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal returns the secret itself, for the one call that needs it.
func (s Secret) Reveal() string { return string(s) }

// DefaultModel is asked of an OpenAI-compatible API when no name is configured.
const DefaultModel = "gpt-5-mini"

// Defaults returns the documented defaults.
func Defaults() Config {
	return Config{
		DataDir: defaultDataDir(),
		Listen:  "127.0.0.1:7777",
		OIDC:    OIDC{},
		TLS:     TLS{ACMEDirectory: autocert.DefaultACMEDirectory},
		Log:     Log{Level: "warn", Format: "text"},
		Model:   Model{Name: "", Ollama: "http://127.0.0.1:11434", Timeout: 120 * time.Second},
		Worker:  Worker{Concurrency: 4, Grace: 5 * time.Second},
		Store:   Store{MaxConns: 16, SlowAfter: 200 * time.Millisecond},
		Bus:     Bus{Topic: "isekai.events", SASL: "SCRAM-SHA-512"},
		Keys:    Keys{VaultMount: "transit", VaultKey: "isekai"},
		OldKeys: Keys{VaultMount: "transit", VaultKey: "isekai"},
		Backup:  Backup{Every: time.Hour, Keep: 7 * 24 * time.Hour},

		Egress:      Egress{Ports: "80,443", MaxBody: 10 << 20, Timeout: 30 * time.Second, Redirects: 5},
		Connections: Connections{Providers: []OAuthProvider{}},
		Coders:      []Coder{},
		SMTP:        SMTP{TLS: smtp.StartTLS},
	}
}

func defaultDataDir() string {
	if d := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "isekai")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "share", "isekai")
}

// LoadConfig reads the configuration: path is a YAML file, or empty for
// isekai.yaml in the user's configuration folder if it is there. overrides are
// the flags that were given, by key ("data_dir"). A key that doesn't exist is
// Invalid: a misspelt limit must not be dropped in silence.
func LoadConfig(path string, overrides map[string]any) (Config, error) {
	const op = "config"
	k := koanf.New(".")
	if err := k.Load(structs.Provider(Defaults(), "koanf"), nil); err != nil {
		return Config{}, core.E(core.Internal, op, "defaults").Because(err)
	}
	known := k.Keys()
	if path == "" {
		if dir, err := os.UserConfigDir(); err == nil {
			if p := filepath.Join(dir, "isekai", "isekai.yaml"); exists(p) {
				path = p
			}
		}
	}
	if path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return Config{}, core.E(core.Invalid, op, "can't read "+path).Because(err).WithHint("it is YAML; isekai config prints every key with its default")
		}
	}
	if err := k.Load(env.Provider(".", env.Opt{Prefix: "ISEKAI_", TransformFunc: envKey(known)}), nil); err != nil {
		return Config{}, core.E(core.Invalid, op, "environment").Because(err)
	}
	for key, v := range overrides {
		if err := k.Set(key, v); err != nil {
			return Config{}, core.E(core.Invalid, op, key).Because(err)
		}
	}
	for _, key := range k.Keys() {
		if issuerKey(key) {
			if err := checkGroups(key, k.Get(key)); err != nil {
				return Config{}, err
			}
		} else if !slices.Contains(known, key) {
			return Config{}, core.E(core.Invalid, op, "unknown setting "+key).WithHint("the settings are: " + strings.Join(known, ", "))
		}
	}
	if err := checkProviders(k.Get("connections.providers")); err != nil {
		return Config{}, err
	}
	if err := checkCoderKeys(k.Get("coders")); err != nil {
		return Config{}, err
	}
	var c Config
	if err := k.Unmarshal("", &c); err != nil {
		return Config{}, core.E(core.Invalid, op, "a setting has the wrong type").Because(err).WithHint(configHint)
	}
	// The names that the providers' own tools use.
	if c.Model.APIKey == "" {
		c.Model.APIKey = Secret(os.Getenv("OPENAI_API_KEY"))
	}
	if c.Model.BaseURL == "" {
		c.Model.BaseURL = os.Getenv("OPENAI_BASE_URL")
	}
	return c, c.check()
}

// envKey maps ISEKAI_MODEL_BASE_URL to model.base_url: underscores are part of
// some keys, so the known keys decide.
func envKey(known []string) func(string, string) (string, any) {
	names := map[string]string{}
	for _, k := range known {
		names["ISEKAI_"+strings.ToUpper(strings.ReplaceAll(k, ".", "_"))] = k
	}
	return func(k, v string) (string, any) {
		if key, ok := names[k]; ok {
			return key, v
		}
		if key, ok := issuerVariable(k); ok {
			return key, v
		}
		if k == "ISEKAI_CONFIG" { // read by the CLI
			return "", nil
		}
		return k, v // reported as unknown
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
