package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/identity"
)

// Callbacks take what services elsewhere say of the jobs that they were given. platform passes
// those of remote_skill.
type Callbacks interface {
	// Take keeps a service's last word on the job whose callback has the token.
	// unauthenticated: there is none; conflict: it was used, or nobody waits any more; invalid.
	Take(ctx context.Context, token string, word []byte) error
}

type takeCallback struct {
	Token string `path:"token" maxLength:"1000" example:"icb_x.y"`
	Body  LastWord
	// RawBody is what Callbacks read.
	RawBody []byte
}

// LastWord is the form of what a service says. It may have more fields than these.
type LastWord struct {
	_      struct{} `json:"-" additionalProperties:"true"`
	Status string   `json:"status" enum:"succeeded,failed"`
	Output *string  `json:"output,omitempty" doc:"of a job that succeeded"`
	Data   any      `json:"data,omitempty" doc:"of a job that succeeded, for programs"`
	Error  string   `json:"error,omitempty" doc:"why a job failed"`
}

const (
	callbackPath = "/v1/callbacks/"
)

// callbacks is the route to which services that do jobs for remote_skill come back. Who has an
// address hasn't signed in, and may say the one thing.
func (s *server) callbacks() {
	act(s, public, huma.Operation{
		OperationID: "take-callback", Method: http.MethodPost, Path: callbackPath + "{token}", Summary: "Say how a job went, as the service that did it", Tags: []string{"links"}, DefaultStatus: http.StatusNoContent,
		Description: "The address came with the job as callback_url. It is good once, and while the job is waited for.",
	}, func(ctx context.Context, _ identity.Principal, in *takeCallback) (*struct{}, error) {
		return nil, s.cfg.Callbacks.Take(ctx, in.Token, in.RawBody)
	})
}
