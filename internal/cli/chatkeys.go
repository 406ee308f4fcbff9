package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// ctrlC is what a terminal in raw mode sends for it.
const ctrlC = 3

// errAgain is the end of a line by Ctrl-C.
var errAgain = errors.New("interrupted")

// keys are what is typed at a terminal in raw mode. One goroutine reads them, which ends with
// the process; they go to the line that is edited, or to what waits for a Ctrl-C.
type keys struct {
	typed chan []byte
	rest  []byte
	hit   bool // the last that was read was a Ctrl-C
}

func newKeys(in io.Reader) *keys {
	k := &keys{typed: make(chan []byte)}
	go func() {
		defer close(k.typed)
		for {
			b := make([]byte, 256)
			n, err := in.Read(b)
			if n > 0 {
				k.typed <- b[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	return k
}

// Read implements io.Reader. What follows a Ctrl-C stays for the next line.
func (k *keys) Read(p []byte) (int, error) {
	if len(k.rest) == 0 {
		b, ok := <-k.typed
		if !ok {
			return 0, io.EOF
		}
		k.rest = b
	}
	n := len(k.rest)
	if i := bytes.IndexByte(k.rest, ctrlC); i >= 0 {
		n = i + 1
	}
	n = copy(p, k.rest[:n])
	k.hit = p[n-1] == ctrlC
	k.rest = k.rest[n:]
	return n, nil
}

// during calls interrupt at each Ctrl-C until ctx ends. What else is typed meanwhile is dropped.
func (k *keys) during(ctx context.Context, interrupt func()) {
	for {
		select {
		case b, ok := <-k.typed:
			if !ok {
				return
			}
			for range bytes.Count(b, []byte{ctrlC}) {
				interrupt()
			}
		case <-ctx.Done():
			return
		}
	}
}

// put has text typed before what is.
func (k *keys) put(text string) { k.rest = append([]byte(text), k.rest...) }

// editor reads lines at a terminal, with the ones before at hand.
type editor struct {
	keys *keys
	out  *os.File
	past *past
	line *term.Terminal
}

// change is read, with a text of one line to begin with.
func (e *editor) change(prompt, text string) (string, error) {
	e.keys.put(text)
	return e.read(prompt)
}

// read returns what a person says: lines that end with a backslash, and those of a paste, are
// one. errAgain is a Ctrl-C, io.EOF a Ctrl-D.
func (e *editor) read(prompt string) (string, error) {
	if e.line == nil {
		e.line = term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{e.keys, e.out}, prompt)
		e.line.History = e.past
		e.line.SetBracketedPasteMode(true)
		if w, h, err := term.GetSize(int(e.out.Fd())); err == nil {
			_ = e.line.SetSize(w, h) // else it is as wide as usual
		}
	}
	e.line.SetPrompt(prompt)
	var all []string
	for {
		l, err := e.line.ReadLine()
		switch {
		case errors.Is(err, term.ErrPasteIndicator):
			all = append(all, l)
			e.line.SetPrompt("… ")
		case err != nil:
			e.line = nil
			if e.keys.hit {
				err = errAgain
			}
			return "", err
		case strings.HasSuffix(l, `\`):
			all = append(all, strings.TrimSuffix(l, `\`))
			e.line.SetPrompt("… ")
		default:
			return strings.TrimSpace(strings.Join(append(all, l), "\n")), nil
		}
	}
}

// returning writes a carriage return before each line's end, as a terminal in raw mode needs.
type returning struct{ w io.Writer }

// Write implements io.Writer.
func (r returning) Write(b []byte) (int, error) {
	_, err := r.w.Write(bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")))
	return len(b), err
}
