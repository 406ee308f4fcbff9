package client_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestAccountRequests sees what each method sends.
func TestAccountRequests(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for want, call := range map[string]func(context.Context, *client.Client) error{
		`POST /v1/session {"email":"e","password":"p"}`: func(ctx context.Context, c *client.Client) error {
			_, err := c.SignIn(ctx, client.Login{Email: "e", Password: "p"})
			return err
		},
		`POST /v1/session/refresh {"refresh":"r"}`: func(ctx context.Context, c *client.Client) error { _, err := c.Refresh(ctx, "r"); return err },
		"DELETE /v1/session":                       func(ctx context.Context, c *client.Client) error { return c.SignOut(ctx) },
		"DELETE /v1/sessions/a%2Fb":                func(ctx context.Context, c *client.Client) error { return c.RevokeSession(ctx, "a/b") },
		`POST /v1/users {"email":"e","name":"n","password":"p"} Idempotency-Key:k`: func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateUser(ctx, client.NewUser{Email: "e", Name: "n", Password: "p"}, "k")
			return err
		},
		"GET /v1/users?cursor=c&limit=2": func(ctx context.Context, c *client.Client) error {
			_, err := c.Users(ctx, client.PageOptions{Cursor: "c", Limit: 2})
			return err
		},
		`PATCH /v1/members/u {"role":"viewer","projects":["prj_a"]}`: func(ctx context.Context, c *client.Client) error {
			return c.SetRole(ctx, "u", client.Place{Role: core.Viewer, Projects: []core.ProjectID{"prj_a"}})
		},
		`POST /v1/installation/members?org=org_a {"user":"u","role":"viewer"} Idempotency-Key:k`: func(ctx context.Context, c *client.Client) error {
			return c.AddMember(ctx, "org_a", client.NewMember{User: "u", Place: client.Place{Role: core.Viewer}}, "k")
		},
		`POST /v1/setup {"token":"t","email":"e","name":"n","password":"p"}`: func(ctx context.Context, c *client.Client) error {
			_, err := c.FinishSetup(ctx, "t", client.NewUser{Email: "e", Name: "n", Password: "p"})
			return err
		},
		"GET /v1/api-keys?user=u": func(ctx context.Context, c *client.Client) error {
			_, err := c.Keys(ctx, "u", client.PageOptions{})
			return err
		},
		`POST /v1/installation/credits/grant?org=org_a {"id":"i","amount":5} Idempotency-Key:k`: func(ctx context.Context, c *client.Client) error {
			_, err := c.MoveCredits(ctx, "org_a", client.Grant, client.CreditCommand{ID: "i", Amount: 5}, "k")
			return err
		},
		`PUT /v1/budgets?of=project%2Fprj_a {"limit":5}`: func(ctx context.Context, c *client.Client) error {
			_, err := c.SetBudget(ctx, "project/prj_a", client.NewBudget{Limit: 5})
			return err
		},
		"DELETE /v1/installation/prices?name=model%2F%2A&org=org_a": func(ctx context.Context, c *client.Client) error { return c.RemovePrice(ctx, "org_a", "model/*") },
		"GET /v1/audit?action=key.&from=2026-11-22T10%3A00%3A00Z": func(ctx context.Context, c *client.Client) error {
			_, err := c.Audit(ctx, client.OrgLog, client.AuditOptions{Action: "key.", From: at})
			return err
		},
		`POST /v1/installation/audit/verify {"checkpoints":[]}`: func(ctx context.Context, c *client.Client) error {
			_, err := c.VerifyAudit(ctx, client.InstallationLog, nil)
			return err
		},
		`PUT /v1/secrets/s?shared=true {"kind":"token","value":"v"} If-Match:"3"`: func(ctx context.Context, c *client.Client) error {
			_, err := c.PutSecret(ctx, "s", true, client.NewSecret{Kind: "token", Value: "v"}, `"3"`)
			return err
		},
		"GET /v1/deadletters?org=org_a": func(ctx context.Context, c *client.Client) error {
			_, err := c.About("org_a").DeadLetters(ctx, client.LetterOptions{})
			return err
		},
		"POST /v1/projections/v/verify?org=org_a": func(ctx context.Context, c *client.Client) error {
			_, err := c.About("org_a").VerifyProjection(ctx, "v")
			return err
		},
	} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			got := r.Method + " " + r.URL.RequestURI()
			if len(b) > 0 {
				got += " " + string(b)
			}
			for _, name := range []string{"If-Match", "Idempotency-Key"} {
				if v := r.Header.Get(name); v != "" {
					got += " " + name + ":" + v
				}
			}
			if got != want {
				t.Errorf("sent %s, want %s", got, want)
			}
			_, _ = io.WriteString(w, "{}")
		})
		if err := call(t.Context(), c); err != nil {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestRefusedCredential: a request goes once more with what replaces it, body and all, and
// no more often; nowhere else, whatever the server says.
func TestRefusedCredential(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		b, _ := io.ReadAll(r.Body)
		switch {
		case r.URL.Path == "/v1/orgs":
			http.Redirect(w, r, "/v1/me", http.StatusTemporaryRedirect)
		case r.Header.Get("Authorization") != "Bearer new" || r.Method == http.MethodPatch && string(b) != `{"name":"n"}`:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"code":"unauthenticated","detail":"no"}`)
		default:
			_, _ = io.WriteString(w, `{"id":"usr_a"}`)
		}
	}))
	t.Cleanup(s.Close)
	source := func(next string, err error) client.TokenSource {
		return func(_ context.Context, refused string) (string, error) {
			if refused == "" {
				return "old", nil
			}
			return next, err
		}
	}
	c := client.NewWith(s.URL, source("new", nil), nil)
	if u, err := c.RenameMe(t.Context(), "n"); err != nil || u.ID != "usr_a" || asked.Load() != 2 {
		t.Errorf("%+v, %v, asked %d times", u, err, asked.Load())
	}
	for name, source := range map[string]client.TokenSource{
		"nothing else": source("old", nil), "worse": source("worse", nil), "an error": source("", core.E(core.Unauthenticated, "", "it has ended")),
	} {
		asked.Store(0)
		_, err := client.NewWith(s.URL, source, nil).RenameMe(t.Context(), "n")
		if core.CodeOf(err) != core.Unauthenticated || asked.Load() > 2 {
			t.Errorf("%s: %v, asked %d times", name, err, asked.Load())
		}
	}
	if _, err := c.Orgs(t.Context()); err == nil || !strings.Contains(err.Error(), "307") {
		t.Errorf("a redirect: %v", err)
	}
}
