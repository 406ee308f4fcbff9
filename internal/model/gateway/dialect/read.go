package dialect

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
)

// Bounds of a request. How long it may be is its reader's to say.
const (
	maxMembers = 256     // of the request's object
	maxModel   = 256     // bytes of a model's name
	maxChoices = 128     // n
	maxTokens  = 1 << 30 // that may be asked for
)

// Read reads a request's body, in one pass. The request keeps the body, which isn't to be
// changed. A request for models has none.
//
// It refuses, with core.Invalid, a message and a hint that name the member: what isn't a JSON
// object; a member that it reads and that is there twice, or is written with other capitals
// (decoders differ in which one they take); a value of the wrong type; and what is beyond the
// bounds: 512 levels, 256 members, a name of 256 bytes, 128 choices, 2^30 tokens.
func Read(op Operation, body []byte) (Request, error) {
	r := reader{Request: Request{Op: op, Choices: 1, Body: body}}
	if op == OpModels {
		return r.Request, nil
	}
	start := space(body, 0)
	end := object(body, start, 0, r.member)
	switch {
	case r.err != nil:
		return Request{}, r.err
	case end < 0 || space(body, end) != len(body):
		return Request{}, invalid("the body isn't a JSON object", "send one JSON object of at most 512 levels, and nothing after it")
	case r.seen&(1<<mModel) == 0:
		return Request{}, invalid("the model is missing", `name it in "model"; GET /v1/models lists them`)
	}
	if op == OpChat && r.Stream && !r.Usage && r.seen&(1<<mStreamOptions) == 0 {
		r.usage = edit{start + 1, start + 1, `"stream_options":{"include_usage":true},`}
	}
	if op != OpChat || !r.Stream {
		r.Usage, r.usage = false, edit{}
	}
	if r.older {
		r.newer = edit{}
	}
	r.Stream = r.Stream && op.generates()
	r.Images = (op.generates() || op == OpCompact) && bytes.Contains(body, []byte("image")) && pictures(body) > 0
	return r.Request, nil
}

// reader is a Read under way.
type reader struct {
	Request
	seen  uint64 // bit by member
	count int
	older bool  // a limit is said by its older name
	err   error // the first
}

// member takes one member of the request's object.
func (r *reader) member(name []byte, from, to int) {
	if r.count++; r.count > maxMembers && r.err == nil {
		r.err = invalid("the request has more than 256 members", "leave out what the API doesn't know")
	}
	if r.err != nil {
		return
	}
	m := memberOf(name)
	if m == unread {
		if m, r.err = disguised(name); m == unread {
			return
		}
	}
	if r.seen&(1<<m) != 0 {
		r.err = invalid(names()[m]+" is there twice", `say "`+names()[m]+`" once`)
		return
	}
	r.seen |= 1 << m
	if v := r.Body[from:to]; m == mModel || v[0] != 'n' { // null is as if it weren't there
		r.err = r.take(m, v, from, to)
		return
	}
	switch m {
	case mStreamOptions:
		r.usage = edit{from, to, `{"include_usage":true}`}
	case mMaxTokens, mMaxCompletionTokens, mMaxOutputTokens:
		r.nulls = append(r.nulls, null{names()[m], from, to})
	}
}

// take takes the value of a member, which isn't null.
func (r *reader) take(m member, v []byte, from, to int) (err error) {
	switch m {
	case mModel:
		r.Model, err = modelName(v)
		r.model = edit{from: from, to: to}
	case mStream:
		r.Stream, err = boolean("stream", v)
	case mStore:
		r.Store, err = boolean("store", v)
	case mBackground:
		if r.Op.Dialect() == Responses {
			r.Background, err = boolean("background", v)
		}
	case mStreamOptions:
		if r.Op == OpChat {
			err = r.streamOptions(v, from)
		}
	case mN:
		if r.Op == OpChat {
			r.Choices, err = integer("n", v, 1, maxChoices)
		}
	case mMaxTokens, mMaxCompletionTokens, mMaxOutputTokens:
		if (m == mMaxOutputTokens) == (r.Op == OpResponses) && (m != mMaxCompletionTokens || r.Op == OpChat) {
			n, least := 0, 1
			if r.Op == OpMessages { // of which none may be asked for, to fill a prompt's cache
				least = 0
			}
			n, err = integer(names()[m], v, least, maxTokens)
			r.MaxOutput = max(r.MaxOutput, n, 1)
			if m == mMaxCompletionTokens {
				r.newer = edit{from: from, to: to}
			} else {
				r.older = true
			}
		}
	case mMessages, mInput, mInstructions, mSystem:
	case mTools, mFunctions:
		r.Tools = r.Tools || v[0] == '[' && v[space(v, 1)] != ']'
		r.extras = append(r.extras, extra{m, v})
	default:
		r.extras = append(r.extras, extra{m, v})
	}
	return err
}

// streamOptions takes stream_options, which begins at b[at].
func (r *reader) streamOptions(v []byte, at int) error {
	var err error
	count, seen := 0, false
	end := object(v, 0, 1, func(name []byte, from, to int) {
		count++
		s, ok := "include_usage", true
		if string(name) != s {
			s, ok = unquote(name)
		}
		switch {
		case err != nil || !ok || !strings.EqualFold(s, "include_usage"):
		case s != "include_usage" || seen:
			err = invalid("stream_options.include_usage is ambiguous", `say "include_usage" once`)
		default:
			seen = true
			if v[from] != 'n' {
				r.Usage, err = boolean("stream_options.include_usage", v[from:to])
			}
			if !r.Usage {
				r.usage = edit{at + from, at + to, "true"}
			}
		}
	})
	switch {
	case end < 0:
		return invalid("stream_options isn't an object", `say "stream_options": {"include_usage": true}`)
	case seen || err != nil:
	case count == 0:
		r.usage = edit{at + 1, at + 1, `"include_usage":true`}
	default:
		r.usage = edit{at + 1, at + 1, `"include_usage":true,`}
	}
	return err
}

func modelName(v []byte) (string, error) {
	if v[0] != '"' {
		return "", invalid("model isn't a string", `name it in "model"; GET /v1/models lists them`)
	}
	s, ok := unquote(v[1 : len(v)-1])
	if !ok || s == "" || len(s) > maxModel || strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) || c == unicode.ReplacementChar }) {
		return "", invalid("model isn't a model's name", "a name has 1 to 256 bytes of text; GET /v1/models lists them")
	}
	return s, nil
}

func boolean(name string, v []byte) (bool, error) {
	if v[0] != 't' && v[0] != 'f' {
		return false, invalid(name+" isn't true or false", "leave "+name+" out, or make it true or false")
	}
	return v[0] == 't', nil
}

func integer(name string, v []byte, least, most int) (int, error) {
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f != float64(int(f)) || f < float64(least) || f > float64(most) {
		return 0, invalid(name+" isn't a whole number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most), "leave "+name+" out, or make it one")
	}
	return int(f), nil
}

// unquote returns the string whose bytes between the quotes are raw, which were scanned.
func unquote(raw []byte) (string, bool) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw), true
	}
	var s string
	quoted := append(append(append(make([]byte, 0, len(raw)+2), '"'), raw...), '"')
	err := json.Unmarshal(quoted, &s)
	return s, err == nil
}
