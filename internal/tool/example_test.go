package tool_test

import (
	"context"
	"fmt"
	"os"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/files"
)

// A registry checks the arguments of a call before the tool sees them.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	tools, err := tool.NewRegistry(files.Tools()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, args := range []string{`{"path":"hello.txt","content":"Hello."}`, `{"path":"../hello.txt","content":"Hello."}`, `{"path":"hello.txt"}`} {
		r, err := tools.Call(context.Background(), "write_file", tool.Call{
			Arguments: []byte(args), Workspace: tool.Workspace{Dir: dir},
		})
		fmt.Printf("%s|%s\n", r.Output, core.CodeOf(err))
	}
	// Output:
	// wrote hello.txt (6 bytes)|
	// |invalid
	// |invalid
}
