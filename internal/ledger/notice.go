package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// percents are the parts of a budget that are told of when they are used up.
var percents = []int{50, 80, 100}

// NoticeStream is the stream that tells how far a budget is used up in a period.
func NoticeStream(of Subject, period string) core.StreamID {
	sum := sha256.Sum256([]byte(lineFor(of, period)))
	return core.StreamID("bgt_" + hex.EncodeToString(sum[:13]))
}

// partsOf returns how many of the parts of a limit are used up.
func partsOf(used, limit core.Credits) (n int) {
	for _, p := range percents {
		if limit > 0 && float64(used) >= float64(limit)*float64(p)/100 {
			n++
		}
	}
	return n
}

// notice appends a BudgetReached for each part of a line's budget that is used up, once
// each: the stream's version says which were told.
func (h handler) notice(ctx context.Context, e core.Event, l line) error {
	at := strings.LastIndexByte(string(l), '/')
	of, period := Subject(l[:at]), string(l[at+1:])
	b, err := h.readBudgets(ctx, e.Org)
	if err != nil {
		return err
	}
	sum, err := h.readLine(ctx, e.Org, l)
	d, ok := b.Data[of]
	if err != nil || !ok || d.Limit == 0 || len(d.Window.period(e.At)) != len(period) { // gone, or of another window by now
		return err
	}
	reached := partsOf(sum.used, d.Limit)
	if reached == 0 {
		return nil
	}
	return h.tell(ctx, e, core.BudgetReached{Budget: string(of), Period: period, Used: sum.used, Limit: d.Limit}, reached)
}

// tell brings a budget's stream to the first n parts.
func (h handler) tell(ctx context.Context, e core.Event, b core.BudgetReached, n int) error {
	stream := NoticeStream(Subject(b.Budget), b.Period)
	scope := core.Scope{Org: e.Org, Project: e.Project, Actor: core.Actor{Kind: core.ActorSystem, ID: Consumer}}
	for range tries {
		told, err := h.cfg.Events.ReadStream(ctx, e.Org, stream, 0, len(percents))
		if err != nil {
			return fmt.Errorf("notices: %w", err)
		}
		if len(told) >= n {
			return nil
		}
		var news []store.NewEvent
		for _, b.Percent = range percents[len(told):n] {
			data, err := core.EncodePayload(b)
			if err != nil {
				return err
			}
			news = append(news, store.NewEvent{ID: core.EventID(h.cfg.IDs("evt")), Type: b.EventType(), Data: data})
		}
		_, err = h.cfg.Events.Append(ctx, scope, store.Append{Stream: stream, Events: news, Expected: int64(len(told))})
		if core.CodeOf(err) != core.Conflict {
			return err
		}
	}
	return contended("ledger.notice")
}
