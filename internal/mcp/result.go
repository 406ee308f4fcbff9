package mcp

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/tool"
)

// Bounds of a result.
const (
	maxParts = 200      // of its content
	maxData  = 64 << 10 // bytes of its structured content, for programs
	maxWord  = 200      // bytes of a name or an address within it
)

// result returns what a server answered: its texts, and a line for what isn't text.
func result(srv Server, r *mcp.CallToolResult) tool.Result {
	var b strings.Builder
	for i, part := range r.Content {
		if i == maxParts || b.Len() > tool.MaxOutput {
			fmt.Fprintf(&b, "[%d more parts left out]\n", len(r.Content)-i)
			break
		}
		b.WriteString(strings.TrimRight(shown(part), "\n") + "\n")
	}
	out := tool.Result{Failed: r.IsError}
	if r.StructuredContent != nil {
		if data, err := json.Marshal(r.StructuredContent); err == nil && len(data) <= maxData {
			out.Data = data
			if b.Len() == 0 {
				b.Write(data)
			}
		}
	}
	if len(r.InputRequests) > 0 {
		out.Failed = true
		b.WriteString("[" + srv.Name + " asks for input before it does this; isekai gives none]\n")
	}
	if b.Len() == 0 {
		b.WriteString("[no output]\n")
	}
	out.Output = tool.Cut(strings.TrimRight(b.String(), "\n"))
	return out
}

// shown is a part of a result as text.
func shown(part mcp.Content) string {
	switch p := part.(type) {
	case *mcp.TextContent:
		return p.Text
	case *mcp.ImageContent:
		return left("image", p.MIMEType, len(p.Data))
	case *mcp.AudioContent:
		return left("audio", p.MIMEType, len(p.Data))
	case *mcp.ResourceLink:
		return fmt.Sprintf("[resource %s: %s]", line(p.Name), line(p.URI))
	case *mcp.EmbeddedResource:
		switch {
		case p.Resource == nil:
			return "[resource left out]"
		case len(p.Resource.Blob) > 0:
			return left("resource "+line(p.Resource.URI), p.Resource.MIMEType, len(p.Resource.Blob))
		}
		return "[resource " + line(p.Resource.URI) + "]\n" + p.Resource.Text
	}
	return "[content of another kind left out]"
}

func left(what, kind string, n int) string {
	return fmt.Sprintf("[%s %s, %d bytes, left out]", what, line(kind), n)
}

// line is a short text of a server's on one line.
func line(s string) string { return strings.Join(strings.Fields(cleaned(s, maxWord)), " ") }
