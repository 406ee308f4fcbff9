package redact_test

import (
	"fmt"
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

// values are the planted ones, however they are encoded.
func values() []string {
	return append(append([]string{"]abcdefgh["}, forms(canary)...), forms("correct horse=battery")...)
}

// TestNothingPlantedGetsOut of a text of whatever looks like secrets.
func TestNothingPlantedGetsOut(t *testing.T) {
	t.Parallel()
	s, parts := newScanner(t, planted), pieces()
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 12).Draw(t, "text"), "")
		out := s.Redact(text)
		for _, v := range values() {
			if strings.Contains(out, v) {
				t.Fatalf("%q becomes %q, with %q in it", text, out, v)
			}
		}
	})
}

// FuzzRedact plants values in any text: none gets out.
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
	all := values()
	f.Fuzz(func(t *testing.T, before, after string, seed uint64) {
		text := before + all[rand.New(rand.NewPCG(seed, 0)).IntN(len(all))] + after
		out := s.Redact(text)
		for _, v := range all {
			if strings.Contains(out, v) {
				t.Fatalf("%q becomes %q, with %q in it", text, out, v)
			}
		}
	})
}

func ExampleScanner_Redact() {
	s, err := redact.New(redact.Config{Secrets: []redact.Value{{Name: "db", Text: "correct horse"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Redact("the password is correct horse, isn't it"))
	// Output: the password is [redacted:known_secret], isn't it
}
