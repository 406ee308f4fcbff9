package httpapi_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
)

// installation are the operations that concern more than the caller's org.
var installation = []string{"list-backups", "rotate-keys", "rotate-master-key", "shred-keys", "take-backup"}

// TestATenantIsNoOperator: who belongs to an org can't rotate or destroy the keys of
// another, or copy the installation. A new route of that kind has to be added above.
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
	var refused []string
	bodies := map[string]string{"rotate-keys": `{"org":"org_a"}`, "shred-keys": `{"org":"org_a","confirm":"org_a"}`}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for method, op := range doc.Paths[path] {
			if !slices.Contains(op.Tags, "operate") || strings.Contains(path, "{") {
				continue
			}
			a := r.do(strings.ToUpper(method), path, bodies[op.OperationID], "Authorization", "Bearer theirs")
			switch {
			case a.status == 403 && a.problem.Code == core.Denied && a.problem.Hint != "":
				refused = append(refused, op.OperationID)
			case a.status >= 400:
				t.Errorf("%s: %d %s", op.OperationID, a.status, a.body)
			}
		}
	}
	slices.Sort(refused)
	if !slices.Equal(refused, installation) {
		t.Errorf("refused %q, want %q", refused, installation)
	}
	if len(keys.asked) > 0 {
		t.Errorf("asked for %q", keys.asked)
	}
}

// TestTheFirstOrgOperates, and no other, when nobody says who does.
func TestTheFirstOrgOperates(t *testing.T) {
	t.Parallel()
	for org, status := range map[core.OrgID]int{core.DefaultOrg: 200, "org_a": 403, "org_": 403} {
		keys := &keyring{}
		r := newRig(t, func(cfg *httpapi.Config) {
			cfg.Keys = keys
			cfg.Authenticate = func(context.Context, string) (core.Scope, error) {
				return core.Scope{Org: org, Project: core.DefaultProject, Actor: scope.Actor}, nil
			}
		})
		if a := r.do("POST", "/v1/keys/rotate-master", ""); a.status != status || (len(keys.asked) > 0) != (status == 200) {
			t.Errorf("%s: %d %s, asked %q", org, a.status, a.body, keys.asked)
		}
	}
}
