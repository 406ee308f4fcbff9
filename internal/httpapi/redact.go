package httpapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/redact"
)

type (
	putRedaction struct {
		MatchHeader
		Body client.NewRedaction
	}
	redactionAnswer struct {
		ETag string `header:"ETag"`
		Body client.Redaction
	}
	newCanary  struct{ Body client.NewCanary }
	canaryPath struct {
		Canary string `path:"canary" maxLength:"64" example:"can_01hx"`
	}
)

// redaction are the routes to what becomes of secrets on their way to models and tools, and
// to canaries.
func (s *server) redaction() {
	tags := []string{"redaction"}
	const path, canaries = "/v1/redaction", "/v1/canaries"
	act(s, identity.RedactRead, huma.Operation{
		OperationID: "show-redaction", Method: http.MethodGet, Path: path, Summary: "Show what becomes of secrets in what goes to models and tools", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*redactionAnswer, error) {
		policy, version, err := s.cfg.Redact.Policy(ctx, p.Scope.Org)
		return redactionShown(policy, version, err)
	})
	act(s, identity.RedactWrite, huma.Operation{
		OperationID: "set-redaction", Method: http.MethodPut, Path: path, Summary: "Say what becomes of secrets in what goes to models and tools", Tags: tags,
		Description: "The kinds are those that the answer names. Other nodes heed it within five seconds.",
	}, s.setRedaction)
	act(s, identity.RedactRead, huma.Operation{
		OperationID: "list-canaries", Method: http.MethodGet, Path: canaries, Summary: "List the org's canaries", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[[]client.Canary], error) {
		all, err := s.cfg.Redact.Canaries(ctx, p.Scope.Org)
		return &reply[[]client.Canary]{each(all, wireCanary)}, err
	})
	act(s, identity.RedactWrite, shownOnce(huma.Operation{
		OperationID: "create-canary", Method: http.MethodPost, Path: canaries, Summary: "Make a text to put where nobody has a reason to take it from", Tags: tags, DefaultStatus: http.StatusCreated,
		Description: "Its text isn't shown again. Found on its way to a model or a tool, it is refused, unless the org's policy says otherwise, and told in the audit log.",
	}), func(ctx context.Context, p identity.Principal, in *newCanary) (*reply[client.MadeCanary], error) {
		made, text, err := s.cfg.Redact.AddCanary(ctx, p.Scope, in.Body.Name)
		if err == nil {
			err = s.record(ctx, p.Scope.Org, auditlog.Entry{Action: "canary.create", Target: made.ID, Detail: map[string]string{"name": made.Name}})
		}
		return replied(made, err, func(t redact.Trap) client.MadeCanary { return client.MadeCanary{Canary: wireCanary(t), Text: text} })
	})
	act(s, identity.RedactWrite, huma.Operation{
		OperationID: "delete-canary", Method: http.MethodDelete, Path: canaries + "/{canary}", Summary: "Have a canary not be looked for any more", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *canaryPath) (*struct{}, error) {
		gone, err := s.cfg.Redact.RemoveCanary(ctx, p.Scope.Org, in.Canary)
		if err == nil {
			err = s.record(ctx, p.Scope.Org, auditlog.Entry{Action: "canary.delete", Target: gone.ID, Detail: map[string]string{"name": gone.Name}})
		}
		return nil, err
	})
}

// setRedaction changes the policy that the request is based on, or whatever is there.
func (s *server) setRedaction(ctx context.Context, p identity.Principal, in *putRedaction) (*redactionAnswer, error) {
	base, err := in.version()
	if err != nil {
		return nil, err
	}
	policy := redact.Policy{Default: redact.Action(in.Body.Default), Answers: in.Body.Answers, Kinds: map[redact.Kind]redact.Action{}}
	for kind, action := range in.Body.Kinds {
		policy.Kinds[redact.Kind(kind)] = redact.Action(action)
	}
	version, err := replaced(base, func() (int64, error) {
		_, version, err := s.cfg.Redact.Policy(ctx, p.Scope.Org)
		return version, err
	}, func(version int64) error { return s.cfg.Redact.SetPolicy(ctx, p.Scope.Org, version, policy) })
	if err == nil {
		err = s.record(ctx, p.Scope.Org, auditlog.Entry{Action: "redact.policy", Detail: map[string]string{"default": string(policy.Default), "kinds": kindsOf(policy), "answers": strconv.FormatBool(policy.Answers)}})
	}
	return redactionShown(policy, version+1, err)
}

// replaced has put replace what is there, and returns the version that it replaced: the one that the
// request is based on, or, if that is 0, whatever is there, however often it changes meanwhile.
func replaced(base int64, there func() (int64, error), put func(version int64) error) (int64, error) {
	if base != 0 {
		return base, put(base)
	}
	for tries := 0; ; tries++ {
		version, err := there()
		if err != nil {
			return 0, err
		}
		if err = put(version); core.CodeOf(err) != core.Conflict || tries == 20 {
			return version, err
		}
	}
}

// kindsOf returns what a policy names, as in "aws_key=refuse jwt=allow".
func kindsOf(p redact.Policy) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(p.Kinds)) {
		all = append(all, fmt.Sprintf("%s=%s", k, p.Kinds[k]))
	}
	return strings.Join(all, " ")
}

func redactionShown(p redact.Policy, version int64, err error) (*redactionAnswer, error) {
	if err != nil {
		return nil, err
	}
	w := client.Redaction{NewRedaction: client.NewRedaction{Default: string(p.Default), Answers: p.Answers, Kinds: map[string]string{}}, Effective: map[string]string{}}
	for k, a := range p.Kinds {
		w.Kinds[string(k)] = string(a)
	}
	for _, k := range redact.Kinds {
		w.Effective[string(k)] = string(p.For(k))
	}
	answer := &redactionAnswer{Body: w}
	if version > 0 {
		answer.ETag = etag(version)
	}
	return answer, nil
}

func wireCanary(t redact.Trap) client.Canary {
	return client.Canary{ID: t.ID, Name: t.Name, By: t.By, Created: t.Created}
}
