package skill

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strings"
	"sync"
	"time"
)

const (
	// lookEvery is how long what was seen of the operator's folder is good for.
	lookEvery = time.Second
	// settled is how old a file has to be for its time to tell every change: clocks of file
	// systems are coarse.
	settled = 2 * time.Second
	// maxFolder bounds the skills of the operator's folder together, in bytes: they are kept in
	// memory.
	maxFolder = 64 << 20
)

// folder is the operator's, as it was seen last. What is there is read again when a name, a
// size or a time in it has changed.
type folder struct {
	path string
	now  func() time.Time
	log  *slog.Logger

	mu     sync.Mutex
	looked time.Time
	seen   map[string]shelved
}

// shelved is a folder of the operator's folder.
type shelved struct {
	pkg     *Package // as it was when it was whole last; nil: never
	problem string   // why it isn't whole; "": it is
	print   uint64   // of names, sizes and times
	fresh   bool     // it had just changed when it was read: the print may not tell the next change
}

// look returns what the folder holds, by name. What can't be read is as it was, with why.
// The result isn't changed any more.
func (f *folder) look(ctx context.Context) map[string]shelved {
	if f.path == "" {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); f.looked.IsZero() || now.Sub(f.looked) >= lookEvery || now.Before(f.looked) {
		f.seen = f.read(ctx)
		f.looked = now
	}
	return f.seen
}

func (f *folder) read(ctx context.Context) map[string]shelved {
	root, err := os.OpenRoot(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		f.log.WarnContext(ctx, "the folder of skills can't be read", "folder", f.path, "err", err)
		return f.seen
	}
	defer func() { _ = root.Close() }()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		f.log.WarnContext(ctx, "the folder of skills can't be read", "folder", f.path, "err", err)
		return f.seen
	}
	now, left := map[string]shelved{}, int64(maxFolder)
	for _, e := range entries {
		if !e.IsDir() || junk[e.Name()] {
			continue
		}
		if len(now) == MaxSkills {
			f.log.WarnContext(ctx, "the folder of skills has more than are taken", "folder", f.path, "most", MaxSkills)
			break
		}
		at := f.one(ctx, root, e.Name(), f.seen[e.Name()])
		if at.pkg != nil {
			for _, file := range at.pkg.Files {
				left -= file.Size
			}
			if left < 0 {
				f.log.WarnContext(ctx, "the folder of skills is larger than is taken", "folder", f.path, "bytes", maxFolder)
				break
			}
		}
		now[e.Name()] = at
	}
	return now
}

// one reads a skill again if it has changed.
func (f *folder) one(ctx context.Context, root *os.Root, name string, before shelved) shelved {
	print, newest, err := printOf(root, name)
	if err == nil && print == before.print && !before.fresh && (before.pkg != nil || before.problem != "") {
		return before
	}
	now := shelved{pkg: before.pkg, print: print, fresh: f.now().Sub(newest) < settled}
	var pkg *Package
	var problems Problems
	if err == nil {
		var sub fs.FS
		if sub, err = fs.Sub(root.FS(), name); err == nil {
			pkg, problems, err = Read(sub, name)
		}
	}
	if err == nil {
		err = problems.Err()
	}
	switch {
	case err != nil:
		if now.problem = strings.TrimPrefix(err.Error(), "skill: "); now.problem != before.problem {
			f.log.WarnContext(ctx, "a skill can't be read; what it was goes on", "skill", name, "folder", f.path, "err", err)
		}
	case before.pkg == nil || before.pkg.Digest != pkg.Digest:
		now.pkg = pkg
		f.log.InfoContext(ctx, "a skill was read", "skill", name, "folder", f.path, "digest", pkg.Digest)
	}
	return now
}

// printOf is a hash of the names, sizes, modes and times in a folder, and the newest of these
// times.
func printOf(root *os.Root, name string) (uint64, time.Time, error) {
	h, newest, n := fnv.New64a(), time.Time{}, 0
	err := fs.WalkDir(root.FS(), name, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if junk[path.Base(p)] && d.IsDir() {
			return fs.SkipDir
		}
		if n++; n > 4*MaxFiles { // more than a skill has; Read says so
			return fs.SkipAll
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.ModTime().After(newest) {
			newest = info.ModTime()
		}
		_, err = fmt.Fprintf(h, "%s\x00%d\x00%d\x00%d\n", p, info.Size(), info.Mode(), info.ModTime().UnixNano())
		return err
	})
	return h.Sum64(), newest, err
}
