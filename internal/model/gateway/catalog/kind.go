package catalog

import (
	"slices"

	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// Kind says what API a provider has: with it come an address, what it speaks, and how it
// takes its credential.
type Kind string

// The kinds.
const (
	OpenAI     Kind = "openai"
	Anthropic  Kind = "anthropic"
	Azure      Kind = "azure-openai"
	Gemini     Kind = "gemini" // by its OpenAI-compatible API
	Ollama     Kind = "ollama"
	VLLM       Kind = "vllm"
	LlamaCPP   Kind = "llama.cpp"
	OpenRouter Kind = "openrouter"
	Compatible Kind = "openai-compatible" // whatever else speaks like OpenAI
)

// Kinds are all of them, the best known first.
var Kinds = []Kind{OpenAI, Anthropic, Azure, Gemini, Ollama, VLLM, LlamaCPP, OpenRouter, Compatible}

// preset is what comes with a kind.
type preset struct {
	address string              // "": it has to be given
	path    string              // of the API, for an address without one
	speaks  []dialect.Operation // unless the provider says more
	header  string              // that a credential goes in by itself; "": Authorization, as a bearer token
	lists   bool                // GET models names what it has
}

// What most of those speak that are like OpenAI. Newer servers speak more: Spec.Speaks.
var common = []dialect.Operation{dialect.OpChat, dialect.OpEmbeddings}

// presets are from the makers' documents. Azure lists what there is to deploy, and not what
// is deployed; so its list is of no use.
var presets = map[Kind]preset{
	OpenAI:     {address: "https://api.openai.com/v1", path: "/v1", speaks: []dialect.Operation{dialect.OpChat, dialect.OpResponses, dialect.OpCompact, dialect.OpEmbeddings}, lists: true},
	Anthropic:  {address: "https://api.anthropic.com/v1", path: "/v1", speaks: []dialect.Operation{dialect.OpMessages, dialect.OpCountTokens}, header: "X-Api-Key", lists: true},
	Azure:      {path: "/openai/v1", speaks: []dialect.Operation{dialect.OpChat, dialect.OpResponses, dialect.OpCompact, dialect.OpEmbeddings}, header: "Api-Key"},
	Gemini:     {address: "https://generativelanguage.googleapis.com/v1beta/openai", path: "/v1beta/openai", speaks: common, lists: true},
	Ollama:     {address: "http://127.0.0.1:11434/v1", path: "/v1", speaks: common, lists: true},
	VLLM:       {address: "http://127.0.0.1:8000/v1", path: "/v1", speaks: common, lists: true},
	LlamaCPP:   {address: "http://127.0.0.1:8080/v1", path: "/v1", speaks: common, lists: true},
	OpenRouter: {address: "https://openrouter.ai/api/v1", path: "/api/v1", speaks: common, lists: true},
	Compatible: {speaks: common, lists: true},
}

// Address returns the address that comes with the kind; "": one has to be given.
func (k Kind) Address() string { return presets[k].address }

// Speaks returns the operations that come with the kind.
func (k Kind) Speaks() []dialect.Operation { return slices.Clone(presets[k].speaks) }

// paths are where operations are below an address.
var paths = map[dialect.Operation]string{
	dialect.OpChat:        "/chat/completions",
	dialect.OpResponses:   "/responses",
	dialect.OpCompact:     "/responses/compact",
	dialect.OpMessages:    "/messages",
	dialect.OpEmbeddings:  "/embeddings",
	dialect.OpCountTokens: "/messages/count_tokens",
	dialect.OpModels:      "/models",
}

// generates reports whether an operation has a model write something, or counts what it
// would read: what a provider of another dialect can do, too, by translation.
func generates(op dialect.Operation) bool {
	return op == dialect.OpChat || op == dialect.OpResponses || op == dialect.OpMessages
}
