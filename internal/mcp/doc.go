// Package mcp lets projects use the tools of MCP servers (modelcontextprotocol.io): it keeps
// which servers a project has, holds sessions with them, and offers their tools as tool.Tool.
//
// httpapi offers the commands, the agent asks for a project's tools (Service is a
// tool.Source), platform wires it. A server that is a program (stdio) runs in a sandbox and
// nowhere else, with the files, the variables and the credentials that its record names; one
// that is reached over HTTP is reached through tool.Outside. Package mcp/server is the other
// side: Isekai as an MCP server.
//
// Nothing that a server says is trusted. What it answers, lists and notifies is bounded in
// bytes, number and time; descriptions are data and are cleaned; hints about effects count
// only where the project says so; what servers ask of clients (sampling, elicitation, roots)
// is refused. The package never runs a program on the host, never starts anything because a
// record is written or imported, never repeats a call whose outcome it doesn't know unless
// the effect allows that, and never uses a session again after an error.
package mcp
