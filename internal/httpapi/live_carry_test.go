package httpapi

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

// some are streams of which each has its own reader.
type some struct {
	store.Events
	read map[core.StreamID]func(after int64, limit int) ([]core.Event, error)
}

func (s some) ReadStream(_ context.Context, _ core.OrgID, of core.StreamID, after int64, limit int) ([]core.Event, error) {
	return s.read[of](after, limit)
}

// steps are a stream's events after a version, up to another.
func steps(of core.StreamID, to int64) func(int64, int) ([]core.Event, error) {
	return func(after int64, limit int) (all []core.Event, _ error) {
		for v := after + 1; v <= to && len(all) < limit; v++ {
			all = append(all, core.Event{Stream: of, Version: v, Type: core.StepStarted{}.EventType(), Data: []byte("{}")})
		}
		return all, nil
	}
}

// carrying is a carrier of tasks' channels, to a connection.
func carrying(ctx context.Context, w http.ResponseWriter, may func() error, read reads, tasks ...core.StreamID) *carrier {
	setHumaError()
	s := &server{waiting: usualPatience, cfg: Config{Events: some{read: read}, Stopping: context.Background(), Watch: func(core.OrgID, core.StreamID) (<-chan struct{}, func()) {
		return nil, func() {}
	}}}
	rq := &request{Context: ctx, id: "req_test"}
	rq.now.Store(&identity.Principal{Scope: core.Scope{Org: "org_a", Project: "prj_a"}, Role: core.Viewer})
	var all []*channel
	for _, of := range tasks {
		all = append(all, &channel{name: "task:" + string(of), kind: channelKinds["task"], ready: true})
	}
	l := newCarrier(s, openSSE(w, usualPatience, may), rq, all)
	for i, of := range tasks {
		all[i].tail(core.Scope{Org: "org_a"}, of, core.TaskFinished{}.EventType())
	}
	return l
}

// logging adds a channel of an app's output.
func (l *carrier) logging(ctx context.Context, follow func(context.Context) iter.Seq[app.Line], err error) *channel {
	c := &channel{name: "logs:app_a", kind: channelKinds["logs"], live: l, as: l.footing(""), ready: true}
	c.openOutput(ctx, func(ctx context.Context) ([]app.Line, iter.Seq[app.Line], error) { return nil, follow(ctx), err })
	l.left = append(l.left, c)
	return c
}

func always() error { return nil }

// lines yields so many lines, and then nothing until ctx ends, or at once no more.
func lines(n int64, ends bool) func(context.Context) iter.Seq[app.Line] {
	return func(ctx context.Context) iter.Seq[app.Line] {
		return func(yield func(app.Line) bool) {
			for i := int64(1); i <= n && yield(app.Line{Seq: i, Text: "x"}); i++ {
			}
			if !ends {
				<-ctx.Done()
			}
		}
	}
}

type reads = map[core.StreamID]func(after int64, limit int) ([]core.Event, error)

// TestAQuietLiveStream has one sign of life for all its channels, lasts for an hour, and
// leaves nothing behind: synctest sees what does.
func TestAQuietLiveStream(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ may, want time.Duration }{
		"an old one":                       {24 * time.Hour, streamAge},
		"one whose reader's right is gone": {20 * time.Second, 30 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			began, w := time.Now(), patient{httptest.NewRecorder()}
			l := carrying(t.Context(), w, func() error {
				if time.Since(began) >= c.may {
					return core.E(core.Unauthenticated, "test", "it has gone")
				}
				return nil
			}, reads{"tsk_a": steps("tsk_a", 0), "tsk_b": steps("tsk_b", 3)}, "tsk_a", "tsk_b")
			l.logging(t.Context(), lines(2, false), nil)
			l.carry(t.Context())
			d, sent := time.Since(began), w.Body.String()
			if signs := strings.Count(sent, ": \n\n"); d != c.want || signs != int(c.want/keepAlive)-1 || strings.Contains(sent, "event: end") || strings.Count(sent, "event: place") != 3 {
				t.Errorf("%s: it ended after %s, want %s, with %d signs of life: %s", name, d, c.want, signs, sent[:400])
			}
		})
	}
}

// TestAChannelIsLookedAtAgain while it is quiet: with the next sign of life it is lost, if what
// it shows has gone.
func TestAChannelIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, w := time.Now(), patient{httptest.NewRecorder()}
		l := carrying(t.Context(), w, always, nil)
		c := l.logging(t.Context(), lines(1, false), nil)
		c.still = func(context.Context) error {
			if time.Since(began) > 20*time.Second {
				return core.E(core.NotFound, "test", "the app is gone")
			}
			return nil
		}
		l.carry(t.Context())
		if d, sent := time.Since(began), w.Body.String(); d != 2*keepAlive || !strings.Contains(sent, "event: refused\ndata: {\"channel\":\"logs:app_a\",\"problem\":{\"title\":\"Not Found\",\"status\":404,\"detail\":\"test: the app is gone\"") || !strings.HasSuffix(sent, "event: end\ndata: {}\n\n") {
			t.Errorf("after %s: %s", d, sent)
		}
	})
}

// TestChannelsTakeTurns: one with much to tell, or all too fast an app, holds back none for more
// than a page.
func TestChannelsTakeTurns(t *testing.T) {
	t.Parallel()
	w := &stuck{room: 500}
	synctest.Test(t, func(t *testing.T) {
		l := carrying(t.Context(), w, always, reads{"tsk_much": steps("tsk_much", 1<<40), "tsk_more": steps("tsk_more", 1<<40), "tsk_few": steps("tsk_few", 3)}, "tsk_much", "tsk_more", "tsk_few")
		l.logging(t.Context(), lines(1<<40, false), nil)
		synctest.Wait() // there is a page of it
		l.carry(t.Context())
	})
	row, last, seen := 0, "", map[string]int{}
	for _, text := range strings.Split(w.sent.String(), "\n\n") {
		_, event, _ := strings.Cut(text, "event: ")
		event, _, _ = strings.Cut(event, "\n")
		if seen[event]++; event != last {
			row, last = 0, event
		}
		if row++; row > livePage {
			t.Fatalf("%d of %s in a row", row, event)
		}
	}
	if seen["task:tsk_few"] != 3 || seen["task:tsk_much"] < 4*livePage || seen["task:tsk_more"] < 4*livePage || seen["logs:app_a"] < livePage {
		t.Error(seen)
	}
}

// TestASlowReaderOfManyChannelsIsBounded: one page is read ahead, and of each app's output one.
func TestASlowReaderOfManyChannelsIsBounded(t *testing.T) {
	t.Parallel()
	events, yielded := 0, 0
	endless := func(after int64, limit int) ([]core.Event, error) {
		events += limit
		return steps("tsk_x", 1<<40)(after, limit)
	}
	w := &stuck{room: 2*livePage + 2}
	l := carrying(t.Context(), w, always, reads{"tsk_a": endless, "tsk_b": endless, "tsk_c": endless}, "tsk_a", "tsk_b", "tsk_c")
	c := l.logging(t.Context(), func(ctx context.Context) iter.Seq[app.Line] {
		return func(yield func(app.Line) bool) {
			for yield(app.Line{Seq: int64(yielded) + 1}) {
				yielded++
			}
		}
	}, nil)
	l.carry(t.Context())
	if events > 3*livePage || yielded > livePage || c.from.reached() != 0 {
		t.Errorf("%d events and %d lines were read for a reader that took %d", events, yielded, 2*livePage)
	}
}

// TestAChannelFails: what is wrong with one is no matter of the others; while the store is away,
// the reader is to resume them all.
func TestAChannelFails(t *testing.T) {
	t.Parallel()
	after := func(n int64, err error) func(int64, int) ([]core.Event, error) {
		return func(after int64, limit int) ([]core.Event, error) {
			if after == n {
				return nil, err
			}
			return steps("tsk_a", n)(after, limit)
		}
	}
	finished := func(after int64, limit int) ([]core.Event, error) {
		return []core.Event{{Stream: "tsk_b", Version: after + 1, Type: core.TaskFinished{}.EventType(), Data: []byte("{}")}}, nil
	}
	for name, c := range map[string]struct {
		err  error
		want string // after the events; "": nothing
	}{
		"by itself":        {errors.New("a cause that nobody sees"), `event: refused` + "\n" + `data: {"channel":"task:tsk_a","problem":{"title":"Internal Server Error","status":500`},
		"for the store's":  {core.E(core.Unavailable, "store", "away"), ""},
		"for its reader's": {context.Canceled, ""},
	} {
		w := patient{httptest.NewRecorder()}
		l := carrying(t.Context(), w, always, reads{"tsk_a": after(livePage, c.err), "tsk_b": finished}, "tsk_a", "tsk_b")
		l.cfg.Logger = slog.New(slog.DiscardHandler)
		l.carry(t.Context())
		sent := w.Body.String()
		if strings.Contains(sent, "nobody sees") || (c.want == "") == strings.Contains(sent, "refused") || !strings.Contains(sent, c.want) {
			t.Errorf("%s: %s", name, sent)
		}
		if ended := strings.HasSuffix(sent, "event: end\ndata: {}\n\n"); ended != (c.want != "") || !strings.Contains(sent, "event: end\ndata: {\"channel\":\"task:tsk_b\"}\n") {
			t.Errorf("%s: ended %t: %s", name, ended, sent)
		}
	}
	for name, l := range map[string]func(*carrier){
		"an app's output that comes to an end": func(l *carrier) { l.logging(l.rq, lines(3, true), nil) },
		"an app's node that is away":           func(l *carrier) { l.logging(l.rq, lines(0, true), core.E(core.Unavailable, "app", "away")) },
	} {
		w := patient{httptest.NewRecorder()}
		c := carrying(t.Context(), w, always, reads{"tsk_b": finished}, "tsk_b")
		l(c)
		c.carry(t.Context())
		sent := w.Body.String()
		if !strings.Contains(sent, `data: {"channel":"logs:app_a","problem":{"title":"Service Unavailable","status":503`) || !strings.HasSuffix(sent, "event: end\ndata: {}\n\n") {
			t.Errorf("%s: %s", name, sent)
		}
	}
}

func FuzzChannel(f *testing.F) {
	for _, s := range []string{"task:tsk_x@5", "events", "prj_a/logs:app_x@0", "a/b/c", "events\n\ndata: x", "task:tsk_\x00", "@", "task:x@1@2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, wrong := channelOf(s)
		if (c == nil) == (wrong == "") {
			t.Fatalf("%q: %+v, %q", s, c, wrong)
		}
		if wrong != "" {
			return
		}
		if again, wrong := channelOf(c.goOn(c.after)); wrong != "" || again.name != c.name || again.after != c.after || strings.ContainsAny(c.name, "\r\n\x00 ,") || len(c.name) > maxChannel {
			t.Fatalf("%q is %q at %d, which is %+v, %q", s, c.name, c.after, again, wrong)
		}
	})
}
