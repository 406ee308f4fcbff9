package catalog

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Secret is the value of a credential, on its way into a request. The zero Secret is none.
// No printing shows it.
type Secret struct {
	// Header is the one that it goes in; "": the one of the provider's kind.
	Header string
	// User is set for a name and a password (RFC 7617).
	User string
	// Version names the value among those of the credential.
	Version int64
	Until   time.Time // when it ends, as far as is known; zero: it isn't
	value   string
	bearer  *[1]string // as most providers have it; shared
}

// NewSecret returns a Secret that is sent as the provider's kind has it.
func NewSecret(value string, version int64) Secret {
	return Secret{value: value, Version: version, bearer: &[1]string{"Bearer " + value}}
}

// IsZero reports whether there is none.
func (s Secret) IsZero() bool { return s.value == "" }

// Hide returns a text without the secret in it, if it is: what a provider says may quote it.
func (s Secret) Hide(text string) string {
	if s.IsZero() {
		return text
	}
	return strings.ReplaceAll(text, s.value, "[secret]")
}

// Format shows nothing of it.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret]") }

// LogValue is Format for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText is Format for JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// credentialHeaders are those that credentials come in: none of a caller's is passed on.
var credentialHeaders = []string{"Authorization", "X-Api-Key", "Api-Key", "Cookie", "Proxy-Authorization"}

// set puts the secret into a request's header.
func (s Secret) set(h http.Header, usual string) {
	switch {
	case s.IsZero():
	case s.User != "":
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(s.User+":"+s.value)))
	case s.Header != "":
		h.Set(s.Header, s.value)
	case usual != "":
		h.Set(usual, s.value)
	default:
		h["Authorization"] = s.bearer[:]
	}
}
