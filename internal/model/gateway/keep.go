package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/store"
)

// A stream that was asked for with "store": true goes on when its caller is cut off, and is
// kept, so that the caller can take it up again, from any node, after the last event that it
// has seen. Its events are numbered for that from 1. They are written down in parts, off the
// way of the caller; what a node that dies hadn't written is lost with the rest of the answer.

// The bounds of kept answers.
const (
	keptFor   = 24 * time.Hour
	maxKept   = 16 << 20               // bytes of one answer; it is cut off there
	maxTail   = 256 << 10              // bytes of it that wait to be written; then the provider waits
	partSize  = 64 << 10               // bytes of a part, about
	partEvery = 100 * time.Millisecond // a part is written, if something came
	orgKept   = 200                    // answers that are coming, of an org, on a node
	nodeKept  = 2000
)

// KeptAnswer names a kept answer.
type KeptAnswer string

// keptDoc is what is known of a kept answer.
type keptDoc struct {
	Actor   core.Actor        `json:"actor"` // who asked, and may ask again
	Project core.ProjectID    `json:"project"`
	Op      dialect.Operation `json:"op"`
	Idle    time.Duration     `json:"idle"` // after which, when nothing is written, its node is gone
}

// keptPart is a part of one: the events from a number on.
type keptPart struct {
	From   int      `json:"from"`
	Events [][]byte `json:"events"`
	Ended  bool     `json:"ended,omitempty"`
}

const (
	kindKept  store.Kind[keptDoc]    = "answer"
	kindPart  store.Kind[keptPart]   = "answer_part"
	kindAlias store.Kind[KeptAnswer] = "answer_alias" // by the id that is in the answer itself
)

func partID(id KeptAnswer, from int) string { return fmt.Sprintf("%s/%09d", id, from) }

// aliasID is where the name of an answer is kept that its own API gave it. Nobody finds
// another's.
func aliasID(actor core.Actor, native string) string {
	sum := sha256.Sum256([]byte(string(actor.Kind) + "/" + actor.ID + "\x00" + native))
	return hex.EncodeToString(sum[:])
}

// keeper keeps the answers that are coming to this node. Safe for concurrent use.
type keeper struct {
	records store.Records
	now     func() time.Time
	ctx     context.Context // ends when the gateway closes
	end     context.CancelFunc
	pumps   sync.WaitGroup

	mu   sync.Mutex
	live map[KeptAnswer]*keeping
	orgs map[core.OrgID]int
}

func newKeeper(r store.Records, now func() time.Time) *keeper {
	k := &keeper{records: r, now: now, live: map[KeptAnswer]*keeping{}, orgs: map[core.OrgID]int{}}
	k.ctx, k.end = context.WithCancel(context.Background())
	return k
}

// close ends what is coming, and returns when that is written.
func (k *keeper) close() {
	k.end()
	k.pumps.Wait()
}

// keeping is an answer that is coming.
type keeping struct {
	id    KeptAnswer
	scope core.Scope

	mu      sync.Mutex
	from    int           // number of the first event of the tail
	tail    [][]byte      // events that aren't written yet
	waiting int           // bytes of them
	total   int           // bytes of all
	over    bool          // nothing comes any more
	lost    bool          // it can't be kept to its end
	native  string        // the id that is in the answer
	changed chan struct{} // closed when there is more, or less to be written
}

// enter makes room for one more. exhausted: there are too many.
func (k *keeper) enter(ctx context.Context, j *job, idle time.Duration) (*keeping, error) {
	a := &keeping{id: KeptAnswer(core.NewID("ans")), scope: j.Scope, from: 1, changed: make(chan struct{})}
	k.mu.Lock()
	if len(k.live) >= nodeKept || k.orgs[j.Scope.Org] >= orgKept {
		k.mu.Unlock()
		return nil, core.E(core.Exhausted, op, "too many stored streams are coming").WithHint(`try again later, or leave out "store"`)
	}
	k.live[a.id] = a
	k.orgs[j.Scope.Org]++
	k.pumps.Add(1)
	k.mu.Unlock()
	err := k.records.Write(ctx, j.Scope.Org, kindKept.Put(store.Doc[keptDoc]{
		ID: string(a.id), Expires: k.now().Add(keptFor), Data: keptDoc{Actor: j.Scope.Actor, Project: j.Scope.Project, Op: j.Op, Idle: idle},
	}))
	if err != nil {
		k.leave(a)
		return nil, err
	}
	return a, nil
}

func (k *keeper) leave(a *keeping) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.live, a.id)
	if k.orgs[a.scope.Org]--; k.orgs[a.scope.Org] == 0 {
		delete(k.orgs, a.scope.Org)
	}
	k.pumps.Done()
}

// coming returns an answer that is coming to this node, or nil.
func (k *keeper) coming(id KeptAnswer) *keeping {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.live[id]
}

// pump has the stream's events kept until it ends. It is the answer's own: whoever asked may
// have gone.
func (k *keeper) pump(a *keeping, s *Stream) {
	n := 0
	s.number = func() string {
		n++
		return fmt.Sprintf("%s.%d", a.id, n)
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		k.write(a)
	}()
	for {
		if _, err := s.Next(k.ctx); err != nil {
			break
		}
		if !a.add(k.ctx, s.events()) {
			break
		}
	}
	s.close()
	a.finish()
	<-written
	k.leave(a)
}

// add takes events in, and waits while too many wait to be written. false: it is too large,
// or the node stops.
func (a *keeping) add(ctx context.Context, events [][]byte) bool {
	a.mu.Lock()
	for _, e := range events {
		a.tail = append(a.tail, append([]byte(nil), e...))
		a.waiting += len(e)
		a.total += len(e)
		if a.native == "" {
			a.native = nativeID(e)
		}
	}
	a.wake()
	a.lost = a.lost || a.total > maxKept
	for !a.lost && a.waiting > maxTail {
		changed := a.changed
		a.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
		a.mu.Lock()
	}
	defer a.mu.Unlock()
	return !a.lost && ctx.Err() == nil
}

// nativeID is the id of an answer in one of its events; "" if it isn't in this one.
func nativeID(event []byte) string {
	e, err := dialect.NewScanner(bytesReader(event), len(event)+1).Next()
	if err != nil {
		return ""
	}
	for _, path := range []string{"id", "response.id", "message.id"} {
		if id := gjson.GetBytes(e.Data, path); id.Type == gjson.String && id.Str != "" && len(id.Str) <= 200 {
			return id.Str
		}
	}
	return ""
}

// wake tells everyone who waits. a.mu is held.
func (a *keeping) wake() {
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *keeping) finish() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	a.wake()
}

// write writes parts down until the end. What the store doesn't take is tried again for as
// long as the answer is kept waiting for it.
func (k *keeper) write(a *keeping) {
	named := false
	for tries := 0; ; {
		p, native, changed := a.part()
		if len(p.Events) == 0 && !p.Ended {
			<-changed
			k.rest(a)
			continue
		}
		changes := []store.Change{kindPart.Put(store.Doc[keptPart]{ID: partID(a.id, p.From), Expires: k.now().Add(keptFor), Data: p})}
		if !named && native != "" {
			changes = append(changes, kindAlias.Put(store.Doc[KeptAnswer]{ID: aliasID(a.scope.Actor, native), Expires: k.now().Add(keptFor), Data: a.id}))
		}
		err := k.put(a, changes)
		if core.CodeOf(err) == core.Conflict && len(changes) == 2 {
			err = k.put(a, changes[:1]) // another answer has that id: this one goes by its own
		}
		if err != nil && tries < writeTries {
			tries++
			time.Sleep(partEvery << tries)
			continue
		}
		tries, named = 0, named || native != ""
		a.written(p, err != nil)
		if p.Ended || err != nil {
			return
		}
	}
}

const writeTries = 5

// rest lets a part become larger, unless it is large already or the last.
func (k *keeper) rest(a *keeping) {
	timer := time.NewTimer(partEvery)
	defer timer.Stop()
	for {
		a.mu.Lock()
		enough, changed := a.over || a.waiting >= partSize, a.changed
		a.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-timer.C:
			return
		case <-changed:
		}
	}
}

func (k *keeper) put(a *keeping, changes []store.Change) error {
	ctx, done := context.WithTimeout(context.WithoutCancel(k.ctx), 5*time.Second)
	defer done()
	return k.records.Write(ctx, a.scope.Org, changes...)
}

// part is what is to be written next.
func (a *keeping) part() (p keptPart, native string, changed chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p.From = a.from
	size := 0
	for _, e := range a.tail {
		if size += len(e); size > partSize && len(p.Events) > 0 {
			return p, a.native, a.changed
		}
		p.Events = append(p.Events, e)
	}
	p.Ended = a.over
	return p, a.native, a.changed
}

// written forgets what is written by now. lost: the store doesn't take it, and this is the
// end.
func (a *keeping) written(p keptPart, lost bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if lost {
		a.lost = true
		a.wake()
		return
	}
	for _, e := range p.Events {
		a.waiting -= len(e)
	}
	a.from += len(p.Events)
	a.tail = a.tail[len(p.Events):]
	a.wake()
}
