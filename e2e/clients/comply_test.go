package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// checks are how many checks llm-comply has of the formats that this API speaks.
var checks = map[string]int{"openai-chat": 9, "open-responses": 13, "anthropic": 9}

// leftOut are its formats that this API doesn't speak, and why. A caller of them would need
// routes of their own below /v1beta, a dialect with its translations to and from the others,
// Google's error bodies, and a key in x-goog-api-key.
var leftOut = map[string]string{
	"google-genai":        "the formats of callers are OpenAI's and Anthropic's; Google's models are reached by its OpenAI-compatible API, and its clients aren't served",
	"google-interactions": "likewise; it also has the server keep conversations",
}

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
	for format, known := range checks {
		for _, model := range []string{"chat", "messages", "responses"} {
			t.Run(format+" by "+model, func(t *testing.T) {
				t.Parallel()
				r.comply(t, folder, format, "gpt-5-claude-opus-by-"+model, known)
			})
		}
	}
}

// TestComplyKnowsNoMore: llm-comply has no format that is neither checked nor left out.
func TestComplyKnowsNoMore(t *testing.T) {
	t.Parallel()
	c := exec.CommandContext(t.Context(), filepath.Join(clients(t), "python", "bin", "llm-comply"), "--help")
	c.Env = append(quiet(), "COLUMNS=1000") // a line isn't broken then
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`--format \{([^}]+)\}`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("its help names no format:\n%s", out)
	}
	for format := range strings.SplitSeq(string(m[1]), ",") {
		if checks[format] == 0 && leftOut[format] == "" {
			t.Errorf("%s is neither checked nor left out", format)
		}
	}
	for format := range checks {
		if !slices.Contains(strings.Split(string(m[1]), ","), format) {
			t.Errorf("it has no %s any more", format)
		}
	}
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
		if c.Status != "passed" {
			t.Errorf("%s: %s %q %q\n%v", c.ID, c.Status, c.Errors, c.Warnings, c.Response)
		}
	}
}
