package tokens_test

import (
	"encoding/json"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/model/gateway/tokens"
)

const prose = "The quick brown fox jumps over the lazy dog, and nobody who saw it minded in the least. "

// Counts that are known of OpenAI's own tokenizer.
func TestCount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		model, text string
		want        int
	}{
		"nothing":                    {"gpt-4o", "", 0},
		"a greeting":                 {"gpt-4o", "hello world", 2},
		"of an older model":          {"gpt-4", "hello world", 2},
		"two languages, o200k":       {"gpt-5-mini", "こんにちは世界", 2},
		"two languages, cl100k":      {"gpt-3.5-turbo", "こんにちは世界", 4},
		"a model of somebody else's": {"claude", "hello world", 2},
	} {
		if n := tokens.Count(c.model, c.text); n != c.want {
			t.Errorf("%s: %d, want %d", name, n, c.want)
		}
	}
}

// A long text is counted by its beginning, in a time that doesn't grow with it, whatever it is.
func TestALongText(t *testing.T) {
	t.Parallel()
	one := tokens.Count("gpt-4o", strings.Repeat(prose, 100))
	many := tokens.Count("gpt-4o", strings.Repeat(prose, 10_000))
	if many < 98*one || many > 102*one {
		t.Errorf("%d in a hundredth, %d in all", one, many)
	}
	for name, text := range map[string]string{
		"one letter": strings.Repeat("a", 1<<20), "spaces": strings.Repeat(" ", 1<<20), "no text": strings.Repeat("\xff\xfe", 1<<19), "cut in a letter": strings.Repeat("界", 1<<18),
	} {
		begun := time.Now()
		if n := tokens.Count("gpt-4o", text); n < 1 || n > len(text) {
			t.Errorf("%s: %d", name, n)
		}
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// TestAsTiktoken compares with what OpenAI's own tiktoken 0.14.0 (Python) counts of texts whose
// parts are chosen at random of those that are hard to cut, and of all of them in one. It was given
// the same vocabularies.
func TestAsTiktoken(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/tiktoken.json")
	if err != nil {
		t.Fatal(err)
	}
	var counted struct {
		Together [2]int
		Texts    [][3]any // a text, its tokens in o200k, in cl100k
	}
	if err := json.Unmarshal(b, &counted); err != nil || len(counted.Texts) != 300 {
		t.Fatal(err, len(counted.Texts))
	}
	check := func(text string, want ...int) {
		for i, model := range []string{"gpt-4o", "gpt-4"} {
			if n := tokens.Count(model, text); n != want[i] {
				t.Errorf("%s: %q: %d tokens, want %d", model, text, n, want[i])
			}
		}
	}
	var all []string
	for _, c := range counted.Texts {
		text := c[0].(string)
		check(text, int(c[1].(float64)), int(c[2].(float64)))
		all = append(all, text)
	}
	check(strings.Join(all, " "), counted.Together[:]...)
}

// FuzzCount: any text has tokens, none of which is empty, and no more together with another than
// the two have and the few that a cut between them costs.
func FuzzCount(f *testing.F) {
	f.Add(prose, "  two  spaces\n\n\tand a tab \r\n  ")
	f.Add("It's HERE", "こんにちは世界 🙂🏽 \u00a0\u2003x\u0085")
	f.Add(strings.Repeat("a", 300), "\xff\xfe")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, model := range []string{"gpt-4o", "gpt-4"} {
			one, two, both := tokens.Count(model, a), tokens.Count(model, b), tokens.Count(model, a+b)
			if one > len(a) || (one == 0) != (a == "") || len(a)+len(b) < 64<<10 && both > 2*(one+two)+8 {
				t.Fatalf("%s: %q has %d, %q has %d, together %d", model, a, one, b, two, both)
			}
		}
	})
}

func TestAtMost(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a", prose, strings.Repeat(prose, 50), `{"model":"m","messages":[{"role":"user","content":"hello"}]}`, "func main() {\n\tfmt.Println(1)\n}\n"} {
		if n, most := tokens.Count("gpt-4o", text), tokens.AtMost(len(text)); n > most {
			t.Errorf("%q: %d tokens, at most %d", text, n, most)
		}
	}
}

func TestMany(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, model := range []string{"gpt-4o", "gpt-4", "m"} {
				if n := tokens.Count(model, "hello world"); n != 2 {
					t.Errorf("%d", n)
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkLoad is what the first count costs, and how much memory stays; run with -benchtime 1x.
func BenchmarkLoad(b *testing.B) {
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / (1 << 20)
	}
	before := heap()
	for b.Loop() {
		tokens.Count("gpt-4o", "hello")
	}
	b.ReportMetric(heap()-before, "MiB")
}

func BenchmarkCount(b *testing.B) {
	text := strings.Repeat(prose, 50)
	tokens.Count("gpt-4o", text)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		tokens.Count("gpt-4o", text)
	}
}

func BenchmarkCountOneLetter(b *testing.B) {
	text := strings.Repeat("a", 64<<10)
	for b.Loop() {
		tokens.Count("gpt-4o", text)
	}
}
