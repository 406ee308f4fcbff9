package gateway_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// A raw server answers as no library would.

// rawServer serves each connection with a function, which gets it once a request has come, and
// is served again until the function says that it is over.
func rawServer(t testing.TB, secure bool, serve func(c net.Conn, gone <-chan struct{})) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url = "http://" + l.Addr().String()
	if secure {
		url = "https://" + l.Addr().String()
		l = tls.NewListener(l, &tls.Config{Certificates: certificate()})
	}
	gone := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				req, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				serve(c, gone)
			})
		}
	})
	t.Cleanup(func() {
		close(gone)
		_ = l.Close()
		all.Wait()
	})
	return url
}

// certificate is that of httptest's servers.
var certificate = sync.OnceValue(func() []tls.Certificate {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	return s.TLS.Certificates
})

const (
	streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	wholeHead  = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
)

// piece is a chunk of a chunked body.
func piece(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

// word is an event with a word of a chat.
func word(text string) string {
	return fmt.Sprintf("data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", text)
}

// begun is what a stream begins with before it breaks: three words.
var begun = streamHead + piece(word("Once ")) + piece(word("upon ")) + piece(word("a time "))

func say(c net.Conn, s string) { _, _ = io.WriteString(c, s) }

// reset ends a connection with a reset.
func reset(c net.Conn) {
	if s, ok := c.(*tls.Conn); ok {
		c = s.NetConn()
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}
