package httpapi_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// route is an operation of the OpenAPI document.
type route struct {
	ID     string          `json:"operationId"`
	Action identity.Action `json:"x-action"`
	// Dialect is set for an operation of the API of models' providers, for clients of theirs. By
	// contract these differ from others in what told, problemOf, TestEveryRouteIsBounded, TestEveryRouteWantsACredential
	// and TestNothingButTheCredentialNamesAnOrg say, and in nothing else that is asserted of every route.
	Dialect string   `json:"x-dialect"`
	Tags    []string `json:"tags"`
	Bounds  *struct {
		Body    int64 `json:"body_bytes"`
		Seconds int   `json:"seconds"`
	} `json:"x-bounds"`
	Security   *[]map[string][]string `json:"security"`
	Parameters []struct {
		Name     string
		In       string
		Required bool
		Schema   schema
	} `json:"parameters"`
	Body *struct {
		Content map[string]struct{ Schema schema } `json:"content"`
	} `json:"requestBody"`
	Responses    map[string]struct{ Content map[string]any } `json:"responses"`
	method, path string
}

type schema struct {
	Ref        string            `json:"$ref"`
	Type       any               `json:"type"` // a word, or several
	Enum       []any             `json:"enum"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
	Minimum    *float64          `json:"minimum"`
	MinLength  int               `json:"minLength"`
	MinItems   int               `json:"minItems"`
	Format     string            `json:"format"`
	Examples   []any             `json:"examples"`
	Items      *schema           `json:"items"`
}

// document is what the API says of itself.
type document struct {
	routes  []route
	schemas map[string]schema
}

func (r *rig) document() document {
	r.t.Helper()
	var d struct {
		Paths      map[string]map[string]route
		Components struct{ Schemas map[string]schema }
	}
	if err := json.Unmarshal([]byte(r.do("GET", "/openapi.json", "").body), &d); err != nil {
		r.t.Fatal(err)
	}
	out := document{schemas: d.Components.Schemas}
	for path, methods := range d.Paths {
		for method, op := range methods {
			op.method, op.path = strings.ToUpper(method), path
			out.routes = append(out.routes, op)
		}
	}
	slices.SortFunc(out.routes, func(a, b route) int { return cmp.Compare(a.ID, b.ID) })
	if len(out.routes) < 90 {
		r.t.Fatalf("the document has only %d operations", len(out.routes))
	}
	return out
}

func (o route) open() bool { return o.Security != nil && len(*o.Security) == 0 }

// named returns the route's path with values for its parameters, and what its query must have.
func (o route) named(values map[string]string) string {
	path, query := o.path, []string{}
	for _, p := range o.Parameters {
		value := cmp.Or(values[p.Name], "none")
		switch {
		case p.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", value)
		case p.In == "query" && p.Required:
			query = append(query, p.Name+"="+value)
		}
	}
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	return path
}

// unwanted returns the route's path with a parameter that it doesn't take: who may use the
// route is told so, and nothing is done.
func (o route) unwanted() string {
	path := o.named(map[string]string{"version": "1"})
	if strings.Contains(path, "?") {
		return path + "&unwanted=1"
	}
	return path + "?unwanted=1"
}

// told is the status of the answer to unwanted, without a body, for who may use the route. The
// APIs of models' providers pass over what they don't know of a query, so that their
// routes get to say that there is no body, or nothing of the name, or do what harms nobody.
func (o route) told() int {
	switch {
	case o.Dialect == "":
		return http.StatusUnprocessableEntity
	case o.Body != nil:
		return http.StatusBadRequest
	case strings.Contains(o.path, "{"):
		return http.StatusNotFound
	}
	return http.StatusOK
}

// body returns the least body that the route takes.
func (d document) body(o route) string {
	if o.Body == nil {
		return ""
	}
	b, _ := json.Marshal(d.least(o.Body.Content["application/json"].Schema)) // of plain values
	return string(b)
}

func (d document) least(s schema) any {
	if s.Ref != "" {
		return d.least(d.schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]])
	}
	switch kind := fmt.Sprint(s.Type); {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case strings.Contains(kind, "object"):
		all := map[string]any{}
		for _, name := range s.Required {
			all[name] = d.least(s.Properties[name])
		}
		return all
	case strings.Contains(kind, "array"):
		all := []any{}
		for range s.MinItems {
			all = append(all, d.least(*s.Items))
		}
		return all
	case strings.Contains(kind, "integer"), strings.Contains(kind, "number"):
		if s.Minimum != nil {
			return *s.Minimum
		}
		return 1
	case strings.Contains(kind, "boolean"):
		return false
	case s.Format == "date-time":
		return time.Now().Add(time.Hour).Format(time.RFC3339)
	}
	return strings.Repeat("x", max(s.MinLength, 1))
}

// openRoutes are all that need no credential.
var openRoutes = []string{
	"accept-invitation", "answer-approval-link", "begin-oidc", "begin-oidc-program", "connection-callback", "finish-oidc", "jwks", "list-issuers", "live", "mute-notifications", "redeem-oidc", "refresh",
	"set-password", "set-up", "show-approval-link",
	"show-invitation", "show-mute", "sign-in", "take-callback",
}

// TestEveryRouteWantsACredential, but those named, however much something looks like one.
func TestEveryRouteWantsACredential(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	made := must(w.olga.CreateKey(t.Context(), client.NewKey{Name: "k", Scopes: keyScopes()}, ""))(t)
	key := made.Text
	var open []string
	for _, o := range w.document().routes {
		if o.open() {
			open = append(open, o.ID)
			continue
		}
		for name, headers := range map[string][]string{
			"nothing":                     {},
			"a made-up token":             {"Authorization", "Bearer eyJhbGciOiJub25lIn0.e30."},
			"a made-up key":               {"Authorization", "Bearer isk_a_b"},
			"a made-up cookie":            {"Cookie", "isekai=isc_a_b_c"},
			"another scheme":              {"Authorization", "Basic b2xnYTpwYXNzd29yZA=="},
			"a key without a scheme":      {"Authorization", key},
			"a key elsewhere":             {"X-Api-Key", key},
			"a key as a cookie":           {"Cookie", "isekai=" + key},
			"the secure cookie, in clear": {"Cookie", "__Host-isekai=" + key},
			"a name":                      {"X-User-Id", "usr_local", "X-Org-Id", string(core.DefaultOrg), "X-Forwarded-User", "olga"},
		} {
			a := w.do(o.method, o.unwanted(), "", append([]string{"Authorization", ""}, headers...)...)
			if name == "a key elsewhere" && o.Dialect != "" { // where clients of Anthropic have it
				if a.status != o.told() {
					t.Errorf("%s with %s: %d %s", o.ID, name, a.status, a.body)
				}
				continue
			}
			if a.status != 401 || a.problem.Code != core.Unauthenticated || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %s: %d %s", o.ID, name, a.status, a.body)
			}
		}
	}
	if !slices.Equal(open, openRoutes) {
		t.Errorf("open to all are\n%q, want\n%q", open, openRoutes)
	}
}

// access signs somebody of the town in, and returns the access token.
func (w *town) access(name string) string {
	w.t.Helper()
	return must(w.anon().SignIn(w.t.Context(), client.Login{Email: name + "@example.org", Password: password}))(w.t).Access
}

// cookie signs somebody in as a browser does, and returns the cookie.
func (w *town) cookie(name string) string {
	w.t.Helper()
	a := w.do("POST", "/v1/session", `{"email":"`+name+`@example.org","password":"`+password+`","cookie":true}`, "Authorization", "")
	set := a.header.Get("Set-Cookie")
	if a.status != 200 || set == "" {
		w.t.Fatalf("%d %s", a.status, a.body)
	}
	value, _, _ := strings.Cut(set, ";")
	return value
}

// TestEveryRouteAsksThePolicy: by every kind of credential, with every role, and with
// every scope of a key, a route does what the policy's table says of its action. It is
// asked with a parameter that it doesn't take: who may use it is told that, and no more.
func TestEveryRouteAsksThePolicy(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	routes := w.document().routes
	known := identity.Actions()
	check := func(what string, p identity.Principal, headers ...string) {
		t.Helper()
		p.Scope.Org, p.Scope.Project = core.DefaultOrg, core.DefaultProject
		for _, o := range routes {
			if o.open() {
				continue
			}
			if !slices.Contains(known, o.Action) {
				t.Fatalf("%s is %q, which the policy doesn't know", o.ID, o.Action)
			}
			want := o.told()
			if p.May(o.Action) != nil {
				want = 403
			}
			a := w.do(o.method, o.unwanted(), "", append([]string{"Authorization", ""}, headers...)...)
			if a.status != want || want == 403 && (a.problem.Code != core.Denied || a.problem.Hint == "") {
				t.Errorf("%s by %s: %d %s, want %d", o.ID, what, a.status, a.body, want)
			}
		}
	}
	for _, role := range core.Roles {
		name := "a" + string(role)
		c := w.person(w.olga, name, client.Place{Role: role})
		check("a token of a "+string(role), identity.Principal{Role: role, Session: "s"}, "Authorization", "Bearer "+w.access(name))
		check("the cookie of a "+string(role), identity.Principal{Role: role, Session: "s"}, "Cookie", w.cookie(name))
		every := must(c.CreateKey(ctx, client.NewKey{Name: "every", Scopes: keyScopes()}, ""))(t)
		check("a key of a "+string(role), identity.Principal{Role: role, Key: "k", Scopes: keyScopes()}, "Authorization", "Bearer "+every.Text)
	}
	for _, scope := range keyScopes() {
		k := must(w.olga.CreateKey(ctx, client.NewKey{Name: scope, Scopes: []string{scope}}, ""))(t)
		check("a key with "+scope, identity.Principal{Role: core.Owner, Key: "k", Scopes: []string{scope}}, "Authorization", "Bearer "+k.Text)
	}
	held := must(w.olga.CreateKey(ctx, client.NewKey{Name: "held", Scopes: keyScopes(), Role: core.Viewer}, ""))(t)
	check("a key held to viewing", identity.Principal{Role: core.Viewer, Key: "k", Scopes: keyScopes()}, "Authorization", "Bearer "+held.Text)
}

// keyScopes are those that a key of an org's can have.
func keyScopes() []string {
	return slices.DeleteFunc(identity.Scopes(), func(s string) bool { return strings.HasPrefix(s, "operate") })
}
