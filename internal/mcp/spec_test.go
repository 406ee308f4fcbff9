package mcp_test

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/mcp"
)

func TestWhatNoServerCanBe(t *testing.T) {
	t.Parallel()
	good := mcp.Spec{Name: "web", Transport: mcp.HTTP, Address: "https://mcp.example.com/mcp", Credential: "token"}
	program := mcp.Spec{Name: "py", Transport: mcp.Stdio, Argv: []string{"python3", "server.py"}, Env: map[string]string{"A": "b"}, Secrets: map[string]string{"TOKEN": "token"}}
	for _, s := range []mcp.Spec{good, program, {Name: "here", Transport: mcp.HTTP, Address: "http://127.0.0.1:8000/mcp"}} {
		if err := s.Check(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for why, change := range map[string]func(web, py *mcp.Spec){
		"a name with _":           func(w, _ *mcp.Spec) { w.Name = "a_b" },
		"no name":                 func(w, _ *mcp.Spec) { w.Name = "" },
		"a long name":             func(w, _ *mcp.Spec) { w.Name = strings.Repeat("x", 25) },
		"no transport":            func(w, _ *mcp.Spec) { w.Transport = "" },
		"sse":                     func(w, _ *mcp.Spec) { w.Transport = "sse" },
		"in the clear":            func(w, _ *mcp.Spec) { w.Address = "http://mcp.example.com" },
		"a password in it":        func(w, _ *mcp.Spec) { w.Address = "https://a:b@mcp.example.com" },
		"a file":                  func(w, _ *mcp.Spec) { w.Address = "file:///etc/passwd" },
		"a fragment":              func(w, _ *mcp.Spec) { w.Address += "#x" },
		"a program at an URL":     func(w, _ *mcp.Spec) { w.Argv = []string{"sh"} },
		"a secret for a name":     func(w, _ *mcp.Spec) { w.Credential = "a b" },
		"too long":                func(w, _ *mcp.Spec) { w.Timeout = 11 * mcp.DefaultTimeout },
		"no program":              func(_, p *mcp.Spec) { p.Argv = nil },
		"a path that climbs":      func(_, p *mcp.Spec) { p.Argv[0] = "/usr/bin/../../bin/sh" },
		"a NUL":                   func(_, p *mcp.Spec) { p.Argv[1] = "a\x00b" },
		"an address of a program": func(_, p *mcp.Spec) { p.Address = "https://mcp.example.com" },
		"a variable's name":       func(_, p *mcp.Spec) { p.Env["A=B"] = "c" },
		"a variable twice":        func(_, p *mcp.Spec) { p.Secrets["A"] = "token" },
		"no name of a credential": func(_, p *mcp.Spec) { p.Secrets["TOKEN"] = "" },
		"a tool without a name":   func(_, p *mcp.Spec) { p.Tools = []string{""} },
	} {
		w, p := good, program
		p.Argv, p.Env, p.Secrets = []string{"python3", "server.py"}, map[string]string{"A": "b"}, map[string]string{"TOKEN": "token"}
		change(&w, &p)
		if core.CodeOf(w.Check()) != core.Invalid && core.CodeOf(p.Check()) != core.Invalid {
			t.Errorf("%s is taken", why)
		}
	}
}
