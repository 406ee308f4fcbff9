package core

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
)

// Payload is the typed body of an event. Its EventType is a constant, in the
// form "noun.past_participle".
type Payload interface{ EventType() string }

// Event is a stored fact.
type Event struct {
	ID       EventID         `json:"id"`
	Org      OrgID           `json:"org"`
	Project  ProjectID       `json:"project"`
	Stream   StreamID        `json:"stream"`
	Version  int64           `json:"version"`  // order within the stream, from 1, without gaps
	Position int64           `json:"position"` // order within the org, growing, gaps allowed
	Type     string          `json:"type"`
	At       time.Time       `json:"at"` // UTC, when it was recorded
	Actor    Actor           `json:"actor"`
	Data     json.RawMessage `json:"data"`
}

// payloads maps an event type to its Go type: the only place that lists them.
var payloads = func() map[string]reflect.Type {
	m := map[string]reflect.Type{}
	for _, p := range []Payload{
		TaskCreated{}, CreditsRequested{}, CreditsHeld{}, CreditsRefused{}, TaskPlanned{}, StepStarted{}, StepsParted{}, StepsJoined{}, ModelRequested{}, ModelSettled{}, ModelSwitched{},
		ToolRequested{}, ToolSettled{}, ApprovalRequested{}, ApprovalAnswered{}, VerdictGiven{},
		TaskCancelRequested{}, TaskFinished{}, SubtaskFinished{}, TaskForked{},
		AppCreated{}, AppVersioned{}, AppRetracted{}, AppSelected{}, AppStarted{}, AppStopped{}, AppDeleted{},
		BudgetReached{}, AuditRecorded{}, CallsMetered{}, HoldEnded{}, WatchChanged{}, WatchFailing{}, NoticeRaised{},
		IntentRouted{}, ModelStreamed{}, ConversationStarted{}, ConversationChanged{}, MessageAdded{}, ConversationDeleted{},
	} {
		m[p.EventType()] = reflect.TypeOf(p)
	}
	return m
}()

// EventTypes returns every type of event that there is, sorted.
func EventTypes() []string { return slices.Sorted(maps.Keys(payloads)) }

// PayloadType returns the Go type of the events of a type; nil: there is no such type.
func PayloadType(event string) reflect.Type { return payloads[event] }

// EncodePayload returns p as the JSON that Event.Data holds.
func EncodePayload(p Payload) (json.RawMessage, error) {
	if _, known := payloads[p.EventType()]; !known {
		return nil, E(Internal, "core.encode", "event type "+p.EventType()+" isn't registered")
	}
	b, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("core.encode %s: %w", p.EventType(), err)
	}
	return b, nil
}

// Payload decodes the event's body into its Go type (a value, not a pointer).
// A type that this build doesn't know is Unsupported; bytes that don't decode
// are Invalid. Plain JSON only: nothing in it can run.
func (e Event) Payload() (Payload, error) {
	t, ok := payloads[e.Type]
	if !ok {
		return nil, E(Unsupported, "core.decode", "unknown event type "+e.Type).
			WithHint("this data was written by a newer isekai; upgrade")
	}
	v := reflect.New(t)
	if err := json.Unmarshal(e.Data, v.Interface()); err != nil {
		return nil, E(Invalid, "core.decode", "event "+string(e.ID)+" of type "+e.Type+" doesn't decode").Because(err)
	}
	return v.Elem().Interface().(Payload), nil
}

// Digest names a blob by its content: "sha256:" and 64 lower-case hex digits.
type Digest string

// Content is text that is small enough to stand in an event, or else a blob.
// Exactly one of Text and Blob is set, or neither for the empty text.
type Content struct {
	Text string `json:"text,omitempty"`
	Blob Digest `json:"blob,omitempty"`
	Size int64  `json:"size,omitempty"` // bytes, when Blob is set
}

// MaxInline is the longest text, in bytes, that an event carries itself.
const MaxInline = 2048
