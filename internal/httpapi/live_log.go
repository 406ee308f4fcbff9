package httpapi

import (
	"context"
	"iter"
	"math"

	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/core"
)

// outputLine is what comes of an app's output.
type outputLine struct {
	app.Line
	none bool // but that there is nothing
	last bool // of what there was when it was asked for
}

// output is the source of an app's output. A goroutine reads it, a page ahead, for it may be
// kept by another node.
type output struct {
	to      *channel
	lines   chan outputLine
	changed chan struct{} // has a value when there is something in lines, or it was closed
	err     error         // why it was
	after   int64
}

// openLogs begins to follow an app's output.
func (c *channel) openLogs(ctx context.Context, scope core.Scope) error {
	apps := c.live.cfg.Apps
	st, err := apps.Find(ctx, scope, c.id)
	if err != nil {
		return err
	}
	c.still = func(ctx context.Context) error {
		_, err := apps.Get(ctx, scope, st.ID)
		return err
	}
	return c.openOutput(ctx, func(ctx context.Context) ([]app.Line, iter.Seq[app.Line], error) {
		kept, err := apps.Log(ctx, scope, st.ID, c.after)
		if err != nil {
			return nil, nil, err
		}
		follow, err := apps.Follow(ctx, scope, st.ID, c.after)
		return kept, follow, err
	})
}

// openOutput is openLogs of what read returns: the lines that there are, and those with what
// comes.
func (c *channel) openOutput(ctx context.Context, read func(context.Context) ([]app.Line, iter.Seq[app.Line], error)) error {
	o := &output{to: c, lines: make(chan outputLine, livePage), changed: make(chan struct{}, 1), after: c.after}
	ctx, stop := context.WithCancel(ctx)
	c.from, c.changed, c.stop, c.target = o, o.changed, stop, math.MaxInt64
	c.live.going.Go(func() {
		defer func() {
			close(o.lines)
			o.wake()
		}()
		kept, follow, err := read(ctx)
		if err != nil {
			o.err = lost{err}
			return
		}
		o.pump(ctx, kept, follow)
		o.err = lost{core.E(core.Unavailable, "live", "the app's output has come to an end here").WithHint("follow it again")}
	})
	return nil
}

// pump passes on lines until there are no more, or ctx ends.
func (o *output) pump(ctx context.Context, kept []app.Line, follow iter.Seq[app.Line]) {
	last, told := int64(0), len(kept) == 0
	if told && !o.pass(ctx, outputLine{none: true, last: true}) {
		return
	}
	if !told {
		last = kept[len(kept)-1].Seq
	}
	for l := range follow {
		if !o.pass(ctx, outputLine{Line: l, last: !told && l.Seq >= last}) {
			return
		}
		told = told || l.Seq >= last
	}
}

func (o *output) pass(ctx context.Context, l outputLine) bool {
	select {
	case o.lines <- l:
		o.wake()
		return true
	case <-ctx.Done():
		return false
	}
}

func (o *output) wake() {
	select {
	case o.changed <- struct{}{}:
	default: // one is pending
	}
}

func (o *output) reached() int64 { return o.after }

// next implements source. It ends with an error only.
func (o *output) next(_ context.Context, page int) (read int, err error) {
	for read < page {
		select {
		case l, ok := <-o.lines:
			if !ok {
				return read, o.err
			}
			if !l.none {
				if err := o.to.send(l.Seq, wireLine(l.Line)); err != nil {
					return read, err
				}
				o.after = l.Seq
			}
			if l.last {
				o.to.target = o.after
			}
			read++
		default:
			return read, nil
		}
	}
	return read, nil
}
