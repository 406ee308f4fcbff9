package gitdir

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/isekai-run/isekai/internal/core"
)

// Tree is what a commit holds, by path.
type Tree struct {
	Files map[string]File
	// Others are entries that no workspace gets and each commit keeps as they are: links,
	// submodules, and files whose names can't be written.
	Others map[string]Other
}

// File is a regular file of a tree.
type File struct {
	Hash string
	Size int64
	Exec bool
}

// Other is an entry that isn't a regular file.
type Other struct {
	What string // "link", "submodule" or "name"
	mode filemode.FileMode
	hash plumbing.Hash
}

// maxDepth bounds how deep a tree's folders are.
const maxDepth = 64

// Tree reads what a commit holds. invalid: it is made to do harm, with paths that lead
// elsewhere or into .git, or with two entries of one name; exhausted: it is over the limits.
func (d *Dir) Tree(ctx context.Context, commit string) (Tree, error) {
	c, err := object.GetCommit(d.store, plumbing.NewHash(commit))
	if err != nil {
		return Tree{}, failed("the commit "+commit, err)
	}
	w := &treeWalk{ctx: ctx, d: d, left: d.limits.Bytes, t: Tree{Files: map[string]File{}, Others: map[string]Other{}}}
	return w.t, w.folder(c.TreeHash, "", 0)
}

type treeWalk struct {
	ctx     context.Context
	d       *Dir
	t       Tree
	entries int
	left    int64
}

func (w *treeWalk) folder(h plumbing.Hash, at string, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if w.entries++; depth > maxDepth || w.entries > 2*w.d.limits.Files {
		return tooLarge("has too many folders, or too deep ones")
	}
	tree, err := object.GetTree(w.d.store, h)
	switch {
	case errors.Is(err, plumbing.ErrObjectNotFound):
		return failed("a folder of the commit", err)
	case err != nil:
		return harmful("has a folder that can't be read")
	}
	names := map[string]bool{}
	for _, e := range tree.Entries {
		if err := checkName(e.Name); err != nil {
			return err
		}
		if names[e.Name] {
			return harmful("has two entries of one name")
		}
		names[e.Name] = true
		if err := w.entry(e, path.Join(at, e.Name), depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *treeWalk) entry(e object.TreeEntry, name string, depth int) error {
	if e.Mode == filemode.Dir {
		return w.folder(e.Hash, name, depth+1)
	}
	if len(w.t.Files)+len(w.t.Others) >= w.d.limits.Files {
		return tooLarge("has too many files")
	}
	other := func(what string) error {
		w.t.Others[name] = Other{what, e.Mode, e.Hash}
		return nil
	}
	switch {
	case e.Mode == filemode.Symlink:
		return other("link")
	case e.Mode == filemode.Submodule:
		return other("submodule")
	case e.Mode != filemode.Regular && e.Mode != filemode.Executable && e.Mode != filemode.Deprecated:
		return harmful("has an entry that is neither file nor folder")
	case !writable(name):
		return other("name")
	}
	size, err := w.d.store.EncodedObjectSize(e.Hash)
	if err != nil {
		return failed("the file "+name, err)
	}
	if w.left -= size; w.left < 0 || size > w.d.limits.Object {
		return tooLarge("has too many bytes")
	}
	w.t.Files[name] = File{Hash: e.Hash.String(), Size: size, Exec: e.Mode == filemode.Executable}
	return nil
}

// checkName refuses names with which a tree reaches where it has no business (CVE-2014-9390,
// CVE-2019-1352 and others): git itself never makes them.
func checkName(name string) error {
	folded := strings.ToLower(strings.TrimRight(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) { // what some file systems don't see
			return -1
		}
		return r
	}, name), ". "))
	stream, _, _ := strings.Cut(folded, ":")
	switch {
	case name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00"):
		return harmful("has a path that leads elsewhere")
	case folded == ".git" || stream == ".git" || folded == "git~1":
		return harmful("has a path into .git")
	}
	return nil
}

// writable reports whether a path can be one of a workspace.
func writable(name string) bool {
	return utf8.ValidString(name) && len(name) <= 1024 && !strings.ContainsFunc(name, func(r rune) bool { return r == '\\' || unicode.IsControl(r) })
}

func harmful(why string) error {
	return core.E(core.Invalid, "git", "the repository "+why+": it is refused")
}

func tooLarge(why string) error {
	return core.E(core.Exhausted, "git", "the repository "+why)
}

// Paths returns the paths of files, in order.
func (t Tree) Paths() []string {
	all := make([]string, 0, len(t.Files))
	for p := range t.Files {
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}

// Left returns what isn't put into a workspace, in order, as "PATH (WHAT)".
func (t Tree) Left() []string {
	var all []string
	for p, o := range t.Others {
		all = append(all, strings.ToValidUTF8(p, "?")+" ("+o.What+")")
	}
	slices.Sort(all)
	return all
}

// save stores a tree's folders, and returns the root's hash.
func (d *Dir) save(t Tree) (plumbing.Hash, error) {
	type folder struct {
		entries []object.TreeEntry
		folders map[string]*folder
	}
	root := &folder{folders: map[string]*folder{}}
	put := func(name string, e object.TreeEntry) error {
		at := root
		parts := strings.Split(name, "/")
		for _, part := range parts[:len(parts)-1] {
			next := at.folders[part]
			if next == nil {
				next = &folder{folders: map[string]*folder{}}
				at.folders[part] = next
			}
			at = next
		}
		e.Name = parts[len(parts)-1]
		at.entries = append(at.entries, e)
		return checkName(e.Name)
	}
	for name, f := range t.Files {
		mode := filemode.Regular
		if f.Exec {
			mode = filemode.Executable
		}
		if err := put(name, object.TreeEntry{Mode: mode, Hash: plumbing.NewHash(f.Hash)}); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	for name, o := range t.Others {
		if err := put(name, object.TreeEntry{Mode: o.mode, Hash: o.hash}); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	var write func(*folder) (plumbing.Hash, error)
	write = func(f *folder) (plumbing.Hash, error) {
		tree := object.Tree{Entries: f.entries}
		for name, sub := range f.folders {
			h, err := write(sub)
			if err != nil {
				return h, err
			}
			tree.Entries = append(tree.Entries, object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: h})
		}
		slices.SortFunc(tree.Entries, func(a, b object.TreeEntry) int { return strings.Compare(sortName(a), sortName(b)) })
		o := d.store.NewEncodedObject()
		if err := tree.Encode(o); err != nil {
			return plumbing.ZeroHash, failed("a folder can't be stored", err)
		}
		h, err := d.store.SetEncodedObject(o)
		return h, failed("a folder can't be stored", err)
	}
	return write(root)
}

// sortName is by what git orders entries: a folder as if it ended in a slash.
func sortName(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

// Commit stores a tree as a commit on top of parents, and returns it.
func (d *Dir) Commit(t Tree, by Signature, message string, parents ...string) (string, error) {
	root, err := d.save(t)
	if err != nil {
		return "", err
	}
	s := object.Signature{Name: by.Name, Email: by.Email, When: by.When}
	c := object.Commit{Author: s, Committer: s, Message: message, TreeHash: root}
	for _, p := range parents {
		c.ParentHashes = append(c.ParentHashes, plumbing.NewHash(p))
	}
	o := d.store.NewEncodedObject()
	if err := c.Encode(o); err != nil {
		return "", failed("the commit can't be stored", err)
	}
	h, err := d.store.SetEncodedObject(o)
	return h.String(), failed("the commit can't be stored", err)
}

// SaveFile stores a file's bytes, and returns their hash.
func (d *Dir) SaveFile(text []byte) (string, error) {
	o := d.store.NewEncodedObject()
	o.SetType(plumbing.BlobObject)
	o.SetSize(int64(len(text)))
	w, err := o.Writer()
	if err != nil {
		return "", failed("a file can't be stored", err)
	}
	_, err = w.Write(text)
	if err = errors.Join(err, w.Close()); err != nil {
		return "", failed("a file can't be stored", err)
	}
	h, err := d.store.SetEncodedObject(o)
	return h.String(), failed("a file can't be stored", err)
}

// HashOf returns the hash that git gives to a file's bytes.
func HashOf(text []byte) string { return plumbing.ComputeHash(plumbing.BlobObject, text).String() }
