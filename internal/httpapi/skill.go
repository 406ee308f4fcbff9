package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/skill"
)

type (
	// SkillPath names a skill.
	SkillPath struct {
		Skill string `path:"skill" maxLength:"64" example:"code-review"`
	}
	skillFile struct {
		SkillPath
		Path string `query:"path" required:"true" maxLength:"1024"`
	}
	newSkill  struct{ Body client.NewSkill }
	dropSkill struct {
		SkillPath
		Shared bool `query:"shared" doc:"the org's, not the project's"`
	}
)

// skillsPath is where skills are added, whose archives are larger than other bodies.
const (
	skillsPath = "/v1/skills"
	maxSkill   = 3 << 20 // bytes: skill.MaxPacked, as base64
)

// skills are the routes to what teaches agents jobs.
func (s *server) skills() {
	tags := []string{"skills"}
	const path, one = skillsPath, skillsPath + "/{skill}"
	handle(s, identity.SkillRead, huma.Operation{
		OperationID: "list-skills", Method: http.MethodGet, Path: path, Summary: "List the skills that the project sees", Tags: tags,
		Description: "Those that are off, and those that another hides, are among them. A project's hides an org's of its name, and that one the installation's.",
	}, func(ctx context.Context, scope core.Scope, _ *struct{}) (*reply[[]client.Skill], error) {
		all, err := s.cfg.Skills.List(ctx, scope)
		return replied(all, err, func(all []skill.Listed) []client.Skill { return each(all, wireSkill) })
	})
	handle(s, identity.SkillRead, huma.Operation{
		OperationID: "show-skill", Method: http.MethodGet, Path: one, Summary: "Show the skill that a name means in the project", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *SkillPath) (*reply[client.ShownSkill], error) {
		k, err := s.cfg.Skills.Load(ctx, scope, in.Skill)
		return replied(k, err, wireShownSkill)
	})
	handle(s, identity.SkillRead, stream(huma.Operation{
		OperationID: "read-skill-file", Method: http.MethodGet, Path: one + "/file", Summary: "Read a file of a skill", Tags: tags,
	}, "application/octet-stream"), func(ctx context.Context, scope core.Scope, in *skillFile) (*huma.StreamResponse, error) {
		k, err := s.cfg.Skills.Load(ctx, scope, in.Skill)
		if err != nil {
			return nil, err
		}
		b, err := s.cfg.Skills.ReadFile(ctx, scope.Org, k, in.Path)
		return bytesOf(b, err)
	})
	handle(s, identity.SkillWrite, huma.Operation{
		OperationID: "add-skill", Method: http.MethodPost, Path: path, Summary: "Add a skill, or the next version of one", Tags: tags, DefaultStatus: http.StatusCreated, BodyReadTimeout: callTime,
		Description: "The next task is offered it, on every node; a task that has begun with another version goes on with that. It is in an archive, or in a git repository that is fetched once: only files come, and nothing of it is run.",
	}, s.addSkill)
	handle(s, identity.SkillWrite, huma.Operation{
		OperationID: "remove-skill", Method: http.MethodDelete, Path: one, Summary: "Remove a skill of the project or of the org", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *dropSkill) (*struct{}, error) {
		gone, err := s.cfg.Skills.Remove(ctx, scope, ownerOfSkill(in.Shared), in.Skill)
		if err != nil {
			return nil, err
		}
		return nil, s.recordSkill(ctx, scope, "skill.remove", in.Skill, ownerOfSkill(in.Shared), gone)
	})
	for _, on := range []bool{true, false} {
		verb, summary := "disable", "Have the project's tasks not use a skill, whoever's it is"
		if on {
			verb, summary = "enable", "Have the project's tasks be offered a skill again"
		}
		handle(s, identity.SkillWrite, huma.Operation{
			OperationID: verb + "-skill", Method: http.MethodPost, Path: one + "/" + verb, Summary: summary, Tags: tags,
		}, func(ctx context.Context, scope core.Scope, in *SkillPath) (*struct{}, error) {
			if _, err := s.cfg.Skills.Enable(ctx, scope, in.Skill, on); err != nil {
				return nil, err
			}
			return nil, s.record(ctx, scope.Org, auditlog.Entry{Action: "skill." + verb, Project: scope.Project, Target: in.Skill})
		})
	}
}

func (s *server) addSkill(ctx context.Context, scope core.Scope, in *newSkill) (*reply[client.AddedSkill], error) {
	owner := ownerOfSkill(in.Body.Shared)
	made, err := s.newSkill(ctx, scope, owner, in.Body)
	if err == nil && made.New {
		err = s.recordSkill(ctx, scope, "skill.add", made.Name, owner, made.Version)
	}
	return replied(made, err, func(a skill.Added) client.AddedSkill {
		return client.AddedSkill{Skill: wireSkill(a.Listed), New: a.New, Warnings: each(a.Problems, wireSkillProblem)}
	})
}

// newSkill adds what is sent, or what is in a repository.
func (s *server) newSkill(ctx context.Context, scope core.Scope, owner skill.Owner, n client.NewSkill) (skill.Added, error) {
	switch from := n.Repository; {
	case (from == nil) == (len(n.Archive) == 0):
		return skill.Added{}, core.E(core.Invalid, "skill.add", "a skill is in an archive or in a repository").WithHint("give one of both")
	case from != nil:
		at := core.Checkout{URL: from.URL, From: from.Ref, Credential: from.Credential, HostKey: from.HostKey}
		return s.cfg.Skills.AddFrom(ctx, scope, owner, s.cfg.Repositories, at, from.Path)
	}
	return s.cfg.Skills.Add(ctx, scope, owner, n.Archive, "upload")
}

func (s *server) recordSkill(ctx context.Context, scope core.Scope, action, name string, owner skill.Owner, v skill.Version) error {
	return s.record(ctx, scope.Org, auditlog.Entry{Action: action, Project: scope.Project, Target: name, Detail: map[string]string{
		"owner": string(owner), "number": strconv.Itoa(v.Number), "digest": string(v.Digest), "source": v.Source,
	}})
}

func ownerOfSkill(shared bool) skill.Owner {
	if shared {
		return skill.OfOrg
	}
	return skill.OfProject
}

func wireSkill(l skill.Listed) client.Skill {
	w := client.Skill{
		Name: l.Name, Description: l.Description, Owner: string(l.Owner), Source: l.Source, Number: l.Number, Digest: l.Digest,
		AllowedTools: each(l.Allowed, skill.Allowed.String), Enabled: l.Enabled, Hidden: l.Hidden, Problem: l.Problem, Added: when(l.At),
	}
	if l.By.ID != "" {
		w.By = &l.By
	}
	return w
}

func wireShownSkill(k skill.Skill) client.ShownSkill {
	return client.ShownSkill{
		Skill: wireSkill(k.Listed), License: k.License, Compatibility: k.Compatibility, Metadata: k.Metadata, Instructions: k.Body,
		Files: each(k.Files, func(f skill.File) client.SkillFile { return client.SkillFile{Path: f.Path, Size: f.Size} }),
		Versions: each(k.Versions, func(v skill.Version) client.SkillVersion {
			return client.SkillVersion{Number: v.Number, Digest: v.Digest, Source: v.Source, Added: v.At, By: v.By}
		}),
	}
}

func wireSkillProblem(p skill.Problem) client.SkillProblem {
	return client.SkillProblem{File: p.File, Line: p.Line, Message: p.Msg, Hint: p.Hint, Warning: p.Warning}
}
