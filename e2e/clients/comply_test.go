package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestComply has llm-comply check the formats of OpenAI and Anthropic that it knows, by models
// of each API. What a model itself would get wrong isn't left out: these get nothing wrong.
func TestComply(t *testing.T) {
	t.Parallel()
	folder := clients(t)
	r := newRig(t)
	for _, target := range []string{"chat/" + byChat, "messages/" + byMessages, "responses/" + byResponses} {
		// By its name a model thinks, or those checks are left out.
		r.isekai("model", "route", "gpt-5-claude-opus-by-"+filepath.Dir(target), target, "--installation")
	}
	for format, known := range map[string]int{"openai-chat": 9, "open-responses": 13, "anthropic": 9} {
		for _, model := range []string{"chat", "messages", "responses"} {
			t.Run(format+" by "+model, func(t *testing.T) {
				t.Parallel()
				r.comply(t, folder, format, "gpt-5-claude-opus-by-"+model, known)
			})
		}
	}
}

// lacking are the checks of what this API doesn't have, and what they are told: there is no
// POST /v1/responses/compact. The checkers call it advisory, for few have it, but want the
// status 404, where this is 405: GET /v1/responses/{answer} is.
var lacking = map[string]string{
	"compact-response":      "HTTP 405 (expected [200, 404])",
	"compact-missing-model": "HTTP 405 (expected [400, 404, 422])",
}

// comply runs the checks of a format, of which so many are known.
func (r *rig) comply(t *testing.T, folder, format, model string, known int) {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), patience)
	defer done()
	c := exec.CommandContext(ctx, filepath.Join(folder, "python", "bin", "llm-comply"), "--format", format, "-u", r.url+"/v1", "-k", r.key, "-m", model, "--json", "--verbose")
	c.Env = quiet()
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	var got struct {
		Results []struct {
			ID       string
			Status   string
			Errors   []string
			Warnings []string
			Response any
		}
	}
	if jerr := json.Unmarshal(out, &got); jerr != nil {
		t.Fatalf("%v, %v: %s%s", err, jerr, out, errs.String())
	}
	if len(got.Results) != known {
		t.Errorf("%d checks ran, not %d", len(got.Results), known)
	}
	for _, c := range got.Results {
		switch want, lacks := lacking[c.ID]; {
		case lacks && !slices.Equal(c.Errors, []string{want}):
			t.Errorf("%s, which isn't there: %q", c.ID, c.Errors)
		case !lacks && c.Status != "passed":
			t.Errorf("%s: %s %q %q\n%v", c.ID, c.Status, c.Errors, c.Warnings, c.Response)
		}
	}
}
