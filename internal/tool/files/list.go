package files

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

var listSpec = tool.Spec{
	Name: "list_files", Version: "1", Effect: core.Pure, Contained: true,
	Description: "Lists the files of the workspace with their sizes in bytes, without .git, node_modules and their like.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"path":{"type":"string","description":"the folder to list; the workspace if not given"},
		"glob":{"type":"string","description":"which files: *.py in any folder, src/**/*.js, *.{css,html}"},
		"all":{"type":"boolean","description":"also what is left out otherwise"}
	},"additionalProperties":false}`),
}

type listArgs struct {
	Path, Glob string
	All        bool
}

const maxListed = 1000

func list(ctx context.Context, root *os.Root, a listArgs) (tool.Result, error) {
	name, err := tool.CleanPath(a.Path)
	if err != nil {
		return tool.Result{}, err
	}
	var b strings.Builder
	count, full := 0, false
	cut, err := tool.Walk{Path: name, Glob: a.Glob, All: a.All}.Files(ctx, root, func(name string, d fs.DirEntry) bool {
		var size int64
		if info, err := d.Info(); err == nil {
			size = info.Size()
		}
		line := fmt.Sprintf("%s %d\n", name, size)
		if full = count == maxListed || b.Len()+len(line) > tool.MaxOutput-200; full {
			return false
		}
		b.WriteString(line)
		count++
		return true
	})
	switch {
	case err != nil:
		return tool.Result{}, err
	case full || cut:
		fmt.Fprintf(&b, "[there are more than these %d; narrow it down with path or glob]", count)
	case count == 0:
		b.WriteString("no files")
	}
	return tool.Result{Output: b.String()}, nil
}
