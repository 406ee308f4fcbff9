package vault

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/isekai-run/isekai/internal/core"
)

// TransitConfig says where a transit secrets engine is. Zero fields have the defaults
// that are named.
type TransitConfig struct {
	Address   string                 // https://host:port; http on loopback alone
	Mount     string                 // the engine's; "transit"
	Key       string                 // the key's name; "isekai". Its type must take associated data: aes256-gcm96
	Namespace string                 // of an installation that has them
	Token     func() (string, error) // see TokenFile; called for each request
	CAFile    string                 // PEM, the server's authority; the system's
	Timeout   time.Duration          // of each try; 5 s
	Tries     int                    // 4
	Backoff   time.Duration          // the first wait between tries, which doubles up to 20 times that; 100 ms
}

// Transit is a Master that the transit engine of HashiCorp Vault or OpenBao keeps: the
// key never leaves it. To rotate, rotate the key there, then call RotateMaster with the
// same Transit, and raise the key's min_decryption_version at last.
//
// Its token needs update on <mount>/encrypt/<key> and <mount>/decrypt/<key>, and must
// not have create, with which a wrong name would make a new key.
type Transit struct {
	cfg    TransitConfig
	name   string // begins what it wraps; the engine's ciphertext follows
	client *http.Client
	retry  retrypolicy.RetryPolicy[transitData]
}

// TokenFile returns the token in a file, which may change: what an agent keeps fresh.
func TokenFile(path string) func() (string, error) {
	return func() (string, error) {
		b, err := os.ReadFile(path)
		return strings.TrimSpace(string(b)), err
	}
}

// NewTransit returns a Transit without calling it. invalid: the configuration can't be
// right.
func NewTransit(cfg TransitConfig) (*Transit, error) {
	if cfg.Mount = strings.Trim(cfg.Mount, "/"); cfg.Mount == "" {
		cfg.Mount = "transit"
	}
	if cfg.Key == "" {
		cfg.Key = "isekai"
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.Tries <= 0 {
		cfg.Tries = 4
	}
	if cfg.Backoff <= 0 {
		cfg.Backoff = 100 * time.Millisecond
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	client, err := transitClient(cfg)
	if err != nil {
		return nil, err
	}
	retry := retrypolicy.NewBuilder[transitData]().
		HandleIf(func(_ transitData, err error) bool { return core.CodeOf(err) == core.Unavailable }).
		WithBackoff(cfg.Backoff, 20*cfg.Backoff).WithJitterFactor(0.25).WithMaxAttempts(cfg.Tries).ReturnLastFailure().Build()
	return &Transit{cfg: cfg, name: "transit:" + cfg.Mount + "/" + cfg.Key + ":", client: client, retry: retry}, nil
}

// Wrap implements Master.
func (t *Transit) Wrap(ctx context.Context, plaintext, associated []byte) ([]byte, error) {
	data, err := t.call(ctx, "encrypt", map[string]string{
		"plaintext": base64.StdEncoding.EncodeToString(plaintext), "associated_data": base64.StdEncoding.EncodeToString(associated),
	})
	if err != nil {
		return nil, err
	}
	if version(data.Ciphertext) == "" {
		return nil, core.E(core.Internal, "vault.transit", "the answer has no ciphertext").WithHint("check that the address is that of a Vault or OpenBao server")
	}
	return []byte(t.name + data.Ciphertext), nil
}

// Unwrap implements Master.
func (t *Transit) Unwrap(ctx context.Context, wrapped, associated []byte) ([]byte, error) {
	sealed, ok := bytes.CutPrefix(wrapped, []byte(t.name))
	if !ok {
		return nil, wrongMaster(fmt.Errorf("they weren't wrapped by %s", strings.TrimSuffix(t.name, ":")))
	}
	data, err := t.call(ctx, "decrypt", map[string]string{
		"ciphertext": string(sealed), "associated_data": base64.StdEncoding.EncodeToString(associated),
	})
	if err != nil {
		return nil, err
	}
	plaintext, err := base64.StdEncoding.DecodeString(data.Plaintext)
	if err != nil || len(plaintext) == 0 {
		return nil, core.E(core.Internal, "vault.transit", "the answer has no plaintext").WithHint("check that the address is that of a Vault or OpenBao server")
	}
	return plaintext, nil
}

// Stale implements Master: it wraps something and compares the versions of the key.
func (t *Transit) Stale(ctx context.Context, wrapped []byte) (bool, error) {
	sealed, ok := bytes.CutPrefix(wrapped, []byte(t.name))
	if !ok {
		return true, nil
	}
	probe, err := t.Wrap(ctx, []byte("probe"), nil)
	if err != nil {
		return false, err
	}
	return version(string(sealed)) != version(strings.TrimPrefix(string(probe), t.name)), nil
}

// version returns the version part of "vault:v1:...", or "".
func version(ciphertext string) string {
	rest, ok := strings.CutPrefix(ciphertext, "vault:v")
	number, _, whole := strings.Cut(rest, ":")
	if !ok || !whole {
		return ""
	}
	return number
}

// Close lets go of connections that are kept for the next call.
func (t *Transit) Close() { t.client.CloseIdleConnections() }

// Format shows where the key is, and no token.
func (t *Transit) Format(s fmt.State, _ rune) {
	fmt.Fprintf(s, "master key %s at %s", strings.TrimSuffix(t.name, ":"), t.cfg.Address)
}

// LogValue is Format for slog.
func (t *Transit) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(t)) }

// call is one exchange, repeated while the server can't be reached.
func (t *Transit) call(ctx context.Context, verb string, body map[string]string) (transitData, error) {
	return failsafe.With(t.retry).WithContext(ctx).Get(func() (transitData, error) { return t.exchange(ctx, verb, body) })
}
