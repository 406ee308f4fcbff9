package kafka

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/isekai-run/isekai/internal/core"
)

func sample() core.Event {
	return core.Event{
		ID: "evt_1", Org: "org_a", Project: "prj_a", Stream: "tsk_1", Version: 3, Position: 1 << 60, Type: "task.planned",
		At: time.Date(2026, 1, 2, 3, 4, 5, 678000, time.UTC), Actor: core.Actor{Kind: core.ActorWorker, ID: "wrk_1"},
		Data: []byte{0, 1, 0xff, '{'},
	}
}

// TestEnvelope holds the wire format still: records outlive a version of isekai.
func TestEnvelope(t *testing.T) {
	t.Parallel()
	r, err := newCodec().encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{"key": string(r.Key), "value": string(r.Value)}
	for _, h := range r.Headers {
		got[h.Key] = string(h.Value)
	}
	want := map[string]string{
		"key": "org_a/tsk_1", "value": "\x00\x01\xff{", "content-type": "application/octet-stream",
		"ce_specversion": "1.0", "ce_id": "evt_1", "ce_source": "urn:isekai", "ce_type": "task.planned", "ce_subject": "tsk_1",
		"ce_time": "2026-01-02T03:04:05.000678Z", "ce_isekaiorg": "org_a", "ce_isekaiproject": "prj_a", "ce_isekaiversion": "3",
		"ce_isekaiposition": "1152921504606846976", "ce_isekaiactorkind": "worker", "ce_isekaiactorid": "wrk_1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the envelope has changed (-want +got):\n%s", diff)
	}
	back, err := newCodec().decode(r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), back); diff != "" {
		t.Errorf("the event has changed (-want +got):\n%s", diff)
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*core.Event){
		"no id":          func(e *core.Event) { e.ID = "" },
		"no org":         func(e *core.Event) { e.Org = "" },
		"no stream":      func(e *core.Event) { e.Stream = "" },
		"no type":        func(e *core.Event) { e.Type = "" },
		"an org's slash": func(e *core.Event) { e.Org = "a/b" },
		"a line's end":   func(e *core.Event) { e.Actor.ID = "a\nb" },
		"not UTF-8":      func(e *core.Event) { e.Type = "\xff" },
		"a long name":    func(e *core.Event) { e.Type = strings.Repeat("a", 2000) },
		"version 0":      func(e *core.Event) { e.Version = 0 },
		"position 0":     func(e *core.Event) { e.Position = 0 },
		"no time":        func(e *core.Event) { e.At = time.Time{} },
		"a far time":     func(e *core.Event) { e.At = e.At.AddDate(9000, 0, 0) },
		"too much":       func(e *core.Event) { e.Data = make([]byte, maxValue+1) },
	} {
		e := sample()
		change(&e)
		if _, err := newCodec().encode(e); core.CodeOf(err) != core.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(*kgo.Record) {
		return func(r *kgo.Record) {
			for i := range r.Headers {
				if r.Headers[i].Key == name {
					r.Headers[i].Value = []byte(value)
				}
			}
		}
	}
	changes := map[string]func(*kgo.Record){
		"nothing":               func(r *kgo.Record) { *r = kgo.Record{} },
		"another specification": set("ce_specversion", "0.3"),
		"another source":        set("ce_source", "urn:other"),
		"another content":       set("content-type", "application/json"),
		"a bad time":            set("ce_time", "yesterday"),
		"a bad version":         set("ce_isekaiversion", "1.5"),
		"a negative version":    set("ce_isekaiversion", "-1"),
		"another's key":         func(r *kgo.Record) { r.Key = []byte("org_b/tsk_1") },
		"a header twice": func(r *kgo.Record) {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: "CE_ID", Value: []byte("evt_2")})
		},
	}
	for _, name := range []string{"ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_isekaiorg", "ce_isekaiversion", "ce_isekaiposition", "content-type"} {
		changes["empty "+name] = set(name, "")
	}
	for name, change := range changes {
		r, err := newCodec().encode(sample())
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		if e, err := newCodec().decode(r); err == nil {
			t.Errorf("%s decodes as %+v", name, e)
		}
	}
	r, err := newCodec().encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	r.Headers = append(r.Headers, kgo.RecordHeader{Key: "traceparent", Value: []byte("x")}, kgo.RecordHeader{Key: "ce_later", Value: []byte("x")})
	if _, err := newCodec().decode(r); err != nil {
		t.Errorf("headers of others: %v", err)
	}
}

// FuzzDecode: whatever decodes is an event that encodes to the same again.
func FuzzDecode(f *testing.F) {
	seed := func(e core.Event) {
		r, err := newCodec().encode(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(r.Key, r.Value, flatten(r))
	}
	seed(sample())
	bare := sample()
	bare.Project, bare.Actor, bare.Data = "", core.Actor{}, nil
	seed(bare)
	f.Add([]byte(nil), []byte(nil), "")
	f.Fuzz(func(t *testing.T, key, value []byte, headers string) {
		c := newCodec()
		r := &kgo.Record{Key: key, Value: value}
		for line := range strings.SplitSeq(headers, "\n") {
			name, value, _ := strings.Cut(line, "=")
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
		}
		e, err := c.decode(r)
		if err != nil {
			return
		}
		again, err := c.encode(e)
		if err != nil {
			t.Fatalf("%+v came in and doesn't go out: %v", e, err)
		}
		back, err := c.decode(again)
		if err != nil || !bytes.Equal(again.Key, key) || !bytes.Equal(back.Data, e.Data) {
			t.Fatalf("%+v became %+v: %v", e, back, err)
		}
		back.Data = e.Data // nil or empty
		if diff := cmp.Diff(e, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

func flatten(r *kgo.Record) string {
	var lines []string
	for _, h := range r.Headers {
		lines = append(lines, h.Key+"="+string(h.Value))
	}
	return strings.Join(lines, "\n")
}

func BenchmarkEnvelope(b *testing.B) {
	c, e := newCodec(), sample()
	b.ReportAllocs()
	for b.Loop() {
		r, err := c.encode(e)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.decode(r); err != nil {
			b.Fatal(err)
		}
	}
}
