package httpapi_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
)

// TestATenantIsNoOperator: a credential that operates nothing can't rotate or destroy
// keys, copy the installation, rebuild views, or read the dead letters, which hold events
// of every project of their org. That goes for each route that says it is an operator's.
func TestATenantIsNoOperator(t *testing.T) {
	t.Parallel()
	r, _, keys, _ := operated(t)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string   `json:"operationId"`
			Tags        []string `json:"tags"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(r.do("GET", "/openapi.json", "").body), &doc); err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{"rotate-keys": `{"org":"org_a"}`, "shred-keys": `{"org":"org_a","confirm":"org_a"}`}
	fill := strings.NewReplacer("{view}", agent.View, "{consumer}", "ledger", "{stream}", string(app1(r)), "{version}", "1")
	refused := 0
	for path, operations := range doc.Paths {
		for method, op := range operations {
			if !slices.Contains(op.Tags, "operate") {
				continue
			}
			for _, who := range []string{"theirs", "neighbour"} { // of another org, of another project
				a := r.do(strings.ToUpper(method), fill.Replace(path), bodies[op.OperationID], "Authorization", "Bearer "+who)
				if a.status != 403 || a.problem.Code != core.Denied || a.problem.Hint == "" {
					t.Errorf("%s by %s: %d %s", op.OperationID, who, a.status, a.body)
				}
				refused++
			}
		}
	}
	if refused < 22 {
		t.Errorf("only %d were refused", refused)
	}
	if len(keys.asked) > 0 {
		t.Errorf("asked for %q", keys.asked)
	}
}

// TestATenantNamesNoFolder of the host as a workspace: it would be the task's to read and
// to write, and whether it is there is nobody's business.
func TestATenantNamesNoFolder(t *testing.T) {
	t.Parallel()
	r, _, _, _ := operated(t)
	for _, folder := range []string{"/etc", "/none/such", t.TempDir()} {
		body := `{"kind":"task","prompt":"x","workspace":"` + folder + `"}`
		for _, who := range []string{"theirs", "neighbour"} {
			if a := r.do("POST", "/v1/tasks", body, "Authorization", "Bearer "+who); a.status != 403 || a.problem.Code != core.Denied || a.problem.Hint == "" {
				t.Errorf("%s by %s: %d %s", folder, who, a.status, a.body)
			}
		}
		if a := r.do("POST", "/v1/tasks", body); a.status == 403 {
			t.Errorf("%s by who operates: %d %s", folder, a.status, a.body)
		}
	}
	if a := r.do("GET", "/v1/tasks", "", "Authorization", "Bearer theirs"); a.body != `{"items":[]}`+"\n" {
		t.Errorf("a task was made: %s", a.body)
	}
}

// TestATenantSeesNoFolder of the host.
func TestATenantSeesNoFolder(t *testing.T) {
	t.Parallel()
	for operates, want := range map[bool]string{true: `"dir":"`, false: ""} {
		r := newRig(t, func(cfg *httpapi.Config) { cfg.Authenticate = who(operates) })
		if err := os.MkdirAll(filepath.Join(r.dir, "apps", string(scope.Org), string(r.app), "tree-2"), 0o700); err != nil {
			t.Fatal(err)
		}
		a := r.do("GET", "/v1/apps/"+string(r.app), "")
		if a.status != 200 || strings.Contains(a.body, r.dir) != operates || !strings.Contains(a.body, want) {
			t.Errorf("who operates: %t; %d %s", operates, a.status, a.body)
		}
	}
}

// TestATenantSeesWhatIsIll and not why: the reasons name hosts, users and paths.
func TestATenantSeesWhatIsIll(t *testing.T) {
	t.Parallel()
	for operates, want := range map[bool]string{
		true:  `[{"name":"store","ok":false,"detail":"no connection to 10.1.2.3","hint":"start it"},{"name":"disk","ok":true,"detail":"/data"}]`,
		false: `[{"name":"store","ok":false},{"name":"disk","ok":true}]`,
	} {
		r := newRig(t, func(cfg *httpapi.Config) {
			cfg.Authenticate = who(operates)
			cfg.Health = func(context.Context) client.Health {
				return client.Health{Status: "degraded", Checks: []client.HealthCheck{
					{Name: "store", Detail: "no connection to 10.1.2.3", Hint: "start it"}, {Name: "disk", OK: true, Detail: "/data"},
				}}
			}
		})
		if a := r.do("GET", "/v1/health", ""); a.status != 200 || !strings.Contains(a.body, want) {
			t.Errorf("who operates: %t; %d %s", operates, a.status, a.body)
		}
	}
}

// who authenticates the owner of scope, who may be an operator as well.
func who(operates bool) func(context.Context, identity.Credential) (identity.Principal, error) {
	p := ours
	p.Operates = operates
	return known(map[string]identity.Principal{token: p})
}

// TestWhoOperates: the members of the installation's own org, by their roles, and the
// owner of an embedded installation; no owner of an org.
func TestWhoOperates(t *testing.T) {
	t.Parallel()
	member := func(role core.Role) identity.Principal {
		p := owner(core.Scope{Org: core.Installation, Project: core.DefaultProject, Actor: scope.Actor})
		p.Role = role
		return p
	}
	for name, c := range map[string]struct {
		who         identity.Principal
		read, write int
	}{
		"the owner of an embedded installation": {identity.Local(), 200, 200},
		"an owner of the first org":             {owner(identity.Local().Scope), 403, 403},
		"an owner of another":                   {ours, 403, 403},
		"an owner of the installation":          {member(core.Owner), 200, 200},
		"an admin of the installation":          {member(core.Admin), 200, 200},
		"a member of the installation":          {member(core.Member), 200, 403},
		"a viewer of the installation":          {member(core.Viewer), 200, 403},
	} {
		r, _, keys, _ := operated(t, func(cfg *httpapi.Config) {
			cfg.Authenticate = known(map[string]identity.Principal{token: c.who})
		})
		if a := r.do("GET", "/v1/backups", ""); a.status != c.read {
			t.Errorf("%s reads: %d %s", name, a.status, a.body)
		}
		if a := r.do("POST", "/v1/keys/rotate-master", ""); a.status != c.write || (len(keys.asked) > 0) != (c.write == 200) {
			t.Errorf("%s writes: %d %s, asked %q", name, a.status, a.body, keys.asked)
		}
	}
}
