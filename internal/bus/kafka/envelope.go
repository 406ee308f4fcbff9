package kafka

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/binding/spec"
	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/isekai-run/isekai/internal/core"
)

// The envelope is CloudEvents 1.0 in the binary content mode of its Kafka protocol
// binding (github.com/cloudevents/spec, kafka-protocol-binding.md): attributes are
// headers, the record's value is the event's data as it is.
const (
	source      = "urn:isekai"
	contentType = "application/octet-stream" // ciphertext

	headerPrefix      = "ce_"
	headerContentType = "content-type"

	// Extension attributes. Numbers are strings: the specification's integers have
	// 32 bits.
	extOrg, extProject       = "isekaiorg", "isekaiproject"
	extVersion, extPosition  = "isekaiversion", "isekaiposition"
	extActorKind, extActorID = "isekaiactorkind", "isekaiactorid"
	maxValue                 = 1_000_000 - 16<<10 // bytes, so that a batch of one record fits the brokers' default
)

// keyOf returns the key of a stream's records.
func keyOf(org core.OrgID, stream core.StreamID) string { return string(org) + "/" + string(stream) }

// codec encodes and decodes records. Safe for concurrent use.
type codec struct{ version spec.Version }

func newCodec() codec { return codec{spec.WithPrefix(headerPrefix).Latest()} }

// encode returns the record of an event. One that can't be carried is invalid.
func (c codec) encode(e core.Event) (*kgo.Record, error) {
	if len(e.Data) > maxValue {
		return nil, core.E(core.Invalid, "kafka.encode", fmt.Sprintf("event %s has %d bytes, more than %d", e.ID, len(e.Data), maxValue))
	}
	if err := check(e); err != nil {
		return nil, core.E(core.Invalid, "kafka.encode", fmt.Sprintf("event %q can't be carried", e.ID)).Because(err)
	}
	ce := event.EventContextV1{
		ID: string(e.ID), Type: e.Type, Source: *types.ParseURIRef(source), Subject: ptr(string(e.Stream)),
		Time: &types.Timestamp{Time: e.At}, DataContentType: ptr(contentType),
	}
	r := &kgo.Record{Key: []byte(keyOf(e.Org, e.Stream)), Value: e.Data, Headers: make([]kgo.RecordHeader, 0, 13)}
	if r.Value == nil {
		r.Value = []byte{} // no value would be a tombstone
	}
	add := func(name, value string) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
	}
	for _, a := range c.version.Attributes() {
		value := a.Get(&ce)
		if value == nil {
			continue
		}
		text, err := types.Format(value)
		if err != nil {
			return nil, core.E(core.Invalid, "kafka.encode", "attribute "+a.Name()).Because(err)
		}
		if a.Kind() == spec.DataContentType {
			add(headerContentType, text)
		} else {
			add(a.PrefixedName(), text)
		}
	}
	for _, x := range extensions(e) {
		add(headerPrefix+x[0], x[1])
	}
	return r, nil
}

func extensions(e core.Event) [][2]string {
	return [][2]string{
		{extOrg, string(e.Org)}, {extProject, string(e.Project)},
		{extVersion, strconv.FormatInt(e.Version, 10)}, {extPosition, strconv.FormatInt(e.Position, 10)},
		{extActorKind, string(e.Actor.Kind)}, {extActorID, e.Actor.ID},
	}
}

func ptr(s string) *string { return &s }

// decode returns the event of a record that encode has made. It ignores headers
// that it doesn't know: those of tracing, or of a later version.
func (c codec) decode(r *kgo.Record) (core.Event, error) {
	h, err := headers(r)
	if err != nil {
		return core.Event{}, err
	}
	for _, must := range [][2]string{{"ce_specversion", c.version.String()}, {"ce_source", source}, {headerContentType, contentType}} {
		if got := h[must[0]]; got != must[1] {
			return core.Event{}, fmt.Errorf("header %s is %.100q, not %s", must[0], got, must[1])
		}
	}
	e := core.Event{
		ID: core.EventID(h["ce_id"]), Type: h["ce_type"], Stream: core.StreamID(h["ce_subject"]),
		Org: core.OrgID(h[headerPrefix+extOrg]), Project: core.ProjectID(h[headerPrefix+extProject]),
		Actor: core.Actor{Kind: core.ActorKind(h[headerPrefix+extActorKind]), ID: h[headerPrefix+extActorID]},
		Data:  r.Value,
	}
	at, err := types.ParseTime(h["ce_time"])
	if err != nil {
		return core.Event{}, fmt.Errorf("header ce_time: %w", err)
	}
	e.At = at.UTC()
	if e.Version, err = strconv.ParseInt(h[headerPrefix+extVersion], 10, 64); err != nil {
		return core.Event{}, fmt.Errorf("the version: %w", err)
	}
	if e.Position, err = strconv.ParseInt(h[headerPrefix+extPosition], 10, 64); err != nil {
		return core.Event{}, fmt.Errorf("the position: %w", err)
	}
	if err := check(e); err != nil {
		return core.Event{}, err
	}
	if key := keyOf(e.Org, e.Stream); string(r.Key) != key {
		return core.Event{}, fmt.Errorf("the key is %.100q, not %.100q", r.Key, key)
	}
	return e, nil
}

// headers returns those that are ours, by lower-case name.
func headers(r *kgo.Record) (map[string]string, error) {
	h := make(map[string]string, len(r.Headers))
	for _, header := range r.Headers {
		name := strings.ToLower(header.Key)
		if !strings.HasPrefix(name, headerPrefix) && name != headerContentType {
			continue
		}
		if _, twice := h[name]; twice {
			return nil, fmt.Errorf("header %.100s is there twice", name)
		}
		h[name] = string(header.Value)
	}
	return h, nil
}

// check says what keeps an event from being carried.
func check(e core.Event) error {
	names := [...]string{string(e.ID), string(e.Org), string(e.Stream), e.Type, string(e.Project), string(e.Actor.Kind), e.Actor.ID}
	const required = 4
	for i, s := range names {
		switch {
		case s == "" && i < required:
			return errors.New("no id, org, stream or type")
		case len(s) > 1024 || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl): // CloudEvents: String
			return fmt.Errorf("%.100q is no name", s)
		}
	}
	switch year := e.At.UTC().Year(); {
	case strings.Contains(string(e.Org), "/"):
		return fmt.Errorf("org %.100q has a slash", e.Org) // which ends it in the key
	case e.Version < 1 || e.Position < 1:
		return fmt.Errorf("version %d, position %d", e.Version, e.Position)
	case e.At.IsZero() || year < 1 || year > 9999:
		return fmt.Errorf("time %v", e.At)
	}
	return nil
}
