package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
)

// ModelUsageQuery selects what calls of models have used.
type ModelUsageQuery struct {
	From    string         `query:"from" format:"date" doc:"the first day, in UTC; default: 30 days with the last"`
	To      string         `query:"to" format:"date" doc:"the last day; default: today"`
	Project core.ProjectID `query:"project" maxLength:"64"`
	Key     core.KeyID     `query:"key" maxLength:"64"`
	Model   string         `query:"model" maxLength:"200"`
}

// usualDays are those of a question that doesn't say how many.
const usualDays = 30

func (q ModelUsageQuery) question(now time.Time) meter.Question {
	m := meter.Question{From: q.From, To: cmp.Or(q.To, now.UTC().Format(time.DateOnly)), Project: q.Project, Key: q.Key, Model: q.Model}
	if last, err := time.Parse(time.DateOnly, m.To); m.From == "" && err == nil {
		m.From = last.AddDate(0, 0, 1-usualDays).Format(time.DateOnly)
	}
	return m
}

func (s *server) modelUsage() {
	act(s, identity.UsageRead, huma.Operation{
		OperationID: "model-usage", Method: http.MethodGet, Path: "/v1/usage/models", Summary: "What calls of models have used, by day, project, key and model", Tags: []string{"usage"},
		Description: "Of at most 92 days, the newest first. Calls appear within a second; where more than 100 keys of an org call at a time, some within a minute. Who is held to projects sees theirs. What tasks use is in /v1/usage.",
	}, func(ctx context.Context, p identity.Principal, in *ModelUsageQuery) (*reply[[]client.ModelUsed], error) {
		q := in.question(time.Now())
		q.May = p.MayUse
		used, err := meter.Read(ctx, meter.Sources{Views: s.cfg.Views, Events: s.cfg.Events, Records: s.cfg.Records}, p.Scope.Org, q)
		return replied(used, err, func(used []meter.Usage) []client.ModelUsed {
			list := make([]client.ModelUsed, 0, len(used))
			for _, u := range used {
				list = append(list, client.ModelUsed(u))
			}
			return list
		})
	})
}
