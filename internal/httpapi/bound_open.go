package httpapi

import (
	"strconv"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// openings count what is open on this node, each under several names. Safe for concurrent
// use.
type openings struct {
	mu   sync.Mutex
	open map[roomName]int // no name has 0
}

func newOpenings() *openings { return &openings{open: map[roomName]int{}} }

// room is a name under which so many may be open.
type room struct {
	of   string // what it is, for people
	name roomName
	most int
}

// roomName names a room: what it is for, and whose it is. No other of the same openings has it.
type roomName struct{ use, of string }

// enter opens one more in all rooms, or in none: then it returns one that is full.
// Otherwise leave has to be called, once.
func (o *openings) enter(rooms ...room) (leave func(), full *room) { return o.bring(1, rooms...) }

// bring is enter of what takes the place of n.
func (o *openings) bring(n int, rooms ...room) (leave func(), full *room) {
	if full := o.begin(n, rooms); full != nil {
		return nil, full
	}
	return func() { o.end(n, rooms) }, nil
}

// begin is bring for who calls end by himself.
func (o *openings) begin(n int, rooms []room) (full *room) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, r := range rooms {
		if o.open[r.name]+n > r.most {
			return &rooms[i]
		}
	}
	for _, r := range rooms {
		o.open[r.name] += n
	}
	return nil
}

// end closes n in all rooms.
func (o *openings) end(n int, rooms []room) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range rooms {
		if left := o.open[r.name] - n; left > 0 {
			o.open[r.name] = left
		} else {
			delete(o.open, r.name)
		}
	}
}

// How many streams may be open on a node. Each takes some 60 kB, and for each channel of several that
// it carries 2 kB more, of an app's output 12.
const (
	userStreams = 100 // of a user or service, with all keys and sessions
	orgStreams  = 1000
	nodeStreams = 10_000

	fullWait = 10 // seconds, before it is any use to try again
)

// streamRooms appends those of a stream. Who owns an embedded installation has but the node's.
func streamRooms(to []room, who *identity.Principal) []room {
	node := room{"node", roomName{"streams", ""}, nodeStreams}
	if who.Operates {
		return append(to, node)
	}
	return append(to,
		room{"user", roomName{"user", string(who.User)}, userStreams},
		room{"org", roomName{"org", string(who.Scope.Org)}, orgStreams},
		node)
}

// How many calls of models may be under way on a node. Each takes some 60 kB, and what is
// said in it.
const (
	userCalls = 4000
	orgCalls  = 8000
	nodeCalls = 16_000
)

// callRooms appends those of a call of a model.
func callRooms(to []room, who *identity.Principal) []room {
	node := room{"node", roomName{"calls", ""}, nodeCalls}
	if who.Operates {
		return append(to, node)
	}
	return append(to,
		room{"user", roomName{"calls/user", string(who.User)}, userCalls},
		room{"org", roomName{"calls/org", string(who.Scope.Org)}, orgCalls},
		node)
}

// How much of large requests to models may be in memory on a node, in MiB. Those of up to
// smallCall bytes don't count.
const (
	smallCall = 1 << 20

	userLarge = 512
	orgLarge  = 1024
	nodeLarge = 2048
)

// largeRooms are those of a large request to a model.
func largeRooms(who identity.Principal) []room {
	node := room{"node", roomName{"large", ""}, nodeLarge}
	if who.Operates {
		return []room{node}
	}
	return []room{
		{"user", roomName{"large/user", string(who.User)}, userLarge},
		{"org", roomName{"large/org", string(who.Scope.Org)}, orgLarge},
		node,
	}
}

// place lets a stream be opened if there is room for it.
func (s *server) place(ctx huma.Context, next func(huma.Context)) {
	if b, _ := ctx.Operation().Extensions[boundsKey].(bounds); b.Seconds != 0 {
		next(ctx)
		return
	}
	rq := requestOf(ctx.Context())
	var rooms [3]room
	all := rooms[:0]
	if _, ok := ctx.Operation().Metadata[dialectMark]; ok {
		all = callRooms(all, &rq.who)
	} else {
		all = streamRooms(all, &rq.who)
	}
	if full := s.open.begin(1, all); full != nil {
		ctx.SetHeader("Retry-After", strconv.Itoa(fullWait))
		s.write(ctx, rq, core.E(core.Exhausted, "stream", "too many at once: the limit of the "+full.of+" is "+strconv.Itoa(full.most)).
			WithHint("end some, or try again in "+strconv.Itoa(fullWait)+" s"))
		return
	}
	defer s.open.end(1, all)
	next(ctx)
}
