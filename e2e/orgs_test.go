package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

const annsPassword = "correct horse battery staple"

// first makes the first user by the token that the server keeps in its data directory, and
// signs her in as the installation's operator. The token is printed nowhere.
func (s *server) first(t *testing.T) (ann core.UserID, operator *client.Client) {
	t.Helper()
	path := filepath.Join(s.dir, "setup-token")
	until(t, func() bool { return strings.Contains(s.outs.String(), path) }, s.outs.String)
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(string(b))
	if len(token) < 50 || strings.Contains(s.outs.String()+s.errs.String(), token) {
		t.Fatalf("the token %q shows in\n%s\n%s", token, s.outs, s.errs)
	}
	anyone := client.New(s.url, "", nil)
	made, err := anyone.FinishSetup(t.Context(), token, client.NewUser{Email: "ann@example.org", Name: "Ann", Password: annsPassword})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := anyone.FinishSetup(t.Context(), token, client.NewUser{Email: "eve@example.org", Name: "Eve", Password: annsPassword}); err == nil {
		t.Error("the token worked twice")
	}
	until(t, func() bool { _, err := os.Stat(path); return os.IsNotExist(err) }, func() string { return path + " stays" })
	return made.User, s.as(t, core.Installation)
}

// as signs Ann in to an org.
func (s *server) as(t *testing.T, org core.OrgID) *client.Client {
	t.Helper()
	in, err := client.New(s.url, "", nil).SignIn(t.Context(), client.Login{Email: "ann@example.org", Password: annsPassword, Org: org})
	if err != nil {
		t.Fatal(err)
	}
	return client.New(s.url, in.Access, nil)
}

// Fifty tasks at once of five orgs, each by an API key of its own: every one is done once,
// and none is another org's to see.
func TestOrgsByTheirKeys(t *testing.T) {
	t.Parallel()
	up := upstream(t, noting)
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		orgsByTheirKeys(t, serve(t, t.TempDir(), append(cleanEnv(), modelEnv(up)...)))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		d := install(t, on{model: up}).at(t, t.TempDir())
		orgsByTheirKeys(t, serve(t, d.dir, d.env))
	})
}

func orgsByTheirKeys(t *testing.T, s *server) {
	const orgs, each = 5, 10
	ann, operator := s.first(t)
	var clients []*client.Client
	var ids []core.OrgID
	var keys []client.MadeKey
	for i := range orgs {
		org, err := operator.CreateOrg(t.Context(), client.NewOrg{Name: fmt.Sprint("Org ", i), Owner: ann}, "")
		if err != nil {
			t.Fatal(err)
		}
		key, err := s.as(t, org.ID).CreateKey(t.Context(), client.NewKey{Name: "load", Scopes: []string{"tasks:read", "tasks:write"}}, "")
		if err != nil {
			t.Fatal(err)
		}
		ids, keys, clients = append(ids, org.ID), append(keys, key), append(clients, client.New(s.url, key.Text, nil))
	}
	tasks := make([][]core.TaskID, orgs)
	var all sync.WaitGroup
	for i, c := range clients {
		tasks[i] = make([]core.TaskID, each)
		for k := range each {
			all.Go(func() {
				task, err := c.CreateTask(t.Context(), client.NewTask{Kind: core.KindTask, Prompt: fmt.Sprintf("note this: word%d.", k)}, fmt.Sprint("same key ", k))
				if err != nil {
					t.Error(err)
				}
				tasks[i][k] = task.ID
			})
		}
	}
	all.Wait()
	for i, c := range clients {
		for _, id := range tasks[i] {
			if d := (&server{Client: c}).ended(t, id); d.Status != core.StatusSucceeded {
				t.Errorf("%s of %s: %s %+v", id, ids[i], d.Status, d.Error)
			}
			// Another org's key, whatever else the request says.
			r := s.ask(t, "GET", "/v1/tasks/"+string(id), nil, "Authorization", "Bearer "+keys[(i+1)%orgs].Text, "X-Org-Id", string(ids[i]), "X-User-Id", string(ann))
			r.refused(t, http.StatusNotFound, core.NotFound)
		}
		page, err := c.Tasks(t.Context(), client.ListOptions{})
		if err != nil || len(page.Items) != each {
			t.Errorf("%s lists %d tasks, %v", ids[i], len(page.Items), err)
		}
	}
	if err := s.as(t, ids[0]).RevokeKey(t.Context(), keys[0].ID); err != nil {
		t.Error(err)
	}
	s.ask(t, "GET", "/v1/tasks", nil, "Authorization", "Bearer "+keys[0].Text).refused(t, http.StatusUnauthorized, core.Unauthenticated)
	s.ask(t, "POST", "/v1/backups", nil, "Authorization", "Bearer "+keys[1].Text).refused(t, http.StatusForbidden, core.Denied)
}
