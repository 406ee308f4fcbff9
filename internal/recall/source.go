package recall

import (
	"context"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// ForgetSource removes what came of a source in the project, with all that is of it: facts that
// were said in the conversation or the task of that id, and documents whose source is that id or
// is below it ("cnv_1/notes.pdf"). It returns how many there were. Who deletes a conversation
// calls it for the conversation and for its tasks, once they have ended: what is still at work
// could remember more.
func (s *Service) ForgetSource(ctx context.Context, scope core.Scope, source string) (n int, err error) {
	if err := scope.Valid(); err != nil {
		return 0, err
	}
	if source == "" {
		return 0, core.E(core.Invalid, op, "nothing has no source")
	}
	prefix := place(scope.Project, "")
	remembered, err := facts.All(ctx, s.cfg.Records, scope.Org, prefix, s.cfg.Limits.Facts+1)
	if err != nil {
		return 0, err
	}
	for _, d := range remembered {
		if d.Data.Source == source || string(d.Data.Task) == source {
			if err := s.forget(ctx, scope, strings.TrimPrefix(d.ID, prefix)); err != nil {
				return n, err
			}
			n++
		}
	}
	return s.forgetDocuments(ctx, scope, source, n)
}

func (s *Service) forgetDocuments(ctx context.Context, scope core.Scope, source string, n int) (int, error) {
	prefix := place(scope.Project, "")
	for after := ""; ; {
		found, err := documents.List(ctx, s.cfg.Records, scope.Org, prefix, after, 100)
		if err != nil || len(found) == 0 {
			return n, err
		}
		for _, d := range found {
			after = d.ID
			if d.Data.Source != source && !strings.HasPrefix(d.Data.Source, source+"/") {
				continue
			}
			err := s.Remove(ctx, scope, strings.TrimPrefix(d.ID, prefix), 0)
			if err != nil && core.CodeOf(err) != core.NotFound {
				return n, err
			}
			n++
		}
	}
}
