package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/model/gateway"
)

type promptPath struct {
	Prompt string `path:"prompt" maxLength:"64" example:"prm_01hx"`
}

// prompts are the routes to what was said in calls of models, where an org keeps that. Who
// looks at it is in the audit log.
func (s *server) prompts() {
	tags := []string{"models"}
	const path = "/v1/gateway/prompts"
	act(s, identity.PromptRead, huma.Operation{
		OperationID: "list-prompts", Method: http.MethodGet, Path: path, Summary: "List the calls of models that are kept, newest first", Tags: tags,
		Description: "None are, unless prompt_days of the settings says so. Who is held to projects sees theirs, so that a page may have fewer than it asks for.",
	}, s.listPrompts)
	act(s, identity.PromptRead, huma.Operation{
		OperationID: "show-prompt", Method: http.MethodGet, Path: path + "/{prompt}", Summary: "Show what was said in a call of a model", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *promptPath) (*reply[client.PromptText], error) {
		n, err := s.prompt(ctx, p, in.Prompt)
		if err == nil {
			err = s.announce(ctx, p.Scope.Org, auditlog.Entry{Action: "prompt.read", Project: n.Project, Target: n.ID})
		}
		return replied(n, err, func(n gateway.Note) client.PromptText {
			return client.PromptText{Prompt: wirePrompt(n), Request: string(n.Request), Answer: string(n.Answer)}
		})
	})
	act(s, identity.PromptWrite, huma.Operation{
		OperationID: "delete-prompt", Method: http.MethodDelete, Path: path + "/{prompt}", Summary: "Remove a call of a model that is kept", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *promptPath) (*struct{}, error) {
		n, err := s.prompt(ctx, p, in.Prompt)
		if err == nil {
			err = s.cfg.Gateway.Forget(ctx, p.Scope.Org, n.ID)
		}
		if err == nil {
			err = s.record(ctx, p.Scope.Org, auditlog.Entry{Action: "prompt.delete", Project: n.Project, Target: n.ID})
		}
		return nil, err
	})
	act(s, identity.PromptWrite, huma.Operation{
		OperationID: "delete-prompts", Method: http.MethodDelete, Path: path, Summary: "Remove all calls of models that are kept", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*struct{}, error) {
		n, err := s.cfg.Gateway.ForgetAll(ctx, p.Scope.Org, p.MayUse)
		if err == nil || n > 0 { // some are gone, even when not all are
			err = cmp.Or(err, s.record(ctx, p.Scope.Org, auditlog.Entry{Action: "prompt.delete", Detail: map[string]string{"prompts": strconv.Itoa(n)}}))
		}
		return nil, err
	})
}

// prompt returns one of a project that may be seen.
func (s *server) prompt(ctx context.Context, p identity.Principal, id string) (gateway.Note, error) {
	n, err := s.cfg.Gateway.Note(ctx, p.Scope.Org, id)
	if err == nil && !p.MayUse(n.Project) {
		err = core.E(core.NotFound, "prompt", "there is no such prompt")
	}
	return n, err
}

func (s *server) listPrompts(ctx context.Context, p identity.Principal, in *PageQuery) (*reply[client.Page[client.Prompt]], error) {
	found, err := s.cfg.Gateway.Notes(ctx, p.Scope.Org, in.Cursor, in.Limit)
	next := ""
	if len(found) == in.Limit {
		next = found[len(found)-1].ID
	}
	seen := slices.DeleteFunc(found, func(n gateway.Note) bool { return !p.MayUse(n.Project) })
	if err == nil {
		err = s.announce(ctx, p.Scope.Org, auditlog.Entry{Action: "prompt.list", Detail: map[string]string{"prompts": strconv.Itoa(len(seen))}})
	}
	return paged(seen, next, err, wirePrompt)
}

func wirePrompt(n gateway.Note) client.Prompt {
	return client.Prompt{
		ID: n.ID, At: n.At, Expires: n.Expires, Project: n.Project, Actor: n.Actor, Key: n.Key, Task: n.Task,
		Call: string(n.Op), Model: n.Model, Provider: n.Provider, Outcome: n.Outcome, Cut: n.Cut,
	}
}
