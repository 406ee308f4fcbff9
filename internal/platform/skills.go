package platform

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/skill"
	"github.com/isekai-run/isekai/internal/tool"
	skilltool "github.com/isekai-run/isekai/internal/tool/skill"
	"github.com/isekai-run/isekai/skills"
)

// Skills say where the installation's skills are, besides those that come with the program.
type Skills struct {
	Dir string `koanf:"dir" json:"dir"` // with a folder for each; empty: skills in the data directory. What changes there is seen without a restart
}

// openSkills opens what teaches agents jobs.
func (n *node) openSkills() (err error) {
	n.skills, err = skill.New(skill.Config{
		Records: n.store, Blobs: n.blobs, Shipped: skills.Files, Folder: cmp.Or(n.cfg.Skills.Dir, n.dir.Join("skills")), Dir: n.dir.Join("skills-in-use"), Log: n.log,
	})
	return err
}

// shelf is skilltool.Shelf.
type shelf struct{ skills *skill.Service }

// Use implements skilltool.Shelf.
func (s shelf) Use(ctx context.Context, c tool.Call, name string) (skilltool.Skill, error) {
	k, err := s.skills.Use(ctx, c.Scope, c.Task, name)
	out := skilltool.Skill{Name: k.Name, Number: k.Number, Digest: k.Digest, Allowed: k.Tools(), Body: k.Body}
	if core.CodeOf(err) == core.NotFound { // a model has no command line to look at a list with
		if names, lost := s.skills.Names(ctx, c.Scope); lost == nil {
			err = core.E(core.NotFound, "skill", "there is no skill of this name").WithHint("the skills are: " + names).Because(err)
		}
	}
	for _, a := range k.Allowed {
		out.Patterns = append(out.Patterns, skilltool.Pattern{Tool: a.Name(), Pattern: a.Pattern})
	}
	for _, f := range k.Files {
		out.Files = append(out.Files, f.Path)
	}
	return out, err
}

// ReadFile implements skilltool.Shelf.
func (s shelf) ReadFile(ctx context.Context, c tool.Call, name, path string) ([]byte, error) {
	k, err := s.skills.Use(ctx, c.Scope, c.Task, name)
	if err != nil {
		return nil, err
	}
	return s.skills.ReadFile(ctx, c.Scope.Org, k, path)
}

// ReadSkill implements cli.Skills.
func (Platform) ReadSkill(ctx context.Context, path string) (cli.LocalSkill, error) {
	pkg, problems, err := readSkill(ctx, path)
	if err != nil {
		return cli.LocalSkill{}, err
	}
	out := cli.LocalSkill{Problems: []client.SkillProblem{}}
	for _, p := range problems {
		out.Problems = append(out.Problems, client.SkillProblem{File: p.File, Line: p.Line, Message: p.Msg, Hint: p.Hint, Warning: p.Warning})
	}
	if pkg == nil {
		return out, nil
	}
	var packed bytes.Buffer
	if err := pkg.Pack(&packed); err != nil {
		return cli.LocalSkill{}, err
	}
	out.Name, out.Description, out.Digest, out.Archive = pkg.Name, pkg.Description, pkg.Digest, packed.Bytes()
	return out, nil
}

// readSkill reads the skill at a path: its folder, the SKILL.md in it, or an archive.
func readSkill(ctx context.Context, path string) (*skill.Package, skill.Problems, error) {
	path, err := filepath.Abs(path) // "." has a name, too
	if err != nil {
		return nil, nil, core.E(core.Invalid, "skill", "no such path").Because(err)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, core.E(core.NotFound, "skill", "there is no "+path).WithHint("name the skill's folder; isekai scaffold skill NAME makes one")
	case err != nil:
		return nil, nil, core.E(core.Invalid, "skill", path+" can't be read").Because(err)
	case !info.IsDir() && filepath.Base(path) == skill.Main:
		path = filepath.Dir(path)
	case !info.IsDir():
		return unpackSkill(ctx, path, info.Size())
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, nil, core.E(core.Invalid, "skill", path+" can't be read").Because(err)
	}
	defer func() { _ = root.Close() }()
	return skill.Read(root.FS(), filepath.Base(path))
}

func unpackSkill(ctx context.Context, path string, size int64) (*skill.Package, skill.Problems, error) {
	if size > skill.MaxPacked {
		return nil, nil, core.E(core.Exhausted, "skill", path+" is larger than 2 MiB").WithHint("leave out what the skill doesn't refer to")
	}
	packed, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, core.E(core.Invalid, "skill", path+" can't be read").Because(err)
	}
	scratch, err := os.MkdirTemp("", "isekai-skill-*")
	if err != nil {
		return nil, nil, core.E(core.Unavailable, "skill", "there is no room to unpack it").Because(err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	return skill.Unpack(ctx, packed, scratch)
}
