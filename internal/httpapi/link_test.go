package httpapi_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/notify"
)

// asked is one question, which is answered once.
type asked struct {
	mu    sync.Mutex
	given []core.Answer
	by    []core.Scope
}

func (a *asked) Asked(_ context.Context, _ core.Scope, task core.TaskID, call core.CallID) (httpapi.Asked, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if task != "tsk_asked" || call != "cal_asked" {
		return httpapi.Asked{}, core.E(core.NotFound, "test", "there is no such task")
	}
	if len(a.given) > 0 {
		return httpapi.Asked{}, core.E(core.Conflict, "test", "it was answered")
	}
	return httpapi.Asked{Title: "A list", Question: "Did <b>it</b> take effect?", Choices: []core.Answer{core.AnswerRepeat, core.AnswerDone}}, nil
}

func (a *asked) Answer(_ context.Context, scope core.Scope, _ core.TaskID, _ core.CallID, answer core.Answer) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.given, a.by = append(a.given, answer), append(a.by, scope)
	return nil
}

// sign makes a link for a user of an org.
func (w *town) sign(l notify.Link) string {
	w.t.Helper()
	if l.Purpose == "" {
		l.Purpose = notify.ToAnswer
	}
	if l.Until.IsZero() {
		l.Until = time.Now().Add(time.Hour)
	}
	l.Project, l.Task, l.Call = core.DefaultProject, "tsk_asked", "cal_asked"
	return must(w.notify.Sign(w.t.Context(), l))(w.t)
}

// link makes one for Olga.
func (w *town) link(org core.OrgID) string {
	w.t.Helper()
	return url.PathEscape(w.sign(notify.Link{Org: org, User: w.me(w.olga).User}))
}

// message has something sent to an endpoint, and returns its id.
func (w *walk) message(org core.OrgID, hook string) string {
	w.t.Helper()
	who := core.Scope{Org: org, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_x"}}
	if _, err := w.notify.Test(w.t.Context(), who, hook); err != nil {
		w.t.Fatal(err)
	}
	all, _, err := w.notify.Deliveries(w.t.Context(), who, hook, "", "", 1)
	if err != nil || len(all) != 1 {
		w.t.Fatal(all, err)
	}
	return all[0].ID
}

// TestApprovalLinks: who has a link sees what is asked, and answers once, as the person whose
// link it is. To look at it does nothing.
func TestApprovalLinks(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	path := notify.AnswerPath + w.link(core.DefaultOrg)
	for range 3 { // as what scans mail does
		a := w.do("GET", path, "", "Authorization", "")
		if a.status != 200 || field(t, a, "question") != "Did <b>it</b> take effect?" {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	p := w.do("GET", path, "", "Authorization", "", "Accept", "text/html,*/*")
	if p.status != 200 || !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") || strings.Contains(p.body, "<b>") ||
		!strings.Contains(p.body, `action="`+path+`/repeat"`) || !strings.Contains(p.header.Get("Content-Security-Policy"), "form-action 'self'") {
		t.Fatalf("%d %v %s", p.status, p.header, p.body)
	}
	if len(w.asked.given) > 0 {
		t.Fatal("a look has answered")
	}
	if a := w.do("POST", path+"/failed", "", "Authorization", ""); a.status != 422 && a.status != 400 {
		t.Errorf("what is no answer: %d %s", a.status, a.body)
	}
	form := []string{"Authorization", "", "Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html", "Origin", w.url}
	if a := w.do("POST", path+"/repeat", "", form...); a.status != 200 || !strings.Contains(a.body, "Answered: repeat") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := w.do("POST", path+"/repeat", "", "Authorization", ""); a.status != 409 {
		t.Errorf("a second time: %d %s", a.status, a.body)
	}
	if !slices.Equal(w.asked.given, []core.Answer{core.AnswerRepeat}) || w.asked.by[0].Actor.ID != string(w.me(w.olga).User) {
		t.Errorf("%v by %v", w.asked.given, w.asked.by)
	}
	if !strings.Contains(w.audited(core.DefaultOrg), "approval.link") {
		t.Error("the audit log doesn't have it")
	}
}

// TestBadLinks: a link that was changed, is for something else or of another org, has expired,
// or whose user may not any more, does nothing.
func TestBadLinks(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	other, _ := w.otherOrg("omar")
	vera := w.person(w.olga, "vera", client.Place{Role: core.Viewer})
	gone := w.person(w.olga, "gone", client.Place{Role: core.Member})
	olga, gonesID := w.me(w.olga).User, w.me(gone).User
	left := w.sign(notify.Link{Org: core.DefaultOrg, User: gonesID})
	if err := w.olga.RemoveMember(t.Context(), gonesID); err != nil {
		t.Fatal(err)
	}
	good := w.sign(notify.Link{Org: core.DefaultOrg, User: olga})
	swapped := strings.Split(w.sign(notify.Link{Org: other, User: olga}), ".")[0] + "." + strings.Split(good, ".")[1]
	narrow := w.sign(notify.Link{Org: core.DefaultOrg, User: olga, Answers: []core.Answer{core.AnswerDone}})
	for what, c := range map[string]struct {
		token string
		codes []int
	}{
		"nothing":            {"x", []int{401}},
		"made up":            {"isl_e30.e30", []int{401}},
		"cut":                {good[:len(good)-2], []int{401}},
		"changed":            {good[:10] + "A" + good[11:], []int{401}},
		"another org's mark": {swapped, []int{401}},
		"another org":        {w.sign(notify.Link{Org: other, User: olga}), []int{401}},
		"no such org":        {w.sign(notify.Link{Org: "org_none", User: olga}), []int{401}},
		"expired":            {w.sign(notify.Link{Org: core.DefaultOrg, User: olga, Until: time.Now().Add(-time.Second)}), []int{401}},
		"another purpose":    {w.sign(notify.Link{Purpose: notify.ToMute, Org: core.DefaultOrg, User: olga}), []int{401}},
		"a viewer's":         {w.sign(notify.Link{Org: core.DefaultOrg, User: w.me(vera).User}), []int{403}},
		"of who has left":    {left, []int{401}},
		"another answer":     {narrow, []int{400, 422}},
	} {
		a := w.do("POST", notify.AnswerPath+url.PathEscape(c.token)+"/repeat", "", "Authorization", "")
		if !slices.Contains(c.codes, a.status) {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	if len(w.asked.given) > 0 {
		t.Errorf("%v was answered", w.asked.given)
	}
}

// TestMuteLinks: who gets mail has no more of it by its link, and by a POST alone.
func TestMuteLinks(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	token := w.sign(notify.Link{Purpose: notify.ToMute, Org: core.DefaultOrg, User: w.me(w.olga).User, Type: notify.TaskWaiting})
	path := notify.MutePath + url.PathEscape(token)
	mail := func() bool {
		t.Helper()
		all := must(w.olga.NotificationChoices(t.Context()))(t)
		return all[slices.IndexFunc(all, func(c client.NotificationChoice) bool { return c.Type == notify.TaskWaiting })].Mail
	}
	if a := w.do("GET", path, "", "Authorization", ""); a.status != 200 || !mail() {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := w.do("POST", path, "List-Unsubscribe=One-Click", "Authorization", "", "Content-Type", "application/x-www-form-urlencoded"); a.status != 200 || mail() {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := w.do("POST", notify.MutePath+w.link(core.DefaultOrg), "", "Authorization", ""); a.status != 401 {
		t.Errorf("a link for something else: %d %s", a.status, a.body)
	}
}
