package cli

import (
	"os"
	"path/filepath"
	"strings"
)

const maxPast = 500 // lines that are kept

// past is what was typed in conversations, oldest first: a file that only its user can read.
// What has a secret in it is left out. It implements term.History. What can't be kept is forgotten
// with the process.
type past struct {
	file  string              // "": nothing is kept
	clean func(string) string // takes secrets out; nil: nothing is known of them
	lines []string
}

func newPast(file string, clean func(string) string) *past {
	p := &past{file: file, clean: clean}
	if b, err := os.ReadFile(file); err == nil {
		for l := range strings.Lines(string(b)) {
			if l = printable(strings.TrimSuffix(l, "\n")); l != "" && p.harmless(l) {
				p.lines = append(p.lines, l)
			}
		}
	}
	p.bound()
	return p
}

func (p *past) bound() {
	if n := len(p.lines) - maxPast; n > 0 {
		p.lines = p.lines[n:]
	}
}

// Add implements term.History: it keeps nothing, for a line may be a part of a secret, or the
// answer to a question.
func (*past) Add(string) {}

func (p *past) harmless(s string) bool { return p.clean == nil || p.clean(s) == s }

// keep adds what was said, each line of it, unless there is a secret in it.
func (p *past) keep(said string) {
	if !p.harmless(said) {
		return
	}
	n := len(p.lines)
	for l := range strings.Lines(said) {
		l = printable(strings.TrimSuffix(l, "\n"))
		if l == "" || len(l) > maxAnswer || len(p.lines) > 0 && p.lines[len(p.lines)-1] == l || !p.harmless(l) {
			continue
		}
		p.lines = append(p.lines, l)
	}
	if len(p.lines) == n {
		return
	}
	p.bound()
	if p.file == "" || os.MkdirAll(filepath.Dir(p.file), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(p.file), "past-*") // 0600
	if err != nil {
		return
	}
	_, err = f.WriteString(strings.Join(p.lines, "\n") + "\n")
	if closeErr := f.Close(); err != nil || closeErr != nil || os.Rename(f.Name(), p.file) != nil {
		_ = os.Remove(f.Name())
	}
}

// Len implements term.History.
func (p *past) Len() int { return len(p.lines) }

// At implements term.History: 0 is the newest.
func (p *past) At(i int) string { return p.lines[len(p.lines)-1-i] }
