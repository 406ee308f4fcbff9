package gitdir

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"

	"github.com/isekai-run/isekai/internal/core"
)

// Put writes what differs between two trees into a folder: the files of to, and those of from
// that to doesn't have go. Bytes are written as they are stored: no filter is run. It follows
// no link, and changes nothing outside of the folder. lfs are the files whose bytes Git LFS
// keeps elsewhere.
func (d *Dir) Put(ctx context.Context, root *os.Root, from, to Tree) (lfs []string, err error) {
	for _, name := range from.Paths() {
		if _, stays := to.Files[name]; !stays {
			if err := remove(root, name); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range to.Paths() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f := to.Files[name]
		if f == from.Files[name] {
			continue
		}
		text, err := d.Blob(f.Hash, d.limits.Object)
		if err == nil {
			err = write(root, name, text, f.Exec)
		}
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(string(text[:min(len(text), 60)]), "version https://git-lfs.github.com/spec/") {
			lfs = append(lfs, name)
		}
	}
	return lfs, nil
}

// parents makes or sees the folders of a path, none of which may be a link.
func parents(root *os.Root, name string, make bool) error {
	for i, c := range name {
		if c != '/' {
			continue
		}
		info, err := root.Lstat(name[:i])
		if errors.Is(err, fs.ErrNotExist) && make {
			err = root.Mkdir(name[:i], 0o755)
			if err == nil || errors.Is(err, fs.ErrExist) {
				info, err = root.Lstat(name[:i])
			}
		}
		switch {
		case err != nil:
			return err
		case !info.IsDir():
			return core.E(core.Conflict, "git", name[:i]+" is in the way: it isn't a folder").WithHint("delete or move it, and call again")
		}
	}
	return nil
}

// write replaces a file in one step.
func write(root *os.Root, name string, text []byte, exec bool) error {
	if err := parents(root, name, true); err != nil {
		return inTheWay(name, err)
	}
	if info, err := root.Lstat(name); err == nil && info.IsDir() {
		return core.E(core.Conflict, "git", name+" is in the way: it is a folder").WithHint("delete or move it, and call again")
	}
	mode := fs.FileMode(0o644)
	if exec {
		mode = 0o755
	}
	temporary := path.Join(path.Dir(name), "."+core.NewID("tmp"))
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return inTheWay(name, err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		_ = root.Remove(temporary)
		return inTheWay(name, err)
	}
	return nil
}

// remove deletes a file, and the folders that are empty then.
func remove(root *os.Root, name string) error {
	if err := parents(root, name, false); err != nil {
		return nil // it is gone, or its folder is something else now
	}
	if info, err := root.Lstat(name); err != nil || info.IsDir() {
		return nil
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return inTheWay(name, err)
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if root.Remove(dir) != nil { // it isn't empty
			break
		}
	}
	return nil
}

func inTheWay(name string, err error) error {
	var known *core.Error
	if errors.As(err, &known) {
		return err
	}
	return core.E(core.Unavailable, "git", name+" can't be written to the workspace").Because(err)
}

// Scan reads a folder as what the next commit would hold: its files, but for those that are
// ignored and aren't in the commit before, and what of that commit no workspace has. Paths,
// if there are any, are the files and folders that are looked at: all others are as they were.
// With keep, the files' bytes are stored.
func (d *Dir) Scan(ctx context.Context, root *os.Root, before Tree, paths []string, keep bool) (Tree, error) {
	w := &scan{ctx: ctx, d: d, root: root, before: before, keep: keep, left: d.limits.Bytes, t: Tree{Files: map[string]File{}, Others: map[string]Other{}}}
	if err := w.folder(".", nil); err != nil {
		return Tree{}, err
	}
	for name, o := range before.Others { // a file that took its place wins
		if _, taken := w.t.Files[name]; !taken && !w.under(name) {
			w.t.Others[name] = o
		}
	}
	if len(paths) == 0 {
		return w.t, nil
	}
	return chosen(before, w.t, paths)
}

// chosen takes what is at or below paths from one tree, and the rest from the other.
func chosen(before, now Tree, paths []string) (Tree, error) {
	t := Tree{Files: map[string]File{}, Others: before.Others}
	used := make([]bool, len(paths))
	in := func(name string) bool {
		found := false
		for i, p := range paths {
			if p == "." || name == p || strings.HasPrefix(name, p+"/") {
				used[i], found = true, true
			}
		}
		return found
	}
	for name, f := range before.Files {
		if !in(name) {
			t.Files[name] = f
		}
	}
	for name, f := range now.Files {
		if in(name) {
			t.Files[name] = f
		}
	}
	if i := slices.Index(used, false); i >= 0 {
		return Tree{}, core.E(core.NotFound, "git", paths[i]+" is neither in the workspace nor in the commit before, or is ignored")
	}
	return t, nil
}

type scan struct {
	ctx     context.Context
	d       *Dir
	root    *os.Root
	before  Tree
	keep    bool
	t       Tree
	entries int
	left    int64
}

// under reports whether a file is where a folder of the path would be, or below it.
func (w *scan) under(name string) bool {
	for i, c := range name {
		if _, file := w.t.Files[name[:i]]; c == '/' && file {
			return true
		}
	}
	return false
}

func (w *scan) folder(name string, patterns []gitignore.Pattern) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	f, err := w.root.OpenFile(name, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil // it has gone, or can't be read
	}
	entries, err := f.ReadDir(-1)
	_ = f.Close()
	if err != nil {
		return inTheWay(name, err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	patterns = w.ignored(name, patterns)
	match := gitignore.NewMatcher(patterns)
	for _, e := range entries {
		if w.entries++; w.entries > 4*w.d.limits.Files {
			return tooLarge("would have too many files")
		}
		p := path.Join(name, e.Name())
		if checkName(e.Name()) != nil || !writable(p) {
			continue
		}
		_, tracked := w.before.Files[p]
		switch ignored := match.Match(strings.Split(p, "/"), e.IsDir()); {
		case e.IsDir():
			if ignored && !w.tracks(p) {
				continue
			}
			if err := w.folder(p, patterns); err != nil {
				return err
			}
		case e.Type().IsRegular() && (tracked || !ignored):
			if err := w.file(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// tracks reports whether the commit before has a file in a folder.
func (w *scan) tracks(folder string) bool {
	for name := range w.before.Files {
		if strings.HasPrefix(name, folder+"/") {
			return true
		}
	}
	return false
}

// ignored returns the patterns that hold in a folder: those above, and its .gitignore's.
func (w *scan) ignored(name string, above []gitignore.Pattern) []gitignore.Pattern {
	const most = 64 << 10
	text, _, err := read(w.root, path.Join(name, ".gitignore"), most)
	if err != nil {
		return above
	}
	var domain []string
	if name != "." {
		domain = strings.Split(name, "/")
	}
	patterns := slices.Clone(above)
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") && len(patterns) < 2000 {
			patterns = append(patterns, gitignore.ParsePattern(line, domain))
		}
	}
	return patterns
}

func (w *scan) file(name string) error {
	if len(w.t.Files) >= w.d.limits.Files {
		return tooLarge("would have too many files")
	}
	text, info, err := read(w.root, name, w.d.limits.Object)
	switch {
	case core.CodeOf(err) == core.Exhausted:
		return core.E(core.Exhausted, "git", name+" is too large for a commit").WithHint("add it to .gitignore, or delete it")
	case err != nil:
		return nil // it has gone, or became something else
	}
	if w.left -= int64(len(text)); w.left < 0 {
		return tooLarge("would have too many bytes")
	}
	f := File{Hash: HashOf(text), Size: int64(len(text)), Exec: info.Mode()&0o111 != 0}
	if w.keep && f.Hash != w.before.Files[name].Hash {
		if f.Hash, err = w.d.SaveFile(text); err != nil {
			return err
		}
	}
	w.t.Files[name] = f
	return nil
}

// read returns the bytes of a regular file, not of what a link leads to.
func read(root *os.Root, name string, limit int64) ([]byte, fs.FileInfo, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("not a regular file")
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = core.E(core.Exhausted, "git", "the file is too large")
	}
	return text, info, err
}

// ReadFile returns the bytes of a regular file of a folder, or not_found.
func ReadFile(root *os.Root, name string, limit int64) ([]byte, error) {
	text, _, err := read(root, name, limit)
	if err != nil && core.CodeOf(err) != core.Exhausted {
		return nil, core.E(core.NotFound, "git", name+" can't be read").Because(err)
	}
	return text, err
}
