package httpapi

import (
	"context"
	"html/template"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// ConnectionCallback is the path that providers send browsers back to.
const ConnectionCallback = "/v1/connections/callback"

type (
	newConnection    struct{ Body client.NewConnection }
	finishConnection struct{ Body client.ConnectionAnswer }
	callbackPage     struct {
		ContentType string `header:"Content-Type"`
		Policy      string `header:"Content-Security-Policy"`
		Body        []byte
	}
)

// connections are the routes to connect to a service by OAuth, with a browser.
func (s *server) connections() {
	tags := []string{"secrets"}
	act(s, identity.SecretRead, huma.Operation{
		OperationID: "list-providers", Method: http.MethodGet, Path: "/v1/connections", Summary: "List the services that people can connect to", Tags: tags,
	}, func(context.Context, identity.Principal, *struct{}) (*reply[[]client.Provider], error) {
		return &reply[[]client.Provider]{each(s.cfg.Secrets.Providers(), func(name string) client.Provider { return client.Provider{Name: name} })}, nil
	})
	act(s, identity.SecretWrite, huma.Operation{
		OperationID: "begin-connection", Method: http.MethodPost, Path: "/v1/connections", Summary: "Begin to connect to a service, with a browser", Tags: tags,
		Description: "The browser goes to the URL of the answer; only the session that began can finish.",
	}, func(ctx context.Context, p identity.Principal, in *newConnection) (*reply[client.Redirect], error) {
		b := in.Body
		url, err := s.cfg.Secrets.Begin(ctx, p.Scope, sessionOf(p), credential.Begin{Provider: b.Provider, Name: b.Name, Shared: b.Shared, Note: b.Note, Scopes: b.Scopes, Port: b.Port})
		return replied(url, err, func(url string) client.Redirect { return client.Redirect{URL: url} })
	})
	act(s, identity.SecretWrite, huma.Operation{
		OperationID: "finish-connection", Method: http.MethodPost, Path: "/v1/connections/finish", Summary: "Connect, with what the provider has had the browser bring back", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *finishConnection) (*secretAnswer, error) {
		a := in.Body
		return secretShown(s.cfg.Secrets.Finish(ctx, p.Scope, sessionOf(p), credential.Answer{State: credential.NewSecret(a.State), Code: credential.NewSecret(a.Code), Error: a.Error, Issuer: a.Issuer}))
	})
	act(s, public, stream(huma.Operation{
		OperationID: "connection-callback", Method: http.MethodGet, Path: ConnectionCallback, Summary: "Where a provider sends a browser back to", Tags: tags,
		Description:        "A page that finishes the connection. The session's cookie isn't sent with a visit from another site, but it is with the page's own request.",
		SkipValidateParams: true, // providers add some of their own
	}, "text/html"), func(context.Context, identity.Principal, *struct{}) (*callbackPage, error) {
		h := http.Header{}
		nonce := asPage(h)
		var b strings.Builder
		if err := callback.Execute(&b, struct{ Nonce, Home string }{nonce, s.cfg.Home}); err != nil {
			return nil, core.E(core.Internal, "connection.callback", "the page can't be made").Because(err)
		}
		return &callbackPage{h.Get("Content-Type"), h.Get("Content-Security-Policy"), []byte(b.String())}, nil
	})
}

// sessionOf is what the beginning and the end of a connection must have in common: the
// session of who is signed in, or the data directory, whose owner has no other.
func sessionOf(p identity.Principal) string {
	if p.User == identity.LocalUser && p.Session == "" && p.Key == "" {
		return string(identity.LocalUser)
	}
	return p.Session
}

// callback is a page that shows nothing of what it was called with. Where a program on the
// browser's own machine began, which the state says, it hands the answer to that. Whoever
// makes somebody else go to the provider in his place gets nothing by it: the answer stays
// on that person's machine, as with a native app (RFC 8252, section 7.3).
var callback = template.Must(template.New("callback").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Isekai</title><style nonce="{{.Nonce}}">body { font: 16px sans-serif; margin: 4em }</style></head>
<body><p id="said">Connecting…</p><p><a href="{{.Home}}">Go on</a></p>
<script nonce="{{.Nonce}}">
const got = new URLSearchParams(location.search), said = document.getElementById("said");
const answer = {};
for (const name of ["state", "code", "error", "iss"]) if (got.has(name)) answer[name] = got.get(name);
history.replaceState(null, "", location.pathname);
const program = /\.(\d{4,5})$/.exec(answer.state ?? "");
if (program) location.replace("http://127.0.0.1:" + program[1] + "/?" + new URLSearchParams(answer));
else fetch("/v1/connections/finish", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(answer) })
  .then(async (r) => { const b = await r.json(); said.textContent = r.ok ? "Connected: " + b.name : [b.detail, b.hint].filter(Boolean).join(": "); })
  .catch(() => { said.textContent = "The server doesn't answer; connect again."; });
</script></body></html>
`))
