package gateway_test

import (
	"net/http"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
)

// TestATaskThatAsksForModels, as the driver does when there is none of a name, is told that there
// is no such page: that request has no body.
func TestATaskThatAsksForModels(t *testing.T) {
	t.Parallel()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://gateway/v1/models", nil)
	if err != nil {
		t.Fatal(err)
	}
	way := new(gateway.Gateway).ForTask(core.Scope{Org: "org_a", Project: "prj_a"}, "tsk_a")
	res, err := way.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("%d", res.StatusCode)
	}
}
