// Package auditlog keeps a record of security-relevant actions that can't be changed in
// silence: sign-ins and failures, roles, keys, secrets, exports, policies, shreds, approvals.
//
// httpapi, identity and the vault's commands record through it, by small interfaces that
// platform wires; operators list, export and verify. The log of an org is its event stream
// core.AuditLog, so it is sealed, backed up, moved and shredded as everything else of the
// org. Each entry is a leaf of a Merkle tree (RFC 6962, as golang.org/x/mod/sumdb/tlog has
// it), and each event carries the hashes that its leaf completes and the installation's
// signature of the tree so far. So a row that is deleted, changed, moved, or written by
// somebody else is found and named by whoever has the public key. That rows are missing at
// the end is seen against a checkpoint: a signed note (golang.org/x/mod/sumdb/note) of the
// tree's size and root, in C2SP's form. One is kept beside each log, and whoever sends them
// elsewhere can prove even a rewriting by the holder of all keys.
//
// It never changes or removes an entry, never goes on with a log that is damaged, but behind
// it when an operator says so, and never decides who may read one: the caller has asked.
package auditlog
