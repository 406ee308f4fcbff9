package agent

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	// liveEvery is how often what a model has said so far is stored while it answers.
	liveEvery = 250 * time.Millisecond
	// maxLive bounds what is stored at once, in bytes: an answer that comes all at once is shown when
	// it is whole.
	maxLive = 8 << 10
)

// live stores what a model says while it says it, for those who follow a turn. Nobody waits for
// it elsewhere: what can't be stored is in the whole answer all the same.
type live struct {
	d    *drive
	ctx  context.Context // of the call
	call core.CallID

	mu     sync.Mutex // the drive's, too, while the call is under way: the timer stores as hear does
	text   strings.Builder
	offset int
	last   time.Time
	due    *time.Timer // stores what a pause leaves; nil: nothing waits
	over   bool
}

// live returns what hears a model's text as it comes, and what ends that before the drive goes on.
func (d *drive) live(ctx context.Context, c CallModel) (hear func(string), end func()) {
	if d.state.Created.Kind != core.KindChat || c.Purpose != purposeWork {
		return nil, func() {}
	}
	l := &live{d: d, ctx: ctx, call: c.Call, last: d.Now()}
	return l.hear, l.end
}

func (l *live) hear(more string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	l.text.WriteString(more)
	if l.d.Now().Sub(l.last) >= liveEvery {
		l.store()
	}
	l.wait()
}

// wait has what isn't stored yet stored in a while, whether more comes or not.
func (l *live) wait() {
	if l.over || l.due != nil || l.text.Len() == 0 {
		return
	}
	l.due = time.AfterFunc(liveEvery, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.due = nil
		l.store()
		l.wait()
	})
}

// store appends what was said since it did so last.
func (l *live) store() {
	said := l.text.String()
	whole := core.Clip(said, maxLive)
	if l.over || whole == "" {
		return
	}
	l.d.facts = append(l.d.facts, core.ModelStreamed{Call: l.call, Offset: l.offset, Text: whole})
	if err := l.d.flush(l.ctx, store.WorkKeep); err != nil { // somebody else has appended, or the store is away
		l.d.facts, l.over = nil, true
		return
	}
	l.offset, l.last = l.offset+len(whole), l.d.Now()
	l.text.Reset()
	l.text.WriteString(said[len(whole):])
}

func (l *live) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over = true; l.due != nil {
		l.due.Stop()
	}
}
