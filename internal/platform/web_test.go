package platform

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// use calls a tool as an agent of a project does.
func use(t *testing.T, n *node, project core.ProjectID, name, args string) (said string, failed bool) {
	t.Helper()
	c := tool.Call{Scope: core.Scope{Org: core.DefaultOrg, Project: project, Actor: core.Actor{Kind: core.ActorWorker, ID: "w"}}, Task: "tsk_x", ID: "cal_x", Arguments: []byte(args)}
	r, err := n.tools.Call(t.Context(), name, c)
	if err != nil {
		return err.Error() + " " + core.HintOf(err), true
	}
	return r.Output, r.Failed
}

// TestToolsReachOutside by the installation's one way, with credentials that name the host alone.
func TestToolsReachOutside(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/robots.txt":
			http.NotFound(w, r)
		case r.URL.Path == "/res/v1/web/search":
			_, _ = w.Write([]byte(`{"type":"search","web":{"results":[{"title":"Key ` + strings.ToUpper(r.Header.Get("X-Subscription-Token")) + `","url":"https://example.com/"}]}}`))
		default:
			_, _ = w.Write([]byte("given " + strings.ToUpper(r.Header.Get("Authorization"))))
		}
	}))
	t.Cleanup(s.Close)
	in := testInstance(t)
	in.cfg.Egress.Allow = strings.TrimPrefix(s.URL, "http://")
	in.cfg.Search = Search{Kind: "brave", URL: s.URL + "/res/v1/web/search", Credential: "brave"}
	if err := in.cfg.check(); err != nil {
		t.Fatal(err)
	}
	n := openNode(t, in)
	put := func(org core.OrgID, project core.ProjectID, p credential.Put) {
		t.Helper()
		scope := core.Scope{Org: org, Project: project, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_local"}}
		if _, err := n.secrets.Put(t.Context(), scope, p); err != nil {
			t.Fatal(err)
		}
	}
	secret := func(text string) *credential.Content { return &credential.Content{Secret: credential.NewSecret(text)} }
	header := func(text string) *credential.Content {
		return &credential.Content{Header: "X-Subscription-Token", Secret: credential.NewSecret(text)}
	}
	put(core.DefaultOrg, core.DefaultProject, credential.Put{Name: "here", Kind: credential.Token, Hosts: []string{s.URL}, Content: secret("one-value")})
	put(core.DefaultOrg, core.DefaultProject, credential.Put{Name: "elsewhere", Kind: credential.Token, Hosts: []string{"api.example.com"}, Content: secret("two-value")})
	put(core.DefaultOrg, core.DefaultProject, credential.Put{Name: "anywhere", Kind: credential.Token, Content: secret("three-value")})
	for args, want := range map[string]string{
		`{"url":"` + s.URL + `/a","credential":"here"}`:      "given BEARER ONE-VALUE",
		`{"url":"` + s.URL + `/a","credential":"elsewhere"}`: "isekai secret set elsewhere --host " + s.URL + " --host api.example.com",
		`{"url":"` + s.URL + `/a","credential":"anywhere"}`:  "isekai secret set anywhere --host " + s.URL + " --keep",
		`{"url":"` + s.URL + `/a","credential":"none"}`:      "isekai secret set none --host " + s.URL,
		`{"url":"http://127.0.0.2/","credential":"here"}`:    "isn't for this host",
		`{"url":"http://127.0.0.2/"}`:                        "127.0.0.2 is refused",
		`{"url":"` + s.URL + `/a"}`:                          "given ",
	} {
		said, failed := use(t, n, core.DefaultProject, "http_get", args)
		if !strings.Contains(said, want) || failed != !strings.HasPrefix(want, "given") || strings.Contains(said, "value") {
			t.Errorf("%s: %s", args, said)
		}
	}
	if said, failed := use(t, n, core.DefaultProject, "web_fetch", `{"url":"`+s.URL+`/page"}`); failed || !strings.Contains(said, "given") {
		t.Errorf("%s", said)
	}

	const search = `{"query":"x"}`
	if said, failed := use(t, n, core.DefaultProject, "web_search", search); !failed || !strings.Contains(said, "isekai secret set brave --kind header --header X-Subscription-Token --host "+s.URL) {
		t.Errorf("without a key: %s", said)
	}
	put(core.Installation, core.DefaultProject, credential.Put{Name: "brave", Kind: credential.Header, Hosts: []string{s.URL}, Content: header("everybodys"), Shared: true})
	if said, failed := use(t, n, core.DefaultProject, "web_search", search); failed || !strings.Contains(said, "Key EVERYBODYS") {
		t.Errorf("with the installation's key: %s", said)
	}
	put(core.DefaultOrg, core.DefaultProject, credential.Put{Name: "brave", Kind: credential.Header, Hosts: []string{s.URL}, Content: header("projects")})
	if said, failed := use(t, n, core.DefaultProject, "web_search", search); failed || !strings.Contains(said, "Key PROJECTS") {
		t.Errorf("with the project's key: %s", said)
	}
	if said, failed := use(t, n, "prj_other", "web_search", search); failed || !strings.Contains(said, "Key EVERYBODYS") {
		t.Errorf("another project: %s", said)
	}
}
