package e2e

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core/coretest"
)

// A node is killed in the midst of streams: those of the other go on, and so do calls. What was
// stored of its answers is read there, with an end that says what became of them. It is charged
// for what it had written down, once.
func TestANodeIsKilledAmongStreams(t *testing.T) {
	t.Parallel()
	const brief, each = 5, 5 // calls before and after the kill; streams of a sort at a node
	up := newDrip(t)
	c, dying, books := newCallers(t, up.as("main", "--idle-timeout", "3s"))
	calls := func(s *server) {
		t.Helper()
		for range brief {
			if r, err := c.at(t.Context(), s, chat("scripted")); err != nil || r.status != http.StatusOK {
				t.Fatalf("%d %s: %v", r.status, r.text, err)
			}
		}
		c.paid("main", brief)
	}
	calls(dying)
	c.metered(t, brief)

	var lost, whole, resumed []*flowing
	for range each {
		for _, store := range []bool{false, true} {
			lost = append(lost, c.flows(t, dying, store))
			whole = append(whole, c.flows(t, c.server, store))
		}
	}
	for _, f := range lost {
		if f.id != "" {
			resumed = append(resumed, c.resumes(t, f.id)) // what it begins with is stored
		}
	}
	dying.kill()
	for _, f := range lost {
		if text := f.rest(); strings.Contains(text, "[DONE]") {
			t.Errorf("of the dead: %q", text)
		}
	}
	calls(c.server)
	up.end()
	for _, f := range whole {
		text := f.rest()
		if f.err != nil || !strings.HasSuffix(text, "data: [DONE]\n\n") || strings.Contains(text, "error") {
			t.Errorf("of the other: %v in %q", f.err, text)
		}
		if f.id == "" {
			continue
		}
		if again := c.resumes(t, f.id); again.rest() != text || again.err != nil {
			t.Errorf("stored is %q, %v, told was %q", again.text, again.err, text)
		}
	}
	c.paid("main", len(whole))
	for _, f := range resumed {
		text := f.rest()
		if f.err != nil || !strings.HasPrefix(text, "id: "+f.id+".1\n") || strings.Contains(text, "[DONE]") || strings.Count(text, `"error"`) != 1 ||
			!strings.Contains(text[strings.Index(text, `"error"`):], "lost with the node") {
			t.Errorf("of the dead is stored %q, %v", text, f.err)
		}
	}

	c.metered(t, 2*brief+len(whole))
	var b client.Balance
	until(t, func() bool { // by the node that lives
		var err error
		b, err = c.owner.Balance(t.Context())
		return err == nil && b.Spent >= c.cost-brief*dripCost
	}, func() string { return "the calls aren't charged" })
	if b.Spent > c.cost || b.Spent+b.Held < c.cost || b.Available != callerCredits-b.Spent-b.Held {
		t.Errorf("the org has %+v, of %s used", b, c.cost)
	}
	books.inLaw(t)
	if coretest.Soaking {
		c.cameBack(t, 4*time.Minute)
		c.settled(t)
		books.lawful(t, "in the end")
	}
}

// cameBack waits until nothing is held: what a dead node's holds have left comes back when they
// are two minutes old, within a minute.
func (c *caller) cameBack(t *testing.T, limit time.Duration) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(time.Second) {
		b, err := c.owner.Balance(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if b.Held == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s stays held", b.Held)
		}
	}
}

// flowing is a stream that has begun, which is read beside the test.
type flowing struct {
	id   string // of the stored answer; "": it isn't stored
	done chan struct{}
	text string // read after done, as the rest
	err  error  // it broke off
}

// flows begins a stream at a node.
func (c *caller) flows(t *testing.T, s *server, store bool) *flowing {
	t.Helper()
	body := chat("scripted")
	body["stream"] = true
	if store {
		body["store"] = true
	}
	res := s.open(t, http.MethodPost, "/v1/chat/completions", body, "Authorization", "Bearer "+c.key)
	if id := res.Header.Get("Isekai-Answer"); (id != "") != store {
		t.Fatalf("%s: stored as %q", res.Status, id)
	}
	return begun(t, res)
}

// resumes begins to read a stored answer at the first node.
func (c *caller) resumes(t *testing.T, id string) *flowing {
	t.Helper()
	return begun(t, c.open(t, http.MethodGet, "/v1/answers/"+id+"/events", nil, "Authorization", "Bearer "+c.key))
}

// begun waits for a stream's first word.
func begun(t *testing.T, res *http.Response) *flowing {
	t.Helper()
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	f := &flowing{id: res.Header.Get("Isekai-Answer"), done: make(chan struct{})}
	in := bufio.NewReader(res.Body)
	for !strings.Contains(f.text, "w0") {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after %q", err, f.text+line)
		}
		f.text += line
	}
	go func() {
		defer close(f.done)
		defer res.Body.Close()
		more, err := io.ReadAll(in)
		f.text, f.err = f.text+string(more), err
	}()
	return f
}

// rest waits for a stream's end, and returns all of it.
func (f *flowing) rest() string {
	<-f.done
	return f.text
}
