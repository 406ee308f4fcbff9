package cli_test

import (
	"context"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/platform"
)

// ReadSkill implements cli.Skills, as the platform does.
func (neighbour) ReadSkill(ctx context.Context, path string) (cli.LocalSkill, error) {
	return platform.New().ReadSkill(ctx, path)
}
