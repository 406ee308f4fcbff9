package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/modeltest/realmodel"
	"github.com/isekai-run/isekai/internal/model/openai"
)

var (
	readFile = model.ToolSpec{Name: "read_file", Description: "Reads a file.", Schema: json.RawMessage(
		`{"type":"object","additionalProperties":false,"required":["path"],"properties":{"path":{"type":"string"}}}`)}
	writeFile = model.ToolSpec{Name: "write_file", Description: "Writes a file.", Schema: json.RawMessage(
		`{"type":"object","additionalProperties":false,"required":["path","content"],"properties":{"path":{"type":"string"},"content":{"type":"string"}}}`)}
)

// A real model behind a real server: what scripted ones can't show.
func TestARealModel(t *testing.T) {
	t.Parallel()
	s := realmodel.Start(t)
	m := openai.New(openai.Config{BaseURL: s.ChatURL})
	t.Cleanup(m.Close)
	user := func(text string) []model.Message { return []model.Message{{Role: model.User, Text: text}} }
	ask := func(t *testing.T, r model.Request) model.Answer {
		t.Helper()
		r.Model = s.ChatModel
		a, err := model.Collect(t.Context(), m, r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.Usage.Input == 0 || a.Usage.Output == 0 {
			t.Errorf("no usage was told: %+v", a.Usage)
		}
		return a
	}

	t.Run("answers", func(t *testing.T) {
		a := ask(t, model.Request{System: "You answer in one word.", Messages: user("What is the capital of France?"), MaxTokens: 16})
		if !strings.Contains(a.Text, "Paris") || len(a.Calls) != 0 {
			t.Errorf("%+v", a)
		}
	})

	t.Run("streams, and stops when nobody listens", func(t *testing.T) {
		ctx, leave := context.WithCancelCause(t.Context())
		defer leave(nil)
		heard := 0
		var err error
		for c, failed := range m.Stream(ctx, model.Request{Model: s.ChatModel, Messages: user("Tell me a long story."), MaxTokens: 4000}) {
			if err = failed; err != nil {
				break
			}
			if c.Text != "" {
				heard++
			}
			if heard == 5 {
				leave(errors.New("enough"))
			}
		}
		if heard < 5 || core.CodeOf(err) != core.Canceled {
			t.Errorf("%d pieces, then %v", heard, err)
		}
	})

	t.Run("keeps to a schema", func(t *testing.T) {
		a := ask(t, model.Request{MaxTokens: 64, Messages: user("Paris is the capital of France. Its river is the Seine. Give city and country."),
			Schema: &model.Schema{Name: "place", JSON: json.RawMessage(`{"type":"object","additionalProperties":false,"required":["city","country"],
			"properties":{"city":{"type":"string"},"country":{"type":"string"}}}`)}})
		var place struct{ City, Country string }
		if err := json.Unmarshal([]byte(a.Text), &place); err != nil || place.City != "Paris" || place.Country != "France" {
			t.Errorf("%q: %v", a.Text, err)
		}
	})

	t.Run("calls a tool, and answers by what it says", func(t *testing.T) {
		question := user("Read the file notes.txt.")
		tools := []model.ToolSpec{readFile, writeFile}
		a := ask(t, model.Request{Messages: question, Tools: tools, MaxTokens: 64})
		if len(a.Calls) != 1 || a.Calls[0].Tool != "read_file" || a.Calls[0].Problem != "" || string(a.Calls[0].Arguments) != `{"path":"notes.txt"}` {
			t.Fatalf("%+v", a)
		}
		a = ask(t, model.Request{MaxTokens: 64, Tools: tools, Messages: append(question,
			model.Message{Role: model.Assistant, Calls: a.Calls}, model.Message{Role: model.Tool, CallID: a.Calls[0].ID, Text: "remember the milk"})})
		if !strings.Contains(a.Text, "remember the milk") || len(a.Calls) != 0 {
			t.Errorf("%+v", a)
		}
	})

	// What a model can't be brought to by examples, a schema makes it do.
	t.Run("is held to a tool call by a schema", func(t *testing.T) {
		a := ask(t, model.Request{MaxTokens: 96, Messages: user("Write the text hello to the file hello.txt"),
			Schema: &model.Schema{Name: "call", JSON: json.RawMessage(`{"type":"object","additionalProperties":false,"required":["name","arguments"],
			"properties":{"name":{"type":"string","enum":["write_file"]},"arguments":` + string(writeFile.Schema) + `}}`)}})
		var call struct {
			Name      string
			Arguments json.RawMessage
		}
		if err := json.Unmarshal([]byte(a.Text), &call); err != nil {
			t.Fatalf("%q: %v", a.Text, err)
		}
		offer, err := model.NewOffer([]model.ToolSpec{readFile, writeFile})
		if err != nil {
			t.Fatal(err)
		}
		if c := offer.Call("call_1", call.Name, call.Arguments); c.Tool != "write_file" || c.Problem != "" {
			t.Errorf("%+v", c)
		}
	})

	t.Run("says what it can't", func(t *testing.T) {
		_, err := model.Collect(t.Context(), m, model.Request{Model: s.ChatModel, Messages: user(strings.Repeat("word ", 9000))}, nil)
		if core.CodeOf(err) != core.Invalid {
			t.Errorf("a prompt longer than its context: %v", err)
		}
	})
}
