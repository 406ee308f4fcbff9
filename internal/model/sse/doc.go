// Package sse reads and writes server-sent events (WHATWG HTML, section 9.2) as models'
// servers send them: of any length up to a bound, at the pace of who reads them.
//
// The gateway and the driver openai use it. It has no goroutine and logs nothing.
package sse
