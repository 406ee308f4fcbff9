package h1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzAnswer gives any bytes as an answer: a caller sees what [http.ReadResponse] makes of them,
// and a connection is only used again where it is beyond doubt that the answer ended.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		hello, hello + hello, "HTTP/1.1 100 Continue\r\n\r\n" + hello, "HTTP/1.0 200 OK\r\n\r\nold", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 101 X\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", "",
		"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 1\r\n\r\nx",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, answer []byte, head bool) {
		req := httptest.NewRequest("POST", "http://h.example/", nil)
		if head {
			req.Method = "HEAD"
		}
		tr := &Transport{Dial: func(context.Context, string, string) (net.Conn, error) {
			return &tape{bytes.NewReader(answer)}, nil
		}}
		got, want := see(tr, req), reference(answer, req)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("(-http.ReadResponse +h1):\n%s", d)
		}
		reuse(t, answer, req)
	})
}

// reference is what the standard library reads, one answer after the other, until one is final.
func reference(answer []byte, req *http.Request) seen {
	r := bufio.NewReader(&io.LimitedReader{R: bytes.NewReader(answer), N: maxHeader})
	for {
		res, err := http.ReadResponse(r, req)
		if err != nil || res.ProtoMajor != 1 || res.StatusCode == http.StatusSwitchingProtocols {
			return seen{Failed: true}
		}
		if res.StatusCode/100 == 1 {
			continue
		}
		return see(roundTrip{res}, req)
	}
}

type roundTrip struct{ res *http.Response }

func (r roundTrip) RoundTrip(*http.Request) (*http.Response, error) { return r.res, nil }

// reuse checks what makes a connection fit for another call.
func reuse(t *testing.T, answer []byte, req *http.Request) {
	in := bytes.NewReader(answer)
	c := newConn(&tape{in}, "")
	c.socket = &socket{} // as if it could be looked at
	res, again, err := c.answer(req)
	if err != nil || !again {
		return
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return // the connection is closed
	}
	rest := in.Len() + c.r.Buffered()
	read := string(answer[:len(answer)-rest])
	switch {
	case res.Body == http.NoBody:
	case res.ContentLength < 0 && len(res.TransferEncoding) == 0:
		t.Fatal("used again, though only the connection's end is the answer's")
	case len(res.TransferEncoding) == 0 && !strings.HasSuffix(read, string(body)):
		t.Fatal("the body isn't the end of what was read")
	case len(res.TransferEncoding) > 0 && !strings.HasSuffix(read, "\n"):
		t.Fatal("in chunks, and its end isn't one")
	}
	header := strings.ToLower(read)
	if end := strings.LastIndex(header, strings.ToLower(res.Status)); end >= 0 {
		header = header[end:]
	}
	for _, sep := range []string{"\n\r\n", "\n\n"} {
		header, _, _ = strings.Cut(header, sep)
	}
	if strings.Contains(header, "\ntransfer-encoding") && strings.Contains(header, "\ncontent-length") {
		t.Fatal("used again, though its length is told twice")
	}
}

// A connection that ends without a byte says so.
func TestNoAnswerIsTold(t *testing.T) {
	t.Parallel()
	tr := &Transport{Dial: func(context.Context, string, string) (net.Conn, error) {
		return &tape{bytes.NewReader(nil)}, nil
	}}
	_, _, err := do(tr, httptest.NewRequest("POST", "http://h.example/", nil))
	if !errors.Is(err, io.EOF) || !errors.Is(err, errUnanswered) {
		t.Fatal(err)
	}
}
