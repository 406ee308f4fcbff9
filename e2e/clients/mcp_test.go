package clients

import (
	"encoding/json"
	"strings"
	"testing"
)

// The servers that others have written, in the sandbox.
func TestMCPServersInTheSandbox(t *testing.T) {
	t.Parallel()
	r := newMCPRig(t)
	const at = "node_modules/@modelcontextprotocol/"
	r.does("add", "everything", "--files", packed(t, "@modelcontextprotocol/server-everything"), "--env", "SHOWN=yes", "--", "node", at+"server-everything/dist/index.js", "stdio")
	r.does("add", "files", "--files", packed(t, "@modelcontextprotocol/server-filesystem"), "--trust", "--", "node", at+"server-filesystem/dist/index.js", "/server", "/tmp")
	r.does("add", "memory", "--files", packed(t, "@modelcontextprotocol/server-memory"), "--env", "MEMORY_FILE_PATH=/tmp/memory.jsonl", "--", "node", at+"server-memory/dist/index.js")

	for server, tools := range map[string][]string{
		"everything": {"everything_echo ", "everything_get_sum ", " once "},
		"files":      {"files_read_text_file ", "files_write_file ", " pure "},
		"memory":     {"memory_create_entities ", "memory_search_nodes "},
	} {
		out := r.does("test", server)
		for _, tool := range tools {
			if !strings.Contains(out, tool) {
				t.Errorf("%s has no %q:\n%s", server, tool, out)
			}
		}
	}
	for _, tt := range []struct{ server, tool, args, says string }{
		{"everything", "echo", `{"message":"hello"}`, "Echo: hello"},
		{"everything", "get-sum", `{"a":2,"b":3}`, "5"},
		{"everything", "get-tiny-image", `{}`, "[image image/png, "},
		{"everything", "get-env", `{}`, `"SHOWN": "yes"`},
		{"files", "read_text_file", `{"path":"/server/` + at + `server-filesystem/package.json"}`, `"name": "@modelcontextprotocol/server-filesystem"`},
		{"files", "write_file", `{"path":"/tmp/a.txt","content":"kept"}`, "Successfully wrote"},
		{"files", "read_text_file", `{"path":"/tmp/a.txt"}`, "kept"},
		{"memory", "create_entities", `{"entities":[{"name":"tea","entityType":"drink","observations":["is hot"]}]}`, "tea"},
		{"memory", "search_nodes", `{"query":"hot"}`, "is hot"},
	} {
		if out := r.does("call", tt.server, tt.tool, tt.args); !strings.Contains(out, tt.says) {
			t.Errorf("%s of %s says %s", tt.tool, tt.server, out)
		}
	}
	for _, tt := range []struct{ tool, args, says string }{
		{"write_file", `{"path":"/server/a.txt","content":"x"}`, "read-only"},
		{"read_text_file", `{"path":"/etc/passwd"}`, "outside allowed"},
	} {
		if out, err := r.mcp("call", "files", tt.tool, tt.args); err == nil || !strings.Contains(out, tt.says) {
			t.Errorf("%s %s: %v %s", tt.tool, tt.args, err, out)
		}
	}
	if env := r.does("call", "everything", "get-env"); strings.Contains(env, "ISEKAI") {
		t.Errorf("the program sees the server's environment: %s", env)
	}
	var got struct{ Data json.RawMessage }
	if err := json.Unmarshal([]byte(r.does("call", "memory", "read_graph", "--json")), &got); err != nil || !strings.Contains(string(got.Data), `"tea"`) {
		t.Errorf("structured content: %s, %v", got.Data, err)
	}
}

// The same over streamable HTTP, as its server is on another machine.
func TestMCPServerOverHTTP(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newMCPRig(t, port)
	run := []string{node22(t), clients(t) + "/node_modules/@modelcontextprotocol/server-everything/dist/index.js", "streamableHttp"}
	t.Run("first", func(t *testing.T) {
		start(t, port, []string{"PORT=" + port}, run...)
		r.does("add", "web", "http://127.0.0.1:"+port+"/mcp")
		if out := r.does("test", "web"); !strings.Contains(out, "web_echo ") {
			t.Error(out)
		}
		if out := r.does("call", "web", "echo", `{"message":"hello"}`); out != "Echo: hello\n" {
			t.Error(out)
		}
		if out := r.does("call", "web", "trigger-long-running-operation", `{"duration":1,"steps":5}`); !strings.Contains(out, "completed") {
			t.Error(out)
		}
	})
	if out, err := r.mcp("call", "web", "echo", `{"message":"hello"}`); err == nil {
		t.Errorf("a server that is gone answers %s", out)
	}
	start(t, port, []string{"PORT=" + port}, run...) // which knows nothing of the session
	if out := r.does("call", "web", "echo", `{"message":"again"}`); out != "Echo: again\n" {
		t.Error(out)
	}
}
