package h1

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// seen is what a caller sees of a call.
type seen struct {
	Failed    bool // RoundTrip returned an error
	Status    int
	Header    http.Header
	Trailer   http.Header
	Length    int64
	Chunked   bool
	Body      string
	BodyError string // "", "cut" or "other"
}

func see(rt http.RoundTripper, req *http.Request) seen {
	res, err := rt.RoundTrip(req)
	if err != nil {
		return seen{Failed: true}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	s := seen{Status: res.StatusCode, Header: res.Header, Trailer: res.Trailer, Length: res.ContentLength, Chunked: len(res.TransferEncoding) > 0, Body: string(b)}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		s.BodyError = "cut"
	case err != nil:
		s.BodyError = "other"
	}
	return s
}

// After an answer's last piece the server waits for another request, or does one of these.
const (
	end   = "end"   // closes
	reset = "reset" // closes so that the client gets a reset
	half  = "half"  // closes its half, and waits for the client to close
)

func TestConformance(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 100_000)
	for _, c := range []struct {
		name   string
		method string   // POST if not said
		pieces []string // that the server sends, each in a packet
		then   string
		want   seen // without headers
		kept   bool // the connection is used for the next call
		maybe  bool // or not: it depends on how many packets the header came in
	}{
		{name: "length", pieces: []string{hello}, want: seen{Status: 200, Length: 5, Body: "hello"}, kept: true},
		{name: "length, drip", pieces: strings.Split(hello, ""), want: seen{Status: 200, Length: 5, Body: "hello"}, kept: true},
		{name: "length 0", pieces: []string{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, want: seen{Status: 200}, kept: true},
		{name: "long", pieces: []string{"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", big[:50_000], big[50_000:]}, want: seen{Status: 200, Length: 100_000, Body: big}, kept: true},
		{name: "bare line feeds", pieces: []string{"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"}, want: seen{Status: 200, Length: 2, Body: "ok"}, kept: true},
		{name: "same length twice", pieces: []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"}, want: seen{Status: 200, Length: 2, Body: "ok"}, kept: true},
		{name: "two lengths", pieces: []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"}, want: seen{Failed: true}},
		{name: "no number as length", pieces: []string{"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok"}, want: seen{Failed: true}},
		{name: "length below 0", pieces: []string{"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok"}, want: seen{Failed: true}},
		{name: "until close", pieces: []string{"HTTP/1.1 200 OK\r\n\r\nall of it"}, then: end, want: seen{Status: 200, Length: -1, Body: "all of it"}},
		{name: "until half-close", pieces: []string{"HTTP/1.1 200 OK\r\n\r\nall of it"}, then: half, want: seen{Status: 200, Length: -1, Body: "all of it"}},
		{name: "HTTP/1.0", pieces: []string{"HTTP/1.0 200 OK\r\n\r\nold"}, then: end, want: seen{Status: 200, Length: -1, Body: "old"}},
		{name: "HTTP/1.0 with a length", pieces: []string{"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold"}, want: seen{Status: 200, Length: 3, Body: "old"}},
		{name: "HTTP/1.0 in chunks", pieces: []string{"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nold\r\n0\r\n\r\n"}, then: end, want: seen{Status: 200, Length: -1, Body: "3\r\nold\r\n0\r\n\r\n"}},
		{name: "says close", pieces: []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"}, want: seen{Status: 200, Length: 2, Body: "ok"}},
		{name: "chunks", pieces: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "2\r\nab\r\n", "3;x=y\r\ncde\r\n", "0\r\n\r\n"}, want: seen{Status: 200, Length: -1, Chunked: true, Body: "abcde"}, kept: true},
		{name: "chunks, drip", pieces: strings.Split("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", ""), want: seen{Status: 200, Length: -1, Chunked: true, Body: "ab"}, maybe: true},
		{name: "chunks and a length", pieces: []string{"HTTP/1.1 200 OK\r\ncontent-LENGTH: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"}, want: seen{Status: 200, Length: -1, Chunked: true, Body: "ab"}},
		{name: "a trailer", pieces: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 1\r\n\r\n"}, want: seen{Status: 200, Length: -1, Chunked: true, Body: "ab", Trailer: http.Header{"X-Sum": {"1"}}}, kept: true},
		{name: "another encoding", pieces: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab"}, want: seen{Failed: true}},
		{name: "cut in a chunk", pieces: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab"}, then: end, want: seen{Status: 200, Length: -1, Chunked: true, Body: "ab", BodyError: "cut"}},
		{name: "cut before the last chunk", pieces: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"}, then: end, want: seen{Status: 200, Length: -1, Chunked: true, Body: "ab", BodyError: "cut"}},
		{name: "no number as chunk", pieces: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n"}, want: seen{Status: 200, Length: -1, Chunked: true, Body: "ab", BodyError: "other"}},
		{name: "cut in a body", pieces: []string{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"}, then: end, want: seen{Status: 200, Length: 5, Body: "hel", BodyError: "cut"}},
		{name: "reset in a body", pieces: []string{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"}, then: reset, want: seen{Status: 200, Length: 5, BodyError: "other"}},
		{name: "cut in the first line", pieces: []string{"HTTP/1.1 20"}, then: end, want: seen{Failed: true}},
		{name: "cut in the header", pieces: []string{"HTTP/1.1 200 OK\r\nContent-Le"}, then: end, want: seen{Failed: true}},
		{name: "reset in the header", pieces: []string{"HTTP/1.1 200 OK\r\nContent-Le"}, then: reset, want: seen{Failed: true}},
		{name: "nothing", then: end, want: seen{Failed: true}},
		{name: "nothing, reset", then: reset, want: seen{Failed: true}},
		{name: "garbage", pieces: []string{"SSH-2.0-OpenSSH_9.2p1\r\n"}, want: seen{Failed: true}},
		{name: "header without colon", pieces: []string{"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"}, want: seen{Failed: true}},
		{name: "space before the colon", pieces: []string{"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok"}, then: end, want: seen{Status: 200, Length: -1, Body: "ok"}},
		{name: "space before the colon, and a length", pieces: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\nok"}, want: seen{Status: 200, Length: 2, Body: "ok"}},
		{name: "huge header", pieces: []string{"HTTP/1.1 200 OK\r\nX: ", big}, then: half, want: seen{Failed: true}},
		{name: "large header", pieces: []string{"HTTP/1.1 200 OK\r\nX: " + big[:60_000] + "\r\nContent-Length: 2\r\n\r\nok"}, want: seen{Status: 200, Length: 2, Body: "ok"}, kept: true},
		{name: "continue", pieces: []string{"HTTP/1.1 100 Continue\r\n\r\n", hello}, want: seen{Status: 200, Length: 5, Body: "hello"}, kept: true},
		{name: "early hints", pieces: []string{"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + hello}, want: seen{Status: 200, Length: 5, Body: "hello"}, kept: true},
		{name: "hints without end", pieces: []string{strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 5_000)}, then: half, want: seen{Failed: true}},
		{name: "HEAD", method: "HEAD", pieces: []string{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"}, want: seen{Status: 200, Length: 5}, kept: true},
		{name: "204", pieces: []string{"HTTP/1.1 204 No Content\r\n\r\n"}, want: seen{Status: 204}, kept: true},
		{name: "204 with length 0", pieces: []string{"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"}, want: seen{Status: 204}, kept: true},
		{name: "204 with a length", pieces: []string{"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n"}, want: seen{Status: 204, Length: 0}},
		{name: "304", method: "GET", pieces: []string{"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"}, want: seen{Status: 304}, kept: true},
		{name: "more than the answer", pieces: []string{hello + "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"}, want: seen{Status: 200, Length: 5, Body: "hello"}},
		{name: "refusal", pieces: []string{"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\nno"}, want: seen{Status: 429, Length: 2, Body: "no"}, kept: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			serve := func(_ int, conn *net.TCPConn, r *bufio.Reader) {
				for {
					if req, _ := request(r); req == nil {
						return
					}
					for n, piece := range c.pieces {
						if n > 0 {
							time.Sleep(100 * time.Microsecond) // a packet each
						}
						if _, err := io.WriteString(conn, piece); err != nil {
							return
						}
					}
					switch c.then {
					case end:
						return
					case reset:
						_ = conn.SetLinger(0)
						return
					case half:
						_ = conn.CloseWrite()
					}
				}
			}
			their, our := listen(t, serve), listen(t, serve)
			theirs := &http.Transport{DisableCompression: true, MaxResponseHeaderBytes: maxHeader}
			defer theirs.CloseIdleConnections()
			ours := newTransport(t)
			call := func(rt http.RoundTripper, url string) seen {
				req := post(t, url+"/x", "some body")
				req.Method = cmp.Or(c.method, "POST")
				return see(rt, req)
			}
			a, b := call(theirs, their.url), call(ours, our.url)
			if d := gocmp.Diff(a, b); d != "" {
				t.Errorf("not as net/http (-net/http +h1):\n%s", d)
			}
			b.Header = nil
			if d := gocmp.Diff(c.want, b); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if call(ours, our.url); (our.accepted() == 1) != c.kept && !c.maybe {
				t.Errorf("%d connections for two calls; kept %v expected", our.accepted(), c.kept)
			}
		})
	}
}

// 101 is an answer to an upgrade, which no request asks for.
func TestSwitchingIsRefused(t *testing.T) {
	t.Parallel()
	p := listen(t, always("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"))
	tr := newTransport(t)
	if _, _, err := do(tr, post(t, p.url, "")); !errors.Is(err, errSwitched) {
		t.Fatal(err)
	}
	if tr.kept() != 0 {
		t.Fatal("kept")
	}
}

// An answer of another major version has another framing.
func TestVersionIsRefused(t *testing.T) {
	t.Parallel()
	p := listen(t, always("HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"))
	if _, _, err := do(newTransport(t), post(t, p.url, "")); !errors.Is(err, errVersion) {
		t.Fatal(err)
	}
}

// Each size of a header up to the bound is read, none beyond it.
func TestHeaderBound(t *testing.T) {
	t.Parallel()
	const rest = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: \r\n\r\n"
	for _, n := range []int{maxHeader - 1, maxHeader, maxHeader + 1} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			p := listen(t, always(strings.Replace(rest, "X: ", "X: "+strings.Repeat("x", n-len(rest)), 1)))
			_, _, err := do(newTransport(t), post(t, p.url, ""))
			if got := errors.Is(err, errHeader); got != (n > maxHeader) || (err != nil) != got {
				t.Fatal(err)
			}
		})
	}
}

// A connection is used again only if it is known what the header was.
func TestUsedAgain(t *testing.T) {
	t.Parallel()
	const chunks, length = "Transfer-Encoding: chunked\r\n", "Content-Length: 3\r\n"
	one := func(r io.Reader) io.Reader { return r }
	for _, c := range []struct {
		name, header string
		pieces       func(io.Reader) io.Reader
		again        bool
	}{
		{"length", length, one, true},
		{"length, in pieces", length, iotest.OneByteReader, true},
		{"chunks", chunks, one, true},
		{"chunks, in pieces", chunks, iotest.OneByteReader, false},
		{"chunks and a length", chunks + length, one, false},
		{"a length and chunks", length + chunks, one, false},
		{"both, oddly written", "transfer-encoding: Chunked\ncONTENT-lENGTH:3\n", one, false},
		{"a length that is none", "X: Content-Length: 3\r\n" + chunks, one, true},
		{"neither", "", one, false},
		{"close", length + "Connection: Close\r\n", one, false},
		{"a space in a name", length + "Transfer-Encoding : chunked\r\n", one, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn := newConn(&tape{c.pieces(strings.NewReader("HTTP/1.1 200 OK\r\n" + c.header + "\r\nabc"))}, "")
			conn.socket = &socket{} // as if it could be looked at
			if _, again, err := conn.answer(post(t, "http://h.example", "")); again != c.again || err != nil {
				t.Fatal(again, err)
			}
			conn.socket = nil
			if conn.fresh() {
				t.Fatal("a connection that can't be looked at is fresh")
			}
		})
	}
}
