package redact_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/redact"
)

// pushed is what becomes of parts of a text, and the most that was held back.
func pushed(f *redact.Flow, parts []string) (out string, held int, err error) {
	var b strings.Builder
	in, given := 0, 0
	for _, p := range parts {
		some, err := f.Push(p)
		if err != nil {
			return b.String(), held, err
		}
		b.WriteString(some)
		in, given = in+len(p), given+len(some)
		held = max(held, in-given)
	}
	some, err := f.End()
	b.WriteString(some)
	return b.String(), held, err
}

// divided draws how a text is divided.
func divided(t *rapid.T, text string) (parts []string) {
	for text != "" {
		n := rapid.IntRange(1, min(len(text), rapid.SampledFrom([]int{1, 3, 9, 40, 4000}).Draw(t, "about"))).Draw(t, "part")
		parts, text = append(parts, text[:n]), text[n:]
	}
	return parts
}

// However a text is divided, what comes out is what becomes of the whole.
func TestHoweverATextIsDivided(t *testing.T) {
	t.Parallel()
	s, words := newScanner(t, planted), append(pieces(), "password=hunter2A9x! ", "--token ", "-----END PRIVATE KEY-----", "authorization", "AK", "IA", "s", "k")
	rapid.Check(t, func(t *rapid.T) {
		policy := redact.Policy{Kinds: map[redact.Kind]redact.Action{redact.Canary: redact.Redact}}
		if rapid.Bool().Draw(t, "some stay") {
			policy.Kinds[rapid.SampledFrom(redact.Kinds).Draw(t, "kind")] = redact.Allow
		}
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 14).Draw(t, "text"), "")
		want, _, err := s.Apply(policy, text)
		if err != nil {
			t.Fatal(err)
		}
		parts := divided(t, text)
		got, _, err := pushed(s.Flow(policy), parts)
		if err != nil || got != want {
			t.Fatalf("%q, which is\n%q\nas a whole, became\n%q: %v", parts, want, got, err)
		}
	})
}

// FuzzFlow divides any text anyhow.
func FuzzFlow(f *testing.F) {
	for _, s := range secrets {
		f.Add("a "+s.text+" b", uint64(3))
	}
	for i, p := range pieces() {
		f.Add(p+p, uint64(i))
	}
	s, err := redact.New(planted)
	if err != nil {
		f.Fatal(err)
	}
	policy := redact.Policy{Kinds: map[redact.Kind]redact.Action{redact.Canary: redact.Redact}}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if len(text) > 1<<16 {
			return
		}
		want, _, err := s.Apply(policy, text)
		if err != nil {
			t.Fatal(err)
		}
		var parts []string
		for rest := text; rest != ""; {
			seed = seed*6364136223846793005 + 1442695040888963407
			n := min(len(rest), 1+int(seed>>33)%17)
			parts, rest = append(parts, rest[:n]), rest[n:]
		}
		got, _, err := pushed(s.Flow(policy), parts)
		if err != nil || got != want {
			t.Fatalf("%q became %q, not %q: %v", parts, got, want, err)
		}
		if utf8.ValidString(text) && !strings.Contains(want, "[redacted:") && got != text {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

// Ordinary words are held back for no longer than it takes to see that they are.
func TestLittleIsHeldBack(t *testing.T) {
	t.Parallel()
	s := newScanner(t, planted)
	for what, c := range map[string]struct {
		text string
		most int
	}{
		"words":     {"The quick brown fox jumps over the lazy dog, and says so to everybody who asks it. ", 6},
		"a word":    {"Your password should be long; the token is not. Secrets are kept by the bearer of them. ", 24},
		"addresses": {"See https://example.org/path and http://localhost:8080/ for more. ", 20},
		"code":      {"func main() { fmt.Println(os.Getenv(\"HOME\")) } // nothing else\n", 8},
	} {
		text := strings.Repeat(c.text, 20)
		got, held, err := pushed(s.Flow(redact.Policy{}), strings.Split(text, ""))
		if err != nil || got != text {
			t.Errorf("%s became %q: %v", what, got, err)
		}
		if held > c.most {
			t.Errorf("of %s %d bytes were held back", what, held)
		}
	}
}

// A key that doesn't end is given up at the bound of what is looked at.
func TestWhatIsHeldBackIsBounded(t *testing.T) {
	t.Parallel()
	s := newScanner(t, planted)
	text := "-----BEGIN RSA PRIVATE KEY-----\n" + strings.Repeat("token secret password ", 3000)
	var parts []string
	for rest := text; rest != ""; {
		n := min(16, len(rest))
		parts, rest = append(parts, rest[:n]), rest[n:]
	}
	got, held, err := pushed(s.Flow(redact.Policy{}), parts)
	if err != nil || held > 17<<10 {
		t.Errorf("%d bytes were held back: %v", held, err)
	}
	if got != s.Redact(text) {
		t.Error("it isn't what becomes of the whole")
	}
}

func TestARefusedSecretDoesntGetOut(t *testing.T) {
	t.Parallel()
	s := newScanner(t, planted)
	for n := range len(canary) {
		f := s.Flow(redact.Policy{})
		out, _, err := pushed(f, []string{"it is " + canary[:n], canary[n:] + " indeed"})
		if core.CodeOf(err) != core.Denied || out != "it is " && out != "" {
			t.Errorf("divided at %d: %q, %v", n, out, err)
		}
	}
}
