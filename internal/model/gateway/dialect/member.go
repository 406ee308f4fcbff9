package dialect

import (
	"bytes"
	"strconv"
	"strings"
)

// member is one of those that Read reads.
type member uint

const (
	unread member = iota
	mModel
	mStream
	mStreamOptions
	mStore
	mN
	mMaxTokens
	mMaxCompletionTokens
	mMaxOutputTokens
	mTools
	mFunctions
	mMessages
	mInput
	mInstructions
	mSystem
	mBackground
	members // how many
)

// names are the members' names. Who adds one adds it to memberOf.
func names() [members]string {
	return [members]string{
		mModel: "model", mStream: "stream", mStreamOptions: "stream_options", mStore: "store", mN: "n",
		mMaxTokens: "max_tokens", mMaxCompletionTokens: "max_completion_tokens", mMaxOutputTokens: "max_output_tokens",
		mTools: "tools", mFunctions: "functions",
		mMessages: "messages", mInput: "input", mInstructions: "instructions", mSystem: "system", mBackground: "background",
	}
}

// memberOf returns the member of that name, or unread.
func memberOf(name []byte) member {
	switch string(name) {
	case "model":
		return mModel
	case "stream":
		return mStream
	case "stream_options":
		return mStreamOptions
	case "store":
		return mStore
	case "n":
		return mN
	case "max_tokens":
		return mMaxTokens
	case "max_completion_tokens":
		return mMaxCompletionTokens
	case "max_output_tokens":
		return mMaxOutputTokens
	case "tools":
		return mTools
	case "functions":
		return mFunctions
	case "messages":
		return mMessages
	case "input":
		return mInput
	case "instructions":
		return mInstructions
	case "system":
		return mSystem
	case "background":
		return mBackground
	}
	return unread
}

// disguised returns the member whose name is written with escapes. A name that differs from a
// member's by capitals alone is refused.
func disguised(name []byte) (member, error) {
	if odd := bytes.IndexFunc(name, func(c rune) bool { return c != '_' && !('a' <= c && c <= 'z') }); odd < 0 {
		return unread, nil
	}
	s, ok := unquote(name)
	if !ok {
		return unread, nil
	}
	for m, known := range names() {
		switch {
		case m == int(unread):
		case s == known:
			return member(m), nil
		case strings.EqualFold(s, known):
			return unread, invalid("the member "+strconv.Quote(s)+" can be taken for "+known, `write "`+known+`"`)
		}
	}
	return unread, nil
}
