package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
)

// A thousand calls at once, at two nodes, by a key that can pay for 400, each of which may cost
// twice what it does: the provider isn't asked for one more, what a node held and didn't need
// comes back for the other, and in the end all who count have counted 400.
func TestTwoNodesShareTheBudgetOfAKey(t *testing.T) {
	t.Parallel()
	const calls, budget = 1000, 400
	up := newDrip(t)
	c, other, books := newCallers(t, up.as("main"))
	k, err := c.owner.CreateKey(t.Context(), client.NewKey{Name: "bounded", Scopes: []string{"models:use"}, Budget: budget * dripCost}, "")
	if err != nil {
		t.Fatal(err)
	}
	c.key = k.Text

	dear := chat("scripted")
	dear["max_tokens"] = 2 * dripUsage.Output
	var all sync.WaitGroup
	var mu sync.Mutex
	statuses, begin := map[int]int{}, make(chan struct{})
	for i := range calls {
		all.Go(func() {
			<-begin
			r, err := c.at(t.Context(), []*server{c.server, other}[i%2], dear)
			mu.Lock()
			defer mu.Unlock()
			if statuses[r.status]++; err != nil || r.status != http.StatusOK && !exhausted(r) {
				t.Errorf("%d %s: %v", r.status, r.text, err)
			}
		})
	}
	close(begin)
	all.Wait()
	answered := statuses[http.StatusOK]
	t.Logf("of %d calls %v", calls, statuses)
	if answered == 0 || answered > budget || up.calls.Load() != int64(answered) {
		t.Fatalf("%d calls were answered, the provider was asked %d times, for a budget of %d", answered, up.calls.Load(), budget)
	}
	until(t, func() bool { // with what the first node gives back
		r, err := c.at(t.Context(), other, chat("scripted"))
		if err != nil || r.status != http.StatusOK && !exhausted(r) {
			t.Fatalf("%d %s: %v", r.status, r.text, err)
		}
		if r.status == http.StatusOK {
			answered++
		}
		return answered >= budget
	}, func() string { return "what was held doesn't come back" })
	for _, s := range []*server{c.server, other} {
		if r, err := c.at(t.Context(), s, chat("scripted")); err != nil || !exhausted(r) {
			t.Errorf("one too many: %d %s: %v", r.status, r.text, err)
		}
	}
	c.paid("main", budget)
	c.metered(t, budget)
	c.settled(t)
	b, err := c.owner.Budgets(t.Context())
	if err != nil || len(b) != 1 || b[0].Of != "key/"+string(k.ID) || b[0].Used != budget*dripCost || b[0].Held != 0 || b[0].Left != 0 {
		t.Errorf("the budgets are %+v: %v", b, err)
	}
	if n := up.calls.Load(); n != budget {
		t.Errorf("the provider was asked %d times", n)
	}
	books.lawful(t, "in the end")
}

// exhausted reports whether a call was refused since there is no budget for it.
func exhausted(r reply) bool {
	return r.status == http.StatusTooManyRequests && r.header.Get("X-Should-Retry") == "false" && strings.Contains(r.text, "budget")
}

// A provider that is added at one node is used by the other within five seconds, and is used no
// more when it is removed.
func TestAProviderIsAddedAndRemovedAtAnotherNode(t *testing.T) {
	t.Parallel()
	up := newDrip(t)
	c, other, books := newCallers(t)
	is := func(status int) bool {
		r, err := c.at(t.Context(), other, chat("late/scripted"))
		if err != nil || r.status != http.StatusOK && r.status != http.StatusNotFound {
			t.Fatalf("%d %s: %v", r.status, r.text, err)
		}
		if r.status == http.StatusOK {
			c.paid("late", 1)
		}
		return r.status == status
	}
	for _, change := range []struct {
		what   string
		do     []string
		status int
	}{
		{"added", append([]string{"add", "--installation"}, up.as("late")...), http.StatusOK},
		{"removed", []string{"remove", "--installation", "late"}, http.StatusNotFound},
	} {
		if is(change.status) {
			t.Fatalf("before it is %s", change.what)
		}
		c.does(append([]string{"model"}, change.do...)...)
		began, last := time.Now(), time.Duration(0) // last: when the last call was begun that knew nothing of it
		until(t, func() bool {
			at := time.Since(began)
			if is(change.status) {
				return true
			}
			last = at
			return false
		}, func() string { return "it isn't " + change.what })
		within(t, "of a provider that is "+change.what+" calls didn't know that", last, 5*time.Second)
	}
	c.metered(t, int(c.cost/dripCost))
	c.settled(t)
	books.lawful(t, "in the end")
}
