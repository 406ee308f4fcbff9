package notify_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/notify/smtp"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/storetest"
)

// postbox is a Mailer that keeps what it takes.
type postbox struct {
	mu   sync.Mutex
	all  []notify.Letter
	fail error
}

func (p *postbox) Send(_ context.Context, l notify.Letter) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail == nil {
		p.all = append(p.all, l)
	}
	return p.fail
}

func (p *postbox) got() []notify.Letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.all)
}

func (p *postbox) fails(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = err
}

func mailing(p notify.Mailer) func(*notify.ServiceConfig) {
	return func(cfg *notify.ServiceConfig) { cfg.Mailer = p }
}

// waits appends a task that waits for an answer, and returns the event that says so.
func waits(t testing.TB, st store.Store, scope core.Scope, id string) core.Event {
	t.Helper()
	return appendTo(t, st, scope, core.StreamID(id), 0,
		core.TaskCreated{Kind: core.KindTask, Prompt: "MARKER of the prompt", Model: "m"},
		core.TaskPlanned{Plan: core.Plan{Title: "A <b>list</b>\r\nBcc: eve@example.org"}},
		core.ApprovalRequested{Call: "cal_1", Question: "MARKER of the question"})[2]
}

var linkIn = regexp.MustCompile(`https://isekai\.test(/v1/[a-z/]+/)(\S+)`)

// TestMail: who began a task that waits is written to, without what was said, with links by which
// he answers and by which there is no more of it.
func TestMail(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		c, p := newClock(), &postbox{}
		s := newService(t, nodes[0], c, mailing(p))
		e := waits(t, nodes[0], scope, "tsk_1")
		handle(t, s, e, e)
		pass(t, s)
		all := p.got()
		if len(all) != 1 {
			t.Fatalf("%d letters", len(all))
		}
		l := all[0]
		if l.To != "ann@example.org" || l.Subject != "[Isekai] A <b>list</b> Bcc: eve@example.org: waits for an answer" ||
			strings.Contains(l.Text+l.HTML, "MARKER") || strings.Contains(l.HTML, "<b>") || !strings.Contains(l.Text, "isekai task show tsk_1") {
			t.Errorf("%+v", l)
		}
		links := linkIn.FindAllStringSubmatch(l.Text, -1)
		if len(links) != 2 || links[0][1] != notify.AnswerPath || links[1][1] != notify.MutePath || l.Unsubscribe != links[1][0] {
			t.Fatalf("%q, %s", links, l.Unsubscribe)
		}
		answer, err := s.Open(t.Context(), notify.ToAnswer, links[0][2])
		if err != nil || answer.Org != scope.Org || answer.Project != scope.Project || answer.User != "usr_ann" || answer.Task != "tsk_1" || answer.Call != "cal_1" {
			t.Errorf("%+v, %v", answer, err)
		}
		mute, err := s.Open(t.Context(), notify.ToMute, links[1][2])
		if err != nil || mute.Type != notify.TaskWaiting || mute.User != "usr_ann" {
			t.Errorf("%+v, %v", mute, err)
		}
		for purpose, token := range map[string]string{notify.ToMute: links[0][2], notify.ToAnswer: links[1][2]} {
			_, err := s.Open(t.Context(), purpose, token)
			wantCode(t, "a link for something else", err, core.Unauthenticated)
		}
		c.pass(7 * 24 * time.Hour)
		_, err = s.Open(t.Context(), notify.ToAnswer, links[0][2])
		wantCode(t, "an old link", err, core.Unauthenticated)
	})
}

// TestMailIsAChoice: nobody is written to who doesn't want it, who has gone, or who may not see
// the project; also if that comes between the event and the letter.
func TestMailIsAChoice(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		c, p := newClock(), &postbox{}
		s := newService(t, nodes[0], c, mailing(p))
		gone := scope
		gone.Actor.ID = "usr_gone"
		handle(t, s, waits(t, nodes[0], gone, "tsk_gone"))
		handle(t, s, task(t, nodes[0], scope, "tsk_done")...) // of which nobody hears by mail who hasn't chosen
		handle(t, s, waits(t, nodes[0], scope, "tsk_muted"))
		if err := s.Choose(t.Context(), scope.Org, "usr_ann", map[string]*notify.Channels{notify.TaskWaiting: {Inbox: true}}); err != nil {
			t.Fatal(err)
		}
		pass(t, s)
		if all := p.got(); len(all) != 0 {
			t.Errorf("%+v", all)
		}
		if err := s.Choose(t.Context(), scope.Org, "usr_ann", map[string]*notify.Channels{notify.TaskWaiting: nil, notify.TaskFinished: {Mail: true}}); err != nil {
			t.Fatal(err)
		}
		handle(t, s, task(t, nodes[0], scope, "tsk_2")...)
		handle(t, s, waits(t, nodes[0], scope, "tsk_3"))
		pass(t, s)
		if all := p.got(); len(all) != 2 {
			t.Errorf("%+v", all)
		}
		wantCode(t, "no such type", s.Choose(t.Context(), scope.Org, "usr_ann", map[string]*notify.Channels{"x": nil}), core.Invalid)
	})
}

// TestMailIsTriedAgain while the server is down, and not when it refuses.
func TestMailIsTriedAgain(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		c, p := newClock(), &postbox{}
		var outcomes []string
		s := newService(t, nodes[0], c, mailing(p), func(cfg *notify.ServiceConfig) {
			cfg.Sent = func(what, outcome string) { outcomes = append(outcomes, what+" "+outcome) }
		})
		p.fails(core.E(core.Unavailable, "test", "down"))
		handle(t, s, waits(t, nodes[0], scope, "tsk_1"))
		for range 3 {
			pass(t, s)
			c.pass(15 * time.Minute)
		}
		p.fails(nil)
		pass(t, s)
		if n := len(p.got()); n != 1 {
			t.Errorf("%d letters", n)
		}
		p.fails(core.E(core.Denied, "test", "no such user"))
		handle(t, s, waits(t, nodes[0], scope, "tsk_2"))
		pass(t, s)
		p.fails(nil)
		c.pass(time.Hour)
		pass(t, s)
		if n := len(p.got()); n != 1 {
			t.Errorf("%d letters after one was refused", n)
		}
		if want := "[mail again mail again mail again mail sent mail dead]"; fmt.Sprint(outcomes) != want {
			t.Errorf("%v", outcomes)
		}
		if n, err := s.Waiting(t.Context()); n != 0 || err != nil {
			t.Errorf("%d entries are left, %v", n, err)
		}
	})
}

// TestMailHasARate: a user gets so many letters in an hour, and the others later.
func TestMailHasARate(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		c, p := newClock(), &postbox{}
		s := newService(t, nodes[0], c, mailing(p), func(cfg *notify.ServiceConfig) { cfg.Quotas = nodes[0] })
		for i := range 35 {
			handle(t, s, waits(t, nodes[0], scope, fmt.Sprintf("tsk_%d", i)))
		}
		for range 20 {
			pass(t, s)
		}
		if n := len(p.got()); n < 30 || n > 31 { // by the store's clock, which goes on
			t.Errorf("%d letters at once", n)
		}
		if n, err := s.Waiting(t.Context()); n < 4 || err != nil {
			t.Errorf("%d wait, %v", n, err)
		}
	})
}

// TestMailKilledAnywhere: the process dies at each write, before it or after. Then another goes
// on: the letter is sent, twice at most where nobody can know, with the same id.
func TestMailKilledAnywhere(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		for _, afterwards := range []bool{false, true} {
			for at := int64(1); ; at++ {
				who := scope
				who.Org = core.OrgID(fmt.Sprintf("org_%d%t", at, afterwards))
				c, p := newClock(), &postbox{}
				m := &storetest.Mortal{Store: nodes[0], After: afterwards}
				dying, next := newService(t, m, c, mailing(p)), newService(t, nodes[1], c, mailing(p))
				event := waits(t, nodes[0], who, "tsk_1")
				m.Left.Store(at)
				err := dying.Handler()(t.Context(), event)
				if err == nil {
					_ = dying.Pass(t.Context())
				}
				died := m.Dead.Load()
				if err != nil {
					handle(t, next, event)
				}
				pass(t, next)
				c.pass(2 * time.Minute)
				pass(t, next)
				all := p.got()
				if len(all) < 1 || len(all) > 2 || all[0].ID != all[len(all)-1].ID {
					t.Errorf("killed at write %d: %d letters", at, len(all))
				}
				if n, err := next.Waiting(t.Context()); n != 0 || err != nil {
					t.Errorf("killed at write %d: %d entries are left, %v", at, n, err)
				}
				in, _, err := next.Inbox(t.Context(), who.Org, "usr_ann", func(notify.Notice) bool { return true }, true, "", 10)
				if err != nil || len(in) != 1 {
					t.Errorf("killed at write %d: %d in the inbox, %v", at, len(in), err)
				}
				if !died {
					break
				}
			}
		}
	})
}

// TestInbox: a user's notices are his alone, the newest first, and are read once.
func TestInbox(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		ctx := t.Context()
		s := newService(t, nodes[0], newClock())
		for i := range 5 {
			handle(t, s, task(t, nodes[0], scope, fmt.Sprintf("tsk_%d", i))...)
		}
		handle(t, s, appendTo(t, nodes[0], scope, "bgt_1", 0, core.BudgetReached{Budget: "org", Percent: 80, Period: "2026-11"})...)
		all := func(notify.Notice) bool { return true }
		var seen []string
		for after := ""; ; {
			page, next, err := s.Inbox(ctx, scope.Org, "usr_ann", all, false, after, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page {
				seen = append(seen, string(e.Notice.Task))
			}
			if after = next; next == "" {
				break
			}
		}
		if got := strings.Join(seen, " "); got != "tsk_4 tsk_3 tsk_2 tsk_1 tsk_0" {
			t.Error(got)
		}
		ada, _, err := s.Inbox(ctx, scope.Org, "usr_ada", all, true, "", 10)
		if err != nil || len(ada) != 1 || ada[0].Notice.Type != notify.BudgetReached || ada[0].Notice.Project != "" {
			t.Errorf("%+v, %v", ada, err)
		}
		if none, _, err := s.Inbox(ctx, scope.Org, "usr_ann", func(notify.Notice) bool { return false }, false, "", 2); err != nil || len(none) != 0 {
			t.Errorf("%+v, %v", none, err)
		}
		wantCode(t, "another's", s.MarkRead(ctx, scope.Org, "usr_ann", ada[0].Notice.ID), core.NotFound)
		if err := s.MarkRead(ctx, scope.Org, "usr_ada", ada[0].Notice.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.MarkAllRead(ctx, scope.Org, "usr_ann"); err != nil {
			t.Fatal(err)
		}
		for _, user := range []core.UserID{"usr_ann", "usr_ada"} {
			if left, _, err := s.Inbox(ctx, scope.Org, user, all, true, "", 10); err != nil || len(left) != 0 {
				t.Errorf("%s has %d unread, %v", user, len(left), err)
			}
		}
	})
}

// mailhouse is a mail server on this machine, which can be shut.
type mailhouse struct {
	mu   sync.Mutex
	shut bool
	data []string
}

func (h *mailhouse) open(*gosmtp.Conn) (gosmtp.Session, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.shut {
		return nil, &gosmtp.SMTPError{Code: 421, Message: "shut"}
	}
	return visit{h}, nil
}

type visit struct{ *mailhouse }

func (visit) Mail(string, *gosmtp.MailOptions) error { return nil }
func (visit) Rcpt(string, *gosmtp.RcptOptions) error { return nil }
func (visit) Reset()                                 {}
func (visit) Logout() error                          { return nil }
func (v visit) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.data = append(v.data, string(b))
	return err
}

// TestMailServerDownForAWhile: a real server that is shut gets the letter when it isn't.
func TestMailServerDownForAWhile(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		house := &mailhouse{shut: true}
		srv := gosmtp.NewServer(gosmtp.BackendFunc(house.open))
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(l) }()
		defer func() { _ = srv.Close(); <-served }()
		m, err := smtp.New(smtp.Config{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: smtp.None, From: "isekai@example.org"})
		if err != nil {
			t.Fatal(err)
		}
		c := newClock()
		s := newService(t, nodes[0], c, mailing(m))
		handle(t, s, waits(t, nodes[0], scope, "tsk_1"))
		pass(t, s)
		house.mu.Lock()
		house.shut = false
		house.mu.Unlock()
		c.pass(time.Minute)
		pass(t, s)
		if len(house.data) != 1 || !strings.Contains(house.data[0], "Subject: [Isekai] A <b>list</b>") {
			t.Errorf("%q", house.data)
		}
	})
}
