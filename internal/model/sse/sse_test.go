package sse

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// streams are streams of events, for the tests and as seeds.
func streams() map[string]struct {
	in   string
	want []Event
} {
	type c = struct {
		in   string
		want []Event
	}
	ev := func(name, id, data string) Event { return Event{name, id, []byte(data)} }
	return map[string]struct {
		in   string
		want []Event
	}{
		"nothing":                    c{"", nil},
		"one":                        c{"data: a\n\n", []Event{ev("", "", "a")}},
		"without its empty line":     c{"data: a\n", []Event{ev("", "", "a")}},
		"without its end":            c{"data: a\n\ndata: b", []Event{ev("", "", "a"), ev("", "", "b")}},
		"carriage returns":           c{"data: a\r\rdata: b\r\r", []Event{ev("", "", "a"), ev("", "", "b")}},
		"both":                       c{"data: a\r\n\r\ndata: b\r\ndata: c\r\n\r\n", []Event{ev("", "", "a"), ev("", "", "b\nc")}},
		"mixed":                      c{"data: a\r\n\ndata: b\r\r\n\n\rdata: c\n\r", []Event{ev("", "", "a"), ev("", "", "b"), ev("", "", "c")}},
		"byte order mark":            c{"\ufeffdata: a\n\n\ufeffdata: b\n\n", []Event{ev("", "", "a")}},
		"half a byte order mark":     c{"\xef\xbbdata: a\n\ndata: b\n\n", []Event{ev("", "", "b")}},
		"name and id":                c{"event: x\nid: 7\ndata: a\n\nevent:x\ndata:b\n\n", []Event{ev("x", "7", "a"), ev("x", "", "b")}},
		"an id with a null":          c{"id: 7\x00\ndata: a\n\n", []Event{ev("", "", "a")}},
		"several lines":              c{"data: a\nevent: x\n: no\ndata:  b\ndata\ndata:\ndata: c\n\n", []Event{ev("x", "", "a\n b\n\n\nc")}},
		"comments and other fields":  c{": OPENROUTER PROCESSING\n\nretry: 3\nfoo: bar\n:\ndata: a\n\n", []Event{ev("", "", "a")}},
		"no data":                    c{"event: x\nid: 1\n\ndata: a\n\n", []Event{ev("", "", "a")}},
		"empty data":                 c{"data:\n\ndata\n\n", []Event{ev("", "", ""), ev("", "", "")}},
		"a line without a colon":     c{"nonsense\n{\"error\":1}\ndata: a\n\n", []Event{ev("", "", "a")}},
		"longer than the buffer":     c{"data: " + strings.Repeat("x", 100_000) + "\n\ndata: b\n\n", []Event{ev("", "", strings.Repeat("x", 100_000)), ev("", "", "b")}},
		"lines longer than a buffer": c{strings.Repeat("data: 123456789\n", 2000) + "\n", []Event{ev("", "", strings.TrimSuffix(strings.Repeat("123456789\n", 2000), "\n"))}},
	}
}

// lines are events as they are compared: cmp takes long for bytes.
func lines(events []Event) (all [][3]string) {
	for _, e := range events {
		all = append(all, [3]string{e.Name, e.ID, string(e.Data)})
	}
	return all
}

// counted counts what is read of a reader.
type counted struct {
	io.Reader
	reads int
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	c.reads++
	return c.Reader.Read(p)
}

// all reads a stream to its end, and holds Ready to its word.
func all(r io.Reader, most int) (events []Event, err error) {
	from := &counted{Reader: r}
	s := NewScanner(from, most)
	for {
		ready, reads := s.Ready(), from.reads
		e, err := s.Next()
		if ready && (err != nil || reads != from.reads) {
			return events, errors.Join(err, errors.New("an event isn't there that was ready"))
		}
		if err != nil {
			if _, again := s.Next(); !errors.Is(again, err) {
				return events, errors.Join(err, errors.New("it goes on after its end"), again)
			}
			return events, err
		}
		e.Data = append([]byte{}, e.Data...)
		events = append(events, e)
	}
}

func TestScanner(t *testing.T) {
	t.Parallel()
	for name, c := range streams() {
		t.Run(name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"at once": strings.NewReader(c.in), "by bytes": iotest.OneByteReader(strings.NewReader(c.in)),
				"by halves": iotest.HalfReader(strings.NewReader(c.in)), "with its end": iotest.DataErrReader(strings.NewReader(c.in)),
			} {
				got, err := all(r, 1<<20)
				if err != io.EOF {
					t.Fatalf("%s: %v", how, err)
				}
				if d := cmp.Diff(lines(c.want), lines(got)); d != "" {
					t.Errorf("%s: %s", how, d)
				}
			}
		})
	}
}

// reference reads the same, slowly: line by line from the whole stream.
func reference(in string) (events []Event) {
	in = strings.TrimPrefix(in, "\ufeff")
	in = strings.ReplaceAll(strings.ReplaceAll(in, "\r\n", "\n"), "\r", "\n")
	var e Event
	var data []string
	flush := func() {
		if data != nil {
			e.Data = []byte(strings.Join(data, "\n"))
			events = append(events, e)
		}
		e, data = Event{}, nil
	}
	for line := range strings.SplitSeq(in, "\n") {
		name, v, _ := strings.Cut(line, ":")
		v = strings.TrimPrefix(v, " ")
		switch {
		case line == "":
			flush()
		case name == "data":
			data = append(data, v)
		case name == "event":
			e.Name = v
		case name == "id" && !strings.Contains(v, "\x00"):
			e.ID = v
		}
	}
	flush()
	return events
}

// FuzzScanner compares the scanner with the reference, read in pieces.
func FuzzScanner(f *testing.F) {
	for _, c := range streams() {
		if len(c.in) < 1000 {
			f.Add(c.in, byte(1))
			f.Add(c.in, byte(7))
		}
	}
	f.Fuzz(func(t *testing.T, in string, piece byte) {
		got, err := all(&pieces{in, int(piece)%64 + 1}, len(in)+1)
		if err != io.EOF {
			t.Fatal(err)
		}
		if d := cmp.Diff(lines(reference(in)), lines(got)); d != "" {
			t.Fatalf("%q: %s", in, d)
		}
	})
}

// pieces reads so many bytes at a time.
type pieces struct {
	in string
	n  int
}

func (p *pieces) Read(b []byte) (int, error) {
	n := copy(b[:min(len(b), p.n)], p.in)
	if p.in = p.in[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestScannerBoundsAnEvent(t *testing.T) {
	t.Parallel()
	line := func(n int) string { return "data: " + strings.Repeat("x", n-len("data: ")) }
	for name, c := range map[string]struct {
		in   string
		most int
		err  error
		n    int
	}{
		"as long as may be":         {line(100) + "\n\n", 100, io.EOF, 1},
		"and at the end":            {line(100), 100, io.EOF, 1},
		"one longer":                {line(101) + "\n\n", 100, ErrTooLarge, 0},
		"a comment":                 {"data: a\n\n:" + strings.Repeat("x", 200), 100, ErrTooLarge, 1},
		"many comments":             {strings.Repeat(": comment\n", 1000) + "data: a\n\n", 100, io.EOF, 1},
		"many lines":                {strings.Repeat("data: 12345\n", 1000), 6003, ErrTooLarge, 0},
		"many lines that fit":       {strings.Repeat("data: 12345\n", 1000), 6004, io.EOF, 1},
		"many events":               {strings.Repeat(line(50)+"\n\n", 1000), 100, io.EOF, 1000},
		"a line that never ends":    {"data: a\n\n" + strings.Repeat("x", 1<<20), 1 << 16, ErrTooLarge, 1},
		"larger than a kept buffer": {strings.Repeat(line(50_000)+"\n\n"+line(100)+"\n\n", 3), 50_000, io.EOF, 6},
	} {
		for how, r := range map[string]io.Reader{"at once": strings.NewReader(c.in), "by bytes": iotest.OneByteReader(strings.NewReader(c.in))} {
			got, err := all(r, c.most)
			if !errors.Is(err, c.err) || len(got) != c.n {
				t.Errorf("%s, %s: %d events, %v; want %d, %v", name, how, len(got), err, c.n, c.err)
			}
		}
	}
}

func TestScannerPassesTheReadersError(t *testing.T) {
	t.Parallel()
	cut := errors.New("cut")
	got, err := all(io.MultiReader(strings.NewReader("data: a\n\ndata: b\n"), iotest.ErrReader(cut)), 100)
	if !errors.Is(err, cut) || len(got) != 1 {
		t.Errorf("%d events, %v; want the whole one, and the error", len(got), err)
	}
	if _, err := all(stuck{}, 100); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that never reads: %v", err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// TestScannerKeepsItsBufferSmall holds the memory of a stream.
func TestScannerKeepsItsBufferSmall(t *testing.T) {
	t.Parallel()
	short := strings.Repeat("data: {\"choices\":[{\"delta\":{\"content\":\"word\"}}]}\n\n", 10_000)
	s := NewScanner(strings.NewReader(short+"data: "+strings.Repeat("x", 1<<20)+"\n\n"+short), 2<<20)
	for i := range 20_001 {
		e, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		switch size := len(s.buf); {
		case i < 10_000 && size != firstBuffer, i > 10_010 && size > keptBuffer, size > 4<<20:
			t.Fatalf("after event %d of %d bytes the buffer has %d", i, len(e.Data), size)
		}
	}
}

// Events that came with the first are ready, and the beginning of another isn't.
func TestReady(t *testing.T) {
	t.Parallel()
	s := NewScanner(strings.NewReader(": hello\n\ndata: a\n\ndata: b\r\n\r\ndata: c\n\n: waiting\n\ndata: d\n"), 100)
	var ready []bool
	for {
		ready = append(ready, s.Ready())
		if _, err := s.Next(); err != nil {
			break
		}
	}
	if diff := cmp.Diff([]bool{false, true, true, false, false}, ready); diff != "" {
		t.Error(diff)
	}
}

// Comments are no events, and are told of.
func TestComments(t *testing.T) {
	t.Parallel()
	n := 0
	s := NewScanner(strings.NewReader(": PROCESSING\n\n:\n\ndata: a\n: b\n\ndata\n\n"), 100)
	s.Comment = func() bool { n++; return false }
	for _, want := range []string{"a", ""} {
		if e, err := s.Next(); err != nil || string(e.Data) != want {
			t.Fatalf("%q, error %v", e.Data, err)
		}
	}
	if n != 3 {
		t.Errorf("%d comments", n)
	}
}

// Who wants to know at once is told between events, and misses nothing of them.
func TestACommentStops(t *testing.T) {
	t.Parallel()
	s := NewScanner(iotest.OneByteReader(strings.NewReader(": 1\n\nevent: e\n: in\ndata: a\n: in\n\n:2\r\n: 3\n\ndata: b\n\n")), 100)
	s.Comment = func() bool { return true }
	var got []string
	for {
		e, err := s.Next()
		if err == io.EOF {
			break
		}
		if said := e.Name + "/" + string(e.Data); err == nil {
			got = append(got, said)
		} else if err == ErrComment && said == "/" {
			got = append(got, ":")
		} else {
			t.Fatal(said, err)
		}
	}
	if diff := cmp.Diff([]string{":", "e/a", ":", ":", "/b"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestAppendIsReadBack is the law of writing events.
func TestAppendIsReadBack(t *testing.T) {
	t.Parallel()
	word := rapid.StringMatching(`[a-z._0-9]{0,12}`)
	gen := rapid.Custom(func(t *rapid.T) Event {
		return Event{word.Draw(t, "name"), word.Draw(t, "id"), []byte(rapid.StringMatching(`[a-z:{} \n]{0,40}`).Draw(t, "data"))}
	})
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(gen, 1, 5).Draw(t, "events")
		var b []byte
		for _, e := range want {
			b = e.Append(b)
		}
		got, err := all(iotest.HalfReader(bytes.NewReader(b)), 1000)
		if err != io.EOF {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}

func TestAppend(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]Event{
		"data: a\n\n":                           {Data: []byte("a")},
		"data: \n\n":                            {},
		"id: 7\nevent: x\ndata: a\n\n":          {Name: "x", ID: "7", Data: []byte("a")},
		"event: xdata: y\ndata: a\ndata: b\n\n": {Name: "x\ndata: y", Data: []byte("a\r\nb")},
		"data: a\ndata: b\ndata: \ndata: c\n\n": {Data: []byte("a\rb\n\nc")},
		"data: {\ndata: \"a\": 1\ndata: }\n\n":  {Data: []byte("{\r\"a\": 1\n}")},
		"data: a\ndata: \n\n":                   {Data: []byte("a\n")},
	} {
		if got := string(e.Append(nil)); got != want {
			t.Errorf("%+v is written as %q, want %q", e, got, want)
		}
	}
}

// What a stream calls its events isn't kept, if that is long.
func TestLongNamesOfEventsAreNotKept(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 1<<16)
	s := NewScanner(strings.NewReader("event: "+long+"\ndata: 1\n\nevent: ping\ndata: 2\n\n"), 1<<20)
	for want := range slices.Values([]string{long, "ping"}) {
		if e, err := s.Next(); err != nil || e.Name != want {
			t.Fatalf("an event %.10q of %d bytes, error %v", e.Name, len(e.Name), err)
		}
	}
	if len(s.names) != 1 {
		t.Errorf("%d names are kept", len(s.names))
	}
}
