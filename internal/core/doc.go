// Package core is Isekai's vocabulary: ids, scope, events, tasks, plans, apps
// and errors. Every other package speaks in these words.
//
// It imports the standard library alone, starts no goroutine, does no I/O and
// knows no driver. Its types are plain data: safe to copy, safe to read from
// several goroutines, and not safe to change from more than one.
package core
