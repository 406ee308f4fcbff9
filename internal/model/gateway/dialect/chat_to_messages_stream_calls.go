package dialect

import (
	"encoding/json"
	"strings"

	"github.com/isekai-run/isekai/internal/model/sse"
)

// callsToMessages are the calls of a streamed chat completion, whose pieces may come in turns,
// on their way to blocks that follow each other. One is said as it comes. Another that has begun
// waits until that is whole, or something else follows.
type callsToMessages struct {
	by    map[int]*begunCall // by the server's index; a later one with an index takes its place
	last  *begunCall         // the latest
	queue []*begunCall       // those that haven't ended; the first is being said
	held  int                // bytes of the arguments that wait
	count int
}

// begunCall is a call that is being streamed.
type begunCall struct {
	id    string // as the server says it
	block msgBlock
	at    int // of its block, when it is being said
	begun bool
	ended bool
	args  braces
	held  strings.Builder // arguments that wait
}

// maxStreamedCalls bounds the calls of one streamed answer.
const maxStreamedCalls = 1024

// call takes a piece of a call, which belongs to the one with its index, or the latest.
func (s *chatStreamToMessages) call(c chatCall) ([]sse.Event, error) {
	q := &s.calls
	current := q.last
	if c.Index != nil {
		current = q.by[*c.Index]
	}
	if current == nil || c.another(current.id) {
		if c.Function.Name == "" || q.count == maxStreamedCalls {
			return nil, nonsense("calls a tool without a name, or too many")
		}
		current = &begunCall{id: c.ID, block: msgBlock{Type: "tool_use", ID: callID(c.ID, s.id, q.count), Name: c.Function.Name, Input: json.RawMessage("{}")}}
		if c.Index != nil {
			if q.by == nil {
				q.by = map[int]*begunCall{}
			}
			q.by[*c.Index] = current
		}
		q.last, q.count, q.queue = current, q.count+1, append(q.queue, current)
	}
	piece := string(c.Function.Arguments)
	if q.held += len(piece); current.ended && strings.TrimSpace(piece) != "" || q.held > maxKeptText {
		return nil, nonsense("goes on with a call that has ended, or with too many at once")
	}
	current.held.WriteString(piece)
	return s.sayCalls(false), nil
}

// sayCalls says what can be said of the calls that haven't ended. over: none goes on.
func (s *chatStreamToMessages) sayCalls(over bool) (out []sse.Event) {
	q := &s.calls
	for len(q.queue) > 0 {
		c := q.queue[0]
		if !c.begun {
			if s.open >= 0 {
				out = append(out, s.stop(s.open))
				s.open, s.signed = -1, false
			}
			c.begun, c.at = true, s.blocks
			out = append(out, s.begin(c.block))
		}
		if piece := c.held.String(); piece != "" {
			out = append(out, s.delta(c.at, msgDelta{Type: "input_json_delta", PartialJSON: &piece}))
			q.held -= len(piece)
			c.held.Reset()
			c.args.take(piece)
		}
		if !over && (len(q.queue) == 1 || !c.args.whole()) {
			return out
		}
		c.ended, q.queue = true, q.queue[1:]
		out = append(out, s.stop(c.at))
	}
	return out
}

// braces follows a JSON object that comes in pieces, to where it ends.
type braces struct {
	depth                  int
	begun, quoted, escaped bool
}

func (b *braces) take(piece string) {
	for i := range len(piece) {
		switch c := piece[i]; {
		case b.escaped:
			b.escaped = false
		case b.quoted:
			b.escaped, b.quoted = c == '\\', c != '"'
		case c == '"':
			b.quoted = true
		case c == '{':
			b.begun = true
			b.depth++
		case c == '}':
			b.depth--
		}
	}
}

// whole reports whether the object has ended.
func (b *braces) whole() bool { return b.begun && b.depth <= 0 }
