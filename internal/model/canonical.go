package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// Canonical turns what a provider sends into the one shape that the agent
// knows: text, and tool calls as core.Call. Every driver of a provider feeds
// one per answer; it does no I/O and isn't safe for concurrent use.
//
// Native calls are taken as they are. Calls that a model wrote as text are
// found too, if the request offers tools and asks for no schema:
//
//	{"tool":{"name":"...","args":{...}}}
//	{"tool_call":{"name":"...","arguments":{...}}}
//	{"function_call":{"name":"...","arguments":"{...}"}}
//	{"tool_calls":[{"function":{"name":"...","arguments":"{...}"}}]}
//	{"name":"...","arguments":{...}}            only with the name of an offered tool
//	<tool_call>one of these</tool_call>
//	<|python_tag|>, [TOOL_CALLS], <|tool_call|> or <function_call>, and then some of these
//	[TOOL_CALLS]name[ARGS]{...}                 Mistral's, and DeepSeek's with its own tokens
//
// each also several times, in an array, or in a fenced block without a language
// or with json or tool_call. They count at the start of a line; after prose
// only with the name of an offered tool. Everything else stays text. Text is
// handed on as it comes; from the start of a line that may be a call it is held
// until that is decided, at most 1 MiB.
type Canonical struct {
	offer  *Offer
	find   bool // look for calls in the text
	schema bool // the text is to be JSON: a fence around it goes
	seed   []byte

	native  []nativeCall
	foreign []foreignCall

	out       strings.Builder // decided text of this step
	space     []byte          // white space that waits for text after it
	spoken    bool            // the answer has text
	held      []byte          // not decided yet
	lineStart bool
	fenced    bool // in a fenced block that is text
	block     blockKind
	scan      scanner
}

type nativeCall struct {
	id, name string
	args     []byte
}

// MaxCalls bounds the calls of one answer. The last one says so if there were more.
const MaxCalls = 64

const (
	maxHeld  = 1 << 20 // bytes of text that wait for a decision
	maxSpace = 1 << 12 // bytes of white space that wait for text
)

// NewCanonical prepares for one answer to r. internal: a tool's schema doesn't
// compile.
func NewCanonical(r Request) (*Canonical, error) {
	o, err := NewOffer(r.Tools)
	if err != nil {
		return nil, err
	}
	return &Canonical{
		offer: o, find: len(r.Tools) > 0 && r.Schema == nil, schema: r.Schema != nil,
		seed: seed(r), lineStart: true,
	}, nil
}

// Text takes the next piece of the answer's text and returns the text that can
// be handed on, which may be empty.
func (c *Canonical) Text(s string) string {
	if !c.find && !c.schema {
		return s
	}
	c.held = append(c.held, s...)
	return c.flush(false)
}

// Native takes a complete native call. The provider's id may be empty and the
// arguments may be anything.
func (c *Canonical) Native(id, name string, arguments []byte) {
	c.native = append(c.native, nativeCall{id, name, arguments})
}

// End returns the text that was still held, and the answer's calls: native ones
// first, and of a call that was sent both ways only the native one.
func (c *Canonical) End() (string, []core.Call) {
	text := c.flush(true)
	var calls []core.Call
	for _, n := range c.native {
		calls = append(calls, c.offer.Call(c.id(len(calls), n.id), n.name, n.args))
	}
	for _, f := range c.foreign {
		call := c.offer.Call(c.id(len(calls), ""), f.name, f.args)
		if f.problem != "" {
			call.Problem = f.problem
		}
		same := func(n core.Call) bool {
			return n.Tool == call.Tool && bytes.Equal(n.Arguments, call.Arguments)
		}
		if !slices.ContainsFunc(calls[:len(c.native)], same) {
			calls = append(calls, call)
		}
	}
	if len(calls) > MaxCalls {
		calls = calls[:MaxCalls]
		calls[MaxCalls-1].Problem = fmt.Sprintf("more than %d calls in one answer; this one and those after it were not run: send fewer at a time", MaxCalls)
	}
	return text, calls
}

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// id names the answer's i-th call. It depends on the conversation, the place
// and the provider's own id, so it is new in the conversation, the same when a
// recorded answer is read again, and fit for any provider.
func (c *Canonical) id(i int, provider string) core.CallID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%x %d %s", c.seed, i, provider))
	return core.CallID("cal_" + idEncoding.EncodeToString(sum[:])[:26])
}

// seed is a digest of the conversation so far.
func seed(r Request) []byte {
	h := sha256.New()
	_, _ = io.WriteString(h, r.Model+"\x00"+r.System)
	_ = json.NewEncoder(h).Encode(r.Messages) // a hash takes everything; the messages are plain data
	return h.Sum(nil)
}
