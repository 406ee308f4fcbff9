package github

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	api "github.com/google/go-github/v89/github"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

var issueSpec = tool.Spec{
	Name: "github_issue", Version: "1", Effect: core.Once, Bare: true,
	Description: "Makes an issue on GitHub, or with a number a comment on that issue or pull request. github_read reads them.",
	Schema: json.RawMessage(`{"type":"object","properties":{` + where + `,
		"number":{"type":"integer","minimum":1,"description":"comment on this one"},
		"title":{"type":"string","minLength":1,"maxLength":250},
		"body":{"type":"string","minLength":1,"maxLength":60000,"description":"Markdown"},
		"labels":{"type":"array","items":{"type":"string","minLength":1,"maxLength":100},"maxItems":20}
	},"required":["repository","body"],"additionalProperties":false}`),
}

type issueArgs struct {
	place
	Number      int
	Title, Body string
	Labels      []string
}

func issue(ctx context.Context, s session, a issueArgs) (tool.Result, error) {
	if a.Number > 0 {
		return comment(ctx, s, a.Number, a.Body)
	}
	if strings.TrimSpace(a.Title) == "" {
		return tool.Result{}, core.E(core.Invalid, issueSpec.Name, "an issue needs a title")
	}
	made := func(i *api.Issue, how string) tool.Result {
		return tool.Result{Output: fmt.Sprintf("%s issue #%d: %s", how, i.GetNumber(), i.GetHTMLURL()), Data: tool.Data(map[string]any{"number": i.GetNumber(), "url": i.GetHTMLURL()})}
	}
	all, _, err := s.Issues.ListByRepo(ctx, s.owner, s.repo, &api.IssueListByRepoOptions{State: "all", ListOptions: api.ListOptions{PerPage: page}})
	if err != nil {
		return tool.Result{}, err
	}
	for _, i := range all {
		if strings.Contains(i.GetBody(), s.mark) {
			return made(i, "this call has made before"), nil
		}
	}
	body := a.Body + "\n\n" + s.mark
	i, _, err := s.Issues.Create(ctx, s.owner, s.repo, &api.IssueRequest{Title: &a.Title, Body: &body, Labels: &a.Labels})
	if err != nil {
		return tool.Result{}, err
	}
	return made(i, "made"), nil
}

func comment(ctx context.Context, s session, number int, body string) (tool.Result, error) {
	made := func(c *api.IssueComment, how string) tool.Result {
		return tool.Result{Output: fmt.Sprintf("%s a comment on #%d: %s", how, number, c.GetHTMLURL()), Data: tool.Data(map[string]any{"number": number, "url": c.GetHTMLURL()})}
	}
	newest, direction := "created", "desc"
	all, _, err := s.Issues.ListComments(ctx, s.owner, s.repo, number, &api.IssueListCommentsOptions{Sort: &newest, Direction: &direction, ListOptions: api.ListOptions{PerPage: 100}})
	if err != nil {
		return tool.Result{}, err
	}
	for _, c := range all {
		if strings.Contains(c.GetBody(), s.mark) {
			return made(c, "this call has made before"), nil
		}
	}
	body += "\n\n" + s.mark
	c, _, err := s.Issues.CreateComment(ctx, s.owner, s.repo, number, &api.IssueComment{Body: &body})
	if err != nil {
		return tool.Result{}, err
	}
	return made(c, "made"), nil
}

var pullSpec = tool.Spec{
	Name: "github_pull_request", Version: "1", Effect: core.Once, Bare: true,
	Description: "Opens a pull request on GitHub for a branch that was pushed. If there is an open one for the branch already, it says which.",
	Schema: json.RawMessage(`{"type":"object","properties":{` + where + `,
		"head":{"type":"string","minLength":1,"maxLength":250,"description":"the branch with the commits"},
		"base":{"type":"string","minLength":1,"maxLength":250,"description":"the branch that they are for, as in main"},
		"title":{"type":"string","minLength":1,"maxLength":250},
		"body":{"type":"string","maxLength":60000,"description":"Markdown: what and why"},
		"draft":{"type":"boolean"}
	},"required":["repository","head","base","title"],"additionalProperties":false}`),
}

type pullArgs struct {
	place
	Head, Base, Title, Body string
	Draft                   bool
}

func pullRequest(ctx context.Context, s session, a pullArgs) (tool.Result, error) {
	made := func(p *api.PullRequest, how string) tool.Result {
		return tool.Result{Output: fmt.Sprintf("%s pull request #%d: %s", how, p.GetNumber(), p.GetHTMLURL()), Data: shown(p)}
	}
	head := a.Head
	if !strings.Contains(head, ":") {
		head = s.owner + ":" + head
	}
	all, _, err := s.PullRequests.List(ctx, s.owner, s.repo, &api.PullRequestListOptions{State: "open", Head: head, Base: a.Base, ListOptions: api.ListOptions{PerPage: page}})
	if err != nil {
		return tool.Result{}, err
	}
	for _, p := range all {
		if p.GetHead().GetRef() == a.Head[strings.IndexByte(a.Head, ':')+1:] && p.GetBase().GetRef() == a.Base {
			return made(p, "there is already"), nil
		}
	}
	p, _, err := s.PullRequests.Create(ctx, s.owner, s.repo, &api.NewPullRequest{Title: &a.Title, Head: &a.Head, Base: &a.Base, Body: &a.Body, Draft: &a.Draft})
	if err != nil {
		return tool.Result{}, err
	}
	return made(p, "opened"), nil
}

var reviewSpec = tool.Spec{
	Name: "github_review", Version: "1", Effect: core.Once, Bare: true,
	Description: "Submits a review of a pull request on GitHub, with comments on lines of its diff. github_read shows the diff.",
	Schema: json.RawMessage(`{"type":"object","properties":{` + where + `,
		"number":{"type":"integer","minimum":1},
		"verdict":{"type":"string","enum":["comment","approve","request_changes"]},
		"body":{"type":"string","minLength":1,"maxLength":60000,"description":"Markdown"},
		"comments":{"type":"array","maxItems":50,"items":{"type":"object","properties":{
			"path":{"type":"string","minLength":1,"maxLength":1000},"line":{"type":"integer","minimum":1,"description":"in the file as it is after the change"},
			"side":{"type":"string","enum":["left","right"],"description":"left is the file before the change; right if not given"},
			"body":{"type":"string","minLength":1,"maxLength":20000}},"required":["path","line","body"],"additionalProperties":false}}
	},"required":["repository","number","verdict","body"],"additionalProperties":false}`),
}

type reviewArgs struct {
	place
	Number        int
	Verdict, Body string
	Comments      []struct {
		Path, Side, Body string
		Line             int
	}
}

func review(ctx context.Context, s session, a reviewArgs) (tool.Result, error) {
	made := func(r *api.PullRequestReview, how string) tool.Result {
		return tool.Result{Output: fmt.Sprintf("%s a review of #%d: %s", how, a.Number, r.GetHTMLURL()), Data: tool.Data(map[string]any{"number": a.Number, "url": r.GetHTMLURL()})}
	}
	all, _, err := s.PullRequests.ListReviews(ctx, s.owner, s.repo, a.Number, &api.ListOptions{PerPage: 100})
	if err != nil {
		return tool.Result{}, err
	}
	for _, r := range all {
		if strings.Contains(r.GetBody(), s.mark) {
			return made(r, "this call has made before"), nil
		}
	}
	event, body := strings.ToUpper(a.Verdict), a.Body+"\n\n"+s.mark
	req := &api.PullRequestReviewRequest{Event: &event, Body: &body}
	for _, c := range a.Comments {
		side := "RIGHT"
		if c.Side == "left" {
			side = "LEFT"
		}
		req.Comments = append(req.Comments, &api.DraftReviewComment{Path: &c.Path, Line: &c.Line, Side: &side, Body: &c.Body})
	}
	r, _, err := s.PullRequests.CreateReview(ctx, s.owner, s.repo, a.Number, req)
	if err != nil {
		return tool.Result{}, err
	}
	return made(r, "submitted"), nil
}
