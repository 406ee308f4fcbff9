package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
)

// panicking is a way on which everything is a bug.
type panicking struct{}

func (panicking) RoundTrip(*http.Request) (*http.Response, error) { panic("a bug") }
func (panicking) CloseIdleConnections()                           {}

// A panic within a call keeps neither credits nor the place that the call had.
func TestAPanicKeepsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) {
		c.Transport = func(bool, time.Duration) gateway.Way { return panicking{} }
	})
	r.provider("p", "https://provider.example", func(s *catalog.Spec) { s.Limits.Concurrent = 1 })
	for range 3 {
		func() {
			defer func() {
				if p := recover(); p != "a bug" {
					t.Errorf("it panics with %v", p)
				}
			}()
			_, err := r.Do(r.ctx, r.call(plain))
			t.Errorf("it ends with %v", err)
		}()
	}
	if calls := r.closed()["m"]; count(calls) != 3 || calls[0].Status != "failed" || calls[0].Cost != 0 {
		t.Errorf("it is written down as %+v", calls)
	}
}
