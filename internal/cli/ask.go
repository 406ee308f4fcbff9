package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/isekai-run/isekai/internal/core"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 4096

// typed returns the next line of the input without the spaces around it, or the end of
// ctx: nothing interrupts the reading itself, which ends with the process.
func (sh *shell) typed(ctx context.Context) (string, error) {
	s, err := await(ctx, sh.line)
	return strings.TrimSpace(s), err
}

// ask asks a person at a terminal for something; elsewhere it is the next line.
func (sh *shell) ask(ctx context.Context, what string) (string, error) {
	if sh.terminal() != nil {
		fmt.Fprint(sh.io.Err, what+": ")
	}
	s, err := sh.typed(ctx)
	if err == nil && s == "" {
		err = core.E(core.Invalid, "", "there is no "+strings.ToLower(what)).WithHint("it is read from standard input, a line each")
	}
	return s, err
}

// askSecret is ask for what nobody may see on the screen, with the spaces in it.
func (sh *shell) askSecret(ctx context.Context, what string) (s string, err error) {
	f := sh.terminal()
	if f == nil {
		s, err = await(ctx, sh.line)
	} else {
		fmt.Fprint(sh.io.Err, what+": ")
		s, err = hidden(ctx, f)
		fmt.Fprintln(sh.io.Err)
	}
	if err == nil && s == "" {
		err = core.E(core.Invalid, "", "there is no "+strings.ToLower(what)).WithHint("it is read from standard input, a line each, or from a file")
	}
	return s, err
}

// secretFrom is askSecret, or the first line of a file.
func (sh *shell) secretFrom(ctx context.Context, file, what string) (string, error) {
	if file == "" {
		return sh.askSecret(ctx, what)
	}
	f, err := os.Open(file)
	if err != nil {
		return "", core.E(core.Invalid, "", "the file of the "+strings.ToLower(what)+" can't be read").Because(err).WithHint("name a file that holds it in one line")
	}
	defer f.Close()
	s := firstLine(bufio.NewReader(io.LimitReader(f, maxAnswer)))
	if s == "" {
		return "", core.E(core.Invalid, "", "there is no "+strings.ToLower(what)+" in "+file).WithHint("name a file that holds it in one line")
	}
	return s, nil
}

// terminal returns the input if a person sits there.
func (sh *shell) terminal() *os.File {
	if f, ok := sh.io.In.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// line returns the next line of the input without its end.
func (sh *shell) line() string {
	if sh.in == nil {
		sh.in = bufio.NewReaderSize(sh.io.In, maxAnswer)
	}
	return firstLine(sh.in)
}

// firstLine reads a line; the end of the input ends it, too, and one that is longer than
// maxAnswer is none.
func firstLine(r *bufio.Reader) string {
	s, err := r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		return ""
	}
	return strings.TrimRight(string(s), "\r\n")
}

// hidden reads a line of a terminal that doesn't show it.
func hidden(ctx context.Context, f *os.File) (string, error) {
	fd := int(f.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", core.E(core.Unavailable, "", "the terminal can't be read").Because(err)
	}
	s, err := await(ctx, func() string {
		b, _ := term.ReadPassword(fd) // what can't be read is nothing
		return string(b)
	})
	if err != nil {
		_ = term.Restore(fd, before) // or the shell's own input stays hidden
	}
	return s, err
}

// await returns what read returns, or the end of ctx.
func await(ctx context.Context, read func() string) (string, error) {
	line := make(chan string, 1)
	go func() { line <- read() }()
	select {
	case s := <-line:
		return s, nil
	case <-ctx.Done():
		return "", core.E(core.Canceled, "", "stopped; nothing was done").WithHint("repeat the command to go on")
	}
}
