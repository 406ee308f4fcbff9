//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// ask is a request for a chat completion.
type ask struct {
	stream bool
	millis int // that the upstream lets pass before each chunk
}

const (
	path   = "/v1/chat/completions"
	chunks = 16 // of a stream
)

func (a ask) body() string {
	return fmt.Sprintf(`{"model":"bench","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"%s"}],`+
		`"max_tokens":%d,"seed":%d,"stream":%t}`, strings.Repeat("tell me a story ", 16), chunks, a.millis, a.stream)
}

// caller is one connection to a contender: HTTP written by hand and read where it is
// waited for, as a client's own scheduling would be measured with it.
type caller struct {
	net.Conn
	in   *bufio.Reader
	head string
}

// refusal is an answer that isn't 200.
type refusal struct {
	status int
	begun  string // the answer's first bytes
}

// Error says both.
func (r refusal) Error() string { return fmt.Sprintf("it answered %d: %s", r.status, r.begun) }

const patience = 30 * time.Second // for one answer

func (c *contender) call() (*caller, error) {
	host := strings.TrimPrefix(c.url, "http://")
	conn, err := net.DialTimeout("tcp", host, time.Second)
	if err != nil {
		return nil, err
	}
	head := "POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\n"
	for name, value := range c.header {
		head += name + ": " + value + "\r\n"
	}
	return &caller{Conn: conn, in: bufio.NewReader(conn), head: head}, nil
}

// ask sends a request, reads the whole answer and returns when its first byte was here,
// the header not counted, and when its last was.
func (c *caller) ask(body string) (first, last time.Time, err error) {
	if err = c.SetDeadline(time.Now().Add(patience)); err != nil {
		return first, last, err
	}
	if _, err = fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", c.head, len(body), body); err != nil {
		return first, last, err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return first, last, err
	}
	defer res.Body.Close()
	begun := make([]byte, 512)
	n, err := res.Body.Read(begun)
	first = time.Now()
	if err != nil && err != io.EOF {
		return first, last, err
	}
	if res.StatusCode != http.StatusOK {
		return first, last, refusal{res.StatusCode, string(begun[:n])}
	}
	_, err = io.Copy(io.Discard, res.Body)
	return first, time.Now(), err
}
