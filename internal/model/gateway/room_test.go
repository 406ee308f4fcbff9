package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// small has a rig's gateway have 4 MiB for large answers, and 2 MiB for those of an org.
func small(c *gateway.Config) { c.Large, c.LargeOrg = 4<<20, 2<<20 }

// hoarding is a provider's server whose answers have so many bytes in a text, and whose streams
// have that in an event which never ends.
func hoarding(t *testing.T, size *atomic.Int64) *upstream {
	t.Helper()
	return newUpstream(t, func(_ int64, w http.ResponseWriter, req *http.Request, body []byte) {
		text := strings.Repeat("x", int(size.Load()))
		if !bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "application/json")
			answer := strings.Replace(whole, "Hello.", text, 1)
			if bytes.Contains(body, []byte("length")) {
				w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
			}
			_, _ = io.WriteString(w, answer)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		writeChunk(w, "begun ")
		_, _ = fmt.Fprintf(w, "data: {\"id\":%q", text)
		_ = http.NewResponseController(w).Flush()
		<-req.Context().Done()
	})
}

// All large answers of an org have one room, which is free again when they are closed. Those of
// others, and small ones, have theirs.
func TestLargeAnswersHaveARoom(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"of a known length": strings.Replace(plain, "Say", "length", 1), "of an unknown length": plain} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, small)
			var size atomic.Int64
			size.Store(300 << 10)
			r.house(hoarding(t, &size).URL, func(*catalog.Spec) {})
			var open []*gateway.Answer
			take := func(org core.OrgID) error {
				a, err := r.Do(r.ctx, r.of(org, body))
				if err == nil {
					open = append(open, a)
				}
				return err
			}
			n := 0
			for ; n < 10; n++ {
				if err := take("org_a"); core.CodeOf(err) == core.Exhausted {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if n < 2 || n > 7 {
				t.Errorf("%d answers of 300 KiB are in 2 MiB", n)
			}
			if err := take("org_b"); err != nil {
				t.Errorf("another org's: %v", err)
			}
			size.Store(10)
			if err := take("org_a"); err != nil {
				t.Errorf("a small one: %v", err)
			}
			for _, a := range open {
				a.Close()
			}
			size.Store(300 << 10)
			if err := take("org_a"); err != nil {
				t.Errorf("when there is room again: %v", err)
			}
			open[len(open)-1].Close()
		})
	}
}

// One key leaves half of its org's room to the others of the org, and has it again when it has let go.
func TestOneKeyLeavesRoom(t *testing.T) {
	t.Parallel()
	r := newRig(t, small)
	var size atomic.Int64
	size.Store(200 << 10)
	r.provider("p", hoarding(t, &size).URL)
	take := func(key core.KeyID) (*gateway.Answer, error) {
		call := r.call(strings.Replace(plain, "Say", "length", 1))
		call.Key, call.Scope.Actor.ID = key, string(key)
		return r.Do(r.ctx, call)
	}
	fill := func(key core.KeyID) (open []*gateway.Answer) {
		for range 20 {
			a, err := take(key)
			if core.CodeOf(err) == core.Exhausted {
				return open
			} else if err != nil {
				t.Fatal(err)
			}
			open = append(open, a)
		}
		t.Fatalf("%s finds no end of the room", key)
		return nil
	}
	first := fill("key_greedy")
	second := fill("key_other")
	if len(first) == 0 || len(second) != len(first) {
		t.Errorf("one key has %d answers, and leaves %d to another", len(first), len(second))
	}
	third := fill("key_third") // what is left of the org's
	if len(third) >= len(first) {
		t.Errorf("a third key has %d answers besides", len(third))
	}
	for _, a := range slices.Concat(first, second, third) {
		a.Close()
	}
	for _, a := range fill("key_greedy") {
		a.Close()
	}
}

// Events that never end have the same room: the stream that finds none ends with an error of its
// dialect, and is nobody's fault.
func TestEventsHaveARoom(t *testing.T) {
	t.Parallel()
	r := newRig(t, small)
	var size atomic.Int64
	size.Store(600 << 10)
	r.house(hoarding(t, &size).URL, func(*catalog.Spec) {})
	ctx, leave := context.WithCancel(r.ctx)
	said := make(chan string, 3)
	for range 3 {
		a, err := r.Do(ctx, r.of("org_a", streamed))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			got, _ := all(ctx, a)
			a.Close()
			said <- got
		}()
	}
	if s := <-said; !strings.Contains(s, "begun") || !strings.Contains(s, "too much of large answers") || !strings.Contains(s, `"error"`) {
		t.Errorf("the one that found no room ends with %q", s)
	}
	leave()
	for range 2 {
		<-said
	}
	size.Store(1)
	if a, err := r.Do(r.ctx, r.of("org_a", strings.Replace(plain, "Say", "length", 1))); err != nil {
		t.Errorf("the next call: %v", err)
	} else {
		a.Close()
	}
}

// What is kept of a stream to be told again at its end counts, too.
func TestWhatIsKeptHasARoom(t *testing.T) {
	t.Parallel()
	r := newRig(t, small)
	u := newUpstream(t, func(_ int64, w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 100 {
			writeChunk(w, strings.Repeat("x", 50<<10))
		}
	})
	r.house(u.URL, func(*catalog.Spec) {})
	call := r.of("org_a", `{"model":"m","input":"hi","stream":true}`)
	call.Op = dialect.OpResponses
	a, err := r.Do(r.ctx, call)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	got, err := all(r.ctx, a)
	if err != nil || !strings.Contains(got, "too much of large answers") || strings.Count(got, "response.output_text.delta") > 100 {
		t.Errorf("of 5 MiB come %d, %v, at the end %s", len(got), err, got[max(len(got)-300, 0):])
	}
}
