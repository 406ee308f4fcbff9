package ledger_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// onTwoNodes runs a test on SQLite and, unless tests are to be quick, on PostgreSQL, as two
// nodes have it: there each with connections of its own to the one database.
func onTwoNodes(t *testing.T, test func(t *testing.T, nodes [2]store.Store)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		st := openSQLite(t)
		test(t, [2]store.Store{st, st})
	})
	t.Run("postgres", func(t *testing.T) {
		if testing.Short() {
			t.Skip("starts a database server")
		}
		t.Parallel()
		cfg := pgtest.Start(t, pgtest.Config{Fast: true}).Database(t)
		var nodes [2]store.Store
		for i := range nodes {
			nodes[i] = pgtest.Open(t, cfg)
		}
		test(t, nodes)
	})
}

// atOnce runs f for each of n tasks of an org, all at the same time, and returns their
// names.
func atOnce(n int, f func(task core.TaskID) error) ([]core.TaskID, error) {
	tasks, errs, start := make([]core.TaskID, n), make([]error, n), make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		tasks[i] = core.TaskID(fmt.Sprintf("tsk_%d", i))
		all.Go(func() {
			<-start
			errs[i] = f(tasks[i])
		})
	}
	close(start)
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return tasks, nil
}

// TestAThousandHoldsAtOnce lets 1,000 tasks ask for credits of which there are enough for
// 400: the org's, or a budget's that nobody has used yet. Exactly 400 get them. Then they
// all spend and end at once, each is told of twice, and the books are exact.
func TestAThousandHoldsAtOnce(t *testing.T) {
	t.Parallel()
	onTwoNodes(t, func(t *testing.T, nodes [2]store.Store) {
		const all, enough, each, cost = 1000, 400, 10 * core.Credit, 3 * core.Credit
		for name, granted := range map[string]core.Credits{"of a balance": enough * each, "of a budget": all * each} {
			t.Run(name, func(t *testing.T) {
				ctx, org, told := context.Background(), newOrg(), newAnswers()
				s := newLedger(t, nodes[0])
				grant(t, s, org, granted)
				if _, err := s.SetBudget(ctx, org, ledger.OfOrg, all*each-granted+enough*each, ledger.Month); err != nil {
					t.Fatal(err)
				}
				handles := []bus.Handler{s.Handler(told), newLedger(t, nodes[1]).Handler(told)}
				handle := func(ctx context.Context, e core.Event) error { // by one or the other
					return handles[(len(e.Stream)+int(e.Stream[len(e.Stream)-1])+int(e.Version))%2](ctx, e)
				}
				tasks, err := atOnce(all, func(task core.TaskID) error {
					return handle(ctx, event(t, org, task, 1, core.CreditsRequested{Amount: each}))
				})
				if err != nil {
					t.Fatal(err)
				}
				held := 0
				for _, task := range tasks {
					switch a := told.of(task).(type) {
					case core.CreditsHeld:
						held++
					case core.CreditsRefused:
						if a.Reason == "" || a.Hint == "" {
							t.Fatalf("refused without a reason or a hint: %+v", a)
						}
					default:
						t.Fatalf("%s was told %v", task, a)
					}
				}
				if b := balance(t, s, org); held != enough || b.Held != enough*each || b.Available != granted-enough*each {
					t.Fatalf("%d of %d were held: %+v", held, all, b)
				}
				for range 2 {
					_, err = atOnce(all, func(task core.TaskID) error {
						if _, ok := told.of(task).(core.CreditsHeld); !ok {
							return nil
						}
						if err := handle(ctx, event(t, org, task, 2, core.ModelSettled{Cost: cost})); err != nil {
							return err
						}
						return handle(ctx, event(t, org, task, 3, core.TaskFinished{Hold: each, Spent: cost}))
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				want := ledger.Balance{Available: granted - enough*cost, Spent: enough * cost, Granted: granted}
				if b := balance(t, s, org); b != want {
					t.Fatalf("%+v, want %+v", b, want)
				}
				if b, err := s.Budget(ctx, org, ledger.OfOrg); err != nil || b.Used != enough*cost || b.Held != 0 {
					t.Fatalf("%+v: %v", b, err)
				}
			})
		}
	})
}
