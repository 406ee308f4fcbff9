package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

type liveQuery struct {
	Follow []string `query:"follow" required:"true" minItems:"1" maxItems:"64" doc:"channels, several separated by commas: [PROJECT/]KIND[:ID][@PLACE], of task:TASK, conversation:CONVERSATION, logs:APP and events. It goes on after the place" example:"task:tsk_01hx@5"`
}

// live is the route to many streams by one connection.
func (s *server) live() {
	op := stream(huma.Operation{
		OperationID: "follow-live", Method: http.MethodGet, Path: "/v1/live", Summary: "Follow many streams by one connection", Tags: []string{"events"},
		Description: "Server-sent events of up to 64 channels: the events of a task or conversation, the output of an app, the events of a project, each as by itself. " +
			"The name of each is its channel, as it was asked for but for the place, and the id that channel with the place to ask for to go on after it; the data is as in the channel's own stream. " +
			`An event named place says how far a channel has come, {"channel", "place", "whole"}: once all that was there when it was opened has come, and of a project's events where there was nothing to show. ` +
			`One named end, {"channel"}, says that a channel is complete, one named refused, {"channel", "problem"}, why nothing comes of it, or nothing any more; the others go on. ` +
			"The stream ends with an event named end, {}, when no channel is left. Who resumes asks for each channel at its last place: Last-Event-ID isn't looked at.",
	}, eventStream)
	act(s, identity.EventRead, op, func(ctx context.Context, p identity.Principal, in *liveQuery) (*huma.StreamResponse, error) {
		channels, err := channelsOf(in.Follow)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			rq := requestOf(hc.Context())
			rq.now.Store(&p)
			l := newCarrier(s, s.newSSE(hc), rq, channels)
			l.carry(hc.Context())
		}}, nil
	})
}

// livePage is how much is read of a channel before it is another's turn.
const livePage = 32

// carrier is an open stream of channels. One goroutine writes it, a page of each channel in turn: a channel
// with much to tell holds back others for no more than that, and a slow reader holds a page of
// what is stored, and one of each app's output.
type carrier struct {
	*server
	out    *sse
	rq     *request
	left   []*channel           // that may have something to tell
	broken error                // why nothing more can be written
	going  sync.WaitGroup       // what reads the output of apps
	wakes  []reflect.SelectCase // of wait
}

func newCarrier(s *server, out *sse, rq *request, channels []*channel) *carrier {
	l := &carrier{server: s, out: out, rq: rq, left: channels}
	as := map[core.ProjectID]*footing{}
	for _, c := range channels {
		if as[c.project] == nil {
			as[c.project] = l.footing(c.project)
		}
		c.live, c.as = l, as[c.project]
	}
	return l
}

// carry writes what comes of the channels until none is left, or the reader, his right or the
// server goes.
func (l *carrier) carry(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer l.going.Wait()
	defer stop()
	defer func() {
		for _, c := range l.left {
			c.close()
		}
	}()
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		more := l.each(func(c *channel) (bool, error) { return c.turn(ctx) })
		if l.broken == nil && len(l.left) == 0 {
			l.out.end()
			return
		}
		if !l.wait(ctx, tick.C, more) {
			return
		}
	}
}

// each does something with each channel, and takes leave of those that are complete or
// lost. It reports whether for one of them there is more to do at once.
func (l *carrier) each(do func(*channel) (more bool, err error)) (more bool) {
	l.left = slices.DeleteFunc(l.left, func(c *channel) bool {
		if l.broken != nil {
			return false
		}
		again, err := do(c)
		more = more || again
		if err == nil || l.broken != nil {
			return false
		}
		l.wakes = nil
		if !errors.Is(err, io.EOF) {
			l.lose(c, err)
		}
		c.close()
		return true
	})
	return more
}

// lose says why nothing more comes of a channel.
func (l *carrier) lose(c *channel, err error) {
	if code := core.CodeOf(err); (code == core.Unavailable || code == core.Canceled) && !errors.As(err, new(lost)) {
		l.broken = err // not the channel's alone: the reader resumes
		return
	}
	_ = l.tell("refused", "", client.LiveRefusal{Channel: c.name, Problem: l.fromError(l.rq, err).(*problem).Problem}) // seen by broken
}

// lost is why one channel is, whatever its code.
type lost struct{ error }

func (e lost) Unwrap() error { return e.error }

// tell writes an event.
func (l *carrier) tell(event, id string, v any) error {
	if l.broken == nil {
		l.broken = l.out.event(id, event, v)
	}
	return l.broken
}

// wait waits until a channel has something to tell, unless there is more at once, and
// reports whether the stream goes on.
func (l *carrier) wait(ctx context.Context, tick <-chan time.Time, more bool) bool {
	for l.broken == nil {
		if l.wakes == nil {
			l.wakes = l.cases(ctx, tick)
		}
		if more {
			select {
			case <-ctx.Done():
				return false
			case <-l.cfg.Stopping.Done():
				return false
			case <-tick:
				return l.sign()
			default:
				return true
			}
		}
		switch woken, _, _ := reflect.Select(l.wakes); woken {
		case 0, 1:
			return false
		case 2:
			return l.sign()
		default:
			l.left[woken-3].ready = true
			return true
		}
	}
	return false
}

// cases are what wait waits for: the reader, the server, the time, and the channels.
func (l *carrier) cases(ctx context.Context, tick <-chan time.Time) []reflect.SelectCase {
	all := []<-chan struct{}{ctx.Done(), l.cfg.Stopping.Done()}
	cases := make([]reflect.SelectCase, 0, len(l.left)+3)
	for _, c := range all {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(c)})
	}
	cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(tick)})
	for _, c := range l.left {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(c.changed)})
	}
	return cases
}

// sign is a sign of life, for which everybody's right is looked at again.
func (l *carrier) sign() bool {
	l.each(func(c *channel) (bool, error) { return false, c.stands() })
	if l.broken == nil {
		l.broken = l.out.comment()
	}
	return l.broken == nil
}
