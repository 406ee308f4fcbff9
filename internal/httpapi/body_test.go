package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/isekai-run/isekai/internal/core"
)

// perimeterOf returns the address of a server that gives a request's body so long, with
// an operation that takes a body and runs f.
func perimeterOf(t *testing.T, bodyTime time.Duration, f func(context.Context) error) string {
	t.Helper()
	setHumaError()
	mux := http.NewServeMux()
	s := &server{api: humago.New(mux, huma.DefaultConfig("test", "1")), outside: uncounted{}, waiting: patience{body: bodyTime}, cfg: Config{Logger: slog.New(slog.DiscardHandler)}}
	var err error
	if s.crossing, err = newCrossing(nil, nil); err != nil {
		t.Fatal(err)
	}
	type input struct {
		Body struct {
			A int `json:"a"`
		}
	}
	handle(s, public, huma.Operation{OperationID: "x", Method: http.MethodPost, Path: "/x", BodyReadTimeout: bodyTime},
		func(ctx context.Context, _ core.Scope, _ *input) (*struct{}, error) { return nil, f(ctx) })
	mux.HandleFunc("/", s.unrouted(mux))
	srv := httptest.NewServer(s.perimeter(mux))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// connect connects to a server for so long. The caller closes the connection.
func connect(t *testing.T, address string, within time.Duration) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// send writes a request as it is and returns the answer's status. The connection stays
// open meanwhile.
func send(t *testing.T, address, request string) (int, error) {
	t.Helper()
	conn := connect(t, address, 10*time.Second)
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	return res.StatusCode, nil
}

// TestABodyThatDoesntCome holds a connection for a bounded time, also where nobody wants
// the body: net/http reads on before it answers.
func TestABodyThatDoesntCome(t *testing.T) {
	t.Parallel()
	address := perimeterOf(t, 100*time.Millisecond, func(context.Context) error { return nil })
	const rest = " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	for request, want := range map[string]int{
		"POST /x" + rest + "Content-Length: 100\r\n\r\n{":               http.StatusRequestTimeout,
		"POST /none" + rest + "Content-Length: 100\r\n\r\n{":            http.StatusNotFound,
		"PUT /x" + rest + "Content-Length: 100\r\n\r\n{":                http.StatusMethodNotAllowed,
		"POST /none" + rest + "Transfer-Encoding: chunked\r\n\r\n5\r\n": http.StatusNotFound,
		"GET /openapi.json" + rest + "Content-Length: 100\r\n\r\n{":     http.StatusOK,
	} {
		if got, err := send(t, address, request); got != want {
			t.Errorf("%.20q: %d, %v; want %d", request, got, err, want)
		}
	}
}

// TestTheTimeIsForTheBody alone: what a request asks for may take longer.
func TestTheTimeIsForTheBody(t *testing.T) {
	t.Parallel()
	address := perimeterOf(t, 50*time.Millisecond, func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(300 * time.Millisecond):
			return nil
		}
	})
	got, err := send(t, address, "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}")
	if got != http.StatusNoContent {
		t.Errorf("%d, %v", got, err)
	}
}

// TestTheRestOfABodyIsNoRequest: behind a proxy that keeps its connections, what is left
// of a body that was too long would be another client's answer.
func TestTheRestOfABodyIsNoRequest(t *testing.T) {
	t.Parallel()
	address := perimeterOf(t, time.Second, func(context.Context) error { return nil })
	const second = "POST /none HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
	for _, more := range []int{0, 100, 200 << 10, 700 << 10, 3 << 20} { // bytes beyond what the route takes
		conn := connect(t, address, 10*time.Second)
		defer conn.Close()
		body := strings.Repeat(" ", int(usual.Body)+more) + second
		go func() {
			// It may be closed meanwhile.
			_, _ = fmt.Fprintf(conn, "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}()
		in := bufio.NewReader(conn)
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Fatalf("%d more: %v, %v", more, res, err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
		if !res.Close { // the connection goes on, so all of the body was read: nothing follows
			if err := conn.SetDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
		}
		if res, err := http.ReadResponse(in, nil); err == nil {
			t.Errorf("%d more: the rest was answered as a request: %s", more, res.Status)
		}
	}
}
