package blob

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"unicode"

	"github.com/isekai-run/isekai/internal/core"
)

// Tree is a folder of regular files at one moment: a workspace, or a version of
// an app. It is stored as a blob of JSON, of which there is exactly one form, so
// that equal trees have equal digests. A folder without a file isn't in it.
type Tree struct {
	Files map[string]TreeFile `json:"files"` // by path: see CheckPath

	// Skipped are the paths that Snapshot left out: links, devices, pipes,
	// sockets, and names that CheckPath refuses. They aren't stored.
	Skipped []string `json:"-"`
}

// TreeFile is one file of a tree.
type TreeFile struct {
	Digest core.Digest `json:"digest"`
	Size   int64       `json:"size"` // bytes
	Exec   bool        `json:"exec,omitempty"`
}

// Limits bound a tree. Zero fields mean those of DefaultLimits.
type Limits struct {
	Files int   // regular files and folders, each
	Bytes int64 // of all files together
}

// DefaultLimits are the bounds of a tree that names none.
var DefaultLimits = Limits{Files: 20_000, Bytes: 512 << 20}

const (
	maxPath = 1024     // bytes of a path
	maxTree = 16 << 20 // bytes of a stored tree
)

// CheckPath returns nil for a path that may be in a tree: relative, with slashes
// between its parts, none of which is empty, "." or "..", of valid UTF-8 without
// control characters and backslashes, and at most 1,024 bytes long. Anything
// else is Invalid.
func CheckPath(path string) error {
	bad := func(r rune) bool { return r == '\\' || unicode.IsControl(r) }
	if !fs.ValidPath(path) || path == "." || len(path) > maxPath || strings.ContainsFunc(path, bad) {
		return core.E(core.Invalid, "blob.tree", "a path that can't be in a tree")
	}
	return nil
}

// Paths returns the tree's paths in order.
func (t Tree) Paths() []string {
	paths := make([]string, 0, len(t.Files))
	for p := range t.Files {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// folders returns the folders that hold the tree's files, at any depth.
func (t Tree) folders() map[string]bool {
	all := map[string]bool{}
	for p := range t.Files {
		for i, c := range p {
			if c == '/' {
				all[p[:i]] = true
			}
		}
	}
	return all
}

// Save stores the tree itself, whose files are stored already, and returns its
// digest. A tree that Load would refuse is Invalid.
func (t Tree) Save(ctx context.Context, s Store, org core.OrgID) (core.Digest, error) {
	b, err := t.encode()
	if err != nil {
		return "", err
	}
	d, _, err := s.Put(ctx, org, bytes.NewReader(b), maxTree)
	return d, err
}

// Load reads a stored tree. not_found: there is none; Invalid: the blob isn't a
// tree, or isn't in the one form that a tree is stored in.
func Load(ctx context.Context, s Store, org core.OrgID, d core.Digest) (Tree, error) {
	r, err := s.Open(ctx, org, d)
	if err != nil {
		return Tree{}, err
	}
	b, err := io.ReadAll(io.LimitReader(r, maxTree+1))
	if e := r.Close(); err == nil {
		err = e
	}
	if err != nil {
		return Tree{}, err
	}
	return decode(b)
}

// encode returns the one form of the tree: maps are written in order.
func (t Tree) encode() ([]byte, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if t.Files == nil {
		t.Files = map[string]TreeFile{}
	}
	b, err := json.Marshal(t)
	if err == nil && len(b) > maxTree {
		err = core.E(core.Exhausted, "blob.tree", "the tree's list of files is too long").WithHint("keep fewer files")
	}
	return b, err
}

// decode is the inverse of encode, and takes nothing else.
func decode(b []byte) (Tree, error) {
	var t Tree
	err := json.Unmarshal(b, &t)
	if err == nil {
		var again []byte
		if again, err = t.encode(); err == nil && !bytes.Equal(again, b) {
			err = errors.New("not in its one form")
		}
	}
	if err != nil {
		return Tree{}, core.E(core.Invalid, "blob.tree", "the blob isn't a tree").Because(err)
	}
	return t, nil
}

// check says whether the tree can be a folder.
func (t Tree) check() error {
	for p, f := range t.Files {
		if err := CheckPath(p); err != nil {
			return err
		}
		if _, err := ParseDigest(f.Digest); err != nil {
			return err
		}
		if f.Size < 0 {
			return core.E(core.Invalid, "blob.tree", "a file of negative size")
		}
	}
	for folder := range t.folders() {
		if _, both := t.Files[folder]; both {
			return core.E(core.Invalid, "blob.tree", "a path is both a file and a folder")
		}
	}
	return nil
}
