package credential

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that doesn't show: fmt, slog and encoders write "[secret]". It is kept
// behind a pointer since fmt can't be told about fields that aren't exported, and would
// follow anything else. The zero Secret is none.
type Secret struct{ text *string }

const hidden = "[secret]"

// NewSecret returns text as a Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text: where it is called, a secret leaves.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is none.
func (s Secret) IsZero() bool { return s.text == nil }

// Format implements fmt.Formatter.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// kept is a Secret in a record, which is sealed below: JSON alone has its text.
type kept struct{ Secret }

func keep(s Secret) kept { return kept{s} }

// MarshalJSON implements json.Marshaler.
func (k kept) MarshalJSON() ([]byte, error) { return json.Marshal(k.Reveal()) }

// UnmarshalJSON implements json.Unmarshaler.
func (k *kept) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	k.Secret = NewSecret(text)
	return nil
}
