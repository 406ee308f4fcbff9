package notify_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/store"
)

// TestMessages: an endpoint is sent what it wants of its project, signed, once for each event,
// and what was said only if it was made for that.
func TestMessages(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		c := newClock()
		st, s := nodes[0], newService(t, nodes[0], c)
		plain, whole, other, budgets := newReceiver(t, c), newReceiver(t, c), newReceiver(t, c), newReceiver(t, c)
		h := plain.hook(s, scope, notify.NewWebhook{})
		whole.hook(s, scope, notify.NewWebhook{Prompts: true, Types: []string{notify.TaskFinished}})
		elsewhere := scope
		elsewhere.Project = "prj_b"
		other.hook(s, elsewhere, notify.NewWebhook{})
		budgets.hook(s, scope, notify.NewWebhook{Types: []string{notify.BudgetReached}})
		events := task(t, st, scope, "tsk_1")
		handle(t, s, events...)
		handle(t, s, events...) // the bus gives an event at least once
		pass(t, s)
		if n := len(other.got()) + len(budgets.got()); n > 0 {
			t.Errorf("%d messages to who wants none of them", n)
		}
		for _, r := range []*receiver{plain, whole} {
			all := r.got()
			if len(all) != 1 {
				t.Fatalf("%d messages", len(all))
			}
			m := all[0]
			if m.Type != notify.TaskFinished || m.Data.Task != "tsk_1" || m.Data.Status != "succeeded" || m.Data.Title != "A reading list: succeeded" || m.ID != m.Data.ID {
				t.Errorf("%+v", m)
			}
			if said := strings.Count(m.Raw, "MARKER"); said != map[*receiver]int{plain: 0, whole: 2}[r] {
				t.Errorf("%d of what was said in %s", said, m.Raw)
			}
		}
		d := only(t, s, h)
		if d.State != notify.Delivered || d.Tries != 1 || d.Attempts[0].Status != 204 {
			t.Errorf("%+v", d)
		}
		if n, err := s.Waiting(t.Context()); n != 0 || err != nil {
			t.Errorf("%d entries are left in the queue, %v", n, err)
		}
	})
}

// TestSchedule: what isn't taken is tried by the schedule, and then is a dead letter, which a
// person can have sent again. All of it has one id.
func TestSchedule(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		c := newClock()
		s := newService(t, nodes[0], c)
		r := newReceiver(t, c)
		r.answers(500)
		h := r.hook(s, scope, notify.NewWebhook{})
		handle(t, s, task(t, nodes[0], scope, "tsk_1")...)
		pass(t, s)
		for n, wait := range notify.Schedule {
			c.pass(wait - time.Second) // not yet
			pass(t, s)
			if got := len(r.got()); got != n+1 {
				t.Fatalf("%d tries before the wait after %d is over", got, n+1)
			}
			c.pass(wait/5 + 2*time.Second)
			if n == len(notify.Schedule)-1 { // else it would be disabled by now
				break
			}
			pass(t, s)
			if d := only(t, s, h); d.Tries != n+2 || d.State != notify.Pending {
				t.Fatalf("after %d tries %+v", n+2, d)
			}
		}
		pass(t, s)
		d := only(t, s, h)
		if d.State != notify.Dead || d.Tries != 10 || !d.Next.IsZero() {
			t.Errorf("%+v", d)
		}
		r.answers(204)
		if _, err := s.SetWebhook(t.Context(), scope, h.ID, 0, notify.NewWebhook{URL: h.URL}); err != nil { // it was disabled
			t.Fatal(err)
		}
		if n, err := s.ReplayDead(t.Context(), scope, h.ID, 100); n != 1 || err != nil {
			t.Fatalf("%d replayed, %v", n, err)
		}
		pass(t, s)
		if d := only(t, s, h); d.State != notify.Delivered || d.Tries != 11 {
			t.Errorf("%+v", d)
		}
		for _, m := range r.got() {
			if m.ID != d.ID {
				t.Errorf("id %s, and before %s", m.ID, d.ID)
			}
		}
	})
}

// TestDisabled: an endpoint that says it is gone, or takes nothing for days, is disabled, and
// who made it and who administers the org are told.
func TestDisabled(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(r *receiver, s *notify.Service, c *clock){
		"gone": func(r *receiver, s *notify.Service, _ *clock) {
			r.answers(410)
			pass(r.t, s)
		},
		"failing for days": func(r *receiver, s *notify.Service, c *clock) {
			r.answers(503)
			for range 20 {
				pass(r.t, s)
				c.pass(5 * time.Hour)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, nodes [2]store.Store) {
				c := newClock()
				s := newService(t, nodes[0], c)
				r := newReceiver(t, c)
				h := r.hook(s, scope, notify.NewWebhook{})
				handle(t, s, task(t, nodes[0], scope, "tsk_1")...)
				fail(r, s, c)
				h, err := s.Webhook(t.Context(), scope, h.ID)
				if err != nil || !h.Disabled || h.Why == "" {
					t.Fatalf("%+v, %v", h, err)
				}
				if d := only(t, s, h); d.State != notify.Dead {
					t.Errorf("%+v", d)
				}
				events, err := nodes[0].ReadOrg(t.Context(), scope.Org, 0, 100)
				if err != nil {
					t.Fatal(err)
				}
				raised := events[len(events)-1:]
				if raised[0].Type != (core.NoticeRaised{}).EventType() {
					t.Fatalf("the last event is %s", raised[0].Type)
				}
				raised[0].At = c.Now()
				handle(t, s, raised...)
				for _, user := range []core.UserID{"usr_ann", "usr_ada"} {
					in, _, err := s.Inbox(t.Context(), scope.Org, user, func(notify.Notice) bool { return true }, true, "", 10)
					if err != nil || len(in) == 0 || in[0].Notice.Type != notify.WebhookDisabled || in[0].Notice.Subject != h.ID {
						t.Errorf("%s has %+v, %v", user, in, err)
					}
				}
				before := len(r.got())
				handle(t, s, task(t, nodes[0], scope, "tsk_2")[2:]...)
				pass(t, s)
				if len(r.got()) != before {
					t.Error("something is sent to who is disabled")
				}
			})
		})
	}
}

// TestAnEndpointComesBack: one that takes something again has a clean slate.
func TestAnEndpointComesBack(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		c := newClock()
		s := newService(t, nodes[0], c)
		r := newReceiver(t, c)
		h := r.hook(s, scope, notify.NewWebhook{})
		r.answers(500)
		handle(t, s, task(t, nodes[0], scope, "tsk_1")...)
		pass(t, s)
		if h, err := s.Webhook(t.Context(), scope, h.ID); err != nil || h.Failing.IsZero() {
			t.Fatalf("%+v, %v", h, err)
		}
		r.answers(200)
		c.pass(7 * time.Second)
		pass(t, s)
		if h, err := s.Webhook(t.Context(), scope, h.ID); err != nil || !h.Failing.IsZero() || h.Disabled {
			t.Errorf("%+v, %v", h, err)
		}
	})
}

// TestRotation: for a day messages are signed with both secrets, and then with the new one.
func TestRotation(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		c := newClock()
		s := newService(t, nodes[0], c)
		r := newReceiver(t, c)
		h := r.hook(s, scope, notify.NewWebhook{})
		next, err := s.RotateSecret(t.Context(), scope, h.ID)
		if err != nil || !strings.HasPrefix(next, "whsec_") || next == r.secrets[0] {
			t.Fatal(next, err)
		}
		r.takes(r.secrets[0], next)
		r.every = true
		if a, err := s.Test(t.Context(), scope, h.ID); err != nil || a.Status != 204 {
			t.Errorf("%+v, %v", a, err)
		}
		c.pass(notify.OldSecret)
		r.takes(next)
		if a, err := s.Test(t.Context(), scope, h.ID); err != nil || a.Status != 204 {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

// TestHostileEndpoints: nothing is sent to where nobody may reach, redirects lead nowhere, and
// what an address holds is in no error.
func TestHostileEndpoints(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		c := newClock()
		r := newReceiver(t, c)
		closed := newService(t, nodes[0], c, func(cfg *notify.ServiceConfig) { cfg.HTTP = client(t) })
		for _, to := range []string{r.URL, "http://169.254.169.254/latest", "http://[::1]/", "http://localhost/?key=SECRET", "http://10.0.0.1/", "http://2130706433/"} {
			h, _, err := closed.AddWebhook(t.Context(), scope, "usr_ann", notify.NewWebhook{URL: to})
			if err != nil {
				t.Fatal(err)
			}
			a, err := closed.Test(t.Context(), scope, h.ID)
			if err != nil || a.Status != 0 || a.Error == "" || strings.Contains(a.Error, "SECRET") {
				t.Errorf("%s: %+v, %v", to, a, err)
			}
		}
		s := newService(t, nodes[0], c)
		h := r.hook(s, scope, notify.NewWebhook{})
		r.answers(307)
		a, err := s.Test(t.Context(), scope, h.ID)
		if err != nil || a.Status != 307 || a.Error == "" || len(r.got()) != 1 {
			t.Errorf("%+v, %v, and %d requests", a, err, len(r.got()))
		}
		for _, to := range []string{"", "x", "ftp://example.com/", "file:///etc/passwd", "https://u:p@example.com/", "mailto:a@example.com", "https://" + strings.Repeat("x", 3000)} {
			_, _, err := s.AddWebhook(t.Context(), scope, "usr_ann", notify.NewWebhook{URL: to})
			wantCode(t, to, err, core.Invalid)
		}
		strict := newService(t, nodes[0], c, func(cfg *notify.ServiceConfig) { cfg.AllowHTTP = false })
		_, _, err = strict.AddWebhook(t.Context(), scope, "usr_ann", notify.NewWebhook{URL: r.URL})
		wantCode(t, "without TLS", err, core.Invalid)
	})
}

// TestTenants: nobody sees, changes or uses another's endpoint.
func TestTenants(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		ctx, c := t.Context(), newClock()
		s := newService(t, nodes[0], c)
		r := newReceiver(t, c)
		h := r.hook(s, scope, notify.NewWebhook{})
		handle(t, s, task(t, nodes[0], scope, "tsk_1")...)
		message := only(t, s, h).ID
		for _, them := range []core.Scope{{Org: "org_b", Project: "prj_a", Actor: scope.Actor}, {Org: "org_a", Project: "prj_b", Actor: scope.Actor}} {
			for what, f := range map[string]func() error{
				"show":   func() error { _, err := s.Webhook(ctx, them, h.ID); return err },
				"set":    func() error { _, err := s.SetWebhook(ctx, them, h.ID, 0, notify.NewWebhook{URL: r.URL}); return err },
				"remove": func() error { return s.RemoveWebhook(ctx, them, h.ID, 0) },
				"rotate": func() error { _, err := s.RotateSecret(ctx, them, h.ID); return err },
				"test":   func() error { _, err := s.Test(ctx, them, h.ID); return err },
				"list":   func() error { _, _, err := s.Deliveries(ctx, them, h.ID, "", "", 10); return err },
				"replay": func() error { _, err := s.Replay(ctx, them, h.ID, message); return err },
				"dead":   func() error { _, err := s.ReplayDead(ctx, them, h.ID, 10); return err },
			} {
				wantCode(t, what, f(), core.NotFound)
			}
			if all, err := s.Webhooks(ctx, them); err != nil || len(all) > 0 {
				t.Errorf("%+v, %v", all, err)
			}
		}
		// An org's events lead to its own endpoints alone.
		there := core.Scope{Org: "org_b", Project: "prj_a", Actor: scope.Actor}
		handle(t, s, task(t, nodes[0], there, "tsk_1")...)
		pass(t, s)
		if got := r.got(); len(got) != 1 || got[0].Data.Org != scope.Org {
			t.Errorf("%+v", got)
		}
	})
}

// TestRemoved: what was to be sent to an endpoint that is gone isn't, and the queue is empty.
func TestRemoved(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		c := newClock()
		s := newService(t, nodes[0], c)
		r := newReceiver(t, c)
		h := r.hook(s, scope, notify.NewWebhook{})
		handle(t, s, task(t, nodes[0], scope, "tsk_1")...)
		wantCode(t, "an old revision", s.RemoveWebhook(t.Context(), scope, h.ID, 7), core.Conflict)
		if err := s.RemoveWebhook(t.Context(), scope, h.ID, h.Revision); err != nil {
			t.Fatal(err)
		}
		pass(t, s)
		if n, err := s.Waiting(t.Context()); n != 0 || err != nil || len(r.got()) != 0 {
			t.Errorf("%d in the queue, %v, %d sent", n, err, len(r.got()))
		}
	})
}

func TestMostWebhooks(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		s := newService(t, nodes[0], newClock())
		for range notify.MaxWebhooks {
			if _, _, err := s.AddWebhook(context.Background(), scope, "usr_ann", notify.NewWebhook{URL: "https://example.com/"}); err != nil {
				t.Fatal(err)
			}
		}
		_, _, err := s.AddWebhook(context.Background(), scope, "usr_ann", notify.NewWebhook{URL: "https://example.com/"})
		wantCode(t, "one more", err, core.Exhausted)
	})
}
