package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/core"
)

// A request that is too large is refused in its API's words, before anybody is asked, and
// costs nothing; an answer that is too large is a provider's failure.
func TestSizesAreBounded(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	olga := o.access("olga")
	before := must(o.ledger.Balance(t.Context(), core.DefaultOrg))(t)
	large := strings.Replace(saying, marker, strings.Repeat("x", 33<<20), 1)
	for path, want := range map[string]string{
		"/v1/chat/completions": "invalid_request_error",
		"/v1/responses":        "invalid_request_error",
		"/v1/embeddings":       "invalid_request_error",
		"/v1/messages":         "request_too_large",
	} {
		a := o.callOf(path, olga, large)
		if a.status != http.StatusRequestEntityTooLarge || gjson.Get(a.body, "error.type").Str != want || !strings.Contains(gjson.Get(a.body, "error.message").Str, "32 MiB") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if n := o.asked.Load(); n != 0 {
		t.Errorf("the provider was asked %d times", n)
	}
	if after := must(o.ledger.Balance(t.Context(), core.DefaultOrg))(t); after.Available != before.Available || after.Spent != 0 {
		t.Errorf("from %+v to %+v", before, after)
	}
	o.says("application/json", http.StatusOK, strings.Replace(helloAnswer, "Hello.", strings.Repeat("x", 33<<20), 1))
	a := o.call(olga, saying)
	if a.status != http.StatusServiceUnavailable || !strings.Contains(gjson.Get(a.body, "error.message").Str, "too large") {
		t.Errorf("a large answer: %d %s", a.status, a.body)
	}
	o.says("text/event-stream", http.StatusOK, `data: {"id":"c","choices":[{"index":0,"delta":{"content":"a"}}]}`+"\n\n"+`data: {"id":"c","choices":[{"index":0,"delta":{"content":"`+strings.Repeat("x", 9<<20)+`"}}]}`+"\n\n")
	if a := o.call(olga, strings.Replace(saying, `"model"`, `"stream":true,"model"`, 1)); !strings.Contains(a.body, `"error"`) || len(a.body) > 1<<20 {
		t.Errorf("a large event: %d %.300s", a.status, a.body)
	}
}
