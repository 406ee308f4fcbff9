package httpapi_test

import (
	"context"
	"github.com/isekai-run/isekai/internal/blob"
	memsqlite "github.com/isekai-run/isekai/internal/memory/sqlite"
	"github.com/isekai-run/isekai/internal/recall"
	"github.com/isekai-run/isekai/internal/store"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/conversation"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress/hosts"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog/probe"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/redact"
	"github.com/isekai-run/isekai/internal/skill"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/vault/credential"
	"github.com/isekai-run/isekai/internal/watch"
	"github.com/isekai-run/isekai/skills"
)

const (
	password  = "correct horse battery"
	publicURL = "https://isekai.test"
)

// town is a rig with people: the real services before the real store.
type town struct {
	*rig
	ids    *identity.Service
	ledger *ledger.Service
	audit  *auditlog.Log
	notify *notify.Service
	asked  *asked // what tasks ask
	models *catalog.Catalog
	full   atomic.Bool    // the audit log takes nothing
	local  *client.Client // of who owns the data directory
	olga   *client.Client // who made the first set-up, in the first org
}

func newTown(t testing.TB, change ...func(*httpapi.Config, *identity.Config, *credential.Config)) *town {
	t.Helper()
	return newTownBy(t, usualWay, change...)
}

// newTownBy is newTown with another way to providers of models.
func newTownBy(t testing.TB, way func(ofOrg bool, connect time.Duration) gateway.Way, change ...func(*httpapi.Config, *identity.Config, *credential.Config)) *town {
	t.Helper()
	w := &town{}
	w.rig = newRig(t, func(cfg *httpapi.Config) {
		st := cfg.Events.(*sqlite.Store)
		ic := identity.Config{Records: st, Quotas: st, Issuer: publicURL, Hashing: identity.Hashing{Memory: 64, Time: 1, Threads: 1}}
		cc := credential.Config{Records: st, Terms: st}
		ic.KeyEnded = func(ctx context.Context, org core.OrgID, id core.KeyID) error {
			if err := w.ledger.RemoveBudget(ctx, org, ledger.OfKey(id)); core.CodeOf(err) != core.NotFound {
				return err
			}
			return nil
		}
		for _, f := range change {
			f(cfg, &ic, &cc)
		}
		w.audit = auditlog.New(auditlog.Config{Events: st, Stored: st, Records: st})
		ic.Audit = func(ctx context.Context, e identity.Event) {
			if w.full.Load() {
				httpapi.Unrecorded(ctx, core.E(core.Exhausted, "store", "the disk is full"))
				return
			}
			outcome := map[string]string{"ok": auditlog.Done, "refused": auditlog.Refused}[e.Outcome]
			entry := auditlog.Entry{Action: e.Action, Actor: e.Actor, Project: e.Project, Target: e.Target, Address: e.Address, Outcome: outcome, Detail: e.Detail, At: e.At}
			if err := w.audit.Record(ctx, e.Org, entry); err != nil {
				httpapi.Unrecorded(ctx, err)
			}
		}
		w.ids = must(identity.New(ic))(t)
		w.ledger = must(ledger.New(ledger.Config{Books: st, Records: st, Events: st, IDs: core.NewID}))(t)
		w.models = must(catalog.New(catalog.Config{Records: st, Secretive: func(text string) bool { return strings.Contains(text, "sk-MARKER") }}))(t)
		guard := redact.NewService(redact.ServiceConfig{Records: st})
		w.notify = notify.NewService(notify.ServiceConfig{Events: st, Records: st, HTTP: &http.Client{}, People: w.ids, AllowHTTP: true, URL: publicURL})
		w.asked = &asked{}
		cfg.Gateway = w.newGateway(t, st, guard, way, cfg.Logger)
		secrets := must(credential.New(cc))(t)
		t.Cleanup(func() { _ = secrets.Shutdown(context.Background()) })
		cfg.Accounts = httpapi.Accounts{Identity: w.ids, Ledger: w.ledger, Shares: st, Audit: w.audit, Secrets: secrets, Redact: guard, Egress: hosts.New(st), URL: publicURL, Memory: newMemory(t, st, cfg.Blobs),
			Conversations: conversation.New(conversation.Config{Events: st, Views: st, Blobs: cfg.Blobs, Turns: turner{cfg.Tasks}, IDs: core.NewID, Model: cfg.Model}),
			Watches:       watch.New(watch.Config{Records: st, Events: st, Terms: st, IDs: core.NewID, Log: cfg.Logger}),
			Notify:        w.notify, Approvals: w.asked,
			MCP:    newMCP(t, st, cfg.Blobs),
			Models: w.models, Skills: must(skill.New(skill.Config{Records: st, Blobs: cfg.Blobs, Dir: filepath.Join(t.TempDir(), "skills"), Shipped: skills.Files}))(t),
			ModelTester: probe.New(probe.Config{
				Way: func(*catalog.Provider) http.RoundTripper { return &http.Transport{DisableKeepAlives: true} },
				Secret: func(context.Context, core.Scope, *catalog.Provider) (catalog.Secret, error) {
					return catalog.Secret{}, nil
				},
			})}
		cfg.Authenticate = func(ctx context.Context, c identity.Credential) (identity.Principal, error) {
			if c.Bearer == token {
				return identity.Local(), nil
			}
			return w.ids.Authenticate(ctx, c)
		}
	})
	w.local = client.New(w.url, token, nil)
	link, needed, err := w.ids.Setup(t.Context())
	if err != nil || !needed {
		t.Fatalf("no set-up: %v", err)
	}
	first := must(w.anon().FinishSetup(t.Context(), link, client.NewUser{Email: "olga@example.org", Name: "Olga", Password: password}))(t)
	w.olga = w.as(first.Access)
	return w
}

// newMemory is a memory of documents and facts that are found by their words.
func newMemory(t testing.TB, st store.Store, blobs blob.Store) *recall.Service {
	t.Helper()
	index, err := memsqlite.Open(t.Context(), filepath.Join(t.TempDir(), "memory.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = index.Close() })
	s, err := recall.New(recall.Config{Records: st, Blobs: blobs, Index: index, Orgs: st.KeysetOrgs, Terms: st})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *town) anon() *client.Client            { return client.New(w.url, "", nil) }
func (w *town) as(access string) *client.Client { return client.New(w.url, access, nil) }

// person makes a user with a place in the org of admin, and signs in.
func (w *town) person(admin *client.Client, name string, place client.Place) *client.Client {
	w.t.Helper()
	link := must(admin.Invite(w.t.Context(), client.NewInvitation{Email: name + "@example.org", Place: place}, ""))(w.t)
	in := must(w.anon().AcceptInvitation(w.t.Context(), client.Acceptance{Token: link.Token, Name: name, Password: password}))(w.t)
	return w.as(in.Access)
}

// otherOrg makes a second org with an owner.
func (w *town) otherOrg(owner string) (core.OrgID, *client.Client) {
	w.t.Helper()
	o := must(w.local.CreateOrg(w.t.Context(), client.NewOrg{Name: "Other", Invite: owner + "@example.org"}, ""))(w.t)
	in := must(w.anon().AcceptInvitation(w.t.Context(), client.Acceptance{Token: o.Invitation, Name: owner, Password: password}))(w.t)
	if in.Org != o.ID || in.Role != core.Owner {
		w.t.Fatalf("signed in to %s as %s", in.Org, in.Role)
	}
	return o.ID, w.as(in.Access)
}

func (w *town) me(c *client.Client) client.Me {
	w.t.Helper()
	return must(c.Me(w.t.Context()))(w.t)
}

// refused checks an error's code.
func refused(t testing.TB, what string, err error, code core.Code) {
	t.Helper()
	if core.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// audited returns the actions in an org's audit log, the latest first.
func (w *town) audited(org core.OrgID) string {
	w.t.Helper()
	page := must(w.audit.List(w.t.Context(), org, auditlog.Query{Limit: 200}))(w.t)
	var all []string
	for _, e := range page.Entries {
		all = append(all, e.Action)
	}
	return strings.Join(all, " ")
}
