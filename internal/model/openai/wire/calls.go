package wire

import (
	"encoding/json"
	"strings"
)

// maxCalls bounds the calls of one answer. It is above model.MaxCalls, so that
// what is dropped here is told of there.
const maxCalls = 128

// Call is a native call whose pieces are still coming.
type Call struct {
	ID, Name string
	index    int
	args     strings.Builder
}

// Arguments returns the arguments so far.
func (c *Call) Arguments() []byte { return []byte(c.args.String()) }

// Calls puts the pieces of native calls together.
type Calls []*Call

// Add takes a piece. It belongs to the call with its index, unless it has an id
// of its own: some servers number every call 0, some don't number them.
func (cs *Calls) Add(t ToolCall) {
	index := -1
	if t.Index != nil {
		index = *t.Index
	}
	var p *Call
	for _, c := range *cs {
		if c.index == index && (t.ID == "" || c.ID == "" || c.ID == t.ID) {
			p = c
		}
	}
	if index < 0 && t.ID == "" && t.Function.Name != "" {
		p = nil
	}
	if p == nil {
		if len(*cs) > maxCalls {
			return
		}
		p = &Call{index: index}
		*cs = append(*cs, p)
	}
	if t.ID != "" {
		p.ID = t.ID
	}
	if p.Name != t.Function.Name { // the same name again is a repetition, not a piece
		p.Name += t.Function.Name
	}
	var s string
	if json.Unmarshal(t.Function.Arguments, &s) == nil {
		p.args.WriteString(s)
	} else {
		p.args.Write(t.Function.Arguments)
	}
}
