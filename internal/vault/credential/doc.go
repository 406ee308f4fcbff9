// Package credential keeps the secrets by which tools reach other services: credentials
// (tokens, passwords, keys) and connections (OAuth grants, which it refreshes).
//
// httpapi offers the commands, which only ever take a secret; tools call Use, the one way
// to a value, and every use is in the audit log before the value is out. platform wires it.
// Everything is in store.Records, which package vault seals: metadata in one record, each
// value in another, so that what lists never reads what must not be shown. It reaches
// providers through the client that it is given, and nobody else.
//
// It never asks whether a caller may (identity's policy has), never shows a secret in an
// error, a log or a formatted value, never sends a refresh twice where one is enough, and
// never takes a provider's word for an address.
package credential
