package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// Client talks to an Isekai server. It is safe for concurrent use. Every method
// returns core.Errors: what the server said, or unavailable if it couldn't be
// reached.
type Client struct {
	base  string
	token TokenSource
	about core.OrgID
	in    core.ProjectID
	http  *http.Client
}

// TokenSource returns the credential for a request. refused is the one that the server has
// just refused, or "": what takes its place, or refused itself if nothing does.
type TokenSource func(ctx context.Context, refused string) (string, error)

// New returns a client of the server at base ("http://127.0.0.1:7777") that
// presents token. A nil transport means the default one. Requests are bounded by
// their contexts, not by a total time: streams may be long.
func New(base, token string, transport http.RoundTripper) *Client {
	return NewWith(base, func(context.Context, string) (string, error) { return token, nil }, transport)
}

// NewWith is New for a credential that changes.
func NewWith(base string, token TokenSource, transport http.RoundTripper) *Client {
	return &Client{base: strings.TrimRight(base, "/"), token: token, http: &http.Client{Transport: transport, CheckRedirect: stay}}
}

// About returns a client whose operator's requests about views and dead letters concern an
// org; "": that of the credential.
func (c *Client) About(org core.OrgID) *Client {
	other := *c
	other.about = org
	return &other
}

// In returns a client whose requests are made in a project of the credential's org; "": in
// that of the credential.
func (c *Client) In(project core.ProjectID) *Client {
	other := *c
	other.in = project
	return &other
}

// stay follows no redirect: the API has none for programs, and a credential goes nowhere
// else.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// maxBody bounds a JSON answer, in bytes.
const maxBody = 16 << 20

// request is one call.
type request struct {
	method string
	path   string
	query  url.Values
	header map[string]string
	body   any // JSON
}

// errGone is in the chain of the errors of a server that doesn't answer.
var errGone = errors.New("no answer")

// Gone reports whether err says that there was no server to answer, and not what
// one has answered.
func Gone(err error) bool { return errors.Is(err, errGone) }

// Unsent reports whether err says that there was no server to connect to, so that the
// request has done nothing.
func Unsent(err error) bool {
	var op *net.OpError
	return Gone(err) && errors.As(err, &op) && op.Op == "dial"
}

// open sends a request and returns the answer if it is a success. One that is refused for
// its credential is sent again if there is another one: nothing was done.
func (c *Client) open(ctx context.Context, r request) (*http.Response, error) {
	token, err := c.token(ctx, "")
	if err != nil {
		return nil, err
	}
	res, err := c.send(ctx, r, token)
	if err != nil || res.StatusCode != http.StatusUnauthorized || token == "" {
		return success(res, err)
	}
	next, err := c.token(ctx, token)
	if err != nil || next == token {
		return success(res, err)
	}
	res.Body.Close()
	return success(c.send(ctx, r, next))
}

// success turns an answer that isn't one into an error.
func success(res *http.Response, err error) (*http.Response, error) {
	switch {
	case err != nil && res != nil:
		res.Body.Close()
		return nil, err
	case err != nil:
		return nil, err
	case res.StatusCode >= 300:
		defer res.Body.Close()
		return nil, problem(res)
	}
	return res, nil
}

// send sends a request once.
func (c *Client) send(ctx context.Context, r request, token string) (*http.Response, error) {
	var body io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("client: %w", err)
		}
		body = bytes.NewReader(b)
	}
	u := c.base + r.path
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u, body)
	if err != nil {
		return nil, core.E(core.Invalid, "client", "bad address").Because(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if c.in != "" {
		req.Header.Set("Isekai-Project", string(c.in))
	}
	for k, v := range r.header {
		if v != "" {
			req.Header.Set(k, v)
		}
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ended(ctx)
		}
		return nil, core.E(core.Unavailable, "client", "the server can't be reached").Because(errors.Join(errGone, err)).
			WithHint("is it running? isekai doctor says more")
	}
	return res, nil
}

// ended is the error of a context that ended first: canceled or unavailable.
func ended(ctx context.Context) error {
	return core.E(core.CodeOf(ctx.Err()), "", "stopped before the server had answered").Because(ctx.Err())
}

// problem reads an error answer.
func problem(res *http.Response) error {
	var p Problem
	b, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20)) // a cut body is judged by its status
	if json.Unmarshal(b, &p) != nil || p.Code == "" {
		return core.E(core.Unavailable, "client", "the server answered "+res.Status)
	}
	msg := p.Detail
	if msg == "" {
		msg = p.Title
	}
	if p.Code == core.Internal && p.RequestID != "" {
		msg += " (request " + p.RequestID + ")"
	}
	e := &core.Error{Code: p.Code, Msg: msg, Hint: p.Hint}
	if p.Type == TypeCodeNeeded {
		e.Msg, e.Err = "the password is right", ErrCodeNeeded
	}
	return e
}

// call sends a request and decodes the answer into out, unless out is nil. It
// returns the answer's ETag.
func (c *Client) call(ctx context.Context, r request, out any) (string, error) {
	res, err := c.open(ctx, r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if out != nil {
		if err := json.NewDecoder(io.LimitReader(res.Body, maxBody)).Decode(out); err != nil {
			if ctx.Err() != nil {
				return "", ended(ctx)
			}
			return "", core.E(core.Unavailable, "client", "the answer was cut or isn't JSON").Because(errors.Join(errGone, err))
		}
	}
	return res.Header.Get("ETag"), nil
}
