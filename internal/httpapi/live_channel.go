package httpapi

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// channel is one of the streams that a carrier writes to one connection, and the lane of its source.
type channel struct {
	name    string         // as it was asked for, without the place
	project core.ProjectID // ""; that of the request
	kind    channelKind
	id      string
	after   int64
	placed  bool // whether after was asked for

	live    *carrier
	as      *footing // whose rights it takes
	from    source   // nil: it isn't open yet
	changed <-chan struct{}
	stop    func()                      // nil: there is nothing to stop
	still   func(context.Context) error // whether what it shows is still there; nil: its events say so
	looked  time.Time                   // when still was
	ready   bool                        // there may be something to read
	target  int64                       // where it was when it was opened
	at      int64                       // that the reader knows of
	whole   bool                        // so does it that the target is reached
}

// channelKind is what there is to follow.
type channelKind struct {
	action identity.Action
	named  bool // by an id
	open   func(*channel, context.Context, core.Scope) error
}

var channelKinds = map[string]channelKind{
	"task":         {identity.TaskRead, true, (*channel).openTask},
	"conversation": {identity.ConversationRead, true, (*channel).openConversation},
	"logs":         {identity.AppRead, true, (*channel).openLogs},
	"events":       {identity.EventRead, false, (*channel).openEvents},
}

const maxChannel = 200 // characters of a channel's name

// channelsOf reads what is to be followed: [PROJECT/]KIND[:ID][@PLACE] each.
func channelsOf(follow []string) ([]*channel, error) {
	seen, all := map[string]bool{}, make([]*channel, len(follow))
	for i, text := range follow {
		c, wrong := channelOf(text)
		if wrong == "" && seen[c.name] {
			wrong = "it is there twice"
		}
		if wrong != "" {
			return nil, core.E(core.Invalid, "live", fmt.Sprintf("channel %d of follow can't be followed: %s", i+1, wrong)).
				WithHint("name each as [PROJECT/]KIND[:ID][@PLACE], once: task:TASK, conversation:CONVERSATION, logs:APP or events, with the place to go on after")
		}
		seen[c.name], all[i] = true, c
	}
	return all, nil
}

// channelOf reads one, or says what is wrong with it.
func channelOf(text string) (c *channel, wrong string) {
	name, place, placed := strings.Cut(text, "@")
	if len(name) > maxChannel {
		return nil, "its name has more than " + strconv.Itoa(maxChannel) + " characters"
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' }) { // it is sent as the name of an event
		return nil, "its name has characters that no channel has"
	}
	c = &channel{name: name, placed: placed, ready: true}
	if placed {
		at, err := strconv.ParseUint(place, 10, 63)
		if err != nil {
			return nil, "its place isn't a number"
		}
		c.after = int64(at)
	}
	project, rest, elsewhere := strings.Cut(name, "/")
	if !elsewhere {
		project, rest = "", name
	} else if project == "" {
		return nil, "it names no project before the slash"
	}
	kind, id, named := strings.Cut(rest, ":")
	var known bool
	c.project, c.id = core.ProjectID(project), id
	switch c.kind, known = channelKinds[kind]; {
	case !known:
		return nil, "there is no such kind"
	case c.kind.named && id == "":
		return nil, "its kind takes an id"
	case !c.kind.named && named:
		return nil, "its kind takes no id"
	}
	return c, ""
}

// turn opens the channel if it isn't open, writes the next page if there is one, and reports
// whether there may be another. io.EOF: it is complete.
func (c *channel) turn(ctx context.Context) (more bool, err error) {
	if c.from == nil {
		if err := c.stands(); err != nil {
			return false, err
		}
		c.at = c.after
		if err := c.kind.open(c, ctx, c.as.who().Scope); err != nil {
			return false, opening(err)
		}
	}
	select {
	case <-c.changed:
		c.ready = true
	default:
	}
	if !c.ready {
		return false, nil
	}
	read, err := c.from.next(ctx, livePage)
	if err != nil {
		return false, err
	}
	if c.ready = read == livePage; !c.whole && c.from.reached() >= c.target {
		err = c.place(c.from.reached())
	}
	return c.ready, err
}

// opening is an error by which a channel can't be opened: others may well be.
func opening(err error) error {
	if err == io.EOF {
		return err
	}
	return lost{err}
}

// close gives back what the channel takes.
func (c *channel) close() {
	if c.stop != nil {
		c.stop()
		c.stop = nil
	}
}

// stands returns an error if nothing may be sent any more: on the stream, or of what the
// channel shows.
func (c *channel) stands() error {
	l, now := c.live, time.Now()
	if l.broken == nil {
		l.broken = l.out.stands(now)
	}
	if l.broken != nil {
		return l.broken
	}
	if err := c.as.stands(now); err != nil {
		return err
	}
	if err := c.as.who().May(c.kind.action); err != nil {
		return err
	}
	if c.still == nil || now.Sub(c.looked) < l.waiting.recheck {
		return nil
	}
	c.looked = now
	return c.still(l.rq)
}

// send implements lane.
func (c *channel) send(place int64, v any) error {
	if err := c.stands(); err != nil {
		return err
	}
	c.at = place
	return c.live.tell(c.name, c.goOn(place), v)
}

// place implements lane.
func (c *channel) place(at int64) error {
	if err := c.stands(); err != nil {
		return err
	}
	c.at, c.whole = at, c.whole || at >= c.target
	return c.told()
}

// told writes where the channel is.
func (c *channel) told() error {
	return c.live.tell("place", c.goOn(c.at), client.LivePlace{Channel: c.name, Place: c.at, Whole: c.whole})
}

// end implements lane. It follows what was just let through.
func (c *channel) end() {
	if !c.whole {
		c.whole = true
		_ = c.told() // as the next, seen by broken
	}
	_ = c.live.tell("end", "", client.LiveEnd{Channel: c.name})
}

// goOn is what to ask for to go on after a place.
func (c *channel) goOn(place int64) string { return c.name + "@" + strconv.FormatInt(place, 10) }

// footing is whom the credential of a stream of channels stands for in a project, as was seen last.
type footing struct {
	who   func() *identity.Principal
	renew func() error // nil: that is the stream's own
	every time.Duration
	asked time.Time // when renew was
	err   error     // what it said
}

// stands returns an error unless the credential may be used in the project still.
func (f *footing) stands(now time.Time) error {
	if f.renew != nil && (f.asked.IsZero() || now.Sub(f.asked) >= f.every) {
		f.asked, f.err = now, f.renew()
	}
	return f.err
}

// footing returns that of the request's credential in a project: "" is the request's own, which
// the stream looks at by itself.
func (l *carrier) footing(project core.ProjectID) *footing {
	if project == "" {
		return &footing{who: l.rq.now.Load}
	}
	var last *identity.Principal
	cred, first := l.rq.cred, l.rq.who
	cred.Project, first.Scope.Project = project, project
	return &footing{who: func() *identity.Principal { return last }, every: l.waiting.recheck, renew: func() error {
		ctx, stop := context.WithTimeout(l.rq, l.waiting.recheck)
		defer stop()
		now, err := l.cfg.Authenticate(ctx, cred)
		if err == nil && (now.Scope != first.Scope || now.User != first.User) {
			err = core.E(core.Denied, "live", "the credential stands for another in this project").WithHint("follow it by a stream of its own")
		}
		if err == nil {
			last = &now
		}
		return err
	}}
}
