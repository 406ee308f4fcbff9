package agent

import (
	"context"
	"strings"
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

// live returns what sees a model's text as it comes, and stores it for those who follow a turn.
// Nobody waits for it elsewhere: what can't be stored is in the whole answer all the same.
func (d *drive) live(ctx context.Context, c CallModel) func(string) {
	if d.state.Created.Kind != core.KindChat || c.Purpose != purposeWork {
		return nil
	}
	var text strings.Builder
	offset, last, lost := 0, d.Now(), false
	return func(more string) {
		if lost {
			return
		}
		text.WriteString(more)
		if d.Now().Sub(last) < liveEvery {
			return
		}
		said := text.String()
		whole := clip(said, maxLive)
		if whole == "" {
			return
		}
		d.facts = append(d.facts, core.ModelStreamed{Call: c.Call, Offset: offset, Text: whole})
		if err := d.flush(ctx, store.WorkKeep); err != nil { // somebody else has appended, or the store is away
			d.facts, lost = nil, true
			return
		}
		offset, last = offset+len(whole), d.Now()
		text.Reset()
		text.WriteString(said[len(whole):])
	}
}
