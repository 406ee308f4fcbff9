package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	hookTime   = 15 * time.Second   // for an endpoint to answer
	hookAnswer = 64 << 10           // bytes of an answer that are read, so that its connection can be used again
	failTime   = 3 * 24 * time.Hour // of an endpoint that takes nothing, before it is disabled
)

// schedule is how long after a try the next one is (Standard Webhooks, "deliverability"): ten
// in all, over three days. Each wait is longer by up to a fifth, at random, so that what failed
// together isn't tried together.
var schedule = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// after returns the wait after the n-th try of a schedule, from 1, or false after the last.
func after(schedule []time.Duration, n int) (time.Duration, bool) {
	if n > len(schedule) {
		return 0, false
	}
	d := schedule[n-1]
	return d + rand.N(d/5+1), true
}

// tryDelivery tries to send a message, and returns when to try again; the zero time is never.
// not_found: it, or its endpoint, is gone.
func (s *Service) tryDelivery(ctx context.Context, j job) (time.Time, error) {
	d, err := deliveries.Get(ctx, s.cfg.Records, j.Org, j.Key)
	if err != nil || d.Data.State != Pending {
		return time.Time{}, err
	}
	if wait := d.Data.Next.Sub(s.now()); wait > 0 { // another entry of the queue was quicker
		return d.Data.Next, nil
	}
	id, _, _ := bytes.Cut([]byte(j.Key), []byte("/"))
	h, err := hooks.Get(ctx, s.cfg.Records, j.Org, string(id))
	if err != nil {
		return time.Time{}, err
	}
	a := Attempt{At: s.now(), Error: "the webhook is disabled"}
	if !h.Data.Disabled {
		if a, err = s.post(ctx, j.Org, h, d.Data.ID, d.Data.Body); err == nil {
			h, err = s.judge(ctx, j.Org, h, a)
		}
		if err != nil {
			return time.Time{}, err
		}
	}
	if h.Data.Disabled { // told also if it was before: perhaps whoever disabled it died
		if err := s.tellDisabled(ctx, j.Org, h); err != nil {
			return time.Time{}, err
		}
	}
	return s.settle(ctx, j.Org, d, a, h.Data.Disabled)
}

// post sends a message. The attempt says whether it was taken; an error is that it couldn't
// even be tried.
func (s *Service) post(ctx context.Context, org core.OrgID, h store.Doc[hookDoc], id string, body []byte) (Attempt, error) {
	keys, err := s.keys(ctx, org, h.ID)
	if err != nil {
		return Attempt{}, err
	}
	a := Attempt{At: s.now()}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.Data.URL, bytes.NewReader(body))
	if err != nil {
		a.Error = "the address can't be used"
		return a, nil
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", s.cfg.Agent)
	r.Header.Set(headerID, id)
	r.Header.Set(headerTime, strconv.FormatInt(a.At.Unix(), 10))
	r.Header.Set(headerSignature, signatures(keys, id, a.At, body))
	res, err := s.cfg.HTTP.Do(r)
	if ctx.Err() != nil { // nobody knows whether it was taken: it is sent again, by the same id
		return a, ctx.Err()
	}
	a.Took = s.now().Sub(a.At)
	if err != nil {
		a.Error = because(err)
		return a, nil
	}
	_, _ = io.CopyN(io.Discard, res.Body, hookAnswer) // what it says is nobody's to see: the status counts
	_ = res.Body.Close()
	if a.Status = res.StatusCode; a.Status < 200 || a.Status > 299 {
		a.Error = "it was answered with " + strconv.Itoa(a.Status)
		if a.Status >= 300 && a.Status < 400 {
			a.Error += ", and redirects aren't followed"
		}
	}
	return a, nil
}

// because is why there was no answer, for a person. The address isn't quoted.
func because(err error) string {
	var known *core.Error
	switch {
	case errors.As(err, &known):
		return line(known.Msg, maxDetail)
	case errors.Is(err, context.DeadlineExceeded):
		return "it wasn't answered in time"
	}
	return "it wasn't answered"
}

// settle keeps what came of a try, and says when the next one is.
func (s *Service) settle(ctx context.Context, org core.OrgID, d store.Doc[deliveryDoc], a Attempt, last bool) (time.Time, error) {
	m := &d.Data
	m.Tries, m.Round = m.Tries+1, m.Round+1
	m.Attempts = append(m.Attempts, a)
	m.Attempts = m.Attempts[max(0, len(m.Attempts)-keepAttempts):]
	wait, more := after(schedule, m.Round)
	outcome := "again"
	switch {
	case a.Error == "":
		m.State, m.Next, outcome = Delivered, time.Time{}, "sent"
	case last || !more:
		m.State, m.Next, outcome = Dead, time.Time{}, "dead"
	default:
		m.Next = s.now().Add(wait.Truncate(time.Millisecond))
	}
	err := s.cfg.Records.Write(ctx, org, deliveries.Put(d))
	if core.CodeOf(err) == core.Conflict { // it was replayed meanwhile
		return s.now(), nil
	}
	if err == nil {
		s.cfg.Sent(jobHook, outcome)
	}
	return m.Next, err
}

// judge disables an endpoint that wants nothing any more, or has taken nothing for failTime.
// One that takes something again has a clean slate. It returns the endpoint as it is then.
func (s *Service) judge(ctx context.Context, org core.OrgID, h store.Doc[hookDoc], a Attempt) (store.Doc[hookDoc], error) {
	failed := a.Error != ""
	if !failed && h.Data.Failing.IsZero() {
		return h, nil
	}
	err := store.Update(ctx, s.cfg.Records, org, func() (_ []store.Change, err error) {
		if h, err = hooks.Get(ctx, s.cfg.Records, org, h.ID); err != nil || h.Data.Disabled {
			return nil, err
		}
		was := h.Data.Failing
		switch {
		case a.Status == http.StatusGone:
			h.Data.disable(a.At, "it answered that it is gone (410)")
		case failed && !was.IsZero() && a.At.Sub(was) >= failTime:
			h.Data.disable(a.At, "it has taken nothing since "+was.Format(time.RFC3339))
		case failed && was.IsZero():
			h.Data.Failing = a.At
		case failed:
			return nil, nil
		default:
			h.Data.Failing = time.Time{}
		}
		return []store.Change{hooks.Put(h)}, nil
	})
	return h, err
}

// tellDisabled tells who looks after an endpoint that nobody but us has disabled it.
func (s *Service) tellDisabled(ctx context.Context, org core.OrgID, h store.Doc[hookDoc]) error {
	if h.Data.Why == "" { // somebody did
		return nil
	}
	scope := core.Scope{Org: org, Project: h.Data.Project, Actor: core.Actor{Kind: core.ActorSystem, ID: Consumer}}
	return s.Raise(ctx, scope, "webhook/"+h.ID+"/"+h.Data.Ended.Format(time.RFC3339Nano), core.NoticeRaised{
		Type: WebhookDisabled, Title: "The webhook " + h.ID + " is disabled", Detail: h.Data.Why, Subject: h.ID, User: h.Data.By,
	})
}

// Test sends a message to an endpoint, once and at once, also to one that is disabled, and
// returns what came of it.
func (s *Service) Test(ctx context.Context, scope core.Scope, webhook string) (Attempt, error) {
	h, err := s.hook(ctx, scope, webhook)
	if err != nil {
		return Attempt{}, err
	}
	n := Notice{ID: s.cfg.IDs("msg"), Type: webhookTest, At: s.now(), Org: scope.Org, Project: scope.Project, Title: "A test of the webhook " + h.ID, Subject: h.ID}
	body, err := json.Marshal(message{n.Type, n.At, n})
	if err != nil {
		return Attempt{}, err
	}
	a, err := s.post(ctx, scope.Org, h, n.ID, body)
	if err != nil {
		return a, err
	}
	d := deliveryDoc{ID: n.ID, Type: n.Type, State: Delivered, Created: a.At, Tries: 1, Attempts: []Attempt{a}, Body: body}
	if a.Error != "" {
		d.State = Dead
	}
	return a, s.cfg.Records.Write(ctx, scope.Org, deliveries.Put(store.Doc[deliveryDoc]{ID: deliveryID(h.ID, n.ID), Expires: a.At.Add(keepDelivery), Data: d}))
}
