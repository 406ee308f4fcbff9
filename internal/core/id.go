package core

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"
)

// The identifiers. Each is opaque outside this file except for its prefix,
// which says what it names, so that a misplaced id is seen by a reader.
type (
	// OrgID names a tenant: "org_..." or DefaultOrg.
	OrgID string
	// ProjectID names a part of an org: "prj_..." or DefaultProject.
	ProjectID string
	// TaskID names a task, and its event stream: "tsk_...".
	TaskID string
	// AppID names an app, and its event stream: "app_...".
	AppID string
	// StreamID names the event stream of one aggregate. A task's or an app's
	// stream has the id of the task or the app.
	StreamID string
	// EventID names one event: "evt_...".
	EventID string
	// CallID names one model or tool call: "cal_...".
	CallID string
	// UserID names a user, a person or a service: "usr_...".
	UserID string
	// KeyID names an API key: "key_...".
	KeyID string
	// HoldID names credits that are set aside for many calls, and the event stream of these:
	// "hld_...".
	HoldID string
)

// The tenant that exists from the first start, for embedded use.
const (
	DefaultOrg     OrgID     = "org_default"
	DefaultProject ProjectID = "prj_default"
)

// Installation is what the installation as a whole is kept under, as if it were an org:
// its users, its operators, its log. It has no projects, tasks or apps.
const Installation OrgID = "org_installation"

// Stream returns the id of the task's event stream.
func (id TaskID) Stream() StreamID { return StreamID(id) }

// Stream returns the id of the app's event stream.
func (id AppID) Stream() StreamID { return StreamID(id) }

// Stream returns the id of the hold's event stream.
func (id HoldID) Stream() StreamID { return StreamID(id) }

// IDs makes identifiers. Tests inject a deterministic one; NewID is the real
// one. The result is prefix + "_" + 26 characters that are unique and sort by
// the time they were made.
type IDs func(prefix string) string

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID returns prefix + "_" + 26 lower-case base-32 characters: 48 bits of
// milliseconds since 1970, then 80 random bits (the layout of a ULID). Ids made
// in different milliseconds sort by time. Safe for concurrent use.
func NewID(prefix string) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(time.Now().UnixMilli())<<16)
	_, _ = rand.Read(b[6:]) // crypto/rand.Read never returns an error
	var text [64]byte
	to := append(append(text[:0], prefix...), '_')
	return string(idEncoding.AppendEncode(to, b[:]))
}

// ValidID reports whether s is prefix + "_" followed by 1 to 40 lower-case
// letters and digits: what may appear in a path, a host name or a query.
func ValidID(prefix, s string) bool {
	rest, ok := strings.CutPrefix(s, prefix+"_")
	if !ok || rest == "" || len(rest) > 40 {
		return false
	}
	for _, c := range []byte(rest) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
