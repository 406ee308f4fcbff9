package redact

import (
	"math/rand/v2"
	"testing"
)

// TestANumberIsNoSecret: what counts, the expressions find nothing in either, whatever follows
// it.
func TestANumberIsNoSecret(t *testing.T) {
	t.Parallel()
	pieces := []string{"s", "S", "_limit", "ID9", ".", "-", `"`, `'`, `\`, " ", "\t", ":", "=", ":=", ">", "1", "16", "4096", ",", "}", "\n", "e5", "x", "Kj3vTq9ZpLw2"}
	counted := 0
	for range 200_000 {
		text := "token"
		for range 1 + rand.IntN(9) {
			text += pieces[rand.IntN(len(pieces))]
		}
		for _, before := range []string{"", "-", "max_"} {
			if !counts(text[len("token"):]) {
				continue
			}
			counted++
			if got := assignedTo(before+text, len(before), len("token")); got != (span{}) {
				t.Fatalf("%q counts, and %q is in it", before+text, (before + text)[got.start:got.end])
			}
		}
	}
	if counted < 1000 {
		t.Errorf("only %d of them count", counted)
	}
	for rest, want := range map[string]bool{
		`s":16,`: true, `s": 4096}`: true, "s: 16\n": true, "_limit': 9": true, ":1": true,
		`":"16"`: false, ":": false, ": 16e5": false, "=16": false, `s":16ab34cd56ef78`: false, "": false,
	} {
		if counts(rest) != want {
			t.Errorf("%q counts: %v", rest, !want)
		}
	}
}
