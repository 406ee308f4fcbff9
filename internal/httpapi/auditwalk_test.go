package httpapi_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-proxy/mockoidc"
	"github.com/pquerna/otp/totp"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/backup"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/deadletter"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool/gitdir/gitdirtest"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

const (
	inStream = "what is done to a task or an app is an event of its own stream, with who did it"
	readOnly = "it changes nothing"
	tried    = "it changes nothing; that a credential was used is recorded with it"
	metered  = "it is metered: each call is in an event (core.CallsMetered), with whose key or who, what, when and for how much"
	own      = "it changes what its user is told, and nobody's rights depend on that"
	harmless = "it changes a name that nobody's rights depend on"
)

// unrecorded are the operations that change something, or may, and leave nothing in an audit
// log, each with why.
var unrecorded = map[string]string{
	"create-conversation": inStream, "change-conversation": inStream, "send-message": inStream,
	"create-task": inStream, "fork-task": inStream, "cancel-task": inStream, "change-app": inStream, "select-version": inStream, "start-app": inStream, "stop-app": inStream, "delete-app": inStream,
	"verify-audit": readOnly, "verify-audit-log": readOnly, "verify-audit-of-installation": readOnly, "prove-audit": readOnly, "prove-audit-of-installation": readOnly,
	"verify-projection": readOnly, "show-invitation": readOnly, "recall": readOnly,
	"test-model-provider": tried, "test-model-provider-of-installation": tried,
	"checkpoint-audit": "a checkpoint is of the log, and shows no entry", "checkpoint-audit-of-installation": "a checkpoint is of the log, and shows no entry",
	"begin-connection": "nothing is connected by it; its end is recorded", "connect-mcp-server": "nothing is connected by it; its end is recorded, and so is a client that is registered for it", "begin-oidc": "nobody is signed in by it; its end is recorded",
	"model-chat": metered, "model-responses": metered, "model-compact": metered, "model-messages": metered, "model-embeddings": metered, "model-count_tokens": readOnly,
	"refresh":           "it goes on with a session that is recorded; reuse of an old token is recorded",
	"rename-me":         harmless,
	"test-webhook":      "it changes nothing, and sends a message with nothing in it",
	"read-notification": own, "read-notifications": own, "set-notification-choice": own, "mute-notifications": own,
	"take-callback": "what it brings is the outcome of a call, which is an event of its task",
	"enrol-totp":    "a factor counts once it is confirmed, which is recorded",
}

// elsewhere are those that are recorded, and seen to be by another test.
var seenElsewhere = map[string]string{
	"refund-credits": "there is nothing to give back here; it is the handler of the other credits' operations",
	"redeem-oidc":    "it takes an issuer; it is recorded as the other ways to sign in are",
}

// walk is a town whose audit logs are looked at with each request.
type walk struct {
	*town
	doc  document
	done map[string]bool
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	m := must(mockoidc.Run())(t)
	t.Cleanup(func() { _ = m.Shutdown() })
	w := &walk{done: map[string]bool{"set-up": true}} // which a town begins with
	w.town = newTown(t, func(cfg *httpapi.Config, ic *identity.Config, c *credential.Config) {
		ic.OpenOrgs = true
		st := cfg.Events.(interface {
			store.Store
			store.Backuper
		})
		cfg.Keys = &keyring{}
		cfg.Projectors = []*store.Projector{agent.NewProjector(st)}
		cfg.Backups = backup.New(backup.Config{Dir: filepath.Join(t.TempDir(), "backups"), Store: st, Driver: "sqlite", From: cfg.Blobs,
			To: func(dir string) (backup.BlobFolder, error) { return local.Open(dir) }})
		cfg.DeadLetters = &deadletter.Service{Letters: st, Carried: st, Readable: st}
		c.Audit = func(ctx context.Context, e credential.Event) error {
			return w.audit.Record(ctx, e.Org, auditlog.Entry{Action: e.Action, Actor: e.Actor, Project: e.Project, Target: e.Target, Outcome: e.Outcome, Detail: e.Detail})
		}
		c.HTTP, c.Redirect = &http.Client{}, publicURL+httpapi.ConnectionCallback
		c.Providers = []credential.Provider{{
			Name: "forge", ClientID: m.ClientID, ClientSecret: credential.NewSecret(m.ClientSecret), AuthURL: m.AuthorizationEndpoint(), TokenURL: m.TokenEndpoint(), Post: true, Scopes: []string{"openid"},
		}}
	})
	w.doc = w.document()
	if !strings.Contains(w.audited(core.Installation), "setup") {
		t.Error("the set-up isn't recorded")
	}
	return w
}

// tail returns the entries of a log after a row.
func (w *walk) tail(org core.OrgID, after int64) []auditlog.Entry {
	w.t.Helper()
	page := must(w.audit.List(w.t.Context(), org, auditlog.Query{Limit: 200}))(w.t)
	return slices.DeleteFunc(page.Entries, func(e auditlog.Entry) bool { return e.Row <= after })
}

// does sends an operation by its id, and fails the test unless a log has it afterwards as the
// action. values are of its parameters, body is JSON or what becomes it. The answer may be a
// failure, if that is what is recorded.
func (w *walk) does(bearer, op string, values map[string]string, body any, org core.OrgID, action string, outcome string) answer {
	w.t.Helper()
	i := slices.IndexFunc(w.doc.routes, func(o route) bool { return o.ID == op })
	if i < 0 {
		w.t.Fatalf("there is no operation %s", op)
	}
	text := ""
	if body != nil {
		text = string(must(json.Marshal(body))(w.t))
	}
	var last int64
	if all := w.tail(org, 0); len(all) > 0 {
		last = all[0].Row
	}
	auth := ""
	if bearer != "" {
		auth = "Bearer " + bearer
	}
	a := w.do(w.doc.routes[i].method, w.doc.routes[i].named(values), text, "Authorization", auth)
	if (a.status < 300) != (outcome == auditlog.Done) {
		w.t.Fatalf("%s: %d %s", op, a.status, a.body)
	}
	found := slices.ContainsFunc(w.tail(org, last), func(e auditlog.Entry) bool {
		return e.Action == action && e.Outcome == outcome && e.Actor.ID != "" && !e.At.IsZero()
	})
	if !found {
		w.t.Errorf("%s leaves no %s in the log of %s, but %+v", op, action, org, w.tail(org, last))
	}
	w.done[op] = true
	return a
}

// field returns a field of an answer.
func field(t testing.TB, a answer, name string) string {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(a.body), &all); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	s, _ := all[name].(string)
	if s == "" {
		t.Fatalf("no %s in %s", name, a.body)
	}
	return s
}

// entered signs somebody in with another password than all have.
func (w *walk) entered(name, password string) string {
	w.t.Helper()
	return must(w.anon().SignIn(w.t.Context(), client.Login{Email: name + "@example.org", Password: password}))(w.t).Access
}

type of = map[string]string

// TestEveryChangeIsRecorded does each operation that changes something, and sees it in the
// audit log; those that leave nothing there are named, with why.
func TestEveryChangeIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWalk(t)
	const ours, whole = core.DefaultOrg, core.Installation
	w.people(ours, whole)
	w.keepers(ours)
	w.operators(ours, whole)

	known := slices.Concat(slices.Collect(maps.Keys(w.done)), slices.Collect(maps.Keys(unrecorded)), slices.Collect(maps.Keys(seenElsewhere)))
	slices.Sort(known)
	for i, op := range known {
		if i > 0 && known[i-1] == op {
			t.Errorf("%s is recorded and named among those that aren't", op)
		}
		if !slices.ContainsFunc(w.doc.routes, func(o route) bool { return o.ID == op }) {
			t.Errorf("%s is no operation", op)
		}
	}
	for _, o := range w.doc.routes {
		if o.method != http.MethodGet && !slices.Contains(known, o.ID) {
			t.Errorf("%s may change something: record it and see that here, or name it with why not", o.ID)
		}
	}
}

// people come, get roles, sign in, and go.
func (w *walk) people(ours, whole core.OrgID) {
	t := w.t
	const yes, no = auditlog.Done, auditlog.Refused
	olga := w.access("olga")
	made := w.does(token, "create-user", nil, client.NewUser{Email: "una@example.org", Name: "Una", Password: password}, whole, "user.create", yes)
	una := field(t, made, "id")
	w.does(token, "add-member", nil, map[string]any{"user": una, "role": "member"}, ours, "member.add", yes)
	w.does(olga, "set-role", of{"user": una}, map[string]any{"role": "viewer"}, ours, "member.role", yes)
	w.does("", "sign-in", nil, client.Login{Email: "una@example.org", Password: "wrong"}, whole, "sign_in", no)
	in := w.does("", "sign-in", nil, client.Login{Email: "una@example.org", Password: password}, ours, "sign_in", yes)
	first := field(t, in, "access")
	enrolled := must(w.as(first).EnrolTOTP(t.Context(), password))(t)
	code := must(totp.GenerateCode(enrolled.Secret, time.Now()))(t)
	w.does(first, "confirm-totp", nil, map[string]any{"code": code}, ours, "totp.enable", yes)
	w.does(first, "disable-totp", nil, map[string]any{"password": password}, ours, "totp.disable", yes)
	first = w.access("una")
	w.does(first, "change-password", nil, map[string]any{"old": password, "new": password + "!"}, ours, "password.change", yes)
	w.does(w.entered("una", password+"!"), "change-password", nil, map[string]any{"old": password + "!", "new": password}, ours, "password.change", yes)
	w.does(token, "disable-user", of{"user": una}, nil, ours, "user.disable", yes)
	w.does(token, "enable-user", of{"user": una}, nil, ours, "user.enable", yes)
	w.does(w.access("una"), "change-email", nil, map[string]any{"email": "uma@example.org", "password": password}, ours, "email.change", yes)
	w.does(token, "set-email", of{"user": una}, map[string]any{"email": "una@example.org"}, ours, "email.change", yes)
	link := w.does(token, "reset-password", of{"user": una}, nil, ours, "password.reset", yes)
	w.does("", "set-password", nil, map[string]any{"token": field(t, link, "token"), "password": password}, whole, "password.set", yes)
	second := w.access("una")
	session := must(w.as(second).Me(t.Context()))(t).Session
	w.does(second, "revoke-session", of{"session": session}, nil, ours, "session.revoke", yes)
	w.does(w.access("una"), "sign-out", nil, nil, ours, "sign_out", yes)

	w.does(olga, "invite", nil, map[string]any{"email": "nobody@example.org", "role": "member"}, ours, "user.invite", yes)
	open := must(w.as(olga).Invitations(t.Context(), client.PageOptions{}))(t)
	w.does(olga, "withdraw-invitation", of{"invitation": open.Items[0].ID}, nil, ours, "invitation.withdraw", yes)
	link = w.does(olga, "invite", nil, map[string]any{"email": "ivo@example.org", "role": "member"}, ours, "user.invite", yes)
	w.does("", "accept-invitation", nil, map[string]any{"token": field(t, link, "token"), "name": "Ivo", "password": password}, ours, "user.accept", yes)
	ivo := w.access("ivo")
	other := w.does(token, "create-org", nil, map[string]any{"name": "Other", "invite": "ivo@example.org"}, whole, "org.create", yes)
	theirs := core.OrgID(field(t, other, "id"))
	w.does(ivo, "join-org", nil, map[string]any{"token": field(t, other, "invitation")}, theirs, "user.accept", yes)
	w.does(ivo, "enter-org", nil, map[string]any{"org": theirs}, theirs, "session.enter", yes)
	w.does(w.access("ivo"), "leave-org", nil, nil, ours, "member.remove", yes)
	w.does(olga, "remove-member", of{"user": una}, nil, ours, "member.remove", yes)
}

// keepers look after an org: its projects, keys, credentials, budgets and rules.
func (w *walk) keepers(ours core.OrgID) {
	t := w.t
	const yes = auditlog.Done
	olga := w.access("olga")
	w.does(olga, "rename-org", nil, map[string]any{"name": "Ours"}, ours, "org.rename", yes)
	project := field(t, w.does(olga, "create-project", nil, map[string]any{"name": "Shop"}, ours, "project.create", yes), "id")
	w.does(olga, "rename-project", of{"project": project}, map[string]any{"name": "Shops"}, ours, "project.rename", yes)
	w.does(olga, "archive-project", of{"project": project}, nil, ours, "project.archive", yes)
	w.does(olga, "restore-project", of{"project": project}, nil, ours, "project.restore", yes)
	service := field(t, w.does(olga, "create-service", nil, map[string]any{"name": "ci", "role": "member"}, ours, "service.create", yes), "id")
	w.does(olga, "create-key", nil, map[string]any{"name": "ci", "scopes": keyScopes(), "service": service}, ours, "key.create", yes)
	mine := w.does(olga, "create-my-key", nil, map[string]any{"name": "mine", "scopes": keyScopes()}, ours, "key.create", yes)
	w.does(olga, "revoke-key", of{"key": field(t, mine, "id")}, nil, ours, "key.revoke", yes)

	w.does(olga, "put-secret", of{"secret": "deploy"}, client.NewSecret{Kind: "token", Value: "s3cr3t"}, ours, "credential.put", yes)
	w.does(olga, "delete-secret", of{"secret": "deploy"}, nil, ours, "credential.delete", yes)
	to := must(w.as(olga).BeginConnection(t.Context(), client.NewConnection{Provider: "forge"}))(t)
	q := must(url.Parse(w.visit(t, to.URL, "").Header.Get("Location")))(t).Query()
	w.does(olga, "finish-connection", nil, client.ConnectionAnswer{State: q.Get("state"), Code: q.Get("code")}, ours, "connection.connect", yes)

	w.does(olga, "set-budget", of{"of": "org"}, map[string]any{"limit": 1000}, ours, "budget.set", yes)
	w.does(olga, "remove-budget", of{"of": "org"}, nil, ours, "budget.remove", yes)
	w.does(olga, "set-egress", nil, map[string]any{"hosts": []string{"api.example.com"}}, ours, "egress.hosts", yes)
	w.does(olga, "set-redaction", nil, map[string]any{}, ours, "redact.policy", yes)
	w.does(olga, "set-permissions", nil, map[string]any{}, ours, "permission.policy", yes)
	w.does(olga, "set-org-permissions", nil, map[string]any{}, ours, "permission.policy", yes)
	forge := gitdirtest.HTTP(t, gitdirtest.Upstream(t, map[string]string{"a": "1"}))
	w.does(olga, "add-repository", nil, map[string]any{"name": "shop", "url": forge.URL + "/team/project.git", "credential": "forge"}, ours, "repository.add", yes)
	w.does(olga, "sync-repository", of{"repository": "shop"}, nil, ours, "repository.sync", yes)
	w.does(olga, "remove-repository", of{"repository": "shop"}, nil, ours, "repository.remove", yes)
	w.does(olga, "put-model-provider", of{"provider": "local"}, map[string]any{"kind": "ollama"}, ours, "model.provider.set", yes)
	w.does(olga, "put-model-route", of{"name": "smart"}, map[string]any{"targets": []map[string]any{{"provider": "local", "model": "m"}}}, ours, "model.route.set", yes)
	w.does(olga, "delete-model-route", of{"name": "smart"}, nil, ours, "model.route.remove", yes)
	w.does(olga, "delete-model-provider", of{"provider": "local"}, nil, ours, "model.provider.remove", yes)
	w.does(olga, "put-mcp-server", of{"server": "web"}, client.NewMCPServer{Transport: "http", Address: newPeer(t)}, ours, "mcp.server.set", yes)
	w.does(olga, "test-mcp-server", of{"server": "web"}, nil, ours, "test-mcp-server", yes)
	w.does(olga, "call-mcp-tool", of{"server": "web"}, client.MCPCall{Tool: "echo", Arguments: json.RawMessage(`{"text":"x"}`)}, ours, "mcp.tool.call", yes)
	w.does(olga, "put-mcp-server", of{"server": "web"}, client.NewMCPServer{Transport: "stdio", Argv: []string{"node", "server.js"}}, ours, "mcp.server.set", yes)
	w.does(olga, "put-mcp-files", of{"server": "web"}, client.MCPFiles{Format: "zip", Archive: emptyZip}, ours, "mcp.server.files", yes)
	w.does(olga, "delete-mcp-server", of{"server": "web"}, nil, ours, "mcp.server.remove", yes)
	w.does(olga, "set-model-settings", nil, client.ModelSettings{PromptDays: 1}, ours, "model.settings", yes)
	w.prompt(ours, "prm_one")
	w.does(olga, "show-prompt", of{"prompt": "prm_one"}, nil, ours, "prompt.read", yes)
	w.does(olga, "list-prompts", nil, nil, ours, "prompt.list", yes)
	w.does(olga, "delete-prompt", of{"prompt": "prm_one"}, nil, ours, "prompt.delete", yes)
	w.does(olga, "delete-prompts", nil, nil, ours, "prompt.delete", yes)
	talk := must(w.olga.CreateConversation(t.Context(), client.NewConversation{Title: "tea"}, ""))(t)
	w.does(olga, "delete-conversation", of{"conversation": string(talk.ID)}, nil, ours, "conversation.delete", yes)
	watched := w.does(olga, "create-watch", nil, client.NewWatch{Name: "tea", URL: "https://example.com/tea"}, ours, "watch.create", yes)
	w.does(olga, "remove-watch", of{"watch": field(t, watched, "id")}, nil, ours, "watch.remove", yes)
	w.does(olga, "add-skill", nil, client.NewSkill{Archive: skillOf(t, "csv")}, ours, "skill.add", yes)
	w.does(olga, "disable-skill", of{"skill": "csv"}, nil, ours, "skill.disable", yes)
	w.does(olga, "enable-skill", of{"skill": "csv"}, nil, ours, "skill.enable", yes)
	w.does(olga, "remove-skill", of{"skill": "csv"}, nil, ours, "skill.remove", yes)
	hook := field(t, w.does(olga, "add-webhook", nil, map[string]any{"url": "https://example.org/hook?key=SECRET"}, ours, "webhook.add", yes), "id")
	w.does(olga, "put-webhook", of{"webhook": hook}, map[string]any{"url": "https://example.org/other", "disabled": true}, ours, "webhook.set", yes)
	w.does(olga, "rotate-webhook", of{"webhook": hook}, nil, ours, "webhook.rotate", yes)
	message := w.message(ours, hook)
	w.does(olga, "replay-delivery", of{"webhook": hook, "message": message}, nil, ours, "webhook.replay", yes)
	w.does(olga, "replay-dead-deliveries", of{"webhook": hook}, nil, ours, "webhook.replay", yes)
	w.does(olga, "remove-webhook", of{"webhook": hook}, nil, ours, "webhook.remove", yes)
	w.does("", "answer-approval-link", of{"token": w.link(ours), "answer": "repeat"}, nil, ours, "approval.link", yes)
	canary := w.does(olga, "create-canary", nil, map[string]any{"name": "front page"}, ours, "canary.create", yes)
	w.does(olga, "delete-canary", of{"canary": field(t, canary, "id")}, nil, ours, "canary.delete", yes)
	w.does(olga, "set-memory-settings", nil, map[string]any{"remember": true, "days": 30}, ours, "memory.settings", yes)
	document := w.does(olga, "add-document", nil, map[string]any{"source": "a.txt", "text": "a document"}, ours, "document.add", yes)
	w.does(olga, "reindex-memory", nil, nil, ours, "memory.reindex", yes)
	w.does(olga, "delete-document", of{"document": field(t, document, "id")}, nil, ours, "document.delete", yes)
	fact := w.does(olga, "remember", nil, map[string]any{"text": "a fact"}, ours, "memory.remember", yes)
	w.does(olga, "forget", of{"memory": field(t, fact, "id")}, nil, ours, "memory.forget", yes)
	w.does(olga, "forget-all", nil, nil, ours, "memory.forget", yes)
	task := must(w.as(olga).CreateTask(t.Context(), client.NewTask{Kind: core.KindApp, Prompt: "a shelf"}, ""))(t)
	w.does(olga, "resume-task", of{"task": string(task.ID)}, map[string]any{}, ours, "resume-task", yes)
	w.does(token, "move-app", of{"app": "app_none"}, nil, ours, "move-app", auditlog.Failed)
	w.does(olga, "export-audit", nil, nil, ours, "audit.export", yes)
}

// operators look after the installation.
func (w *walk) operators(ours, whole core.OrgID) {
	const yes, failed = auditlog.Done, auditlog.Failed
	w.does(token, "export-audit-of-installation", nil, nil, whole, "audit.export", yes)
	w.does(w.access("olga"), "open-org", nil, map[string]any{"name": "Mine"}, whole, "org.create", yes)
	for _, verb := range []string{"grant", "adjust", "expire"} {
		w.does(token, verb+"-credits", nil, map[string]any{"amount": 1}, ours, "credit."+verb, yes)
	}
	w.does(token, "set-price", of{"name": "tool/x"}, map[string]any{"call": 1}, whole, "price.set", yes)
	w.does(token, "remove-price", of{"name": "tool/x"}, nil, whole, "price.remove", yes)
	w.does(token, "put-secret-of-installation", of{"secret": "k"}, client.NewSecret{Kind: "token", Value: "s3cr3t"}, whole, "credential.put", yes)
	w.does(token, "delete-secret-of-installation", of{"secret": "k"}, nil, whole, "credential.delete", yes)
	w.does(token, "put-model-provider-of-installation", of{"provider": "local"}, map[string]any{"kind": "ollama"}, whole, "model.provider.set", yes)
	w.does(token, "put-model-route-of-installation", of{"name": "smart"}, map[string]any{"targets": []map[string]any{{"provider": "local", "model": "m"}}}, whole, "model.route.set", yes)
	w.does(token, "delete-model-route-of-installation", of{"name": "smart"}, nil, whole, "model.route.remove", yes)
	w.does(token, "delete-model-provider-of-installation", of{"provider": "local"}, nil, whole, "model.provider.remove", yes)
	w.does(token, "set-share", nil, map[string]any{"share": 2}, ours, "share.set", yes)
	for _, org := range must(w.store.Orgs(w.t.Context()))(w.t) {
		if err := w.store.SetKeyset(w.t.Context(), org, 0, []byte("wrapped")); err != nil {
			w.t.Fatal(err)
		}
	}
	w.does(token, "take-backup", nil, nil, whole, "take-backup", yes)
	w.does(token, "rebuild-projection", of{"view": agent.View}, nil, whole, "rebuild-projection", yes)
	letter := of{"consumer": "ledger", "stream": "tsk_none", "version": strconv.Itoa(1)}
	w.does(token, "replay-dead-letter", letter, nil, whole, "replay-dead-letter", failed)
	w.does(token, "drop-dead-letter", letter, nil, whole, "drop-dead-letter", failed)
	w.damage(ours)
	w.does(token, "begin-audit-log-anew", of{"org": string(ours)}, map[string]any{"reason": "a test"}, ours, "audit.begin", yes)
	w.does(token, "rotate-keys", nil, map[string]any{}, whole, "rotate-keys", yes)
	w.does(token, "rotate-master-key", nil, nil, whole, "rotate-master-key", yes)
	w.does(token, "rotate-signing-keys", nil, nil, whole, "signing.rotate", yes)
	w.does(token, "shred-keys", nil, map[string]any{"org": "org_gone", "confirm": "org_gone"}, whole, "shred-keys", yes)
}
