package gitdir

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/isekai-run/isekai/internal/core"
)

// lost makes an error of what a remote says, or doesn't. What a server writes is shown as far
// as it is text, and a secret is in none of it.
func lost(ctx context.Context, err error) error {
	const op = "git"
	var known *core.Error
	var status *githttp.Err
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &known):
		return known
	case errors.Is(err, transport.ErrAuthenticationRequired):
		return core.E(core.Unauthenticated, op, "the repository isn't public, or the credential isn't good for it").WithHint("name a credential of the project that is for this host: isekai secret set")
	case errors.Is(err, transport.ErrAuthorizationFailed):
		return core.E(core.Denied, op, "the credential doesn't allow this").WithHint("give its owner the right, or name another credential")
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return core.E(core.NotFound, op, "there is no such repository, or the credential doesn't show it")
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return core.E(core.NotFound, op, "the repository is empty: it has no commit").WithHint("give it a first commit by other means")
	case strings.Contains(err.Error(), "redirect"):
		return core.E(core.Denied, op, "the repository is elsewhere: redirects aren't followed").WithHint("give the address that it redirects to")
	case errors.As(err, &status):
		return core.E(core.Unavailable, op, "the host doesn't answer as it should").Because(err)
	}
	return core.E(core.Unavailable, op, "the remote doesn't answer as it should: "+clean(err.Error()))
}

// clean returns what is text of what a server wrote, and not much of it.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return strings.TrimSpace(s)
}
