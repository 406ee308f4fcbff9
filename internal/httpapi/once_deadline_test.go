package httpapi

import (
	"errors"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// onWire is a request whose connection is touched.
type onWire struct{ humaContext }

func (onWire) SetReadDeadline(time.Time) error { return errors.New("the connection has a deadline") }

// TestARepeatableRequestOutlivesItsBodysTime: huma gives each body five seconds, by a deadline of
// the connection. Where the body was read before, that ended the request five seconds later.
func TestARepeatableRequestOutlivesItsBodysTime(t *testing.T) {
	t.Parallel()
	for name, ctx := range map[string]huma.Context{"read": replayed{humaContext: onWire{}}, "recorded": &recorder{replayed: replayed{humaContext: onWire{}}}} {
		if err := ctx.SetReadDeadline(time.Now()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
