package client

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/isekai-run/isekai/internal/core"
)

func parse(r io.Reader) (out []message, err error) {
	for m, e := range readSSE(r) {
		if e != nil {
			return out, e
		}
		out = append(out, m)
	}
	return out, nil
}

func TestReadSSE(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want []message
	}{
		"nothing":           {"", nil},
		"one":               {"id: 1\nevent: x\ndata: a\n\n", []message{{"1", "x", "a"}}},
		"two lines of data": {"data: a\ndata: b\n\n", []message{{data: "a\nb"}}},
		"no space":          {"data:a\n\n", []message{{data: "a"}}},
		"two spaces":        {"data:  a\n\n", []message{{data: " a"}}},
		"CR LF":             {"id: 1\r\ndata: a\r\n\r\n", []message{{id: "1", data: "a"}}},
		"comments":          {": hello\n\n: \n\ndata: a\n\n", []message{{data: "a"}}},
		"unknown fields":    {"retry: 5\nfoo: bar\nbaz\ndata: a\n\n", []message{{data: "a"}}},
		"an id alone":       {"id: 5\n\ndata: a\n\n", []message{{data: "a"}}},
		"an event alone":    {"event: end\n\n", []message{{event: "end"}}},
		"cut in the middle": {"data: a\n\nid: 2\ndata: b", []message{{data: "a"}}},
	} {
		for how, r := range map[string]io.Reader{
			"whole": strings.NewReader(c.in), "byte by byte": iotest.OneByteReader(strings.NewReader(c.in)),
		} {
			if got, err := parse(r); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s, %s: %q, %v", name, how, got, err)
			}
		}
	}
	if _, err := parse(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("data: a\n\n")))); core.CodeOf(err) != core.Unavailable {
		t.Errorf("a connection that fails: %v", err)
	}
	for name, in := range map[string]string{
		"one line":   "data: " + strings.Repeat("x", maxMessage+1) + "\n\n",
		"many lines": strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", maxMessage/1000+1),
	} {
		if _, err := parse(strings.NewReader(in)); core.CodeOf(err) != core.Invalid {
			t.Errorf("an event without a bound, %s: %v", name, err)
		}
	}
}

func FuzzReadSSE(f *testing.F) {
	f.Add([]byte("id: 1\nevent: x\ndata: a\ndata: b\n\n"))
	f.Add([]byte(":\n\n\r\n\x00\xff\ndata"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parse(bytes.NewReader(b))
		if err != nil && core.CodeOf(err) != core.Invalid {
			t.Fatal(err)
		}
		size := 0
		for _, m := range got {
			if size += len(m.data); strings.ContainsAny(m.id+m.event, "\n") {
				t.Fatalf("a field of two lines: %q", m)
			}
		}
		if size > len(b) {
			t.Fatalf("%d bytes of data of %d", size, len(b))
		}
		slow, err2 := parse(iotest.OneByteReader(bytes.NewReader(b)))
		if !slices.Equal(got, slow) || (err == nil) != (err2 == nil) {
			t.Fatalf("%q, byte by byte %q", got, slow)
		}
	})
}
