package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
)

type (
	putModelSettings struct {
		MatchHeader
		Body client.ModelSettings
	}
	modelSettingsAnswer struct {
		ETag string `header:"ETag"`
		Body client.ModelSettings
	}
)

// modelSettings are the routes to what an org has set about its calls.
func (s *server) modelSettings() {
	tags := []string{"models"}
	const path = "/v1/gateway/settings"
	act(s, identity.ModelRead, huma.Operation{
		OperationID: "show-model-settings", Method: http.MethodGet, Path: path, Summary: "Show what is set about the org's calls of models", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*modelSettingsAnswer, error) {
		set, version, err := s.cfg.Models.Settings(ctx, p.Scope.Org)
		return modelSettingsShown(set, version, err)
	})
	act(s, identity.ModelWrite, huma.Operation{
		OperationID: "set-model-settings", Method: http.MethodPut, Path: path, Summary: "Set what becomes of the org's calls of models", Tags: tags,
		Description: "Whether prompts are kept, and for how long; whether an exact repeat gets the same answer; what may be asked for. What isn't named is 0.",
	}, func(ctx context.Context, p identity.Principal, in *putModelSettings) (*modelSettingsAnswer, error) {
		version, err := in.version()
		if err != nil {
			return nil, err
		}
		set := catalog.Settings{PromptDays: in.Body.PromptDays, CacheMinutes: in.Body.CacheMinutes, CacheKeys: in.Body.CacheKeys, RoutesOnly: in.Body.RoutesOnly}
		if version, err = s.cfg.Models.SetSettings(ctx, p.Scope.Org, set, version); err != nil {
			return nil, err
		}
		err = s.record(ctx, p.Scope.Org, auditlog.Entry{Action: "model.settings", Detail: map[string]string{
			"prompt_days": strconv.Itoa(set.PromptDays), "cache_minutes": strconv.Itoa(set.CacheMinutes), "cache_keys": strconv.Itoa(len(set.CacheKeys)), "routes_only": strconv.FormatBool(set.RoutesOnly),
		}})
		return modelSettingsShown(set, version, err)
	})
}

func modelSettingsShown(set catalog.Settings, version int64, err error) (*modelSettingsAnswer, error) {
	if err != nil {
		return nil, err
	}
	answer := &modelSettingsAnswer{Body: client.ModelSettings{PromptDays: set.PromptDays, CacheMinutes: set.CacheMinutes, CacheKeys: set.CacheKeys, RoutesOnly: set.RoutesOnly}}
	if version > 0 {
		answer.ETag = etag(version)
	}
	return answer, nil
}
