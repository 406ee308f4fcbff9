package dialect

import (
	"strings"
	"testing"
)

func TestParts(t *testing.T) {
	t.Parallel()
	file := strings.Repeat("QUJD", 100) // 300 bytes
	for name, c := range map[string]struct {
		op   Operation
		body string
		want Parts
	}{
		"words":                   {OpChat, `"messages":[{"role":"user","content":"an image, a document, a file"}]`, Parts{}},
		"a chat's pictures":       {OpChat, `"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + file + `"}},{"type":"image_url","image_url":{"url":"https://a.example"}}]}]`, Parts{Pictures: 2}},
		"a chat's file":           {OpChat, `"messages":[{"content":[{"file":{"filename":"a.pdf","file_data":"` + file + `"},"type":"file"}]}]`, Parts{Documents: 300}},
		"one that is kept":        {OpChat, `"messages":[{"content":[{"type":"file","file":{"file_id":"file-1"}}]}]`, Parts{Elsewhere: 1}},
		"a chat's sound":          {OpChat, `"messages":[{"content":[{"type":"input_audio","input_audio":{"data":"` + file + `","format":"mp3"}}]}]`, Parts{Sound: 300}},
		"a response's":            {OpResponses, `"input":[{"role":"user","content":[{"type":"input_image","image_url":"u"},{"type":"input_file","file_data":"` + file + `"},{"type":"input_file","file_url":"https://a.example"}]}]`, Parts{Pictures: 1, Documents: 300, Elsewhere: 1}},
		"a message's picture":     {OpMessages, `"messages":[{"content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + file + `"}}]}]`, Parts{Pictures: 1}},
		"a message's document":    {OpMessages, `"messages":[{"content":[{"source":{"data":"` + file + `","type":"base64"},"type":"document"}]}]`, Parts{Documents: 300}},
		"one of text":             {OpMessages, `"messages":[{"content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"some words"}}]}]`, Parts{}},
		"one at an address":       {OpMessages, `"messages":[{"content":[{"type":"document","source":{"type":"url","url":"https://a.example"}},{"type":"document","source":{"type":"file","file_id":"f"}}]}]`, Parts{Elsewhere: 2}},
		"in the outcome of a use": {OpMessages, `"messages":[{"content":[{"type":"tool_result","content":[{"type":"image","source":{"type":"base64","data":"` + file + `"}},{"type":"document","source":{"type":"base64","data":"` + file + `"}}]}]}]`, Parts{Pictures: 1, Documents: 300}},
	} {
		r, err := Read(c.op, []byte(`{ "model":"m", `+c.body+` }`))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := r.Parts(); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
