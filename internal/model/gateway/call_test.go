package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
)

func TestAWholeAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	u := newUpstream(t, func(n int64, w http.ResponseWriter, req *http.Request, body []byte) {
		if got := req.Header.Get("Authorization"); got != "Bearer sk-test" {
			t.Errorf("the provider got the credential %q", got)
		}
		if string(body) != plain {
			t.Errorf("the provider got %s", body)
		}
		answering(0)(n, w, req, body)
	})
	r.provider("p", u.URL)
	a, err := r.Do(r.ctx, r.call(plain))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if string(a.Body) != whole {
		t.Errorf("the answer is %s", a.Body)
	}
}

func TestAStream(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	u := newUpstream(t, answering(3))
	r.provider("p", u.URL)
	a, err := r.Do(r.ctx, r.call(streamed))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	got, err := all(r.ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(got, "data: ") != 5 || !strings.HasSuffix(got, "data: [DONE]\n\n") || strings.Contains(got, "usage") {
		t.Errorf("the caller, who didn't ask for usage, got:\n%s", got)
	}
}

func TestAnotherProviderIsAskedWhenOneFails(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	bad := newUpstream(t, func(_ int64, w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.WriteHeader(http.StatusInternalServerError)
	})
	good := newUpstream(t, answering(1))
	r.provider("bad", bad.URL)
	r.provider("good", good.URL)
	_, err := r.catalog.PutRoute(r.ctx, r.org, catalog.Route{Name: "smart", Targets: []catalog.Leg{{Provider: "bad", Model: "m"}, {Provider: "good", Model: "m", Tier: 1}}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		a, err := r.Do(r.ctx, r.call(strings.Replace(plain, `"m"`, `"smart"`, 1)))
		if err != nil {
			t.Fatal(err)
		}
		a.Close()
	}
	if n := bad.calls.Load(); n != 3 {
		t.Errorf("the provider that fails was asked %d times; its breaker opens after 3", n)
	}
}

func TestWhenAllAreDownTheErrorSaysHowEachIs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	bad := newUpstream(t, func(_ int64, w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.WriteHeader(http.StatusInternalServerError)
	})
	r.provider("one", bad.URL)
	r.provider("two", "http://127.0.0.1:1")
	_, err := r.catalog.PutRoute(r.ctx, r.org, catalog.Route{Name: "smart", Targets: []catalog.Leg{{Provider: "one", Model: "m"}, {Provider: "two", Model: "m"}}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Do(r.ctx, r.call(strings.Replace(plain, `"m"`, `"smart"`, 1)))
	if core.CodeOf(err) != core.Unavailable {
		t.Fatalf("the error is %v", err)
	}
	for _, want := range []string{"one: status 500", "two: no connection"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error doesn't say %q: %v", want, err)
		}
	}
}
