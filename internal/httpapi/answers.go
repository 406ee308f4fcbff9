package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	answerKind store.Kind[kept] = "idempotency"
	answerLife                  = 24 * time.Hour
	answerSize                  = 512 << 10        // bytes of a body that is kept
	answerWait                  = 10 * time.Second // for the first request to be answered, by one that repeats it
	goneWait                    = time.Second      // for one that was begun elsewhere and may be done twice
	lookEvery                   = 200 * time.Millisecond
)

// kept is the first answer to requests with the same Idempotency-Key, or the sign that
// somebody is working on it. It is there for all nodes.
type kept struct {
	Request []byte      `json:"request"` // digest of what was asked
	Status  int         `json:"status"`  // 0: it is being worked on
	Header  http.Header `json:"header,omitempty"`
	Body    []byte      `json:"body,omitempty"`
	// Withheld says that it isn't to be repeated: it held a secret, or too much.
	Withheld bool `json:"withheld,omitempty"`
}

// answers keep first answers. Safe for concurrent use.
type answers struct {
	records store.Records
	now     func() time.Time

	mu     sync.Mutex
	active map[place]chan struct{} // closed when this node has an answer; as many as there are requests
}

// place is where an answer is kept.
type place struct {
	org core.OrgID
	id  string
}

func newAnswers(records store.Records) *answers {
	return &answers{records: records, now: time.Now, active: map[place]chan struct{}{}}
}

// placeOf returns the place for a principal's key. Nobody finds another's.
func placeOf(who identity.Principal, key string) place {
	return place{who.Scope.Org, string(who.Scope.Actor.Kind) + "/" + who.Scope.Actor.ID + "/" + digestOf([]byte(key))}
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// claim is the right to give the first answer, until a time.
type claim struct {
	*answers
	place
	request []byte
	until   time.Time
	version int64
}

// begin returns the first answer if there is one, or a claim to give it within lease; not
// both. If another has the claim, it waits, for patience at most. Then a claim of what may
// be done twice is taken over, if it isn't this node's: who had it may be gone. invalid:
// the key was used for another request; conflict: the other isn't ready.
func (a *answers) begin(ctx context.Context, at place, request []byte, lease, patience time.Duration, twice bool) (*kept, *claim, error) {
	deadline := a.now().Add(patience)
	for {
		k, version, err := a.look(ctx, at, request)
		if err != nil || k.Status != 0 {
			return k, nil, err
		}
		busy, late := a.at(at), !a.now().Before(deadline)
		if busy == nil && (version == 0 || twice && late) {
			c := &claim{answers: a, place: at, request: request, until: a.now().Add(lease), version: version + 1}
			if err := c.take(ctx); err == nil || core.CodeOf(err) != core.Conflict {
				return nil, c, err
			}
			continue // another was faster
		}
		if late {
			return nil, nil, core.E(core.Conflict, "idempotency", "the first request with this key is still being worked on").WithHint("repeat this one in a while")
		}
		select {
		case <-busy: // nil: another node is at it
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// look returns what is kept, with its version: 0 for nothing.
func (a *answers) look(ctx context.Context, at place, request []byte) (*kept, int64, error) {
	d, err := answerKind.Find(ctx, a.records, at.org, at.id)
	if err != nil {
		return nil, 0, err
	}
	if d.Version != 0 && string(d.Data.Request) != string(request) {
		return nil, 0, core.E(core.Invalid, "idempotency", "the key was used for another request").WithHint("use a new Idempotency-Key for a new request")
	}
	return &d.Data, d.Version, nil
}

// at returns what is closed when the request that this node is working on is done, or nil.
func (a *answers) at(p place) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.active[p]
}

// take makes the claim known, to this node first. conflict: there is another.
func (c *claim) take(ctx context.Context) error {
	c.mu.Lock()
	_, busy := c.active[c.place]
	if !busy {
		c.active[c.place] = make(chan struct{})
	}
	c.mu.Unlock()
	if busy {
		return core.E(core.Conflict, "idempotency", "another has the claim")
	}
	later, stop := afterwards(ctx) // a claim is made whole or not at all, whoever has gone
	defer stop()
	err := c.put(later, c.version-1, kept{Request: c.request}, c.until)
	switch {
	case core.CodeOf(err) == core.Conflict:
		c.leave()
	case err != nil: // and it may have been made nevertheless; if it wasn't, there is nothing to free
		_ = c.free(later)
	}
	return err
}

// afterwards returns a context for what has to be done for a request although its caller
// may have gone.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), sendTime)
}

func (c *claim) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.active[c.place])
	delete(c.active, c.place)
}

func (c *claim) put(ctx context.Context, expected int64, k kept, until time.Time) error {
	return c.records.Write(ctx, c.org, answerKind.Put(store.Doc[kept]{ID: c.id, Version: expected, Expires: until, Data: k}))
}

// give keeps the answer, and ends the claim. A claim that has run out gives nothing:
// another may have taken its place.
func (c *claim) give(ctx context.Context, k kept) error {
	defer c.leave()
	if !c.now().Before(c.until) {
		return core.E(core.Conflict, "idempotency", "the answer came too late to be kept")
	}
	k.Request = c.request
	return c.put(ctx, c.version, k, c.now().Add(answerLife))
}

// free ends the claim without an answer: the key may be used again.
func (c *claim) free(ctx context.Context) error {
	defer c.leave()
	if !c.now().Before(c.until) {
		return nil
	}
	return c.records.Write(ctx, c.org, answerKind.Drop(store.Doc[kept]{ID: c.id, Version: c.version}))
}
