// Package github holds the tools for GitHub: github_read, which reads issues, pull requests and
// their diffs, and github_issue, github_pull_request and github_review, which write.
//
// platform lists them. They reach GitHub, or an Enterprise server, by tool.Outside alone, with
// a credential of the project's by name. What writes looks first whether this very call has
// written before: a call that is made again, because nobody knows what became of it, finds what
// it made.
package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	api "github.com/google/go-github/v89/github"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Config is what the tools stand on.
type Config struct {
	Outside tool.Outside
	API     string // of github.com; "https://api.github.com/"
}

// Tools returns the four tools.
func Tools(cfg Config) []tool.Tool {
	if cfg.API == "" {
		cfg.API = "https://api.github.com/"
	}
	return []tool.Tool{
		hub[readArgs]{readSpec, cfg, read}, hub[issueArgs]{issueSpec, cfg, issue},
		hub[pullArgs]{pullSpec, cfg, pullRequest}, hub[reviewArgs]{reviewSpec, cfg, review},
	}
}

// where are the arguments that all have.
const where = `
	"repository":{"type":"string","pattern":"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$","maxLength":200,"description":"OWNER/NAME"},
	"host":{"type":"string","maxLength":200,"description":"of a GitHub Enterprise server; github.com if not given"},
	"credential":{"type":"string","maxLength":200,"description":"the name of the project's credential for it; github if not given"}`

type place struct{ Repository, Host, Credential string }

func (p place) at() place { return p }

// located are arguments that say where.
type located interface{ at() place }

// session is one call to a repository.
type session struct {
	*api.Client
	owner, repo string
	mark        string // of this call, within what it writes
}

// hub is a tool with its arguments decoded and a client for the one call.
type hub[A located] struct {
	spec tool.Spec
	cfg  Config
	run  func(context.Context, session, A) (tool.Result, error)
}

func (t hub[A]) Spec() tool.Spec { return t.spec }

func (t hub[A]) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	var a A
	if err := json.Unmarshal(c.Arguments, &a); err != nil {
		return tool.Result{}, core.E(core.Invalid, t.spec.Name, "the arguments don't decode").Because(err)
	}
	if err := ctx.Err(); err != nil {
		return tool.Result{}, err
	}
	s, err := t.cfg.session(c, t.spec.Name, a.at())
	if err != nil {
		return tool.Result{}, err
	}
	r, err := t.run(ctx, s, a)
	if err != nil {
		return tool.Refused(ctx, failed(t.spec.Name, err))
	}
	r.Output = tool.Clean(r.Output)
	return r, nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)

func (cfg Config) session(c tool.Call, name string, p place) (session, error) {
	owner, repo, ok := strings.Cut(p.Repository, "/")
	if !ok || strings.Trim(owner, ".") == "" || strings.Trim(repo, ".") == "" {
		return session{}, core.E(core.Invalid, name, "the repository isn't OWNER/NAME")
	}
	base := cfg.API
	if p.Host != "" && p.Host != "github.com" {
		if !hostName.MatchString(p.Host) {
			return session{}, core.E(core.Invalid, name, "this isn't a host").WithHint("as in github.example.com")
		}
		base = "https://" + p.Host + "/api/v3/"
	}
	origin, err := url.Parse(base)
	if err != nil {
		return session{}, core.E(core.Invalid, name, "this isn't a host").Because(err)
	}
	if p.Credential == "" {
		p.Credential = "github"
	}
	way := &authorized{cfg.Outside, c, name, p.Credential, origin}
	client, err := api.NewClient(api.WithHTTPClient(&http.Client{Transport: way, CheckRedirect: cfg.Outside.Client().CheckRedirect, Timeout: cfg.Outside.Client().Timeout}),
		api.WithURLs(&base, &base), api.WithUserAgent("isekai"), api.WithDisableRateLimitCheck())
	if err != nil {
		return session{}, core.E(core.Internal, name, "the client can't be made").Because(err)
	}
	return session{client, owner, repo, "<!-- isekai " + string(c.ID) + " -->"}, nil
}

// authorized adds the credential to requests to the one host, and to none that a redirect
// leads to.
type authorized struct {
	outside    tool.Outside
	call       tool.Call
	name, cred string
	origin     *url.URL
}

// RoundTrip implements http.RoundTripper.
func (a *authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	next := a.outside.Client().Transport
	if next == nil {
		next = http.DefaultTransport
	}
	return tool.Send(r.Clone(r.Context()), func(r *http.Request) error {
		if r.URL.Scheme != a.origin.Scheme || r.URL.Host != a.origin.Host {
			return nil
		}
		err := a.outside.Authorize(r.Context(), a.call, a.name, a.cred, r)
		if core.CodeOf(err) == core.NotFound && r.Method == http.MethodGet {
			return nil // without a credential, what is public can be read
		}
		return err
	}, next.RoundTrip)
}

// failed makes an error with a code of what GitHub says.
func failed(op string, err error) error {
	var known *core.Error
	if errors.As(err, &known) {
		return known
	}
	var limit *api.RateLimitError
	var abuse *api.AbuseRateLimitError
	var said *api.ErrorResponse
	switch {
	case errors.As(err, &limit), errors.As(err, &abuse):
		return core.E(core.Exhausted, op, "GitHub takes no more requests for now").WithHint("try again later, or with another credential")
	case !errors.As(err, &said) || said.Response == nil:
		return core.E(core.Unavailable, op, "GitHub doesn't answer as it should").Because(err)
	}
	text := said.Message
	for _, e := range said.Errors {
		text += "; " + strings.Join(strings.Fields(e.Field+" "+e.Message+" "+e.Code), " ")
	}
	text = fmt.Sprintf("GitHub answers %d: %s", said.Response.StatusCode, core.Excerpt(text, 500))
	switch status := said.Response.StatusCode; {
	case status == http.StatusUnauthorized:
		return core.E(core.Unauthenticated, op, text).WithHint("give the project a credential for it: isekai secret set github")
	case status == http.StatusForbidden:
		return core.E(core.Denied, op, text).WithHint("the credential doesn't allow it")
	case status == http.StatusNotFound, status == http.StatusGone:
		return core.E(core.NotFound, op, text).WithHint("check the repository and the number; a private repository isn't shown without its credential")
	case status == http.StatusTooManyRequests:
		return core.E(core.Exhausted, op, text).WithHint("try again later")
	case status >= 500:
		return core.E(core.Unavailable, op, text)
	}
	return core.E(core.Invalid, op, text)
}
