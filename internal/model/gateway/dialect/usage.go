package dialect

import (
	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/core"
)

// usageOf reads a usage object. ok: it tells something.
func usageOf(d Dialect, r gjson.Result) (u core.Usage, ok bool) {
	if !r.IsObject() {
		return core.Usage{}, false
	}
	switch d {
	case Messages: // input_tokens are those that the cache neither gave nor took
		u.Cached = tokens(r, "cache_read_input_tokens")
		u.CacheWrite, u.CacheWrite1h = tokens(r, "cache_creation_input_tokens"), tokens(r, "cache_creation.ephemeral_1h_input_tokens")
		u.Input = tokens(r, "input_tokens") + u.Cached + u.CacheWrite
		u.Output = tokens(r, "output_tokens")
		u.Reasoning = tokens(r, "output_tokens_details.thinking_tokens")
	case Responses:
		u.Input, u.Output = tokens(r, "input_tokens"), tokens(r, "output_tokens")
		u.Cached = tokens(r, "input_tokens_details.cached_tokens")
		u.CacheWrite = tokens(r, "input_tokens_details.cache_write_tokens")
		u.Reasoning = tokens(r, "output_tokens_details.reasoning_tokens")
	default:
		u.Input, u.Output = tokens(r, "prompt_tokens"), tokens(r, "completion_tokens")
		u.Cached = tokens(r, "prompt_tokens_details.cached_tokens")
		u.CacheWrite = tokens(r, "prompt_tokens_details.cache_write_tokens")
		u.Reasoning = tokens(r, "completion_tokens_details.reasoning_tokens")
		// Some servers (xAI's, Gemini's) leave what was thought out of completion_tokens, but
		// not out of the total.
		if thought := tokens(r, "total_tokens") - u.Input - u.Output; thought > 0 {
			u.Output, u.Reasoning = u.Output+thought, max(u.Reasoning, thought)
		}
	}
	return bounded(u), u.Input+u.Output > 0
}

// bounded has no part of a usage be more than what it is a part of.
func bounded(u core.Usage) core.Usage {
	u.Cached, u.Reasoning = min(u.Cached, u.Input), min(u.Reasoning, u.Output)
	u.CacheWrite = min(u.CacheWrite, u.Input-u.Cached)
	u.CacheWrite1h = min(u.CacheWrite1h, u.CacheWrite)
	return u
}

// tokens returns a count of tokens, 0 if there is none or it can't be one.
func tokens(r gjson.Result, path string) int {
	n := r.Get(path)
	if n.Type != gjson.Number || !(n.Num >= 0 && n.Num <= maxTokens) {
		return 0
	}
	return int(n.Num)
}
