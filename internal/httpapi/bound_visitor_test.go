package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/store"
)

func visit(h http.Handler, from, host string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr, r.Host = from, host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var quietLog = slog.New(slog.DiscardHandler)

// TestVisitorsHaveARate by address, for all apps together; this machine's own have none.
func TestVisitorsHaveARate(t *testing.T) {
	t.Parallel()
	c := newClock()
	v := NewVisitors(openStore(t, c.Now), Rates{Preview: store.Rate{Burst: 10, Per: time.Hour}}, quietLog)
	v.limiter.now = c.Now
	seen := 0
	h := v.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen++ }))
	for i := range 30 {
		w := visit(h, "192.0.2.1:5", fmt.Sprintf("app-%d.apps.example.net", i))
		if refused := w.Code == 429; refused != (i >= 10) || refused && (w.Header().Get("Retry-After") != "360" || !strings.Contains(w.Body.String(), "360 s")) {
			t.Fatalf("%d: %d %v %s", i, w.Code, w.Header(), w.Body)
		}
	}
	if visit(h, "192.0.2.2:5", "a.apps.example.net"); seen != 11 {
		t.Errorf("%d were let through, of another address too", seen)
	}
	for range 30 {
		visit(h, "127.0.0.1:5", "a.apps.example.net")
	}
	if seen != 41 {
		t.Errorf("%d, with this machine's own", seen)
	}
}

// TestVisitorsAreBounded: so many requests at once of an address, and to an app by whatever
// spelling of its name.
func TestVisitorsAreBounded(t *testing.T) {
	t.Parallel()
	v := NewVisitors(nil, Rates{}, quietLog)
	entered, hold := make(chan struct{}), make(chan struct{})
	h := v.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-hold }))
	var wg sync.WaitGroup
	enter := func(n int, from string, hosts ...string) {
		for i := range n {
			wg.Go(func() { visit(h, from, hosts[i%len(hosts)]) })
			<-entered
		}
	}
	spelt := []string{"a.apps.example.net", "A.apps.example.net:443", "a.APPS.example.net"}
	enter(addressVisits, "192.0.2.1:5", spelt...)
	if w := visit(h, "192.0.2.1:6", "b.apps.example.net"); w.Code != 429 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "address") {
		t.Errorf("of one address: %d %s", w.Code, w.Body)
	}
	for i := 1; i < appVisits/addressVisits; i++ {
		enter(addressVisits, fmt.Sprintf("192.0.2.%d:5", i+1), spelt...)
	}
	if w := visit(h, "192.0.2.99:5", spelt[0]); w.Code != 429 || !strings.Contains(w.Body.String(), "app") {
		t.Errorf("of one app: %d %s", w.Code, w.Body)
	}
	enter(1, "192.0.2.99:5", "b.apps.example.net")
	close(hold)
	wg.Wait()
	if len(v.open.open) != 0 {
		t.Errorf("still counted: %v", v.open.open)
	}
}

// visited serves f to visitors whose bodies may take a quarter of a second, and a second for
// each 10,000 bytes.
func visited(t *testing.T, f http.HandlerFunc) (address string) {
	t.Helper()
	v := NewVisitors(nil, Rates{}, quietLog)
	v.slow = pace{grace: 250 * time.Millisecond, rate: 10_000}
	srv := httptest.NewServer(Proxies{netip.MustParsePrefix("127.0.0.0/8")}.Handler(v.Handler(f)))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// converse sends a head, then a piece of the body every 50 ms, so many of them or until there
// is an answer, which it returns.
func converse(t *testing.T, address, head, piece string, pieces int) string {
	t.Helper()
	conn := connect(t, address, 20*time.Second)
	defer conn.Close()
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(conn).ReadString('\n') // a connection that is cut has answered nothing
		answer <- strings.TrimSpace(line)
	}()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case line := <-answer:
			return line
		case <-tick.C:
			if pieces--; pieces >= 0 {
				_, _ = io.WriteString(conn, piece) // what is cut is seen by the answer
			}
		}
	}
}

// TestABodyHasAPace: who sends a byte now and then holds nothing for ever, whether the app
// reads it or not; who sends steadily has as long as it takes, and so has an app.
func TestABodyHasAPace(t *testing.T) {
	t.Parallel()
	read := func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprint(w, n)
	}
	wait := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(600 * time.Millisecond):
		case <-r.Context().Done():
		}
		read(w, r)
		_, _ = r.Body.Read(make([]byte, 1)) // as some do after the end
		select {
		case <-time.After(600 * time.Millisecond):
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
	for name, c := range map[string]struct {
		f      http.HandlerFunc
		head   string
		piece  string
		pieces int
		want   string
	}{
		"a byte now and then":           {read, fmt.Sprintf(head, 60000), "x", 400, "HTTP/1.1 400 Bad Request"},
		"in chunks":                     {read, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 400, "HTTP/1.1 400 Bad Request"},
		"which nobody reads":            {func(http.ResponseWriter, *http.Request) {}, fmt.Sprintf(head, 60000), "x", 400, "HTTP/1.1 200 OK"},
		"steadily, and for longer":      {read, fmt.Sprintf(head, 10000), strings.Repeat("x", 1000), 10, "HTTP/1.1 200 OK"},
		"at once":                       {read, fmt.Sprintf(head, 10000), strings.Repeat("x", 10000), 1, "HTTP/1.1 200 OK"},
		"to an app that takes its time": {wait, fmt.Sprintf(head, 1000), strings.Repeat("x", 1000), 1, "HTTP/1.1 200 OK"},
	} {
		began := time.Now()
		if got := converse(t, visited(t, c.f), c.head, c.piece, c.pieces); got != c.want || time.Since(began) > 10*time.Second {
			t.Errorf("%s: %q after %s", name, got, time.Since(began))
		}
	}
}

// TestWhatStaysOpenStaysSo: events that an app sends, and a connection that it has taken over,
// last for as long as they like.
func TestWhatStaysOpenStaysSo(t *testing.T) {
	t.Parallel()
	const lines = 8
	events := func(w io.Writer, flush func() error) {
		for i := range lines {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = flush() // a reader that has gone is the test's failure
			time.Sleep(100 * time.Millisecond)
		}
	}
	for name, f := range map[string]http.HandlerFunc{
		"events": func(w http.ResponseWriter, _ *http.Request) { events(w, http.NewResponseController(w).Flush) },
		"taken over": func(w http.ResponseWriter, _ *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			defer conn.Close()
			fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			if _, err := rw.Peek(1); err != nil {
				panic(err)
			}
			events(rw, rw.Flush)
		},
	} {
		conn := connect(t, visited(t, f), 20*time.Second)
		defer conn.Close()
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade\r\nUpgrade: x\r\n\r\nx")
		b, err := io.ReadAll(conn)
		if n := strings.Count(string(b), "data: "); err != nil || n != lines {
			t.Errorf("%s: %d lines, %v: %s", name, n, err, b)
		}
	}
}
