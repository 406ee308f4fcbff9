// Package dialect reads and writes the wire formats of model APIs: OpenAI's chat
// completions, responses and embeddings, and Anthropic's messages.
//
// The gateway calls it: [Read] for what it has to know of a request, [Request.With] for the
// bytes that go to a provider of the same dialect, [Translate] for a provider of another,
// [Usage] and [Watch] for what an answer used, [ReadProblem] and
// [WriteProblem] for errors. What isn't read passes untouched, byte for byte.
//
// It is pure: no I/O of its own, no clock, no network, no logs. It never keeps a body beyond
// the values that it returns, never guesses at a document that two decoders would read
// differently (it refuses it), and never drops silently what changes an answer.
package dialect
