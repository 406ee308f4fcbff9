// Package app keeps generated applications: their versions, their previews and
// the saga that makes both or neither.
//
// An app is an event stream; State is its fold and every command is a pure
// decision on it, appended with optimistic locking. A version is an immutable
// file tree in the blob store. A preview is one version running in a sandbox,
// reached by Proxy at a host name of its own; the app's data folder outlives
// both. httpapi and the tools publish_app and preview_app call Service;
// platform wires it and serves Proxy.
//
// Where there are several nodes, an app is at home at one: Homes know which. Service does
// there what must be done there, by an order to that node's Remote.
//
// It never runs an app outside a sandbox, never opens a port for one, never
// changes a version, and never runs two previews of one app at once: the data
// folder has one writer.
package app
