package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/recall/read"
)

// What a process that reads a PDF may take. A hostile one ends that process, and no other.
const (
	pdfTime   = 30 * time.Second
	pdfCPU    = 20        // seconds
	pdfMemory = 768 << 20 // bytes
	pdfSize   = 64 << 20  // bytes of what comes in, and of what goes out
)

// readPDF reads a PDF in a process of its own: this program, without an environment, that bounds
// itself before it looks at what it is given. invalid: it can't be read within the bounds.
func readPDF(ctx context.Context, data []byte) (read.Document, error) {
	const op = "document.read"
	ctx, cancel := context.WithTimeout(ctx, pdfTime)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return read.Document{}, core.E(core.Unavailable, op, "the program that reads PDF isn't there").Because(err)
	}
	cmd := exec.CommandContext(ctx, self, cli.ReadPDF)
	cmd.Env, cmd.Dir, cmd.WaitDelay = []string{}, "/", time.Second
	cmd.Stdin = bytes.NewReader(data)
	out := &room{left: pdfSize}
	cmd.Stdout = out
	err = cmd.Run()
	var said struct {
		Document read.Document
		Failure  *core.Failure
	}
	switch {
	case err == nil && json.Unmarshal(out.Bytes(), &said) == nil && said.Failure != nil:
		return read.Document{}, said.Failure.Err()
	case err == nil && len(said.Document.Parts) > 0:
		return said.Document, nil
	case ctx.Err() != nil && core.CodeOf(ctx.Err()) == core.Canceled:
		return read.Document{}, core.E(core.Canceled, op, "canceled").Because(ctx.Err())
	}
	return read.Document{}, core.E(core.Invalid, op, "the PDF can't be read: it takes too much time or memory").WithHint("save it anew, or make it text first").Because(err)
}

// pdfText is a PDF as text, by the same reader, with its pages named.
func pdfText(ctx context.Context, data []byte) (title, text string, err error) {
	d, err := readPDF(ctx, data)
	var b strings.Builder
	page := 0
	for _, p := range d.Parts {
		if p.Page != page {
			page = p.Page
			fmt.Fprintf(&b, "[page %d]\n", page)
		}
		b.WriteString(p.Text + "\n\n")
	}
	return d.Title, b.String(), err
}

// room is a buffer that takes so much.
type room struct {
	bytes.Buffer
	left int
}

func (b *room) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, io.ErrShortWrite
	}
	return b.Buffer.Write(p)
}

// ReadPDF implements cli.Platform: it is the other end of readPDF.
func (Platform) ReadPDF(in io.Reader, out io.Writer) error {
	for resource, most := range map[int]uint64{unix.RLIMIT_DATA: pdfMemory, unix.RLIMIT_CPU: pdfCPU, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return core.E(core.Unsupported, "document.read", "this host bounds no process").Because(err)
		}
	}
	debug.SetMemoryLimit(pdfMemory / 2)
	data, err := io.ReadAll(io.LimitReader(in, pdfSize))
	if err != nil {
		return err
	}
	d, err := read.DecodePDF(bytes.NewReader(data), int64(len(data)))
	return json.NewEncoder(out).Encode(struct {
		Document read.Document
		Failure  *core.Failure
	}{d, core.Fail(err)})
}
