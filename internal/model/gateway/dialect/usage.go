package dialect

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/core"
)

// usageNames are the names by which a dialect tells the usage.
type usageNames struct{ input, inputDetails, output, outputDetails, thought string }

var (
	saidByChat      = usageNames{"prompt_tokens", "prompt_tokens_details", "completion_tokens", "completion_tokens_details", "reasoning_tokens"}
	saidByResponses = usageNames{"input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details", "reasoning_tokens"}
	saidByMessages  = usageNames{"input_tokens", "", "output_tokens", "output_tokens_details", "thinking_tokens"}
)

// usageOf reads a usage object, in one pass. ok: it tells something.
func usageOf(d Dialect, b []byte) (u core.Usage, ok bool) {
	names := &saidByChat
	switch d {
	case Messages:
		names = &saidByMessages
	case Responses:
		names = &saidByResponses
	}
	var total, read, created, hour int
	if object(b, 0, 0, func(name []byte, from, to int) {
		switch v := b[from:to]; string(name) {
		case names.input:
			first(&u.Input, v)
		case names.output:
			first(&u.Output, v)
		case names.inputDetails:
			within(v, "cached_tokens", &u.Cached)
			within(v, "cache_write_tokens", &u.CacheWrite)
		case names.outputDetails:
			within(v, names.thought, &u.Reasoning)
		case "total_tokens":
			first(&total, v)
		case "cache_read_input_tokens":
			first(&read, v)
		case "cache_creation_input_tokens":
			first(&created, v)
		case "cache_creation":
			within(v, "ephemeral_1h_input_tokens", &hour)
		}
	}) < 0 {
		return core.Usage{}, false
	}
	switch d {
	case Messages: // input_tokens are those that the cache neither gave nor took
		u.Input, u.Cached, u.CacheWrite, u.CacheWrite1h = u.Input+read+created, read, created, hour
	case Responses:
	default:
		// Some servers (xAI's, Gemini's) leave what was thought out of completion_tokens, but
		// not out of the total.
		if thought := total - u.Input - u.Output; thought > 0 {
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

// within sets a count that a member of an object says.
func within(b []byte, member string, n *int) {
	object(b, 0, 0, func(name []byte, from, to int) {
		if string(name) == member {
			first(n, b[from:to])
		}
	})
}

// first sets a count that isn't set.
func first(n *int, v []byte) {
	if *n == 0 {
		*n = count(v)
	}
}

// count is a JSON value as a count of tokens, 0 if it can't be one.
func count(v []byte) int {
	const most = 10 // digits that no int is too small for
	n := 0
	for i, c := range v {
		if c < '0' || c > '9' || i == most {
			f, err := strconv.ParseFloat(string(v), 64) // what isn't a number is none here, either
			if err != nil || !(f >= 0 && f <= maxTokens) {
				return 0
			}
			return int(f)
		}
		n = 10*n + int(c-'0')
	}
	if n > maxTokens {
		return 0
	}
	return n
}

// tokens returns a count of tokens, 0 if there is none or it can't be one.
func tokens(r gjson.Result, path string) int {
	n := r.Get(path)
	if n.Type != gjson.Number || !(n.Num >= 0 && n.Num <= maxTokens) {
		return 0
	}
	return int(n.Num)
}
