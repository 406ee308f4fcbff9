package platform

import (
	"context"
	"net/http"

	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// outside is tool.Outside: by the one way out, with the project's credentials.
type outside struct {
	guard   *egress.Guard
	secrets *credential.Service
}

var _ tool.Outside = outside{}

func (o outside) Client() *http.Client { return o.guard.Client() }

func (o outside) Authorize(ctx context.Context, c tool.Call, name, cred string, r *http.Request) error {
	return o.secrets.Authorize(ctx, c.Scope, cred, aimed(c, name, r.URL.Scheme+"://"+r.URL.Host), r)
}

func (o outside) Credential(ctx context.Context, c tool.Call, name, cred, place string) (tool.Credential, error) {
	v, err := o.secrets.Use(ctx, c.Scope, cred, aimed(c, name, place))
	if err != nil {
		return tool.Credential{}, err
	}
	return tool.Credential{User: v.User, Secret: v.Secret.Reveal(), Passphrase: v.Passphrase.Reveal()}, nil
}
