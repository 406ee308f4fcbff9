package e2e

import (
	"encoding/json"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/isekai-run/isekai/internal/client"
)

// The parts of the APIs' answers that tests look at.
type (
	chatAnswer struct {
		Model   string
		Choices []struct{ Message, Delta struct{ Content string } }
		Usage   struct {
			Prompt     int `json:"prompt_tokens"`
			Completion int `json:"completion_tokens"`
		}
	}
	tokens struct {
		Input  int `json:"input_tokens"`
		Output int `json:"output_tokens"`
	}
	said           struct{ Type, Text string }
	messagesAnswer struct {
		Type, Role string
		Content    []said
		Usage      tokens
	}
	messagesEvent struct {
		Type  string
		Delta said
		Usage tokens
	}
	responsesAnswer struct {
		Object string
		Output []struct{ Content []said }
		Usage  tokens
	}
	embedAnswer struct {
		Data  []struct{ Embedding []float64 }
		Usage struct {
			Prompt int `json:"prompt_tokens"`
		}
	}
)

// alike is how near two vectors are, which have the length 1.
func (a embedAnswer) alike(i, j int) (sum float64) {
	for k, v := range a.Data[i].Embedding {
		sum += v * a.Data[j].Embedding[k]
	}
	return sum
}

func decoded[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return v
}

func decodedSchema(t *testing.T, text string) *jsonschema.Schema {
	t.Helper()
	s := decoded[jsonschema.Schema](t, text)
	return &s
}

var listAll = client.ListOptions{Limit: 100}
