package gateway

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/sse"
)

// sieve cleans a stream's events, as they go to the caller. The texts that come in parts
// are flows, of which it knows by the dialect where each begins and ends. What a flow held
// back goes in an event of its own before the one that ends it.
type sieve struct {
	by    Cleaner
	words words
	flows []*flow // in the order in which they began
	held  int     // bytes of their events
	base  []byte  // the last event's data, without its texts
	added int64   // events that weren't in the stream
}

// What a provider may send in parts. Each part takes another pass of its event.
const (
	maxParts  = 1024      // of an event, and texts at once
	maxPasses = 256 << 20 // bytes of an event times its parts
	maxHeld   = 2 * maxEvent
)

// errParts is the error of a stream that is beyond them.
var errParts = core.E(core.Unavailable, op, "the answer has too many parts to be looked at").WithHint("ask for fewer choices")

// flow is a text that is coming.
type flow struct {
	Flow
	part
	of []byte // data of the event that had the last part, without its texts
}

// part is a part of a text in an event.
type part struct {
	key  string // which text it is of
	path string // where it is
}

// words say where a dialect has its texts.
type words struct {
	// parts are those in an event.
	parts func(data []byte) []part
	// ends are the beginnings of the keys of texts to which nothing comes from this event on.
	ends func(data []byte) []string
	// rest is an event with the last part of a text. now is the one that it goes before.
	rest func(f *flow, text string, now []byte) sse.Event
}

func newSieve(by Cleaner, op dialect.Operation) *sieve {
	return &sieve{by: by, words: wordsOf[op]}
}

// size is how many bytes it keeps.
func (s *sieve) size() int { return s.held + cap(s.base) }

// event returns what goes instead of an event, valid until the next. denied: the policy
// doesn't let it go.
func (s *sieve) event(e sse.Event) (out []sse.Event, err error) {
	if !gjson.ValidBytes(e.Data) { // chat's last
		out, err = s.end()
		return append(out, e), err
	}
	data := unspelled(e.Data)
	parts, ends := s.words.parts(data), s.words.ends(data)
	if len(parts) > maxParts || len(parts)*len(data) > maxPasses || len(ends) > maxParts {
		return nil, errParts
	}
	bare := data
	for _, p := range parts {
		bare = withText(bare, p.path, "")
	}
	base, err := s.by.JSON(bare)
	if err != nil {
		return nil, err
	}
	s.base = append(s.base[:0], base...)
	if out, err = s.finish(ends, parts); err != nil {
		return nil, err
	}
	if e.Data, err = s.clean(data, bytes.Equal(base, bare), parts, ends); err != nil {
		return nil, err
	}
	e.Data = numbered(e.Data, s.added)
	return append(out, e), nil
}

// end returns what is left of all texts.
func (s *sieve) end() ([]sse.Event, error) { return s.finish([]string{""}, nil) }

// finish ends the texts whose keys begin with one of ends, and returns what is left of them.
// Those of which there are parts now end with these.
func (s *sieve) finish(ends []string, now []part) (out []sse.Event, err error) {
	if len(ends) == 0 {
		return nil, nil
	}
	s.flows = slices.DeleteFunc(s.flows, func(f *flow) bool {
		if err != nil || !among(ends, f.key) || slices.ContainsFunc(now, func(p part) bool { return p.key == f.key }) {
			return false
		}
		var text string
		if text, err = f.End(); err == nil && text != "" {
			e := s.words.rest(f, text, s.base)
			e.Data = numbered(e.Data, s.added)
			out = append(out, e)
			s.added++
		}
		s.held -= len(f.of)
		return true
	})
	return out, err
}

// among reports whether a key begins with one of ends.
func among(ends []string, key string) bool {
	return slices.ContainsFunc(ends, func(end string) bool { return strings.HasPrefix(key, end) })
}

// clean is an event's data as it may go: base with what may go of its texts. same: but for
// these it is data.
func (s *sieve) clean(data []byte, same bool, parts []part, ends []string) ([]byte, error) {
	clean := s.base
	for _, p := range parts {
		was := gjson.GetBytes(data, p.path).Str
		text, err := s.push(p, was, among(ends, p.key))
		if err != nil {
			return nil, err
		}
		same = same && text == was
		clean = withText(clean, p.path, text)
	}
	if same {
		return data, nil
	}
	return clean, nil
}

// push is what may go of a text now that a part has come, which may be its last.
func (s *sieve) push(p part, text string, last bool) (string, error) {
	f, err := s.flow(p)
	if err != nil {
		return "", err
	}
	out, err := f.Push(text)
	if err != nil || !last {
		return out, err
	}
	rest, err := f.End() // and finish finds it empty
	return out + rest, err
}

// flow is the one that a part belongs to.
func (s *sieve) flow(p part) (*flow, error) {
	i := slices.IndexFunc(s.flows, func(f *flow) bool { return f.key == p.key })
	if i < 0 {
		i = len(s.flows)
		s.flows = append(s.flows, &flow{Flow: s.by.Flow()})
	}
	f := s.flows[i]
	if s.held += len(s.base) - len(f.of); s.held > maxHeld || i >= maxParts {
		return nil, errParts
	}
	f.part, f.of = p, append(f.of[:0], s.base...)
	return f, nil
}

// withText is a JSON text with another text where there is one.
func withText(raw []byte, path, text string) []byte {
	r := gjson.GetBytes(raw, path)
	if r.Index == 0 {
		return raw
	}
	return withRaw(raw, r, gjson.AppendJSONString(nil, text))
}

func withRaw(raw []byte, at gjson.Result, value []byte) []byte {
	return slices.Concat(raw[:at.Index], value, raw[at.Index+len(at.Raw):])
}

// unsaid is the error of what the org's policy keeps from going.
type unsaid struct{ error }

// Unwrap returns the policy's.
func (u *unsaid) Unwrap() error { return u.error }

// pass adds events to the piece at hand, as the org's policy lets them go. unsaid: it doesn't.
func (s *Stream) pass(events ...sse.Event) error {
	for _, e := range events {
		if s.sieve == nil {
			s.add(e)
			continue
		}
		clean, err := s.sieve.event(e)
		if err != nil {
			return &unsaid{err}
		}
		for _, e := range clean {
			s.add(e)
		}
	}
	return nil
}

// rest passes what comes after the provider's last event.
func (s *Stream) rest() error {
	if s.words != nil {
		if err := s.pass(s.words.End()...); err != nil {
			return err
		}
	}
	if s.sieve == nil {
		return nil
	}
	events, err := s.sieve.end()
	if err != nil {
		return &unsaid{err}
	}
	for _, e := range events {
		s.add(e)
	}
	return nil
}

// last adds the event that says what went wrong, in which a provider may have said things,
// too. What texts held back is left out.
func (s *Stream) last(e sse.Event) {
	if s.sieve != nil {
		data, err := s.sieve.by.JSON(e.Data)
		if err != nil {
			data = dialect.ProblemEvent(s.j.Op, core.CodeOf(err), dialect.Problem{Message: "the error holds what the org's policy keeps back"}).Data
		}
		e.Data = numbered(data, s.sieve.added)
	}
	s.add(e)
}
