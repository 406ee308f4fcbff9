package cli

import (
	"os"
	"path/filepath"
	"strings"
)

const maxPast = 500 // lines that are kept

// past is what was typed in conversations, oldest first: a file that only its user can read.
// It implements term.History. What can't be kept is forgotten with the process.
type past struct {
	file  string // "": nothing is kept
	lines []string
}

func newPast(file string) *past {
	p := &past{file: file}
	if b, err := os.ReadFile(file); err == nil {
		for l := range strings.Lines(string(b)) {
			if l = printable(strings.TrimSuffix(l, "\n")); l != "" {
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

// Add implements term.History.
func (p *past) Add(l string) {
	if l = printable(l); l == "" || len(l) > maxAnswer || len(p.lines) > 0 && p.lines[len(p.lines)-1] == l {
		return
	}
	p.lines = append(p.lines, l)
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
