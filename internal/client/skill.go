package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Skill is a skill as a list has it.
type Skill struct {
	Name         string      `json:"name"`
	Description  string      `json:"description"`
	Owner        string      `json:"owner" enum:"project,org,installation"`
	Source       string      `json:"source" doc:"shipped: it comes with the program; folder: from the operator's; upload; or URL@COMMIT:FOLDER of a repository"`
	Number       int         `json:"number" doc:"of the version"`
	Digest       core.Digest `json:"digest" doc:"of its files"`
	AllowedTools []string    `json:"allowed_tools" doc:"that it wants to be used; empty: it says nothing about tools"`
	Enabled      bool        `json:"enabled" doc:"in the project"`
	Hidden       bool        `json:"hidden,omitempty" doc:"by another of its name, whose owner is nearer"`
	Problem      string      `json:"problem,omitempty" doc:"why what the operator's folder has by now can't be used"`
	Added        *time.Time  `json:"added,omitempty"`
	By           *core.Actor `json:"by,omitempty"`
}

// ShownSkill is a skill with its instructions.
type ShownSkill struct {
	Skill
	License       string            `json:"license,omitempty"`
	Compatibility string            `json:"compatibility,omitempty"`
	Metadata      map[string]string `json:"metadata,omitempty"`
	Instructions  string            `json:"instructions"`
	Files         []SkillFile       `json:"files"`
	Versions      []SkillVersion    `json:"versions" doc:"that are kept, the newest last"`
}

// SkillFile is one file of a skill.
type SkillFile struct {
	Path string `json:"path"`
	Size int64  `json:"size" doc:"bytes"`
}

// SkillVersion is one version of a skill.
type SkillVersion struct {
	Number int         `json:"number"`
	Digest core.Digest `json:"digest"`
	Source string      `json:"source"`
	Added  time.Time   `json:"added"`
	By     core.Actor  `json:"by"`
}

// NewSkill is a skill to be, or the next version of one: an archive, or a repository's.
type NewSkill struct {
	Archive    []byte           `json:"archive,omitempty" minLength:"1" doc:"zip or tar.gz of the skill's folder, at most 2 MiB, as base64"`
	Repository *SkillRepository `json:"repository,omitempty" doc:"to fetch it from, in place of an archive"`
	Shared     bool             `json:"shared,omitempty" doc:"for all projects of the org"`
}

// SkillRepository is the folder of a git repository that a skill is in.
type SkillRepository struct {
	URL        string `json:"url" minLength:"1" maxLength:"2000" doc:"https://HOST/PATH.git, or ssh://git@HOST/PATH.git" example:"https://example.com/team/skills.git"`
	Ref        string `json:"ref,omitempty" maxLength:"200" doc:"a branch or a tag; the repository's own branch if not given"`
	Path       string `json:"path,omitempty" maxLength:"1024" doc:"of the skill's folder; the repository itself if not given" example:"skills/csv"`
	Credential string `json:"credential,omitempty" maxLength:"200" doc:"the name of a credential of the project's, if it isn't public"`
	HostKey    string `json:"host_key,omitempty" maxLength:"4000" doc:"for SSH: the host's public key, as ssh-keyscan writes it"`
}

// AddedSkill is what became of a NewSkill.
type AddedSkill struct {
	Skill
	New      bool           `json:"new" doc:"false: this very version was there"`
	Warnings []SkillProblem `json:"warnings"`
}

// SkillProblem is one thing that is wrong with a skill.
type SkillProblem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Warning bool   `json:"warning,omitempty" doc:"it is a skill all the same"`
}

// Skills returns those that the project sees, by name.
func (c *Client) Skills(ctx context.Context) ([]Skill, error) {
	return get[[]Skill](ctx, c, "/v1/skills", nil)
}

// Skill returns the one that a name means in the project.
func (c *Client) Skill(ctx context.Context, name string) (ShownSkill, error) {
	return get[ShownSkill](ctx, c, "/v1/skills/"+escape(name), nil)
}

// SkillFile writes a file of a skill to w.
func (c *Client) SkillFile(ctx context.Context, name, path string, w io.Writer) error {
	return c.copy(ctx, request{method: http.MethodGet, path: "/v1/skills/" + escape(name) + "/file", query: url.Values{"path": {path}}}, w)
}

// AddSkill adds one.
func (c *Client) AddSkill(ctx context.Context, n NewSkill, idempotencyKey string) (AddedSkill, error) {
	return create[AddedSkill](ctx, c, "/v1/skills", n, idempotencyKey)
}

// RemoveSkill removes the project's, or with shared the org's.
func (c *Client) RemoveSkill(ctx context.Context, name string, shared bool) error {
	path := "/v1/skills/" + escape(name)
	if shared {
		path += "?shared=true"
	}
	return c.do(ctx, http.MethodDelete, path, nil)
}

// EnableSkill has the project's tasks be offered a skill, whoever's it is, or not.
func (c *Client) EnableSkill(ctx context.Context, name string, on bool) error {
	verb := "/disable"
	if on {
		verb = "/enable"
	}
	return c.do(ctx, http.MethodPost, "/v1/skills/"+escape(name)+verb, nil)
}
