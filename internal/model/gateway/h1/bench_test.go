//go:build unix

package h1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkRoundTrip asks a server, in this process, that answers at once: "direct" is the
// least that can be, one write and one read. us-cpu/op is processor time of both sides, so the
// difference of two is what the clients differ by.
//
//	go test -run '^$' -bench RoundTrip -cpu 2 -benchtime 2s ./internal/model/gateway/h1
func BenchmarkRoundTrip(b *testing.B) {
	for _, size := range []int{500, 50_000, 500_000} {
		p := listen(b, quick)
		body := bytes.Repeat([]byte("x"), size)
		theirs := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 512}
		ours := &Transport{}
		defer theirs.CloseIdleConnections()
		defer ours.CloseIdleConnections()
		b.Run(fmt.Sprintf("direct/%d", size), func(b *testing.B) { direct(b, p, body) })
		b.Run(fmt.Sprintf("net-http/%d", size), func(b *testing.B) { calls(b, theirs, p.url, body) })
		b.Run(fmt.Sprintf("h1/%d", size), func(b *testing.B) { calls(b, ours, p.url, body) })
	}
}

var quickAnswer = []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("x", 1024))

// quick is a server that costs next to nothing.
func quick(_ int, c *net.TCPConn, r *bufio.Reader) {
	for {
		var body int
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) == 2 {
				break
			}
			if n, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				body, _ = strconv.Atoi(string(n[:len(n)-2]))
			}
		}
		if _, err := r.Discard(body); err != nil {
			return
		}
		if _, err := c.Write(quickAnswer); err != nil {
			return
		}
	}
}

func calls(b *testing.B, rt http.RoundTripper, url string, body []byte) {
	b.ReportAllocs()
	before := processor(b)
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		var into bytes.Buffer
		for pb.Next() {
			req, err := http.NewRequestWithContext(b.Context(), "POST", url, bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			req.Header["Content-Type"] = []string{"application/json"}
			req.Header["Authorization"] = []string{"Bearer x"}
			req.Header["User-Agent"] = []string{"bench"}
			res, err := rt.RoundTrip(req)
			if err != nil {
				b.Error(err)
				return
			}
			into.Reset()
			_, err = into.ReadFrom(res.Body)
			res.Body.Close()
			if err != nil || into.Len() != 1024 {
				b.Error(into.Len(), err)
				return
			}
		}
	})
	b.ReportMetric(float64((processor(b)-before).Nanoseconds())/1e3/float64(b.N), "us-cpu/op")
}

func direct(b *testing.B, p *peer, body []byte) {
	b.ReportAllocs()
	request := fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	before := processor(b)
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		c, err := net.Dial("tcp", p.ln.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		into := make([]byte, len(quickAnswer))
		for pb.Next() {
			if _, err := c.Write(request); err != nil {
				b.Error(err)
				return
			}
			if _, err := io.ReadFull(c, into); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64((processor(b)-before).Nanoseconds())/1e3/float64(b.N), "us-cpu/op")
}

func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
