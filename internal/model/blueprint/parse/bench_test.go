package parse

import (
	"strings"
	"testing"
)

func BenchmarkPrompt(b *testing.B) {
	for b.Loop() {
		Prompt("a reading list with title, author, pages, a finished flag and a rating from 1 to 5", "python")
	}
}

// The longest prompts of the hardest kinds: one chunk, many fields, many
// sentences, many entities.
func BenchmarkLongPrompt(b *testing.B) {
	for name, unit := range map[string]string{"words": "red books of ", "fields": "ab, ", "sentences": "It has a x. ", "entities": "tasks with books; ", "brackets": "(a:", "quotes": "\"a ", "numbers": "1 to 2 and "} {
		long := "books with " + strings.Repeat(unit, 5000/len(unit))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Prompt(long, "python")
			}
		})
	}
}
