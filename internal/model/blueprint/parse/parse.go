// Package parse understands prompts: a small grammar and lexicon of English that
// makes a spec of an app from a description, and the next spec from a wish for
// a change.
//
// It claims only what it understood: the words that it couldn't place stand in
// the spec's Notes. It is pure and deterministic, and no input makes it panic.
package parse

import "github.com/isekai-run/isekai/internal/model/blueprint/spec"

// Prompt makes an app's spec from a prompt. It always returns an app: of a
// prompt that it doesn't understand at all, a plain list, with notes that say so.
func Prompt(prompt, runtime string) spec.App { return spec.App{} }

// Change makes the next spec of an app. understood is false when nothing of the
// wish was understood; then the app is unchanged but for its notes.
func Change(a spec.App, wish string) (next spec.App, understood bool) { return a, false }
