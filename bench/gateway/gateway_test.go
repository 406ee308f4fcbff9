//go:build linux

package main

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// play serves the upstream on one connection, and returns a caller at its other end.
func play(t *testing.T) *caller {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		for serveOne(in, conn) == nil {
		}
	}()
	line, err := (&contender{url: "http://" + l.Addr().String()}).call()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		line.Close()
		l.Close()
		<-done
	})
	return line
}

// A stream's first chunk comes after one pause and its last after all of them; a connection
// serves one request after the other.
func TestUpstream(t *testing.T) {
	t.Parallel()
	line := play(t)
	for _, a := range []ask{{}, {stream: true}, {stream: true, millis: 5}, {}} {
		sent := time.Now()
		first, last, err := line.ask(a.body())
		if err != nil {
			t.Fatalf("%+v: %v", a, err)
		}
		pause := time.Duration(a.millis) * time.Millisecond
		if first.Sub(sent) < pause || last.Sub(first) < (chunks-1)*pause/2 { // half: chunks may meet on their way
			t.Errorf("%+v: the first chunk after %v, the last %v later", a, first.Sub(sent), last.Sub(first))
		}
	}
}

// What the upstream streams is what clients of the API read.
func TestUpstreamFrames(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	w := wanted{Chunks: 2}
	w.Usage.Include = true
	if err := stream(&out, w); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(out.String())), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var events []string
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			events = append(events, data)
		}
	}
	if len(events) != 4 || !strings.Contains(events[1], `"finish_reason":"stop"`) || !strings.Contains(events[2], `"total_tokens":300`) || events[3] != "[DONE]" {
		t.Errorf("%q", events)
	}
}

// measured is a contender with one round of these figures.
func measured(name string, perSecond float64, took time.Duration, memory int64) *contender {
	c := &contender{name: name, memory: memory}
	t := taken{first: []time.Duration{took}, last: []time.Duration{took}}
	c.plain, c.streamed, c.own, c.wrk = []float64{perSecond}, []float64{1}, []time.Duration{1}, []time.Duration{1}
	c.steady, c.first = []taken{t}, map[int][]taken{0: {t}, 20: {t}}
	return c
}

func TestHolds(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	peers := []*contender{measured(direct, 5000, ms, 0), measured(proxy, 1000, 10*ms, 0), measured(portkey, 100, ms, 0), measured(litellm, 10, ms, 0)}
	for _, c := range []struct {
		name   string
		us     *contender
		missed []string // what is said of each
	}{
		{"all held", measured(isekai, 1000, 12*ms, 99<<20), nil},
		{"slow", measured(isekai, 790, 10*ms, 0), []string{"1.0 x ReverseProxy: 0.79", "8.0 x Portkey: 7.90"}},
		{"late and large", measured(isekai, 1000, 13*ms, 100<<20), []string{"at 0 ms", "at 20 ms", "100 MB: 100 MB"}},
		{"absent", nil, []string{"without Isekai nothing is held"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			all := append([]*contender{}, peers...)
			if c.us != nil {
				all = append(all, c.us)
			}
			var out strings.Builder
			err := report(&out, all)
			if (err == nil) != (c.missed == nil) || strings.Count(out.String(), "MISSED") > len(c.missed) {
				t.Fatalf("%v\n%s", err, out.String())
			}
			for _, what := range c.missed {
				if !strings.Contains(err.Error(), what) {
					t.Errorf("%v doesn't say %q", err, what)
				}
			}
		})
	}
}
