package azure

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

type pull struct {
	ID     int `json:"pullRequestId"`
	Title  string
	Status string
	Source string `json:"sourceRefName"`
	Target string `json:"targetRefName"`
	By     struct {
		Name string `json:"displayName"`
	} `json:"createdBy"`
}

func (p pull) text() string {
	branch := func(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }
	return fmt.Sprintf("!%d %s (%s, %s into %s, by %s)", p.ID, p.Title, p.Status, branch(p.Source), branch(p.Target), p.By.Name)
}

func (s session) pulls(repository string) (string, error) {
	if !projectName.MatchString(repository) || strings.Trim(repository, ". ") == "" {
		return "", core.E(core.Invalid, s.name, "the repository isn't one")
	}
	return "git/repositories/" + url.PathEscape(repository) + "/pullrequests", nil
}

func pulls(ctx context.Context, s session, repository, state string) (tool.Result, error) {
	if state == "" {
		state = "active"
	}
	path, err := s.pulls(repository)
	if err != nil {
		return tool.Result{}, err
	}
	var all struct{ Value []pull }
	if err := s.ask(ctx, http.MethodGet, path, url.Values{"searchCriteria.status": {state}, "$top": {strconv.Itoa(most)}}, "", nil, &all); err != nil {
		return tool.Result{}, err
	}
	var b strings.Builder
	for _, p := range all.Value {
		b.WriteString(p.text() + "\n")
	}
	if b.Len() == 0 {
		b.WriteString("none")
	}
	return tool.Result{Output: b.String()}, nil
}

var pullSpec = tool.Spec{
	Name: "azure_pull_request", Version: "1", Effect: core.Once, Bare: true,
	Description: "Opens a pull request in Azure DevOps for a branch that was pushed. If there is an active one for the branch already, it says which.",
	Schema: json.RawMessage(`{"type":"object","properties":{` + where + `,
		"repository":{"type":"string","minLength":1,"maxLength":200},
		"head":{"type":"string","minLength":1,"maxLength":250,"description":"the branch with the commits"},
		"base":{"type":"string","minLength":1,"maxLength":250,"description":"the branch that they are for, as in main"},
		"title":{"type":"string","minLength":1,"maxLength":400},
		"body":{"type":"string","maxLength":4000,"description":"Markdown: what and why"},
		"draft":{"type":"boolean"},
		"work_items":{"type":"array","items":{"type":"integer","minimum":1},"maxItems":20,"description":"that it is about"}
	},"required":["organization","project","repository","head","base","title"],"additionalProperties":false}`),
}

type pullArgs struct {
	place
	Repository, Head, Base, Title, Body string
	Draft                               bool
	WorkItems                           []int `json:"work_items"`
}

func pullRequest(ctx context.Context, s session, a pullArgs) (tool.Result, error) {
	path, err := s.pulls(a.Repository)
	if err != nil {
		return tool.Result{}, err
	}
	source, target := "refs/heads/"+a.Head, "refs/heads/"+a.Base
	var all struct{ Value []pull }
	q := url.Values{"searchCriteria.status": {"active"}, "searchCriteria.sourceRefName": {source}, "searchCriteria.targetRefName": {target}}
	if err := s.ask(ctx, http.MethodGet, path, q, "", nil, &all); err != nil {
		return tool.Result{}, err
	}
	for _, p := range all.Value {
		if p.Source == source && p.Target == target {
			return tool.Result{Output: "there is already " + p.text(), Data: tool.Data(map[string]any{"id": p.ID})}, nil
		}
	}
	items := []map[string]string{}
	for _, id := range a.WorkItems {
		items = append(items, map[string]string{"id": strconv.Itoa(id)})
	}
	body := map[string]any{"sourceRefName": source, "targetRefName": target, "title": a.Title, "description": a.Body, "isDraft": a.Draft, "workItemRefs": items}
	var made pull
	if err := s.ask(ctx, http.MethodPost, path, nil, "application/json", body, &made); err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Output: "opened " + made.text(), Data: tool.Data(map[string]any{"id": made.ID})}, nil
}
