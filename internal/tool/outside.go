package tool

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// Outside is how a tool reaches what isn't in the workspace. platform gives it to the drivers
// that need it; none has a client, or a secret, of its own.
type Outside interface {
	// Client returns the client that all tools share; its fields must not be changed. It connects
	// to what the installation may reach alone, looks at each address when it dials, also after a
	// redirect, and bounds answers. Errors of Do hold a core.Error: denied (nobody may reach that),
	// invalid, exhausted (too many redirects, too long an answer), not_found, unavailable.
	Client() *http.Client
	// Authorize adds the credential or connection of a name to a request, for the project that
	// the call is of, and records that it was used. not_found: the project has none of the name;
	// denied: it isn't for this host, would be shown to whoever listens, or is broken;
	// unavailable: what refreshes it doesn't answer. A request that has it already is one that was
	// refused with it: it gets a newer one, if there is; denied: a connection has none.
	Authorize(ctx context.Context, c Call, tool, credential string, r *http.Request) error
	// Credential returns the value of a credential of a name that is sent to place by something
	// else than an HTTP request, as git does. Errors are those of Authorize.
	Credential(ctx context.Context, c Call, tool, credential, place string) (Credential, error)
}

// Credential is a credential's value. It is never shown to a model, nor written anywhere.
type Credential struct {
	User, Secret, Passphrase string // User and Passphrase may be empty
}

// String implements fmt.Stringer: it shows nothing.
func (Credential) String() string { return "(a credential)" }

// Within reports whether an address is the resource's, or below it: what a token for the resource
// may be sent to (RFC 8707, RFC 9728).
func Within(resource, address string) bool {
	r, err := url.Parse(resource)
	if err != nil {
		return false
	}
	a, err := url.Parse(address)
	if err != nil || a.User != nil || !strings.EqualFold(r.Scheme, a.Scheme) || !strings.EqualFold(r.Host, a.Host) || path.Clean("/"+a.Path) != "/"+strings.Trim(a.Path, "/") {
		return false
	}
	below := strings.TrimSuffix(r.Path, "/") + "/"
	return strings.HasPrefix(strings.TrimSuffix(a.Path, "/")+"/", below) && (r.RawQuery == "" || r.RawQuery == a.RawQuery)
}

// Source offers a tenant tools beyond those that every installation has: those of its MCP servers,
// say. It is asked when a task is taken up. An error doesn't keep the task from the other tools.
type Source interface {
	Tools(ctx context.Context, scope core.Scope, task core.TaskID) ([]Tool, error)
}

// ReadAnswer reads the beginning of an answer's body, at most limit bytes of it; cut says that
// there is more, or that Outside's client takes no more. unavailable: it broke off.
func ReadAnswer(body io.Reader, limit int) (b []byte, cut bool, err error) {
	b, err = io.ReadAll(io.LimitReader(body, int64(limit)+1))
	switch {
	case len(b) > limit:
		return b[:limit], true, nil
	case core.CodeOf(err) == core.Exhausted:
		return b, true, nil
	case errors.Is(err, context.DeadlineExceeded):
		return b, false, core.E(core.Unavailable, "outside", "the answer takes too long").Because(err)
	case err != nil && core.CodeOf(err) != core.Canceled:
		return b, false, core.E(core.Unavailable, "outside", "the answer broke off").Because(err)
	}
	return b, false, err
}

// Unreached is Refused of a request that repeats nothing when it is made again: trying again is
// for the model to decide, too, so that it reads who didn't answer.
func Unreached(ctx context.Context, err error) (Result, error) {
	if ctx.Err() == nil && core.CodeOf(err) == core.Unavailable {
		return said(err), nil
	}
	return Refused(ctx, err)
}

// Send authorizes a request and has do send it. If the server doesn't know the credential (401),
// though it should be good, it is sent once more with a newer one, where there is one and the
// request can be repeated: tokens end sooner than was said, or when nobody said. A 401 that a
// redirect led to says nothing of what the request itself has done, so that isn't repeated. The
// error is authorize's or do's; the answer is the last one.
func Send(r *http.Request, authorize func(*http.Request) error, do func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	if err := authorize(r); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // as a RoundTripper owes it
		}
		return nil, err
	}
	resp, err := do(r)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	redirected := resp.Request != nil && resp.Request.Response != nil
	repeatable := r.Body == nil || r.Body == http.NoBody || r.GetBody != nil
	if redirected || !repeatable {
		return resp, nil
	}
	again := r.Clone(r.Context())
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			return resp, nil
		}
	}
	err = authorize(again)
	if err == nil && again.Header.Get("Authorization") == r.Header.Get("Authorization") {
		return resp, nil
	}
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	return do(again)
}
