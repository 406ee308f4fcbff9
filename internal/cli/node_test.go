package cli

import (
	"strings"
	"testing"
)

// Who moves an app is told what that gives up, and not in the output that programs read.
func TestStartMove(t *testing.T) {
	t.Parallel()
	h := newHost(t, everything())
	code, out, errs := h.run(t.Context(), "app", "start", "--move", "shelf", "--json")
	if code != 0 || !strings.HasPrefix(out, `{"id":"app_a"`) || !strings.Contains(errs, "stays there") {
		t.Errorf("%d %s%s", code, out, errs)
	}
	answers := everything()
	answers["POST /v1/apps/app_a/move"] = `409 {"code":"conflict","detail":"the app's home has changed","hint":"do it again"}`
	h = newHost(t, answers)
	if code, out, errs := h.run(t.Context(), "app", "start", "--move", "shelf"); code != 4 || out != "" || !strings.Contains(errs, "do it again") {
		t.Errorf("%d %s%s", code, out, errs)
	}
}
