package ledger_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/store"
)

// A task's end that is heard of before its last call keeps what that call cost: nobody
// else holds it meanwhile.
func TestALateCallIsCovered(t *testing.T) {
	t.Parallel()
	ctx, org, told := context.Background(), newOrg(), newAnswers()
	s := newLedger(t, openSQLite(t))
	grant(t, s, org, 100)
	handle := s.Handler(told)
	for _, e := range []core.Event{
		event(t, org, "tsk_a", 1, core.CreditsRequested{Amount: 100}),
		event(t, org, "tsk_a", 4, core.TaskFinished{Hold: 100, Spent: 70}),
		event(t, org, "tsk_a", 2, core.ModelSettled{Cost: 10}),
		event(t, org, "tsk_b", 1, core.CreditsRequested{Amount: 31}),
		event(t, org, "tsk_c", 1, core.CreditsRequested{Amount: 30}),
		event(t, org, "tsk_a", 3, core.ToolSettled{Cost: 60}),
	} {
		if err := handle(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	if b := balance(t, s, org); b != (ledger.Balance{Held: 30, Spent: 70, Granted: 100}) {
		t.Errorf("%+v", b)
	}
}

// unsaid is an agent that can't be reached at first.
type unsaid struct {
	*answers
	once sync.Once
}

var errUnsaid = errors.New("the agent can't be reached")

func (u *unsaid) Answer(ctx context.Context, org core.OrgID, task core.TaskID, p core.Payload) error {
	err := error(nil)
	u.once.Do(func() { err = errUnsaid })
	if err != nil {
		return err
	}
	return u.answers.Answer(ctx, org, task, p)
}

// What came of a request is decided once: if the answer didn't get through, the same one
// is given when the request comes again, even if it would come out otherwise by then.
func TestAnAnswerIsForGood(t *testing.T) {
	t.Parallel()
	for name, granted := range map[string]core.Credits{"held": 100, "refused": 99} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, org, told := context.Background(), newOrg(), &unsaid{answers: newAnswers()}
			s := newLedger(t, openSQLite(t))
			grant(t, s, org, granted)
			handle := s.Handler(told)
			ask := event(t, org, "tsk_a", 1, core.CreditsRequested{Amount: 100})
			if err := handle(ctx, ask); !errors.Is(err, errUnsaid) {
				t.Fatal(err)
			}
			if _, err := s.Grant(ctx, org, ledger.Command{ID: "more", Amount: 1000}); err != nil {
				t.Fatal(err)
			}
			if err := handle(ctx, ask); err != nil {
				t.Fatal(err)
			}
			a := told.of("tsk_a")
			if refused, ok := a.(core.CreditsRefused); ok != (name == "refused") || ok && (refused.Reason == "" || refused.Hint == "") {
				t.Errorf("%s: %+v", name, a)
			}
		})
	}
}

// slow holds up the first change of a budget between writing it down and posting it.
type slow struct {
	store.Store
	once            sync.Once
	reached, resume chan struct{}
}

func (s *slow) Post(ctx context.Context, org core.OrgID, p ...store.Posting) ([]bool, error) {
	if p[0].Kind == "budget" {
		s.once.Do(func() {
			close(s.reached)
			<-s.resume
		})
	}
	return s.Store.Post(ctx, org, p...)
}

// A node that was held up in the middle of opening a budget doesn't open it twice.
func TestABudgetIsOpenedOnce(t *testing.T) {
	t.Parallel()
	ctx, org, told := context.Background(), newOrg(), newAnswers()
	st := openSQLite(t)
	held := &slow{Store: st, reached: make(chan struct{}), resume: make(chan struct{})}
	s := newLedger(t, st)
	grant(t, s, org, 1000)
	if _, err := s.SetBudget(ctx, org, ledger.OfOrg, 100, ledger.Month); err != nil {
		t.Fatal(err)
	}
	late := make(chan error, 1)
	go func() {
		late <- newLedger(t, held).Handler(told)(ctx, event(t, org, "tsk_late", 1, core.CreditsRequested{Amount: 10}))
	}()
	<-held.reached
	if err := s.Handler(told)(ctx, event(t, org, "tsk_a", 1, core.CreditsRequested{Amount: 95})); err != nil {
		t.Fatal(err)
	}
	close(held.resume)
	if err := <-late; err != nil {
		t.Fatal(err)
	}
	_, ok := told.of("tsk_a").(core.CreditsHeld)
	_, refused := told.of("tsk_late").(core.CreditsRefused)
	if !ok || !refused {
		t.Errorf("held %t, refused %t", ok, refused)
	}
	for _, e := range entries(t, st, org) {
		if e.Account == "~budget/org/2026-11/given" && e.Balance != -100 {
			t.Errorf("the budget gave %d for a moment", -e.Balance)
		}
	}
}
