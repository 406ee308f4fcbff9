package dialect

import "testing"

func TestClaude(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		model   string
		version int
		known   bool
		adapts  bool
		most    int
	}{
		{"claude-3-haiku-20240307", 300, true, false, 4096},
		{"claude-3-7-sonnet-latest", 307, true, false, 4096},
		{"claude-sonnet-4-20250514", 400, true, false, 32_000},
		{"claude-sonnet-4-5-20250929", 405, true, false, 32_000},
		{"claude-haiku-4-5", 405, true, false, 32_000},
		{"claude-opus-4-6", 406, true, true, 32_000},
		{"anthropic/claude-opus-4.7", 407, true, true, 32_000},
		{"claude-opus-5", 500, true, true, 32_000},
		{"claude-opus-5-5", 505, true, true, 32_000},
		{"us.anthropic.claude-sonnet-5-5-v1:0", 505, true, true, 32_000},
		{"claude-sonnet-4-5@20250929", 405, true, false, 32_000},
		{"claude-mythos-preview", 1 << 20, true, true, 32_000},
		{"kimi-k3", 0, false, false, 8192},
		{"", 0, false, false, 8192},
	} {
		version, ok := claude(tt.model)
		if version != tt.version || ok != tt.known || adapts(tt.model) != tt.adapts || DefaultMaxTokens(tt.model) != tt.most {
			t.Errorf("%s: %d, %t, adapts %t, at most %d", tt.model, version, ok, adapts(tt.model), DefaultMaxTokens(tt.model))
		}
	}
}
