package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

// quiet is a stream in which nothing happens.
type quiet struct{ store.Events }

func (quiet) ReadStream(context.Context, core.OrgID, core.StreamID, int64, int) ([]core.Event, error) {
	return nil, nil
}

// patient is a connection whose writes have all the time that there is.
type patient struct{ *httptest.ResponseRecorder }

func (patient) SetWriteDeadline(time.Time) error { return nil }

// lasts returns how long a stream lasts, of a task's events or an app's log, to which lines
// come so often, and whose reader may read for so long.
func lasts(t *testing.T, every, may time.Duration, logs bool) (d time.Duration, sent string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := &server{cfg: Config{Events: quiet{}, Stopping: context.Background(), Watch: func(core.OrgID, core.StreamID) (<-chan struct{}, func()) {
			return nil, func() {}
		}}}
		w := patient{httptest.NewRecorder()}
		out := openSSE(w, usualPatience, func() error {
			if time.Since(began) >= may {
				return core.E(core.Unauthenticated, "test", "it has gone")
			}
			return nil
		})
		if !logs {
			s.follow(out, t.Context(), core.Scope{Org: "org_a"}, "tsk_a", core.TaskFinished{}.EventType(), 0)
		} else {
			lines := make(chan app.Line)
			ended := make(chan struct{})
			go func() {
				tick := time.NewTicker(every)
				defer tick.Stop()
				for n := int64(1); ; n++ {
					select {
					case <-tick.C:
					case <-ended:
						return
					}
					select {
					case lines <- app.Line{Seq: n, Text: "x"}:
					case <-ended:
						return
					}
				}
			}()
			s.pump(out, t.Context(), lines)
			close(ended)
		}
		d, sent = time.Since(began), w.Body.String()
	})
	return d, sent
}

// TestAStreamEndsWithItsReadersRight: at the next sign of life if it is quiet, within recheck
// if it isn't; and after an hour in any case.
func TestAStreamEndsWithItsReadersRight(t *testing.T) {
	t.Parallel()
	const never = 24 * time.Hour
	for name, c := range map[string]struct {
		every, may, want time.Duration
		logs             bool
	}{
		"a quiet task":   {may: 20 * time.Second, want: 30 * time.Second},
		"a quiet log":    {every: never, may: 20 * time.Second, want: 30 * time.Second, logs: true},
		"a busy log":     {every: time.Second, may: 20 * time.Second, want: 20 * time.Second, logs: true},
		"an old task":    {may: never, want: streamAge},
		"an old log":     {every: never, may: never, want: streamAge, logs: true},
		"an old one too": {every: 7 * time.Second, may: never, want: streamAge, logs: true},
	} {
		d, sent := lasts(t, c.every, c.may, c.logs)
		if d < c.want || d > c.want+recheck || strings.Contains(sent, "event: end") {
			t.Errorf("%s: it ended after %s, want %s: %q", name, d, c.want, sent[max(0, len(sent)-80):])
		}
	}
}

// TestALiveStreamEndsWithItsReadersRight, as others do; and what its reader may is looked at as
// it is then.
func TestALiveStreamEndsWithItsReadersRight(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ every, may, want time.Duration }{
		"a quiet one": {may: 20 * time.Second, want: 30 * time.Second},
		"a busy one":  {every: time.Second, may: 20 * time.Second, want: 20 * time.Second},
		"an old one":  {every: 7 * time.Second, may: 24 * time.Hour, want: streamAge},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			log, changed := &ticking{began: began, every: c.every}, make(chan struct{}, 1)
			stop := log.tick(changed)
			defer stop()
			s := &server{cfg: Config{Stopping: context.Background(), Feed: Feed{Stored: log, Watch: func(core.OrgID) (<-chan struct{}, func()) { return changed, func() {} }}}}
			w := patient{httptest.NewRecorder()}
			who := identity.Principal{Scope: core.Scope{Org: "org_a", Project: "prj_a"}, Role: core.Viewer}
			out := openSSE(w, usualPatience, func() error {
				if time.Since(began) >= c.may {
					return core.E(core.Unauthenticated, "test", "it has gone")
				}
				return nil
			})
			f := feed{server: s, to: out, org: "org_a", who: func() *identity.Principal {
				now := who
				if time.Since(began) > 10*time.Second { // demoted
					now.Role = ""
				}
				return &now
			}, told: -1}
			f.follow(t.Context(), out)
			if d := time.Since(began); d < c.want || d > c.want+recheck {
				t.Errorf("%s: it ended after %s, want %s", name, d, c.want)
			}
			if shown := strings.Count(w.Body.String(), `"task.created"`); c.every == time.Second && shown != 10 {
				t.Errorf("%s: %d events were shown", name, shown)
			}
		})
	}
}

// ticking is an org with an event every so often.
type ticking struct {
	began time.Time
	every time.Duration
}

func (*ticking) Head(context.Context, core.OrgID) (int64, error) { return 0, nil }

func (k *ticking) ReadOrg(_ context.Context, org core.OrgID, after int64, limit int) (all []core.Event, _ error) {
	if k.every == 0 {
		return nil, nil
	}
	for n := after + 1; n <= int64(time.Since(k.began)/k.every) && len(all) < limit; n++ {
		all = append(all, core.Event{ID: "evt_a", Org: org, Project: "prj_a", Stream: "tsk_a", Position: n, Type: core.TaskCreated{}.EventType(), Data: []byte("{}")})
	}
	return all, nil
}

// tick wakes who waits for each, until stop.
func (k *ticking) tick(changed chan<- struct{}) (stop func()) {
	if k.every == 0 {
		return func() {}
	}
	ended := make(chan struct{})
	go func() {
		tick := time.NewTicker(k.every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ended:
				return
			}
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	}()
	return func() { close(ended) }
}

// TestWhatIsLookedAtAgain: that the credential is still good, for the same, and enough.
func TestWhatIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	setHumaError()
	first := identity.Principal{Scope: core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_a"}}, Role: core.Member, User: "usr_a"}
	elsewhere, nobody, demoted := first, identity.Principal{}, first
	elsewhere.Scope.Org, demoted.Role = "org_b", ""
	for what, c := range map[string]struct {
		now  identity.Principal
		err  error
		want core.Code
	}{
		"nothing has changed":          {first, nil, ""},
		"it was revoked":               {nobody, core.E(core.Unauthenticated, "test", "no"), core.Unauthenticated},
		"its project was archived":     {nobody, core.E(core.NotFound, "test", "no"), core.NotFound},
		"its session entered another":  {elsewhere, nil, core.Denied},
		"its user isn't anything more": {demoted, nil, core.Denied},
		"nobody knows":                 {nobody, core.E(core.Unavailable, "test", "no"), core.Unavailable},
	} {
		mux := http.NewServeMux()
		asked := 0
		s := &server{api: humago.New(mux, huma.DefaultConfig("test", "1")), cfg: Config{Authenticate: func(_ context.Context, got identity.Credential) (identity.Principal, error) {
			if asked++; got.Bearer != "x" || got.Project != "prj_a" {
				t.Errorf("%s: asked for %+v", what, got)
			}
			if asked == 1 {
				return first, nil
			}
			return c.now, c.err
		}}}
		s.api.UseMiddleware(s.authenticate)
		var got error
		handle(s, identity.TaskRead, huma.Operation{OperationID: "x", Method: http.MethodGet, Path: "/x"}, func(ctx context.Context, _ core.Scope, _ *struct{}) (*struct{}, error) {
			got = s.again(ctx, requestOf(ctx))
			return nil, nil
		})
		r := httptest.NewRequest("GET", "/x", nil)
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, &request{}))
		r.Header.Set("Authorization", "Bearer x")
		r.Header.Set("Isekai-Project", "prj_a")
		mux.ServeHTTP(httptest.NewRecorder(), r)
		if asked != 2 || core.CodeOf(got) != c.want {
			t.Errorf("%s: asked %d times: %v, want %q", what, asked, got, c.want)
		}
	}
}
