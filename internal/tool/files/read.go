package files

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

var readSpec = tool.Spec{
	Name: "read_file", Version: "1", Effect: core.Pure, Contained: true,
	Description: "Reads a text file of the workspace. Long files come in parts: the note at the end says from which line to go on.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"path":{"type":"string","description":"relative to the workspace"},
		"from":{"type":"integer","minimum":1,"description":"first line, from 1"},
		"lines":{"type":"integer","minimum":1,"description":"how many lines"}
	},"required":["path"],"additionalProperties":false}`),
}

type readArgs struct {
	Path  string
	From  int
	Lines int
}

func read(_ context.Context, root *os.Root, a readArgs) (tool.Result, error) {
	name, err := tool.CleanPath(a.Path)
	if err != nil {
		return tool.Result{}, err
	}
	b, err := load(root, name)
	if err != nil {
		return tool.Result{}, err
	}
	if bytes.IndexByte(b, 0) >= 0 || !utf8.Valid(b) {
		return tool.Result{}, core.E(core.Invalid, "file", fmt.Sprintf("%s isn't text (%d bytes)", name, len(b)))
	}
	lines := strings.SplitAfter(string(b), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	from := max(a.From, 1)
	if from > len(lines) && from > 1 {
		return tool.Result{}, core.E(core.Invalid, "file", fmt.Sprintf("%s has %d lines", name, len(lines)))
	}
	return part(lines, from, a.Lines), nil
}

// part returns lines from a number on, as many as are asked for and fit.
func part(lines []string, from, count int) tool.Result {
	const room = tool.MaxOutput - 200 // for the note
	end := len(lines)
	if count > 0 {
		end = min(end, from-1+count)
	}
	var b strings.Builder
	at := from - 1
	for ; at < end && b.Len()+len(lines[at]) <= room; at++ {
		b.WriteString(lines[at])
	}
	switch {
	case at == from-1 && at < end: // one line that doesn't fit
		line := lines[at]
		b.WriteString(strings.ToValidUTF8(line[:room], ""))
		fmt.Fprintf(&b, "\n[line %d is cut: it has %d bytes; the file has %d lines]", at+1, len(line), len(lines))
	case at < len(lines):
		fmt.Fprintf(&b, "[lines %d to %d of %d; go on with from=%d]", from, at, len(lines), at+1)
	}
	return tool.Result{Output: b.String()}
}
