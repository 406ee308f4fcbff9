package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
)

// A crowd of streams of models, of whose readers a tenth stalls after the first chunk.
const (
	crowd       = 2000
	crowdChunks = 50
	stalled     = crowd / 10
	blocked     = 20 // of the stalled: theirs are so large that they fill the sockets
)

// crowdUpstream is a provider whose streams begin with a chunk, and go on when all have begun.
type crowdUpstream struct {
	*httptest.Server
	goOn    chan struct{}
	cut     atomic.Int64 // streams that were cut off
	whole   atomic.Int64
	written atomic.Int64 // bytes of those that block
}

func newCrowdUpstream(t *testing.T) *crowdUpstream {
	u := &crowdUpstream{goOn: make(chan struct{})}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		text, large := "a word or two", strings.Contains(string(body), "large")
		if large {
			text = strings.Repeat("large ", 100<<10) // 29 MiB in all, and the sockets on both sides may take 10
		}
		w.Header().Set("Content-Type", "text/event-stream")
		out := http.NewResponseController(w)
		open := true
		for i := 0; open && i < crowdChunks; i++ {
			n, err := fmt.Fprintf(w, "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%d %s\"}}]}\n\n", i, text)
			open = err == nil && out.Flush() == nil && r.Context().Err() == nil
			if large {
				u.written.Add(int64(n))
			}
			if i == 0 {
				<-u.goOn
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-r.Context().Done():
				open = false
			}
		}
		if !open {
			u.cut.Add(1)
			return
		}
		_, _ = io.WriteString(w, "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
		u.whole.Add(1)
	}))
	t.Cleanup(u.Close)
	return u
}

// Of 2000 streams at once those whose readers read are whole and in time, whatever the others
// do; who reads nothing takes no memory for it, and is cut off when its time is over.
func TestACrowdOfStreams(t *testing.T) {
	up := newCrowdUpstream(t)
	s := serve(t, t.TempDir(), cleanEnv())
	_, err := s.PutModelProvider(t.Context(), true, "crowd", client.NewModelProvider{
		Kind: "openai-compatible", Address: up.URL + "/v1", Models: []client.ProviderModel{{Name: "m"}}, Limits: &client.ProviderLimits{Concurrent: 2 * crowd},
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	idle := s.memory(t)
	var begun, readers sync.WaitGroup
	dials := make(chan struct{}, 64)
	took := make([]time.Duration, crowd-stalled)
	conns := make([]net.Conn, crowd)
	begun.Add(crowd)
	for i := range crowd {
		what := "small"
		if i < blocked {
			what = "large"
		}
		readers.Go(func() {
			dials <- struct{}{}
			c, in, err := s.stream(what, i < stalled)
			<-dials
			conns[i] = c
			begun.Done()
			if err != nil {
				t.Errorf("stream %d doesn't begin: %v", i, err)
				return
			}
			if i < stalled {
				return
			}
			<-up.goOn
			began := time.Now()
			chunks, end, err := 1, false, error(nil)
			for err == nil && !end {
				var line string
				line, err = in.ReadString('\n')
				switch {
				case strings.Contains(line, "a word or two"):
					chunks++
				case line == "data: [DONE]\n":
					end = true
				}
			}
			took[i-stalled] = time.Since(began)
			if err != nil || chunks != crowdChunks {
				t.Errorf("stream %d has %d chunks and ends with %v", i, chunks, err)
			}
		})
	}
	begun.Wait()
	defer func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	open := s.memory(t)
	close(up.goOn)
	readers.Wait()
	slices.Sort(took)
	passed, before := s.memory(t), up.written.Load()
	most := passed
	t.Logf("2000 streams of 50 chunks, 100 ms apart: median %s, 99 of 100 within %s, all within %s", took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
	if last := took[len(took)-1]; last > 30*time.Second {
		t.Errorf("a stream took %s", last)
	}
	deadline := time.Now().Add(60 * time.Second)
	for up.cut.Load() < blocked && time.Now().Before(deadline) {
		time.Sleep(200 * time.Millisecond)
		most = max(most, s.memory(t))
	}
	t.Logf("memory: %d MiB idle, %d MiB with all open (%d KiB each), %d MiB when those that read are over, %d MiB at most while the stalled wait", idle>>20, open>>20, (open-idle)>>10/crowd, passed>>20, most>>20)
	if n := up.cut.Load(); n != blocked {
		t.Errorf("%d streams are cut off whose readers take nothing, want %d", n, blocked)
	}
	if n := up.whole.Load(); n != crowd-blocked {
		t.Errorf("%d streams are whole", n)
	}
	if sent := before / blocked; sent > 12<<20 {
		t.Errorf("%d KiB went to a reader who takes nothing", sent>>10)
	}
	if per := (passed - idle) / crowd; per > 256<<10 {
		t.Errorf("a stream takes %d KiB", per>>10)
	}
	if most > passed+128<<20 { // an event of theirs is 600 KiB, in a few copies at each, and the collector takes its time; all that they were sent would be 380 MiB
		t.Errorf("while readers stalled the memory grew from %d to %d MiB", passed>>20, most>>20)
	}
}

// stream asks for one, and returns when its first chunk has come. small: there is no room for
// more.
func (s *server) stream(what string, small bool) (net.Conn, *bufio.Reader, error) {
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		return nil, nil, err
	}
	size := 4 << 10
	if small {
		size = 512
		_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	}
	body := `{"model":"crowd/m","stream":true,"messages":[{"role":"user","content":"` + what + `"}]}`
	_, _ = fmt.Fprintf(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", c.RemoteAddr(), s.token, len(body), body)
	in := bufio.NewReaderSize(c, size)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return c, nil, err
	}
	if res.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(res.Body)
		return c, nil, fmt.Errorf("status %d: %s", res.StatusCode, b)
	}
	events := bufio.NewReaderSize(res.Body, size)
	_, err = events.ReadSlice('{')
	if err == nil && !small {
		_, err = events.ReadString('\n')
	}
	return c, events, err
}

// memory is what the server's process has in use, in bytes.
func (s *server) memory(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
