package dialect

import (
	"slices"
	"testing"
)

func TestExtras(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		op   Operation
		body string   // what follows the model
		want []string // members; those of state with a mark
	}{
		{OpChat, `"messages":[]`, nil},
		{OpChat, `"service_tier":"auto"`, nil},
		{OpChat, `"service_tier":"default","modalities":["text"],"audio":null,"web_search_options":null`, nil},
		{OpChat, `"service_tier":"priority"`, []string{"service_tier"}},
		{OpChat, `"service_tier":"flex"`, []string{"service_tier"}},
		{OpChat, `"service\u005ftier":"priority"`, []string{"service_tier"}},
		{OpChat, `"web_search_options":{}`, []string{"web_search_options"}},
		{OpChat, `"web_search_options":{"search_context_size":"high"}`, []string{"web_search_options"}},
		{OpChat, `"modalities":["text","audio"],"audio":{"voice":"alloy"}`, []string{"modalities", "audio"}},
		{OpChat, `"models":["dear"],"plugins":[{"id":"web"}]`, []string{"models", "plugins"}},
		{OpChat, `"data_sources":[{"type":"azure_search"}]`, []string{"data_sources!"}},
		{OpChat, `"tools":[{"type":"function","function":{"name":"file_id","parameters":{"properties":{"file_id":{"default":"x"}}}}}]`, nil},
		{OpChat, `"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]}]`, []string{"file_id!"}},
		{OpChat, `"messages":[{"role":"user","content":[{"type":"file","file":{"file\u005fid":"file-1"}}]}]`, []string{"file_id!"}},
		{OpChat, `"messages":[{"role":"user","content":"the file_id is \u0022file-1\u0022"}]`, nil},
		{OpChat, `"messages":[],"extra_body":{"google":{"cached_content":"cachedContents/1"}}`, []string{"cached_content!"}},
		{OpChat, `"metadata":{"file_id":"mine"}`, nil},

		{OpResponses, `"tools":[{"type":"function","name":"f"},{"type":"custom","name":"g"},{"type":"local_shell"},{"type":"apply_patch"}]`, nil},
		{OpResponses, `"tools":[{"type":"function","name":"f"},{"type":"web_search"}]`, []string{"tools"}},
		{OpResponses, `"tools":[{"type":"web_search_preview_2025_03_11"}]`, []string{"tools"}},
		{OpResponses, `"tools":[{"type":"function","ty\u0070e":"mcp"}]`, []string{"tools"}},
		{OpResponses, `"tools":[{"type":"computer_use_preview"}]`, []string{"tools"}},
		{OpResponses, `"tools":[{"type":"image_generation"}]`, []string{"tools"}},
		{OpResponses, `"tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]`, []string{"tools", "vector_store_ids!"}},
		{OpResponses, `"tools":[{"type":"code_interpreter","container":"cntr_1"}]`, []string{"tools", "container!"}},
		{OpResponses, `"tools":[{"type":"code_interpreter","container":{"type":"auto","file_ids":["file-1"]}}]`, []string{"tools", "file_ids!"}},
		{OpResponses, `"previous_response_id":"resp_1"`, []string{"previous_response_id!resp_1"}},
		{OpResponses, `"previous_response_id":null`, nil},
		{OpResponses, `"conversation":"conv_1","prompt":{"id":"pmpt_1"}`, []string{"conversation!", "prompt!"}},
		{OpResponses, `"input":[{"type":"item_reference","id":"msg_1"}]`, []string{"input!"}},
		{OpResponses, `"input":[{"id":"msg_1"}]`, []string{"input!"}},
		{OpResponses, `"input":[{"id":"msg_1","type":null}]`, []string{"input!"}},
		{OpResponses, `"input":[{"id":"msg_1","type":"message","role":"user","content":[{"type":"input_image","file_id":"file-1"}]}]`, []string{"file_id!"}},
		{OpResponses, `"input":[{"id":"fc_1","type":"function_call","arguments":"{\"file_id\":\"x\"}"},{"role":"user","content":"item_reference"}]`, nil},

		{OpCompact, `"input":[{"role":"user","content":"x"},{"type":"compaction","id":"cmp_1","encrypted_content":"x"}]`, nil},
		{OpCompact, `"input":[{"id":"msg_1"}]`, []string{"input!"}},
		{OpCompact, `"service_tier":"priority","previous_response_id":"resp_1"`, []string{"previous_response_id!resp_1", "service_tier"}},

		{OpMessages, `"tools":[{"name":"f","input_schema":{"properties":{"container":{"default":"c"}}}},{"type":"bash_20250124","name":"bash"},{"type":"text_editor_20250728"},{"type":"custom"}]`, nil},
		{OpMessages, `"tools":[{"type":"web_search_20250305","name":"web_search"}]`, []string{"tools"}},
		{OpMessages, `"tools":[{"type":"web_fetch_20250910"}]`, []string{"tools"}},
		{OpMessages, `"tools":[{"type":"code_execution_20250825"}]`, []string{"tools"}},
		{OpMessages, `"mcp_servers":[{"type":"url","url":"https://a.example"}]`, []string{"mcp_servers"}},
		{OpMessages, `"mcp_servers":[ ]`, nil},
		{OpMessages, `"speed":"fast","inference_geo":"us"`, []string{"inference_geo", "speed"}},
		{OpMessages, `"speed":"standard","inference_geo":"global","service_tier":"standard_only"`, nil},
		{OpMessages, `"container":"container_1"`, []string{"container!", "container!"}},
		{OpMessages, `"messages":[{"role":"assistant","content":[{"type":"tool_use","input":{"file_id":"mine"}}]}]`, nil},
		{OpMessages, `"messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"file_1"}}]}]`, []string{"file_id!"}},
	} {
		r, err := Read(c.op, []byte(`{"model":"m",`+c.body+`}`))
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		var got []string
		for _, e := range r.Extras() {
			s := e.Member
			if e.State {
				s += "!" + e.Response
			}
			got = append(got, s)
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s of %s: %q, want %q", c.body, c.op, got, c.want)
		}
	}
}

// A member that two decoders would read differently is refused, like those of which more depends.
func TestExtrasAreThereOnce(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"model":"m","service_tier":"auto","service_tier":"priority"}`, `{"model":"m","Service_Tier":"priority"}`} {
		if _, err := Read(OpChat, []byte(body)); err == nil {
			t.Errorf("%s is read", body)
		}
	}
}
