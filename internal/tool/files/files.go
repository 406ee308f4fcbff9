// Package files holds the tools for the files of a workspace: read_file,
// write_file, edit_file, delete_file and list_files.
//
// platform lists them. They reach files through tool.Workspace.Open alone, so
// nothing leaves the workspace; they change nothing in .git; and what they write
// replaces a file in one step, so a reader or a crash sees the old or the new.
package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// MaxFile bounds the files that these tools read and write, in bytes.
const MaxFile = 2 << 20

// Tools returns the five tools.
func Tools() []tool.Tool {
	return []tool.Tool{
		file[readArgs]{readSpec, read}, file[writeArgs]{writeSpec, write}, file[editArgs]{editSpec, edit},
		file[deleteArgs]{deleteSpec, remove}, file[listArgs]{listSpec, list},
	}
}

// file is a tool on the open workspace with its arguments decoded.
type file[A any] struct {
	spec tool.Spec
	run  func(context.Context, *os.Root, A) (tool.Result, error)
}

func (f file[A]) Spec() tool.Spec { return f.spec }

func (f file[A]) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	var a A
	if err := json.Unmarshal(c.Arguments, &a); err != nil {
		return tool.Result{}, core.E(core.Invalid, f.spec.Name, "the arguments don't decode").Because(err)
	}
	if err := ctx.Err(); err != nil {
		return tool.Result{}, err
	}
	root, err := c.Workspace.Open()
	if err != nil {
		return tool.Result{}, err
	}
	defer root.Close()
	return f.run(ctx, root, a)
}

// load reads a regular file, and says what is wrong in the model's words. A
// FIFO or a device is refused without waiting for it.
func load(root *os.Root, name string) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, tool.FileError(name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, tool.FileError(name, err)
	case info.IsDir():
		return nil, core.E(core.Invalid, "file", name+" is a folder").WithHint("list_files shows what is in it")
	case !info.Mode().IsRegular():
		return nil, core.E(core.Invalid, "file", name+" isn't a regular file")
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, tool.FileError(name, err)
	}
	if len(b) > MaxFile {
		return nil, core.E(core.Invalid, "file", fmt.Sprintf("%s is larger than %d bytes", name, MaxFile)).WithHint("search_code finds lines in it")
	}
	return b, nil
}

// store replaces a file in one step and keeps its permissions. It writes
// beside it and renames, so it never writes through a link, symbolic or hard.
func (t target) store(text string) error {
	mode := os.FileMode(0o644)
	if info, err := t.folder.Lstat(t.base); err == nil {
		if info.IsDir() {
			return core.E(core.Invalid, "file", t.name+" is a folder")
		}
		if info.Mode().IsRegular() {
			mode = info.Mode().Perm()
		}
	}
	temporary := "." + core.NewID("tmp")
	f, err := t.folder.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return tool.FileError(t.name, err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = t.folder.Rename(temporary, t.base)
	}
	if err != nil {
		_ = t.folder.Remove(temporary)
		return tool.FileError(t.name, err)
	}
	return nil
}

// target is a file that may be changed: its clean path, and its folder, open.
type target struct {
	name   string
	folder *os.Root
	base   string
}

func (t target) close() { _ = t.folder.Close() }

// writable opens the folder of a path that is to be changed, and makes it if
// make is set. On the way it follows no link at all: one could lead into .git.
func writable(root *os.Root, p string, make bool) (target, error) {
	name, err := tool.CleanPath(p)
	if err == nil {
		err = tool.CheckWrite(name)
	}
	if err != nil {
		return target{}, err
	}
	folder, err := root.OpenRoot(".")
	if err != nil {
		return target{}, tool.FileError(name, err)
	}
	parts := strings.Split(name, "/")
	last := len(parts) - 1
	for _, part := range parts[:last] {
		next, err := enter(folder, part, make)
		_ = folder.Close()
		if err != nil {
			return target{}, tool.FileError(name, err)
		}
		folder = next
	}
	return target{name, folder, parts[last]}, nil
}

var errLink = errors.New("a part of the path is a link: give the path that it stands for")

// enter opens a folder within a folder, if it is one and no link to one, also
// when somebody swaps the two just now.
func enter(folder *os.Root, part string, make bool) (*os.Root, error) {
	if make {
		if err := folder.Mkdir(part, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	before, err := folder.Lstat(part)
	if err != nil {
		return nil, err
	}
	if before.Mode()&fs.ModeSymlink != 0 {
		return nil, errLink
	}
	next, err := folder.OpenRoot(part)
	if err != nil {
		return nil, err
	}
	after, err := next.Stat(".")
	if err != nil || !os.SameFile(before, after) {
		_ = next.Close()
		return nil, errors.Join(err, errLink)
	}
	return next, nil
}

func say(format string, args ...any) tool.Result {
	return tool.Result{Output: fmt.Sprintf(format, args...)}
}
