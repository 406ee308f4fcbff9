package h1

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// Many callers at once, and a server that closes connections when it likes, while they are
// idle: no request that may be repeated fails, each gets its own answer, and no descriptor is left.
func TestManyCallers(t *testing.T) {
	const callers, calls = 32, 1_000 / 32
	p := listen(t, func(n int, c *net.TCPConn, r *bufio.Reader) {
		dice := rand.New(rand.NewPCG(uint64(n), 1))
		for {
			req, b := request(r)
			if req == nil {
				return
			}
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(b), b)
			switch dice.IntN(20) {
			case 0:
				return
			case 1:
				_ = c.SetLinger(0)
				return
			}
		}
	})
	tr := newTransport(t)
	mustDo(t, tr, post(t, p.url, "a"), "a")
	tr.CloseIdleConnections()
	within(t, "no connection left", func() bool { return p.openNow() == 0 })
	before := descriptors(t)
	var wg sync.WaitGroup
	for n := range callers {
		wg.Go(func() {
			for k := range calls {
				want := fmt.Sprintf("%d of %d", k, n)
				req, err := http.NewRequestWithContext(t.Context(), "POST", p.url, bytes.NewReader([]byte(want)))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header["Idempotency-Key"] = nil
				if _, got, err := do(tr, req); err != nil || got != want {
					t.Errorf("got %q, %v; want %q", got, err, want)
				}
			}
		})
	}
	wg.Wait()
	tr.CloseIdleConnections()
	within(t, "descriptors as before", func() bool { return descriptors(t) <= before })
}

// descriptors counts what this process has open of sockets.
func descriptors(t *testing.T) int {
	t.Helper()
	dir, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(dir)
}

// Whatever the sizes, and however the answer is cut into chunks, what arrives is what was sent,
// over the same connection, call after call.
func TestWhatArrivesIsWhatWasSent(t *testing.T) {
	t.Parallel()
	data := make([]byte, 1<<20+1<<16)
	dice := rand.NewChaCha8([32]byte{1})
	_, _ = dice.Read(data)
	type plan struct{ up, down, chunk int } // chunk 0: with a length
	plans := make(chan plan, 1)
	sums := make(chan [32]byte, 1)
	p := listen(t, func(n int, c *net.TCPConn, r *bufio.Reader) {
		w := bufio.NewWriterSize(c, 16<<10)
		for {
			req, b := request(r)
			if req == nil {
				return
			}
			sums <- sha256.Sum256(b)
			pl := <-plans
			down := data[len(data)-pl.down:]
			if pl.chunk == 0 {
				fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(down))
				_, _ = w.Write(down)
			} else {
				_, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
				dice := rand.New(rand.NewPCG(uint64(pl.chunk), 1))
				for len(down) > 0 {
					k := min(1+dice.IntN(pl.chunk), len(down))
					fmt.Fprintf(w, "%x\r\n%s\r\n", k, down[:k])
					if down = down[k:]; dice.IntN(4) == 0 {
						_ = w.Flush()
					}
				}
				_, _ = io.WriteString(w, "0\r\n\r\n")
			}
			if w.Flush() != nil {
				return
			}
		}
	})
	tr := newTransport(t)
	size := rapid.OneOf(rapid.IntRange(0, 5_000), rapid.IntRange(60_000, 70_000), rapid.IntRange(0, 1<<20))
	rapid.Check(t, func(rt *rapid.T) {
		pl := plan{size.Draw(rt, "up"), size.Draw(rt, "down"), 0}
		if rapid.Bool().Draw(rt, "chunked") {
			pl.chunk = rapid.IntRange(100, 100_000).Draw(rt, "chunk")
		}
		up := data[:pl.up]
		req, err := http.NewRequestWithContext(t.Context(), "POST", p.url, bytes.NewReader(up))
		if err != nil {
			rt.Fatal(err)
		}
		plans <- pl
		_, got, err := do(tr, req)
		if err != nil {
			rt.Fatal(err)
		}
		if <-sums != sha256.Sum256(up) {
			rt.Fatal("the server got something else")
		}
		if got != string(data[len(data)-pl.down:]) {
			rt.Fatal("the caller got something else")
		}
	})
	if p.accepted() > 20 { // one, but for calls whose writer was late to notice that it had written all
		t.Fatalf("%d connections", p.accepted())
	}
}
