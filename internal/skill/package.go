package skill

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
)

// The bounds of a skill's folder.
const (
	MaxFiles = 300
	MaxFile  = 2 << 20 // bytes
	MaxBytes = 8 << 20 // of all files together
	maxDepth = 8       // folders in each other
)

// Package is a skill as it was read: its folder, whole.
type Package struct {
	Meta
	Body   string // of SKILL.md, without the front matter
	Digest core.Digest
	Files  []File // by path
}

// File is one file of a skill.
type File struct {
	Path string
	Size int64
	Exec bool // it begins with #!
	data []byte
}

// junk are files and folders that tools leave behind: they are of no skill.
var junk = map[string]bool{".git": true, ".svn": true, ".DS_Store": true, "__MACOSX": true, "__pycache__": true}

// Read reads the skill in a folder, and everything that is wrong with it. name is the
// folder's, which has to be the skill's; "": it has none. With an error among the problems
// the package is nil. An error is one of reading.
func Read(fsys fs.FS, name string) (*Package, Problems, error) {
	r := &reader{fsys: fsys}
	if err := r.folder("."); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(r.files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	p := &Package{Files: r.files, Digest: digestOf(r.files)}
	main, ok := p.File(Main)
	if !ok {
		if len(r.problems.Errors()) == 0 { // else it may be among what wasn't read
			r.bad("", "there is no "+Main, "a skill is a folder with a file of this very name in it")
		}
		return nil, r.problems, nil
	}
	meta, body, found := Parse(main)
	r.problems = append(r.problems, found...)
	if meta.Name != "" && name != "" && meta.Name != name {
		r.bad(Main, "the skill "+meta.Name+" is in a folder named "+strconv.Quote(core.Excerpt(name, 80)), "give both the same name")
	}
	p.Meta, p.Body = meta, body
	if len(r.problems.Errors()) > 0 {
		return nil, r.problems, nil
	}
	r.advise(p)
	return p, r.problems, nil
}

// File returns the content of a file.
func (p *Package) File(name string) ([]byte, bool) {
	i, ok := slices.BinarySearchFunc(p.Files, name, func(f File, name string) int { return cmp.Compare(f.Path, name) })
	if !ok {
		return nil, false
	}
	return p.Files[i].data, true
}

// digestOf is that of files by path: of their names, contents, and what may be run. It is the
// same in every org and on every node.
func digestOf(files []File) core.Digest {
	h := sha256.New()
	for _, f := range files {
		sum := sha256.Sum256(f.data)
		fmt.Fprintf(h, "%s\x00%t\x00%s\n", f.Path, f.Exec, hex.EncodeToString(sum[:])) // to a hash, which takes all
	}
	return blob.DigestFrom(h)
}

// reader is one run of Read.
type reader struct {
	fsys     fs.FS
	files    []File
	bytes    int64
	problems Problems
}

func (r *reader) bad(file, msg, hint string) {
	r.problems = append(r.problems, Problem{File: file, Msg: msg, Hint: hint})
}

// errFull ends a walk: there is too much, which the problems tell.
var errFull = errors.New("too much")

// folder reads what is in a folder, at any depth.
func (r *reader) folder(name string) error {
	err := r.walk(name)
	if errors.Is(err, errFull) {
		return nil
	}
	return err
}

func (r *reader) walk(name string) error {
	if strings.Count(name, "/")+1 > maxDepth {
		r.bad(name, "it lies too deep", "keep files at most "+strconv.Itoa(maxDepth)+" folders deep")
		return errFull
	}
	entries, err := fs.ReadDir(r.fsys, name)
	if err != nil {
		return fmt.Errorf("read the folder of a skill: %w", err)
	}
	if len(entries) > 2*MaxFiles {
		return r.tooMany()
	}
	for _, e := range entries {
		p := path.Join(name, e.Name())
		switch {
		case junk[e.Name()]:
		case blob.CheckPath(p) != nil:
			r.bad("", "a file has a name that not every system can have: "+strconv.Quote(core.Excerpt(p, 80)), "rename it")
		case e.IsDir():
			err = r.walk(p)
		case !e.Type().IsRegular():
			r.bad(p, "it is neither a file nor a folder", "put a copy of what the link leads to in its place")
		default:
			err = r.file(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) tooMany() error {
	r.bad("", "it has more than "+strconv.Itoa(MaxFiles)+" files", "leave out what the skill doesn't refer to")
	return errFull
}

func (r *reader) file(name string) error {
	if len(r.files) == MaxFiles {
		return r.tooMany()
	}
	f, err := r.fsys.Open(name)
	if err != nil {
		return fmt.Errorf("read a file of a skill: %w", err)
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() { // it has become something else
		r.bad(name, "it changed while it was read", "try again")
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return fmt.Errorf("read a file of a skill: %w", err)
	}
	if len(data) > MaxFile {
		r.bad(name, "it is larger than "+strconv.Itoa(MaxFile>>20)+" MiB", "leave it out, or have a script make it")
		return nil
	}
	if r.bytes += int64(len(data)); r.bytes > MaxBytes {
		r.bad("", "its files are larger than "+strconv.Itoa(MaxBytes>>20)+" MiB together", "leave out what the skill doesn't refer to")
		return errFull
	}
	r.files = append(r.files, File{Path: name, Size: int64(len(data)), Exec: strings.HasPrefix(string(data[:min(2, len(data))]), "#!"), data: data})
	return nil
}

// manyLines is what a body should be shorter than: all of it is read whenever the skill is used.
const manyLines = 500

var reference = regexp.MustCompile(`\]\(([A-Za-z0-9_][A-Za-z0-9_./-]*)\)`)

// advise tells an author what a reader would stumble over.
func (r *reader) advise(p *Package) {
	warn := func(msg, hint string) {
		r.problems = append(r.problems, Problem{File: Main, Msg: msg, Hint: hint, Warning: true})
	}
	if p.Body == "" {
		warn("there are no instructions below the front matter", "say step by step how the job is done")
	}
	if strings.Count(p.Body, "\n") >= manyLines {
		warn("the instructions have more than "+strconv.Itoa(manyLines)+" lines", "move details to files in references/, and say when to read them")
	}
	for _, m := range reference.FindAllStringSubmatch(p.Body, -1) {
		clean := path.Clean(m[1])
		if _, ok := p.File(clean); !ok && !slices.ContainsFunc(p.Files, func(f File) bool { return strings.HasPrefix(f.Path, clean+"/") }) {
			warn("it refers to "+core.Excerpt(m[1], 80)+", which isn't there", "paths are relative to the skill's folder")
		}
	}
}
