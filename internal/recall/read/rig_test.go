package read_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/recall/read"
)

// decode reads a document of a kind.
func decode(t testing.TB, kind read.Kind, text string) read.Document {
	t.Helper()
	d, err := read.Decode(kind, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// shown writes parts as tests compare them.
func shown(d read.Document) string {
	var b strings.Builder
	for _, p := range d.Parts {
		fmt.Fprintf(&b, "[%d:%d-%d %s]\n%s\n", p.Page, p.Line, p.End, p.Heading, p.Text)
	}
	return b.String()
}
