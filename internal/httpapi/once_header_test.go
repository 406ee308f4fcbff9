package httpapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// TestAllOfAHeaderIsKept: a name may have several values.
func TestAllOfAHeaderIsKept(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	ctx := humago.NewContext(&huma.Operation{}, httptest.NewRequest("GET", "/", nil), w)
	rec := &recorder{replayed: replayed{humaContext: ctx}, header: http.Header{}}
	rec.SetHeader("ETag", `"0"`)
	rec.SetHeader("ETag", `"1"`)
	rec.AppendHeader("Set-Cookie", "a=1")
	rec.AppendHeader("set-cookie", "b=2")
	b, err := json.Marshal(kept{Status: 200, Header: rec.header})
	if err != nil {
		t.Fatal(err)
	}
	var k kept
	if err := json.Unmarshal(b, &k); err != nil {
		t.Fatal(err)
	}
	(&server{}).send(ctx, &request{}, k.Header, k.Status, nil)
	if got := w.Result().Header; !slices.Equal(got["Set-Cookie"], []string{"a=1", "b=2"}) || !slices.Equal(got["Etag"], []string{`"1"`}) {
		t.Errorf("%v", got)
	}
}
