package core

import "encoding/json"

// AuditLog is the stream of an org's audit log. It holds nothing but AuditRecorded.
const AuditLog StreamID = "aud_log"

// AuditRecorded is one entry of an org's audit log: its n-th event is the n-th leaf of a
// Merkle tree (RFC 6962), which begins again where the log was begun anew. Package auditlog
// says what is in it.
type AuditRecorded struct {
	Entry     json.RawMessage `json:"entry,omitempty"` // the leaf
	Part      string          `json:"part,omitempty"`  // of the log, once it was begun anew
	Hashes    []string        `json:"hashes"`          // of the subtrees that it completes, leaf first, base64
	Signature string          `json:"signature"`       // of the tree that it is the last leaf of, base64
}

// EventType implements Payload.
func (AuditRecorded) EventType() string { return "audit.recorded" }
