package redact_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/redact"
)

type account struct {
	Name     string
	Password string
	hidden   string
}

type valuer struct{ text string }

func (v valuer) LogValue() slog.Value { return slog.GroupValue(slog.String("inner", v.text)) }

// TestLogs sees that no way of logging shows a secret, as text and as JSON, and that other
// values stay what they are.
func TestLogs(t *testing.T) {
	t.Parallel()
	s := newScanner(t, planted)
	token := "ghp_" + fake(alnum, 36)
	for format, handler := range map[string]func(io.Writer) slog.Handler{
		"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		"json": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		for _, secret := range []string{canary, token, "correct horse=battery"} {
			for way, log := range map[string]func(*slog.Logger){
				"message": func(l *slog.Logger) { l.Info("got " + secret) },
				"string":  func(l *slog.Logger) { l.Info("x", "a", secret) },
				"key":     func(l *slog.Logger) { l.Info("x", secret, 1) },
				"error":   func(l *slog.Logger) { l.Info("x", "error", fmt.Errorf("refused: %w", errors.New(secret))) },
				"bytes":   func(l *slog.Logger) { l.Info("x", "a", []byte(secret)) },
				"struct":  func(l *slog.Logger) { l.Info("x", "a", account{Name: secret}) },
				"pointer": func(l *slog.Logger) { l.Info("x", "a", &account{Name: secret}) },
				"hidden":  func(l *slog.Logger) { l.Info("x", "a", account{hidden: secret}) },
				"map":     func(l *slog.Logger) { l.Info("x", "a", map[string]any{"b": []string{secret}}) },
				"nested":  func(l *slog.Logger) { l.Info("x", "a", map[string]*account{"b": {Name: secret}}) },
				"group":   func(l *slog.Logger) { l.Info("x", slog.Group("g", slog.Group("h", "a", secret))) },
				"with":    func(l *slog.Logger) { l.With("a", secret).WithGroup("g").With("b", secret).Info("x") },
				"valuer":  func(l *slog.Logger) { l.Info("x", "a", valuer{secret}) },
			} {
				var out bytes.Buffer
				log(slog.New(s.Handler(handler(&out))))
				if text := out.String(); strings.Contains(text, secret) || !strings.Contains(text, "[redacted:") {
					t.Errorf("%s, %s: %s", format, way, text)
				}
			}
		}
	}
}

func TestLogsOtherwiseStay(t *testing.T) {
	t.Parallel()
	s := newScanner(t, redact.Config{})
	var plain, through bytes.Buffer
	drop := &slog.HandlerOptions{Level: slog.LevelInfo, AddSource: true, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.SourceKey {
			return slog.Attr{}
		}
		return a
	}}
	for _, l := range []*slog.Logger{slog.New(slog.NewJSONHandler(&plain, drop)), slog.New(s.Handler(slog.NewJSONHandler(&through, drop)))} {
		l.Debug("not this")
		l.With("org", "org_a").WithGroup("g").Info("a task goes on", "n", 1, "f", 1.5, "ok", true, "list", []int{1}, "account", account{Name: "ann"}, "error", errors.New("no"), "none", nil)
	}
	if plain.String() != through.String() {
		t.Errorf("got  %swant %s", through.String(), plain.String())
	}
	var out bytes.Buffer
	slog.New(s.Handler(slog.NewTextHandler(&out, nil))).Info("x", "password", "Tr0ub4dor&3")
	if strings.Contains(out.String(), "Tr0ub4dor") {
		t.Errorf("a telling name's value stays: %s", out.String())
	}
}
