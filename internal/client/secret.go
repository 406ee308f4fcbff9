package client

import (
	"context"
	"net/http"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Secret is all that is shown of a credential: never its value.
type Secret struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Project     core.ProjectID  `json:"project,omitempty" doc:"whose it is; absent: all of the org's may use it"`
	Kind        string          `json:"kind" enum:"token,basic,header,ssh_key,text,oauth"`
	Note        string          `json:"note,omitempty"`
	Hosts       []string        `json:"hosts" doc:"that it may be sent to; empty: all"`
	Fingerprint string          `json:"fingerprint,omitempty" doc:"of an SSH key's public part"`
	Revision    int64           `json:"revision" doc:"grows with each change"`
	Version     int64           `json:"version" doc:"of the value; 0 for a connection"`
	Versions    []SecretVersion `json:"versions" doc:"that can be used"`
	RotateDays  int             `json:"rotate_days,omitempty" doc:"how old a value may become"`
	GraceHours  int             `json:"grace_hours,omitempty" doc:"how long a value can be used after it was replaced"`
	Due         *time.Time      `json:"due,omitempty" doc:"when a new value is due"`
	Used        *SecretUse      `json:"used,omitempty" doc:"the last use, to the minute; the audit log has each"`
	Connection  *Connection     `json:"connection,omitempty" doc:"of the kind oauth"`
	ETag        string          `json:"-"`
}

// SecretVersion is one value that a credential has or had.
type SecretVersion struct {
	Number  int64      `json:"number"`
	Created time.Time  `json:"created"`
	By      core.Actor `json:"by"`
	Until   *time.Time `json:"until,omitempty" doc:"when it can't be used any more; absent: it is the current one"`
}

// SecretUse is a use of a credential.
type SecretUse struct {
	At    time.Time   `json:"at"`
	Actor core.Actor  `json:"actor"`
	Task  core.TaskID `json:"task,omitempty"`
	Tool  string      `json:"tool,omitempty"`
}

// Connection is a link to a service by OAuth.
type Connection struct {
	Provider string     `json:"provider" doc:"its name; the issuer of an authorization server that has registered us by itself"`
	Resource string     `json:"resource,omitempty" doc:"that its tokens are for, and are sent to alone"`
	Scopes   []string   `json:"scopes" doc:"that the provider granted"`
	By       core.Actor `json:"by"`
	Since    time.Time  `json:"since"`
	Broken   bool       `json:"broken" doc:"the provider doesn't honour it any more"`
	Hint     string     `json:"hint,omitempty" doc:"what to do about it"`
}

// NewSecret is what a credential shall be. Without a Value the one that is there stays.
type NewSecret struct {
	Kind       string   `json:"kind" enum:"token,basic,header,ssh_key,text" doc:"of an existing one it stays"`
	Value      string   `json:"value,omitempty" maxLength:"65536" doc:"the token, the password, the header's value, the key (PEM) or the text; it is never shown. Default: the value stays"`
	User       string   `json:"user,omitempty" maxLength:"1000" doc:"of the kind basic"`
	Header     string   `json:"header,omitempty" maxLength:"200" doc:"of the kind header: its name"`
	Passphrase string   `json:"passphrase,omitempty" maxLength:"1000" doc:"of an SSH key that is encrypted"`
	Note       string   `json:"note,omitempty" maxLength:"300"`
	Hosts      []string `json:"hosts,omitempty" maxItems:"20" doc:"HOST by TLS, HOST:PORT, or http://HOST:PORT that it may be sent to; none: all"`
	RotateDays int      `json:"rotate_days,omitempty" minimum:"0" maximum:"3650" doc:"how old a value may become before somebody is reminded; 0: any age"`
	GraceHours int      `json:"grace_hours,omitempty" minimum:"0" maximum:"2160" doc:"how long a value can be used after it was replaced"`
}

// NewConnection says what shall be connected.
type NewConnection struct {
	Provider string   `json:"provider" maxLength:"64"`
	Name     string   `json:"name,omitempty" maxLength:"64" doc:"default: the provider's"`
	Shared   bool     `json:"shared,omitempty" doc:"for all projects of the org"`
	Note     string   `json:"note,omitempty" maxLength:"300"`
	Scopes   []string `json:"scopes,omitempty" maxItems:"100" doc:"some of the provider's; none: all of them"`
	Port     int      `json:"port,omitempty" minimum:"1024" maximum:"65535" doc:"of a program on the browser's own machine, which finishes; default: the page that the provider sends the browser back to does"`
}

// Provider is a service that people can connect to.
type Provider struct {
	Name string `json:"name"`
}

// ConnectionAnswer is what a provider has a browser bring back.
type ConnectionAnswer struct {
	State  string `json:"state" maxLength:"300"`
	Code   string `json:"code,omitempty" maxLength:"4096"`
	Error  string `json:"error,omitempty" maxLength:"300"`
	Issuer string `json:"iss,omitempty" maxLength:"4096"`
}

func secretPath(name string) string { return "/v1/secrets/" + escape(name) }

func sharedFlag(shared bool) string {
	if shared {
		return "true"
	}
	return ""
}

// Secrets returns a page of the credentials that the project may use, by name.
func (c *Client) Secrets(ctx context.Context, o PageOptions) (Page[Secret], error) {
	return get[Page[Secret]](ctx, c, "/v1/secrets", o.query())
}

// DueSecrets returns those of all of the org's projects that should have got a new value
// by now, the longest due first.
func (c *Client) DueSecrets(ctx context.Context) ([]Secret, error) {
	return get[[]Secret](ctx, c, "/v1/due-secrets", nil)
}

// Secret returns the credential of a name: the project's own, or the org's.
func (c *Client) Secret(ctx context.Context, name string) (Secret, error) {
	var s Secret
	etag, err := c.call(ctx, request{method: http.MethodGet, path: secretPath(name)}, &s)
	s.ETag = etag
	return s, err
}

// PutSecret makes a credential, or changes one: of the project, or shared of the org. etag
// is that of the one it is based on; "": whatever is there.
func (c *Client) PutSecret(ctx context.Context, name string, shared bool, n NewSecret, etag string) (Secret, error) {
	var s Secret
	etag, err := c.call(ctx, request{
		method: http.MethodPut, path: secretPath(name), query: with(nil, "shared", sharedFlag(shared)), body: n, header: map[string]string{"If-Match": etag},
	}, &s)
	s.ETag = etag
	return s, err
}

// DeleteSecret removes a credential with all its values. A connection is revoked at its
// provider.
func (c *Client) DeleteSecret(ctx context.Context, name string, shared bool, etag string) error {
	_, err := c.call(ctx, request{
		method: http.MethodDelete, path: secretPath(name), query: with(nil, "shared", sharedFlag(shared)), header: map[string]string{"If-Match": etag},
	}, nil)
	return err
}
