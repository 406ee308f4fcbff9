package model_test

import (
	"context"
	"fmt"

	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// A model answers with text and calls of the tools that it was offered,
// whatever the provider sent.
func Example() {
	m := modeltest.NewFake(modeltest.Answers(modeltest.Answer{
		Text: "Let me look.\n" + `{"tool_call":{"name":"read_file","arguments":{"path":"README.md"}}}`,
	}))
	a, err := model.Collect(context.Background(), m, model.Request{
		Model:    "scripted",
		Purpose:  model.Work,
		Messages: []model.Message{{Role: model.User, Text: "What does the README say?"}},
		Tools: []model.ToolSpec{{
			Name: "read_file", Description: "Reads a file.",
			Schema: []byte(`{"type":"object","properties":{"path":{"type":"string"}},"required":["path"]}`),
		}},
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Text)
	fmt.Println(a.Calls[0].Tool, string(a.Calls[0].Arguments))
	// Output:
	// Let me look.
	// read_file {"path":"README.md"}
}
