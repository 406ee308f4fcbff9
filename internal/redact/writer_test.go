package redact_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/redact"
)

const canary = "zebra-crossing/42"

var planted = redact.Config{
	Canaries: []redact.Value{{Name: "trap", Text: canary}}, Secrets: []redact.Value{{Name: "db", Text: "correct horse=battery"}, {Name: "edge", Text: "]abcdefgh["}},
}

// pieces are what texts of the properties are made of.
func pieces() []string {
	all := []string{
		" ", "\n", "x", "=", ":", `"`, `\`, "a@b", "password", "token=", "secret: ", "://", "user:", "-----BEGIN ", "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----",
		"Authorization: ", "Bearer ", "eyJ", "sk-", "sk-proj-", "ghp_", "AKIA", fake(alnum, 20), fake(word, 40), fake(lower+digits, 70), "zebra-", "crossing/42", "correct horse", "=battery", "[redacted:", "]", "é", "\xff",
	}
	for _, s := range secrets {
		all = append(all, s.text)
	}
	return append(append(all, forms(canary)...), forms("correct horse=battery")...)
}

// TestAStreamIsAsTheWhole sees that it doesn't matter how a text is cut into writes.
func TestAStreamIsAsTheWhole(t *testing.T) {
	t.Parallel()
	s, parts := newScanner(t, planted), pieces()
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 12).Draw(t, "text"), "")
		want := s.Redact(text)
		var got strings.Builder
		w := s.Writer(&got)
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, min(len(rest), rapid.SampledFrom([]int{1, 7, 100, 5000}).Draw(t, "size"))).Draw(t, "n")
			if _, err := io.WriteString(w, rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil || got.String() != want {
			t.Fatalf("%q\nwhole:    %q\nin pieces: %q (%v)", text, want, got.String(), err)
		}
	})
}

// TestALongSecretInAStream is longer than a rule looks, and in small pieces.
func TestALongSecretInAStream(t *testing.T) {
	t.Parallel()
	s := newScanner(t, planted)
	for name, text := range map[string]string{
		"key":     strings.Replace(pem("PRIVATE KEY"), "\n", "\n"+strings.Repeat(fake(alnum, 64)+"\n", 400), 1),
		"token":   "sk-proj-" + fake(word, 20_000),
		"claims":  "eyJ" + fake(alnum, 30) + ".eyJ" + fake(word, 20_000) + "." + fake(word, 43),
		"tokens":  strings.Repeat("sk-proj-"+fake(word, 900), 40),
		"no key":  "-----BEGIN PRIVATE KEY-----" + strings.Repeat("word ", 10_000),
		"nothing": strings.Repeat("password", 5000) + "=" + fake(alnum, 3000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got strings.Builder
			w := s.Writer(&got)
			for rest := "before " + text + " " + canary + " after"; rest != ""; {
				n := min(len(rest), 61)
				if _, err := io.WriteString(w, rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			ok(t, w.Close())
			if want := s.Redact("before " + text + " " + canary + " after"); got.String() != want {
				t.Errorf("whole: %d bytes, in pieces: %d bytes", len(want), got.Len())
			}
			if strings.Contains(got.String(), canary) {
				t.Error("the canary is there")
			}
		})
	}
}

// TestLittleIsHeldBack sees that ordinary text, and lines of a log, go on at once.
func TestLittleIsHeldBack(t *testing.T) {
	t.Parallel()
	s := newScanner(t, planted)
	for _, text := range []string{
		"a word of prose ", "level=INFO msg=\"the token was refused\" password=" + fake(alnum, 20) + "\n", "see https://example.com/a?b=c for more ", "Authorization: Basic " + fake(alnum, 40) + "\n",
		pem("PRIVATE KEY") + "\n", "ghp_" + fake(alnum, 36) + " ",
	} {
		var got strings.Builder
		w := s.Writer(&got)
		_, err := io.WriteString(w, text)
		ok(t, err)
		if want := s.Redact(text); got.String() != want {
			t.Errorf("%q is held back: %q", text, got.String())
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestAWriteFails(t *testing.T) {
	t.Parallel()
	w := newScanner(t, redact.Config{}).Writer(failing{})
	if n, err := io.WriteString(w, "hello "); n != 0 || err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("%d, %v", n, err)
	}
}

// FuzzRedact plants values in any text: none gets out, whole or in a stream, and both are
// the same.
func FuzzRedact(f *testing.F) {
	for _, s := range secrets {
		f.Add(s.text, s.part, uint64(1))
	}
	for _, p := range pieces() {
		f.Add(p, p, uint64(len(p)))
	}
	f.Add("token=", "\x7f00", uint64(0))
	f.Add("0", "ABIA2222222222222222", uint64(152))
	f.Add("sk-", "-----BEGIN PRIVATE KEY-----", uint64(3))
	f.Add("password=[red", "acted:assignment]", uint64(3))
	s, err := redact.New(planted)
	if err != nil {
		f.Fatal(err)
	}
	values := append(append([]string{"]abcdefgh["}, forms(canary)...), forms("correct horse=battery")...)
	f.Fuzz(func(t *testing.T, before, after string, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		text := before + values[r.IntN(len(values))] + after
		whole := s.Redact(text)
		var stream strings.Builder
		w := s.Writer(&stream)
		for rest := text; rest != ""; {
			n := 1 + r.IntN(len(rest))
			_, _ = io.WriteString(w, rest[:n]) // a Builder takes everything
			rest = rest[n:]
		}
		_ = w.Close()
		if stream.String() != whole {
			t.Fatalf("%q\nwhole:  %q\nstream: %q", text, whole, stream.String())
		}
		for _, v := range values {
			if strings.Contains(whole, v) {
				t.Fatalf("%q becomes %q, with %q in it", text, whole, v)
			}
		}
	})
}

func ExampleScanner_Writer() {
	s, err := redact.New(redact.Config{Secrets: []redact.Value{{Name: "db", Text: "correct horse"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var out strings.Builder
	w := s.Writer(&out)
	for _, part := range []string{"the password is corr", "ect ho", "rse, isn't it"} {
		if _, err := io.WriteString(w, part); err != nil {
			fmt.Println(err)
		}
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}
	fmt.Println(out.String())
	// Output: the password is [redacted:known_secret], isn't it
}
