package skill

import (
	"context"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// What follows is for an agent, which needs no type of this package for it.

// Describe returns what a prompt says of the skills that a project's tasks are offered: see
// Prompt. "" if none is.
func (s *Service) Describe(ctx context.Context, scope core.Scope) (string, error) {
	offered, err := s.Offered(ctx, scope)
	return Prompt(offered), err
}

// Allows reports whether a skill that a task has begun with lets a call be made: see
// Meta.Allows. The tools by which skills are used are always let. not_found, denied: see Use.
func (s *Service) Allows(ctx context.Context, scope core.Scope, task core.TaskID, skill, tool, subject string) (bool, error) {
	k, err := s.Use(ctx, scope, task, skill)
	if err != nil {
		return false, err
	}
	return tool == "use_skill" || tool == "read_skill_file" || k.Meta.Allows(tool, subject), nil
}

// Names returns the names of the skills that a project's tasks are offered, with a comma
// between them.
func (s *Service) Names(ctx context.Context, scope core.Scope) (string, error) {
	offered, err := s.Offered(ctx, scope)
	names := make([]string, len(offered))
	for i, o := range offered {
		names[i] = o.Name
	}
	return strings.Join(names, ", "), err
}
