package client

import (
	"context"
	"net/http"
	"time"
)

// Diagnostics is what a node has counted since its start. Others count for themselves.
type Diagnostics struct {
	Node      string          `json:"node" doc:"the one that answers: the others count for themselves"`
	Version   string          `json:"version"`
	Since     time.Time       `json:"since" doc:"the node's start"`
	Requests  []RequestCount  `json:"requests" doc:"to the API, by operation; those with the most time in all first"`
	Tools     []ToolCount     `json:"tools" doc:"calls of tools, by tool; those with the most time in all first"`
	Models    []ModelCount    `json:"models" doc:"calls of models, by who answered"`
	Providers []ProviderCount `json:"providers" doc:"of models: how long they took, and what came of asking them"`
	Queries   []SlowQuery     `json:"queries" doc:"statements that took a store long; those with the most time in all first, 100 at most"`
	SlowMS    float64         `json:"slow_ms" doc:"from when on a statement is slow: store.slow_after; 0: none is recorded"`
	Runtime   RuntimeState    `json:"runtime"`
}

// Timing is how long things took, in milliseconds. Times are counted in ranges: a quantile is within
// the range of the true one, and at most where the last begins.
type Timing struct {
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	P99 float64 `json:"p99_ms"`
}

// RequestCount is what became of the requests to an operation.
type RequestCount struct {
	Operation string           `json:"operation" doc:"as the API's document names it; (none): what no operation took, as an unknown path, a page, or what is refused before"`
	Count     int64            `json:"count" doc:"that are over"`
	Refused   int64            `json:"refused" doc:"of count: answered with a status of 400 to 499"`
	Failed    int64            `json:"failed" doc:"of count: answered with a status of 500 and more"`
	InFlight  int64            `json:"in_flight" doc:"that aren't over"`
	Statuses  map[string]int64 `json:"statuses" doc:"of refused and failed ones"`
	TotalMS   float64          `json:"total_ms"`
	Timing
}

// ToolCount is what became of the calls of a tool.
type ToolCount struct {
	Tool      string           `json:"tool" doc:"(an MCP server's): those of projects' own servers"`
	Count     int64            `json:"count"`
	Failed    int64            `json:"failed" doc:"of count: made, and what they were to do didn't succeed, as tests that fail"`
	Errors    map[string]int64 `json:"errors" doc:"of count: calls that ended with an error, by its code"`
	LongestMS float64          `json:"longest_ms"`
	TotalMS   float64          `json:"total_ms"`
	Timing
}

// ModelCount is what became of the calls of a model.
type ModelCount struct {
	Provider  string           `json:"provider" doc:"(an org's own): one of an org's; empty: nobody answered"`
	Model     string           `json:"model" doc:"(other): one that no provider of the installation lists"`
	Operation string           `json:"op" example:"chat"`
	Count     int64            `json:"count"`
	Statuses  map[string]int64 `json:"statuses" doc:"of count: ok, failed, canceled (the caller left) or cached"`
	Errors    map[string]int64 `json:"errors" doc:"of count: those with an error, by its code"`
}

// ProviderCount is how asking a provider of models went.
type ProviderCount struct {
	Provider  string           `json:"provider"`
	Operation string           `json:"op"`
	Attempts  map[string]int64 `json:"attempts" doc:"times that it was to be asked: ok, or why not"`
	Call      Timing           `json:"call" doc:"to the end of an answer"`
	First     Timing           `json:"first" doc:"to the first event of a stream"`
}

// SlowQuery is a statement, or those of a transaction that is sent in one piece, that took a store
// long.
type SlowQuery struct {
	Store     string    `json:"store" example:"sqlite"`
	Statement string    `json:"statement" doc:"without its values; 4,000 bytes at most"`
	Count     int64     `json:"count" doc:"times that it was slow"`
	LongestMS float64   `json:"longest_ms"`
	TotalMS   float64   `json:"total_ms" doc:"of the times that it was slow"`
	Last      time.Time `json:"last"`
}

// RuntimeState is how the process is.
type RuntimeState struct {
	Go            string  `json:"go" example:"go1.26.0"`
	CPUs          int     `json:"cpus" doc:"that it uses at once"`
	Goroutines    int64   `json:"goroutines"`
	HeapBytes     int64   `json:"heap_bytes" doc:"in use, or not collected yet"`
	TotalBytes    int64   `json:"total_bytes" doc:"taken from the system"`
	GCCycles      int64   `json:"gc_cycles"`
	GCSeconds     float64 `json:"gc_cpu_seconds" doc:"that collecting took of all processors"`
	UptimeSeconds float64 `json:"uptime_seconds"`
}

// Diagnostics returns what the node that answers has counted since its start.
func (c *Client) Diagnostics(ctx context.Context) (Diagnostics, error) {
	var d Diagnostics
	_, err := c.call(ctx, request{method: http.MethodGet, path: "/v1/installation/diagnostics"}, &d)
	return d, err
}
