// Package vault makes everything that a tenant wrote ciphertext: in the store, in
// blobs and on the bus.
//
// It stands around the ports as decorators: platform passes modules the store, the
// blobs and the handlers that a Vault wraps, and neither modules nor drivers know.
// Each org has keys of its own, made with its first write and kept wrapped by a
// master key (a file, a variable, or HashiCorp Vault's and OpenBao's transit
// engine). A ciphertext is bound to its place, so that it opens nowhere else.
//
// It never stores a key that isn't wrapped, never shows one in an error, a log or a
// formatted value, and never returns bytes that it couldn't authenticate. What stays
// readable by design are ids, types, kinds, statuses, times, sizes and the books; see
// docs/adr/0007-keys.md.
package vault
