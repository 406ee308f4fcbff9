package openai

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

const (
	listTimeout = 2 * time.Second
	maxList     = 1 << 20 // bytes
	maxNamed    = 12      // models in a hint
)

// OllamaURL is where Ollama listens unless told otherwise. Its chat completions
// are at OllamaURL + "/v1".
const OllamaURL = "http://127.0.0.1:11434"

// DetectOllama returns the names of the models that an Ollama at base has, in
// its own order: the last used first. base may end in "/v1". unavailable: there
// is none, or it doesn't answer within two seconds.
func DetectOllama(ctx context.Context, base string) ([]string, error) {
	base = strings.TrimSuffix(strings.TrimRight(base, "/"), "/v1")
	var answer struct {
		Models []struct {
			Name string `json:"name"`
		} `json:"models"`
	}
	client := newClient(listTimeout)
	defer client.CloseIdleConnections()
	if err := get(ctx, client, base+"/api/tags", "", &answer); err != nil {
		return nil, core.E(core.Unavailable, "model.ollama", "no Ollama answers").Because(err).WithHint("start it with: ollama serve")
	}
	names := make([]string, 0, len(answer.Models))
	for _, m := range answer.Models {
		names = append(names, m.Name)
	}
	return names, nil
}

// List returns the names of the endpoint's models.
func (m *Model) List(ctx context.Context) ([]string, error) {
	var answer struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if m.base == nil {
		return nil, core.E(core.Invalid, op, "the model's base URL isn't an http or https URL")
	}
	if err := get(ctx, m.client, strings.TrimRight(m.cfg.BaseURL, "/")+"/models", m.cfg.APIKey, &answer); err != nil {
		return nil, core.E(core.Unavailable, op, "the model server doesn't list its models").Because(err)
	}
	names := make([]string, 0, len(answer.Data))
	for _, d := range answer.Data {
		names = append(names, d.ID)
	}
	return names, nil
}

// whichModels is the hint for a model that isn't there.
func (m *Model) whichModels(ctx context.Context, name string) string {
	names, err := m.List(ctx)
	if err != nil || len(names) == 0 {
		return "check the model's name and OPENAI_BASE_URL"
	}
	more := ""
	if len(names) > maxNamed {
		more, names = fmt.Sprintf(" and %d more", len(names)-maxNamed), names[:maxNamed]
	}
	return fmt.Sprintf("%s isn't there; there are: %s%s", name, strings.Join(names, ", "), more)
}

// get reads a small JSON document. Its errors don't hold the URL.
func get(ctx context.Context, client *http.Client, address, key string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("the URL isn't valid")
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := client.Do(req)
	if err != nil {
		if u, ok := err.(*url.Error); ok { // Do returns nothing else
			err = u.Err
		}
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return json.NewDecoder(io.LimitReader(res.Body, maxList)).Decode(v)
}
