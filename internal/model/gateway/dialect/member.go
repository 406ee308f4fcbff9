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
	mServiceTier
	mWebSearchOptions
	mSearchParameters
	mModalities
	mAudio
	mModels
	mFallbacks
	mPlugins
	mProvider
	mPreset
	mMCPServers
	mInferenceGeo
	mSpeed
	mDataSources
	mContainer
	mPrompt
	mConversation
	mPreviousResponseID
	members // how many
)

// names are the members' names. Who adds one adds it to memberOf.
func names() [members]string {
	return [members]string{
		mModel: "model", mStream: "stream", mStreamOptions: "stream_options", mStore: "store", mN: "n",
		mMaxTokens: "max_tokens", mMaxCompletionTokens: "max_completion_tokens", mMaxOutputTokens: "max_output_tokens",
		mTools: "tools", mFunctions: "functions",
		mMessages: "messages", mInput: "input", mInstructions: "instructions", mSystem: "system", mBackground: "background",
		mServiceTier: "service_tier", mWebSearchOptions: "web_search_options", mSearchParameters: "search_parameters", mModalities: "modalities", mAudio: "audio", mModels: "models",
		mFallbacks: "fallbacks", mPlugins: "plugins", mProvider: "provider", mPreset: "preset", mMCPServers: "mcp_servers", mInferenceGeo: "inference_geo",
		mSpeed: "speed", mDataSources: "data_sources", mContainer: "container", mPrompt: "prompt", mConversation: "conversation", mPreviousResponseID: "previous_response_id",
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
	case "service_tier":
		return mServiceTier
	case "web_search_options":
		return mWebSearchOptions
	case "search_parameters":
		return mSearchParameters
	case "modalities":
		return mModalities
	case "audio":
		return mAudio
	case "models":
		return mModels
	case "fallbacks":
		return mFallbacks
	case "plugins":
		return mPlugins
	case "provider":
		return mProvider
	case "preset":
		return mPreset
	case "mcp_servers":
		return mMCPServers
	case "inference_geo":
		return mInferenceGeo
	case "speed":
		return mSpeed
	case "data_sources":
		return mDataSources
	case "container":
		return mContainer
	case "prompt":
		return mPrompt
	case "conversation":
		return mConversation
	case "previous_response_id":
		return mPreviousResponseID
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
