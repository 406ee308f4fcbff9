package sandboxtest

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/sandbox"
)

func streamTests() tests {
	return tests{
		"stdin goes in and stdout comes out":       throughCat,
		"stdout and stderr are apart":              apart,
		"without stdin there is an end of file":    noStdin,
		"stdin that nobody reads doesn't matter":   unreadStdin,
		"stdin that never ends doesn't matter":     endlessStdin,
		"output that nobody wants doesn't matter":  discarded,
		"output arrives while the command runs":    liveOutput,
		"a writer that fails doesn't hang the run": failingWriter,
	}
}

func throughCat(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Output: -1}})
	want := make([]byte, 3<<20)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(want) // never fails
	c := program("cat")
	c.Stdin = bytes.NewReader(want)
	var out bytes.Buffer
	c.Stdout = &out
	ok(t, run(t, box, c))
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("%d bytes went in, %d others came out", len(want), out.Len())
	}
}

func apart(t *testing.T, g rig) {
	o := run(t, g.box(t, sandbox.Spec{}), sandbox.Command{Argv: []string{"sh", "-c", "echo out; echo err >&2"}})
	if o.out != "out\n" || o.err != "err\n" {
		t.Errorf("stdout %q, stderr %q", o.out, o.err)
	}
}

func noStdin(t *testing.T, g rig) {
	if got := ok(t, run(t, g.box(t, sandbox.Spec{}), program("cat"))); got != "" {
		t.Errorf("read %q", got)
	}
}

func unreadStdin(t *testing.T, g rig) {
	ok(t, run(t, g.box(t, sandbox.Spec{}), sandbox.Command{Argv: []string{"true"}, Stdin: io.LimitReader(zeros{}, 8<<20)}))
}

// endlessStdin has a reader that blocks when the command is long over.
func endlessStdin(t *testing.T, g rig) {
	r, w := io.Pipe()
	defer w.Close()
	ok(t, run(t, g.box(t, sandbox.Spec{}), sandbox.Command{Argv: []string{"true"}, Stdin: r}))
}

func discarded(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	exit, err := box.Exec(t.Context(), sandbox.Command{Argv: []string{"sh", "-c", "echo out; echo err >&2"}})
	if err != nil || !exit.OK() {
		t.Errorf("%+v %v", exit, err)
	}
}

func liveOutput(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Wall: -1}})
	r, w := io.Pipe()
	in, feed := io.Pipe()
	ended := background(t, box, sandbox.Command{Argv: []string{"sh", "-c", "echo first; read x; echo $x"}, Stdin: in, Stdout: w})
	buf := make([]byte, 6)
	if _, err := io.ReadFull(r, buf); err != nil || string(buf) != "first\n" {
		t.Fatalf("%q %v", buf, err)
	}
	if _, err := io.WriteString(feed, "word\n"); err != nil {
		t.Fatal(err)
	}
	buf = make([]byte, 5)
	if _, err := io.ReadFull(r, buf); err != nil || string(buf) != "word\n" {
		t.Fatalf("%q %v", buf, err)
	}
	if o := <-ended; !o.OK() {
		t.Errorf("%+v %s", o.Exit, o.err)
	}
	_ = feed.Close() // a pipe in memory
}

func failingWriter(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	_, err := box.Exec(t.Context(), sandbox.Command{Argv: []string{"sh", "-c", "echo a; echo b; echo c"}, Stdout: brokenWriter{}})
	t.Logf("the run ended with %v", err) // with or without an error: it must end
	if got := strings.TrimSpace(sh(t, box, "echo still there")); got != "still there" {
		t.Errorf("got %q", got)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
