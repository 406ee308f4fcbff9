package skill

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"strconv"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox/archive"
	"github.com/isekai-run/isekai/internal/store"
)

// MaxPacked bounds an archive of a skill, in bytes.
const MaxPacked = 2 << 20

// Unpack reads the skill in an archive, zip or tar.gz, whose files are in it as they are in
// the skill's folder, or below one folder of the skill's name. Problems and errors are those
// of Read; an archive that no honest one is, is invalid, and one beyond the bounds exhausted.
// dir is a folder where it may be unpacked for the moment.
func Unpack(ctx context.Context, packed []byte, dir string) (*Package, Problems, error) {
	format := archive.Format("")
	switch {
	case bytes.HasPrefix(packed, []byte("PK")):
		format = archive.Zip
	case bytes.HasPrefix(packed, []byte("\x1f\x8b")):
		format = archive.TarGz
	default:
		return nil, nil, core.E(core.Invalid, "skill.unpack", "it is neither a zip nor a tar.gz archive").WithHint("pack the skill's folder: zip -r NAME.zip NAME")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, noRoom(err)
	}
	at, err := os.MkdirTemp(dir, "in-*")
	if err != nil {
		return nil, nil, noRoom(err)
	}
	defer func() { _ = os.RemoveAll(at) }() // what stays is removed with dir
	root, err := os.OpenRoot(at)
	if err != nil {
		return nil, nil, noRoom(err)
	}
	defer func() { _ = root.Close() }()
	limits := archive.Limits{Packed: MaxPacked, Bytes: MaxBytes, Entries: 4 * MaxFiles, Depth: maxDepth + 2}
	if err := archive.Unpack(ctx, root, bytes.NewReader(packed), int64(len(packed)), format, limits); err != nil {
		return nil, nil, err
	}
	return readBelow(root.FS())
}

// readBelow is Read for a folder that is the skill's, or has the skill's alone in it.
func readBelow(fsys fs.FS) (*Package, Problems, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, nil, noRoom(err)
	}
	var only fs.DirEntry
	for _, e := range entries {
		if junk[e.Name()] {
			continue
		}
		if only != nil || !e.IsDir() {
			return Read(fsys, "")
		}
		only = e
	}
	if only == nil {
		return Read(fsys, "")
	}
	sub, err := fs.Sub(fsys, only.Name())
	if err != nil {
		return nil, nil, err
	}
	return Read(sub, only.Name())
}

func noRoom(err error) error {
	return core.E(core.Unavailable, "skill", "this node can't unpack it at the moment").Because(err)
}

// Added is what became of an addition.
type Added struct {
	Listed
	New      bool // false: this very version was there
	Problems Problems
}

// Add makes a skill, or the next version of one, of an archive: see Unpack. It is the org's or
// the project's; source says whence it is. invalid: it isn't a skill; exhausted: there are as
// many as there can be.
func (s *Service) Add(ctx context.Context, scope core.Scope, owner Owner, packed []byte, source string) (Added, error) {
	pkg, problems, err := Unpack(ctx, packed, s.lent.path("in"))
	if err == nil {
		err = problems.Err()
	}
	if err != nil {
		return Added{}, err
	}
	out := Added{Problems: problems}
	out.Listed, out.New, err = s.add(ctx, scope, owner, pkg, source)
	return out, err
}

func (s *Service) add(ctx context.Context, scope core.Scope, owner Owner, pkg *Package, source string) (l Listed, isNew bool, err error) {
	if owner != OfOrg && owner != OfProject {
		return Listed{}, false, core.E(core.Invalid, "skill.add", "a skill is added for an org or a project").WithHint("the installation's are in the operator's folder: skills.dir")
	}
	if err := s.save(ctx, scope.Org, pkg); err != nil {
		return Listed{}, false, err
	}
	err = store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		d, err := heads.Find(ctx, s.cfg.Records, scope.Org, owner.place(scope)+pkg.Name)
		if err != nil {
			return nil, err
		}
		v := Version{Number: 1, Digest: pkg.Digest, Source: source, At: s.cfg.Now().UTC(), By: scope.Actor}
		if d.Version == 0 {
			err = s.room(ctx, scope, owner)
		} else {
			before := d.Data.current()
			if before.Digest == pkg.Digest {
				l, isNew = Listed{Meta: d.Data.Meta, Version: before, Owner: owner, Enabled: true}, false
				return nil, nil
			}
			v.Number = before.Number + 1
		}
		d.Data.Meta = pkg.Meta
		d.Data.Versions = append(d.Data.Versions, v)
		if extra := len(d.Data.Versions) - keepVersions; extra > 0 {
			d.Data.Versions = d.Data.Versions[extra:]
		}
		l, isNew = Listed{Meta: pkg.Meta, Version: v, Owner: owner, Enabled: true}, true
		return []store.Change{heads.Put(d)}, err
	})
	return l, isNew, err
}

// room returns exhausted if an owner has as many skills as there can be.
func (s *Service) room(ctx context.Context, scope core.Scope, owner Owner) error {
	all, err := heads.All(ctx, s.cfg.Records, scope.Org, owner.place(scope), MaxSkills)
	if err == nil && len(all) == MaxSkills {
		err = core.E(core.Exhausted, "skill.add", "the "+string(owner)+" has "+strconv.Itoa(MaxSkills)+" skills already").WithHint("remove one: isekai skill remove NAME")
	}
	return err
}

// save keeps a version in an org, unless it is there.
func (s *Service) save(ctx context.Context, org core.OrgID, pkg *Package) error {
	id := string(pkg.Digest)
	d, err := versions.Find(ctx, s.cfg.Records, org, id)
	if err != nil || d.Version > 0 {
		return err
	}
	tree := blob.Tree{Files: map[string]blob.TreeFile{}}
	for _, f := range pkg.Files {
		digest, _, err := s.cfg.Blobs.Put(ctx, org, bytes.NewReader(f.data), MaxFile)
		if err != nil {
			return err
		}
		tree.Files[f.Path] = blob.TreeFile{Digest: digest, Size: f.Size, Exec: f.Exec}
	}
	at, err := tree.Save(ctx, s.cfg.Blobs, org)
	if err != nil {
		return err
	}
	d.Data = versionDoc{Meta: pkg.Meta, Tree: at, Files: pkg.Files}
	err = s.cfg.Records.Write(ctx, org, versions.Put(d))
	if core.CodeOf(err) == core.Conflict { // another has just kept the same
		return nil
	}
	return err
}

// Remove removes a skill of an org or of a project; the one that it hid, if any, is seen
// again. not_found: there is none of the name.
func (s *Service) Remove(ctx context.Context, scope core.Scope, owner Owner, name string) (Version, error) {
	var gone Version
	err := store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		if owner == OfInstallation {
			return nil, core.E(core.Invalid, "skill.remove", "the installation's skills are the operator's").WithHint("turn it off in this project: isekai skill disable " + name)
		}
		d, err := heads.Find(ctx, s.cfg.Records, scope.Org, owner.place(scope)+name)
		switch {
		case err != nil:
			return nil, err
		case d.Version == 0:
			return nil, s.notOwn(ctx, scope, owner, name)
		}
		gone = d.Data.current()
		return []store.Change{heads.Drop(d)}, nil
	})
	return gone, err
}

// notOwn says that an owner has no skill of the name, and whose there is.
func (s *Service) notOwn(ctx context.Context, scope core.Scope, owner Owner, name string) error {
	f, err := s.find(ctx, scope, name)
	switch {
	case err != nil:
		return err
	case f.Owner == OfInstallation:
		return core.E(core.NotFound, "skill", "the "+string(owner)+" has no skill "+name+" of its own; the installation has").WithHint("turn it off in this project: isekai skill disable " + name)
	}
	return core.E(core.NotFound, "skill", "the "+string(owner)+" has no skill "+name+" of its own; the "+string(f.Owner)+" has").WithHint("isekai skill remove " + name + map[Owner]string{OfOrg: " --shared"}[f.Owner])
}
