package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/sse"
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
	maxPart   = 512 << 10              // bytes of one event, likewise: more isn't a record
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
	Idle    time.Duration     `json:"idle"` // after which, when not even this is written again, its node is gone
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
	ctx   context.Context // of the calls of providers: ends with the node, and until begin with the caller
	end   context.CancelCauseFunc
	loose []func() bool                    // what ctx ends by: the caller, and the node
	given func(native string) store.Change // notes that the caller has it; nil: nobody does
	idle  time.Duration                    // how often it is noted that it still comes, though nothing of it does

	mu      sync.Mutex
	from    int           // number of the first event of the tail
	tail    [][]byte      // events that aren't written yet
	waiting int           // bytes of them
	total   int           // bytes of all
	over    bool          // nothing comes any more
	lost    error         // why it can't be kept to its end
	native  string        // the id that is in the answer
	changed chan struct{} // closed when there is more, or less to be written
}

// Why a kept answer isn't whole.
var (
	errStopping = core.E(core.Unavailable, op, "the rest of the answer was lost: its node stopped").WithHint("ask again")
	errTooLarge = core.E(core.Unavailable, op, `the answer is too large to be stored`).WithHint(`leave out "store"`)
	errUnkept   = core.E(core.Unavailable, op, "the rest of the answer was lost: it can't be stored at the moment").WithHint("ask again")
)

// enter makes room for one more, before anybody is asked. exhausted: there are too many.
// begin or leave has to follow.
func (k *keeper) enter(ctx context.Context, j *job) (*keeping, error) {
	a := &keeping{id: KeptAnswer(core.NewID("ans")), scope: j.Scope, from: 1, changed: make(chan struct{})}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.live) >= nodeKept || k.orgs[j.Scope.Org] >= orgKept {
		return nil, core.E(core.Exhausted, op, "too many stored streams are coming").WithHint(`try again later, or leave out "store"`)
	}
	k.live[a.id] = a
	k.orgs[j.Scope.Org]++
	k.pumps.Add(1)
	a.ctx, a.end = context.WithCancelCause(context.WithoutCancel(ctx))
	a.loose = []func() bool{
		context.AfterFunc(ctx, func() { a.end(context.Cause(ctx)) }),
		context.AfterFunc(k.ctx, func() { a.end(errStopping) }),
	}
	return a, nil
}

// begin writes down that there is an answer, which from then on is its caller's no more.
func (k *keeper) begin(a *keeping, op dialect.Operation, idle time.Duration) (store.Doc[keptDoc], error) {
	d := store.Doc[keptDoc]{
		ID: string(a.id), Expires: k.now().Add(keptFor),
		Data: keptDoc{Actor: a.scope.Actor, Project: a.scope.Project, Op: op, Idle: idle},
	}
	ctx, done := context.WithTimeout(a.ctx, writeTime)
	defer done()
	err := k.records.Write(ctx, a.scope.Org, kindKept.Put(d))
	a.idle = idle
	if !a.loose[0]() && err == nil {
		err = ended(a.ctx)
	}
	return d, err
}

// leave comes when nothing is to be kept any more.
func (k *keeper) leave(a *keeping) {
	for _, stop := range a.loose {
		stop()
	}
	a.end(context.Canceled)
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
	err := a.take(s)
	s.close()
	if err != nil {
		e := dialect.ProblemEvent(s.j.Op, core.CodeOf(err), dialect.ProblemOf(err))
		e.ID = s.number()
		a.finish(e.Append(nil))
	} else {
		a.finish(nil)
	}
	<-written
	k.leave(a)
}

// take takes a stream in. An error is why that isn't whole.
func (a *keeping) take(s *Stream) error {
	for {
		_, err := s.Next(a.ctx)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errStopping
		}
		if err := a.add(s.events()); err != nil {
			return err
		}
	}
}

// add takes events in, and waits while too many wait to be written. An error is why no more
// are taken.
func (a *keeping) add(events [][]byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range events {
		if a.total += len(e); a.total > maxKept || len(e) > maxPart {
			return errTooLarge
		}
		a.tail = append(a.tail, append([]byte(nil), e...))
		a.waiting += len(e)
		if a.native == "" {
			a.native = nativeID(e)
		}
	}
	a.wake()
	for a.lost == nil && a.waiting > maxTail {
		changed := a.changed
		a.mu.Unlock()
		select {
		case <-changed:
		case <-a.ctx.Done():
			a.mu.Lock()
			return errStopping
		}
		a.mu.Lock()
	}
	return a.lost
}

// nativeID is the id of an answer in one of its events; "" if it isn't in this one.
func nativeID(event []byte) string {
	e, err := sse.NewScanner(bytes.NewReader(event), len(event)+1).Next()
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

// finish comes after the last event, which it may add.
func (a *keeping) finish(last []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if last != nil {
		a.tail = append(a.tail, last)
		a.waiting += len(last)
	}
	a.over = true
	a.wake()
}

// write writes parts down until the end.
func (k *keeper) write(a *keeping) {
	named := false
	for {
		if changed := a.nothing(); changed != nil {
			select {
			case <-changed:
			case <-time.After(a.idle):
				k.comes(a)
			}
			continue
		}
		k.rest(a)
		p, native := a.part()
		if named {
			native = ""
		}
		err := k.put(a, p, native)
		named = named || native != ""
		a.written(p, err)
		if p.Ended || err != nil {
			return
		}
	}
}

// comes notes that an answer still comes: its provider thinks, and has said so. What the store
// doesn't take is written the next time.
func (k *keeper) comes(a *keeping) {
	ctx, done := context.WithTimeout(a.ctx, writeTime)
	defer done()
	d, err := kindKept.Get(ctx, k.records, a.scope.Org, string(a.id))
	if err != nil {
		return
	}
	d.Expires = k.now().Add(keptFor)
	_ = k.records.Write(ctx, a.scope.Org, kindKept.Put(d))
}

const (
	writeTries = 5
	writeTime  = 5 * time.Second
)

// nothing is what to wait for until there is something to be written; nil: there is.
func (a *keeping) nothing() chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over || len(a.tail) > 0 {
		return nil
	}
	return a.changed
}

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

// put writes a part down, and by what name the answer goes besides its own, if that isn't
// another's already. What the store doesn't take is tried again for some seconds, unless the
// node stops.
func (k *keeper) put(a *keeping, p keptPart, native string) (err error) {
	for try := range writeTries {
		if try > 0 && !pause(k.ctx, partEvery<<try) {
			return err
		}
		if err = k.putOnce(a, p, native); core.CodeOf(err) == core.Conflict && native != "" {
			err = k.putOnce(a, p, "")
		}
		if err == nil || core.CodeOf(err) == core.Conflict && try > 0 { // it was taken before, without our being told
			return nil
		}
	}
	return err
}

func (k *keeper) putOnce(a *keeping, p keptPart, native string) error {
	until := k.now().Add(keptFor)
	changes := []store.Change{kindPart.Put(store.Doc[keptPart]{ID: partID(a.id, p.From), Expires: until, Data: p})}
	if native != "" {
		changes = append(changes, kindAlias.Put(store.Doc[KeptAnswer]{ID: aliasID(a.scope.Actor, native), Expires: until, Data: a.id}))
		if a.given != nil {
			changes = append(changes, a.given(native))
		}
	}
	ctx, done := context.WithTimeout(context.WithoutCancel(k.ctx), writeTime)
	defer done()
	return k.records.Write(ctx, a.scope.Org, changes...)
}

// part is what is to be written next.
func (a *keeping) part() (p keptPart, native string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p.From = a.from
	size := 0
	for _, e := range a.tail {
		if size += len(e); size > partSize && len(p.Events) > 0 {
			return p, a.native
		}
		p.Events = append(p.Events, e)
	}
	p.Ended = a.over
	return p, a.native
}

// written forgets what is written by now. With an error nothing more is.
func (a *keeping) written(p keptPart, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		a.lost = errUnkept
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
