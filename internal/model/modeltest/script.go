// Package modeltest is the suite that every model driver passes, and the
// scripted models that other tests use: Upstream, a server on loopback that
// speaks OpenAI's wire format, and Fake, a model in process.
//
// Tests alone import it. It makes no request to anything but loopback.
package modeltest

import (
	"encoding/json"
	"net/http"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// Script says what a scripted model answers to its n-th request, from 0. It is
// called from several goroutines at once.
type Script func(n int, r Request) Answer

// Answers answers each request with the next of a list, and every one after
// that with status 400: a test that asks more often than it meant to fails.
func Answers(list ...Answer) Script {
	return func(n int, _ Request) Answer {
		if n < len(list) {
			return list[n]
		}
		return Answer{Status: http.StatusBadRequest, Error: "the script has no more answers"}
	}
}

// Request is what a scripted model was asked.
type Request struct {
	Model     string
	System    string
	Messages  []model.Message // of an Upstream: Failed isn't on the wire
	Tools     []string        // names of the offered tools
	Schema    json.RawMessage // nil if none is asked for
	MaxTokens int
	Header    http.Header     // of an Upstream
	Body      json.RawMessage // of an Upstream
}

// Last returns the text of the last message, or "".
func (r Request) Last() string {
	if n := len(r.Messages); n > 0 {
		return r.Messages[n-1].Text
	}
	return ""
}

// Answer is what a scripted model does with one request. The zero value is an
// empty answer.
type Answer struct {
	Text    string      // streamed in pieces
	Calls   []Call      // native calls
	Usage   *core.Usage // nil is 10 in and 5 out
	NoUsage bool        // say nothing of usage
	Finish  string      // finish reason; "" is "stop" or "tool_calls"

	Status     int    // not 0: an error status instead of an answer
	Error      string // its message
	ErrorCode  string // its code, as in "insufficient_quota"
	RetryAfter string // its header

	HangBefore bool // send nothing, until the client goes
	HangWithin bool // after the text, send nothing more until the client goes
	Cut        bool // after the text, cut the connection
	Endless    bool // repeat the text until the client goes

	Raw []string // of an Upstream: the data of the events, instead of all of the above
}

// Call is a native tool call of an Answer.
type Call struct {
	ID        string // "" sends none
	Name      string
	Arguments string // any text
}

var defaultUsage = core.Usage{Input: 10, Output: 5}

func (a Answer) usage() *core.Usage {
	switch {
	case a.NoUsage:
		return nil
	case a.Usage != nil:
		return a.Usage
	}
	return &defaultUsage
}

// pieces cuts the text into pieces of about 7 bytes, at rune borders; a long one
// into about 100.
func pieces(s string) []string {
	var list []string
	start, size := 0, max(7, len(s)/100)
	for i := range s {
		if i-start >= size {
			list, start = append(list, s[start:i]), i
		}
	}
	if start < len(s) {
		list = append(list, s[start:])
	}
	return list
}
