// Package tokens says how many tokens a text has, where a provider doesn't.
//
// The gateway calls it: AtMost before a call, and Count for an answer whose provider reports no
// usage. It never looks at what a text says, and keeps none.
package tokens

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// bytesPerToken is less than most texts have.
const bytesPerToken = 3

// AtMost is how many tokens so many bytes of text have, seldom more. It costs nothing.
func AtMost(bytes int) int { return bytes/bytesPerToken + 1 }

// usualBytes is how many bytes a token has in most texts.
const usualBytes = 4

// About is how many tokens so many bytes of text usually have. It costs nothing.
func About(bytes int) int { return (bytes + usualBytes - 1) / usualBytes }

// maxExact bounds the text that is counted token by token, in bytes; of a longer one its
// beginning says how many the rest has, but not less than half of what is usual.
const maxExact = 64 << 10

// The vocabularies are constant. Each is read when it is first used, and stays. How a text is
// cut is OpenAI's pattern, but for the case of letters, which it folds, and (?!\S) behind space,
// which this package's piece does. White space is Unicode's.
var (
	o200k = sync.OnceValues(func() (*vocabulary, error) {
		const before, upper, lower = `[^\r\n\p{L}\p{N}]?`, `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
		return load(&o200kTable, "o200k_base", before+upper+`*`+lower+`+(?:`+shortened+`)?|`+before+upper+`+`+lower+`*(?:`+shortened+`)?|\p{N}{1,3}| ?[^`+space+`\p{L}\p{N}]+[\r\n/]*|`+spaces)
	})
	cl100k = sync.OnceValues(func() (*vocabulary, error) {
		return load(&cl100kTable, "cl100k_base", shortened+`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^`+space+`\p{L}\p{N}]+[\r\n]*|[`+space+`]+$|`+spaces)
	})
)

var o200kTable, cl100kTable [places]uint64

const (
	shortened = `'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]`
	space     = `\t-\r\x{85}\p{Z}`
	spaces    = `[` + space + `]*[\r\n]+|([` + space + `]+)`
)

// Count is how many tokens a text has for a model, about: as OpenAI's models count, which
// others' don't differ from by much. Safe for concurrent use.
func Count(model, text string) int {
	part := begin(text, maxExact)
	v, err := of(model)()
	if err != nil { // it is part of the program
		return AtMost(len(text))
	}
	n := v.count(part)
	if len(part) < len(text) {
		rest := len(text) - len(part)
		n += max(int(float64(n)*float64(rest)/float64(len(part))), About(rest)/2)
	}
	return n
}

// begin is at most so many bytes of a text, cut between two characters, if it has some.
func begin(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// of is the vocabulary of a model, by its name: of those that are older than most, or o200k.
func of(model string) func() (*vocabulary, error) {
	for _, older := range []string{"gpt-4-", "gpt-3.5", "text-embedding-"} {
		if strings.HasPrefix(model, older) || model == "gpt-4" {
			return cl100k
		}
	}
	return o200k
}
