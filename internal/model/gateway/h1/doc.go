// Package h1 speaks HTTP/1.1 in plain text to providers' servers that are near by (vLLM,
// llama.cpp, Ollama, a proxy), where the client's own cost is what limits a gateway.
//
// The gateway's ways to providers call it, as an [http.RoundTripper]. The caller's goroutine
// writes the request, reads the answer's header with [http.ReadResponse] and reads the body
// itself, so that a call costs no hand-over between goroutines: half of what it costs with
// net/http's Transport, see docs/adr/0018. What isn't simple (https, a request body of unknown
// length) is handed to another transport.
//
// It never has a goroutine of its own for a connection that is idle or that is being read,
// never adds a header but Host and Content-Length, never follows a redirect, never decodes
// a body, never finds a proxy by itself, and never uses a connection again of
// which it isn't sure where the answer ended. It has no httptrace.
package h1
