// Package azure holds the tools for Azure DevOps: azure_read, which reads work items, queries
// and pull requests, and azure_work_items and azure_pull_request, which write.
//
// platform lists them. They speak its REST API (version 7.1) by tool.Outside alone, with a
// credential of the project's by name: a personal access token as the password of a basic
// credential, or a connection.
package azure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Config is what the tools stand on.
type Config struct {
	Outside tool.Outside
	API     string // "https://dev.azure.com/"
}

// Tools returns the three tools.
func Tools(cfg Config) []tool.Tool {
	if cfg.API == "" {
		cfg.API = "https://dev.azure.com/"
	}
	return []tool.Tool{devops[readArgs]{readSpec, cfg, read}, devops[itemArgs]{itemSpec, cfg, workItem}, devops[pullArgs]{pullSpec, cfg, pullRequest}}
}

// where are the arguments that all have.
const where = `
	"organization":{"type":"string","pattern":"^[A-Za-z0-9][A-Za-z0-9-]*$","maxLength":100},
	"project":{"type":"string","minLength":1,"maxLength":100},
	"credential":{"type":"string","maxLength":200,"description":"the name of the project's credential for it; azure if not given"}`

type place struct{ Organization, Project, Credential string }

func (p place) at() place { return p }

// located are arguments that say where.
type located interface{ at() place }

// devops is a tool with its arguments decoded and a way to the project.
type devops[A located] struct {
	spec tool.Spec
	cfg  Config
	run  func(context.Context, session, A) (tool.Result, error)
}

func (t devops[A]) Spec() tool.Spec { return t.spec }

var (
	organizationName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)
	projectName      = regexp.MustCompile(`^[^\\/:*?"<>|#$}{,+=\[\]%&;@']+$`)
)

func (t devops[A]) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	var a A
	if err := json.Unmarshal(c.Arguments, &a); err != nil {
		return tool.Result{}, core.E(core.Invalid, t.spec.Name, "the arguments don't decode").Because(err)
	}
	if err := ctx.Err(); err != nil {
		return tool.Result{}, err
	}
	p := a.at()
	if !organizationName.MatchString(p.Organization) || !projectName.MatchString(p.Project) || strings.Trim(p.Project, ". ") == "" {
		return tool.Result{}, core.E(core.Invalid, t.spec.Name, "the organization or the project isn't one")
	}
	if p.Credential == "" {
		p.Credential = "azure"
	}
	s := session{t.cfg, c, t.spec.Name, p, t.cfg.API + p.Organization + "/" + url.PathEscape(p.Project) + "/_apis/"}
	r, err := t.run(ctx, s, a)
	if err != nil {
		return tool.Refused(ctx, err)
	}
	r.Output = tool.Clean(r.Output)
	return r, nil
}

// session is one call to a project.
type session struct {
	cfg  Config
	call tool.Call
	name string
	place
	base string
}

const maxAnswer = 8 << 20

// ask sends a request to a path below the project, and reads the answer.
func (s session) ask(ctx context.Context, method, path string, query url.Values, kind string, body, into any) error {
	if query == nil {
		query = url.Values{}
	}
	query.Set("api-version", "7.1")
	var send io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return core.E(core.Internal, s.name, "the request can't be written").Because(err)
		}
		send = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.base+path+"?"+query.Encode(), send)
	if err != nil {
		return core.E(core.Invalid, s.name, "the request can't be made").Because(err)
	}
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", kind)
	}
	resp, err := tool.Send(r, func(r *http.Request) error { return s.cfg.Outside.Authorize(ctx, s.call, s.name, s.Credential, r) }, s.cfg.Outside.Client().Do)
	if err != nil {
		return unreached(s.name, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return unreached(s.name, err)
	}
	if err := s.refusal(resp, text); err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return core.E(core.Unavailable, s.name, "Azure DevOps doesn't answer as it should").Because(err)
	}
	return nil
}

func unreached(op string, err error) error {
	var known *core.Error
	if errors.As(err, &known) {
		return known
	}
	return core.E(core.Unavailable, op, "Azure DevOps doesn't answer").Because(err)
}

// refusal makes an error of an answer that isn't what was asked for. With a bad token the
// service answers 203, or 302 to a page to sign in.
func (s session) refusal(resp *http.Response, text []byte) error {
	status := resp.StatusCode
	if status == http.StatusOK || status == http.StatusCreated {
		if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
			return nil
		}
		status = http.StatusNonAuthoritativeInfo
	}
	var said struct{ Message string }
	_ = json.Unmarshal(text, &said)
	why := fmt.Sprintf("Azure DevOps answers %d: %s", status, core.Excerpt(said.Message, 500))
	switch {
	case status == http.StatusNonAuthoritativeInfo, status == http.StatusUnauthorized, status >= 300 && status < 400:
		return core.E(core.Unauthenticated, s.name, "Azure DevOps doesn't take the credential "+s.Credential).WithHint("give the project one: isekai secret set azure --kind basic --user me, with a personal access token for the password")
	case status == http.StatusForbidden:
		return core.E(core.Denied, s.name, why).WithHint("the credential doesn't allow it")
	case status == http.StatusNotFound:
		return core.E(core.NotFound, s.name, why)
	case status == http.StatusTooManyRequests:
		return core.E(core.Exhausted, s.name, why).WithHint("try again later")
	case status >= 500:
		return core.E(core.Unavailable, s.name, why)
	}
	return core.E(core.Invalid, s.name, why)
}
