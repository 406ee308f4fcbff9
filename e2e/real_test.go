package e2e

import (
	"slices"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest/realmodel"
)

// realModel is the real model that the tests of this binary share. It answers one question at a time, so a test
// that asks it doesn't run in parallel with others.
func realModel(t *testing.T) *realmodel.Server {
	t.Helper()
	runs(t, "a real model")
	return backends.model.get(t, realmodel.New)
}

// offering leaves a task but these of the tools that it can do without here: so small a model takes a minute to read of all.
func offering(t *testing.T, c *client.Client, keep ...string) {
	t.Helper()
	var n client.NewPermissions
	for _, name := range []string{
		"ask_person", "azure_*", "delegate", "use_skill", "read_skill_file", "*_device", "list_*", "delete_file", "edit_file", "write_file", "read_file", "read_result", "forget",
		"recall", "remember", "git_*", "github_*", "http_request", "remote_skill", "run_*", "search_code", "unwatch", "watch", "web_*",
	} {
		if !slices.Contains(keep, name) {
			n.Rules = append(n.Rules, client.PermissionRule{Do: core.Deny, Tool: name})
		}
	}
	if _, err := c.SetPermissions(t.Context(), false, n, ""); err != nil {
		t.Fatal(err)
	}
}
