package httpapi

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/isekai-run/isekai/internal/identity"
)

// TestTablesNameWhatThereIs: a route or an action that was renamed would have another's
// bounds or rate in silence.
func TestTablesNameWhatThereIs(t *testing.T) {
	t.Parallel()
	api, err := New(Config{Stopping: t.Context()})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequest("GET", "/openapi.json", nil))
	var doc struct {
		Paths map[string]map[string]struct {
			ID string `json:"operationId"`
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, methods := range doc.Paths {
		for _, op := range methods {
			there[op.ID] = true
		}
	}
	for id := range unusual {
		if !there[id] {
			t.Errorf("there is no operation %s", id)
		}
	}
	for a := range strict {
		if !slices.Contains(identity.Actions(), a) {
			t.Errorf("there is no action %s", a)
		}
	}
}
