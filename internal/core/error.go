package core

import (
	"context"
	"errors"
	"strings"
)

// Code classifies an error. httpapi maps it to a status, cli to an exit code.
type Code string

// The codes.
const (
	Invalid         Code = "invalid"         // the request can't be right; fix it
	Unauthenticated Code = "unauthenticated" // no credential, or a bad one
	Denied          Code = "denied"          // the credential doesn't allow it
	NotFound        Code = "not_found"       // not there, or another tenant's
	Conflict        Code = "conflict"        // the state has moved on; read again
	Exhausted       Code = "exhausted"       // a limit or a budget is used up
	Unavailable     Code = "unavailable"     // a dependency is down; try again
	Canceled        Code = "canceled"        // somebody asked for it to stop
	Unsupported     Code = "unsupported"     // this build or host can't do it
	Internal        Code = "internal"        // a bug; the message is for the log
)

// Error is the one error type that crosses package borders. Code and Hint are
// set once, at the place that knows; layers between add context with %w.
type Error struct {
	Code Code
	Op   string // what was being done: "store.append"
	Msg  string // what went wrong, for a person
	Hint string // how to recover, for a person; may be empty
	Err  error  // the cause; may be nil
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	if e.Msg != "" {
		b.WriteString(e.Msg)
	} else {
		b.WriteString(string(e.Code))
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// E returns an Error with a code, an operation and a message.
func E(code Code, op, msg string) *Error { return &Error{Code: code, Op: op, Msg: msg} }

// WithHint returns the error with a hint on how to recover.
func (e *Error) WithHint(hint string) *Error { e.Hint = hint; return e }

// Because returns the error with its cause.
func (e *Error) Because(err error) *Error { e.Err = err; return e }

// CodeOf returns the code of the first Error in err's tree that has one;
// Canceled and Unavailable for a context's end and deadline; Internal for any
// other error and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e := find(err, func(e *Error) bool { return e.Code != "" }); e != nil {
		return e.Code
	}
	switch {
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return Unavailable
	}
	return Internal
}

// HintOf returns the first hint in err's tree, or "".
func HintOf(err error) string {
	if e := find(err, func(e *Error) bool { return e.Hint != "" }); e != nil {
		return e.Hint
	}
	return ""
}

// find returns the first Error in err's tree, in the order of errors.As, that is
// as wanted, or nil.
func find(err error, wanted func(*Error) bool) *Error {
	if e, ok := err.(*Error); ok && wanted(e) { // it is the walk itself
		return e
	}
	switch u := err.(type) { // it is the walk itself
	case interface{ Unwrap() error }:
		return find(u.Unwrap(), wanted)
	case interface{ Unwrap() []error }:
		for _, err := range u.Unwrap() {
			if e := find(err, wanted); e != nil {
				return e
			}
		}
	}
	return nil
}
