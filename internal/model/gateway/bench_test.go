package gateway_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
)

// canned answers each request in no time.
type canned struct{}

func (canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(whole)), Body: io.NopCloser(strings.NewReader(whole))}, nil
}

func (canned) CloseIdleConnections() {}

// BenchmarkCall is what a call costs besides the way to its provider.
func BenchmarkCall(b *testing.B) {
	r := newRig(b, func(c *gateway.Config) {
		c.Transport = func(bool, time.Duration) gateway.Way { return canned{} }
	})
	r.provider("p", "http://127.0.0.1:1")
	body := []byte(`{"model":"m","messages":[{"role":"system","content":"` + string(bytes.Repeat([]byte("You are terse. "), 20)) + `"},{"role":"user","content":"Say hello."}],"max_tokens":16}`)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			a, err := r.Do(r.ctx, r.call(string(body)))
			for core.CodeOf(err) == core.Unavailable { // the calls to be written down are too many: these come faster than from any network
				time.Sleep(time.Millisecond)
				a, err = r.Do(r.ctx, r.call(string(body)))
			}
			if err != nil {
				b.Error(err)
				return
			}
			a.Close()
		}
	})
}
