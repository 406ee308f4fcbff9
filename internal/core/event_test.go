package core_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
)

// every lists a payload of each event type.
var every = []core.Payload{
	core.TaskCreated{}, core.CreditsRequested{}, core.CreditsHeld{}, core.CreditsRefused{}, core.TaskPlanned{}, core.StepStarted{}, core.ModelRequested{}, core.ModelSettled{}, core.ModelSwitched{},
	core.ToolRequested{}, core.ToolSettled{}, core.ApprovalRequested{}, core.ApprovalAnswered{}, core.VerdictGiven{},
	core.TaskCancelRequested{}, core.TaskFinished{}, core.SubtaskFinished{}, core.TaskForked{},
	core.AppCreated{}, core.AppVersioned{}, core.AppRetracted{}, core.AppSelected{}, core.AppStarted{}, core.AppStopped{}, core.AppDeleted{},
	core.BudgetReached{}, core.AuditRecorded{}, core.CallsMetered{}, core.HoldEnded{},
}

// fill sets every field below v to something that isn't zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			v.SetBytes([]byte(`{"a":1}`))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i))
		}
	case reflect.String:
		v.SetString("é<&>\u2028")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1<<53 + 1) // no float holds it
	default:
		panic(v.Type())
	}
}

// TestEveryPayloadComesBackAsItWas holds for all types and all their fields.
func TestEveryPayloadComesBackAsItWas(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[a-z]+\.[a-z]+(_[a-z]+)*$`)
	seen := map[string]bool{}
	for _, zero := range every {
		name := zero.EventType()
		if seen[name] || !form.MatchString(name) {
			t.Errorf("%s is there twice, or isn't noun.past_participle", name)
		}
		seen[name] = true
		p := reflect.New(reflect.TypeOf(zero))
		fill(p.Elem())
		for _, want := range []core.Payload{zero, p.Elem().Interface().(core.Payload)} {
			data, err := core.EncodePayload(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := core.Event{Type: name, Data: data}.Payload()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
}

type foreign struct{}

func (foreign) EventType() string { return "foreign.made" }

func TestWhatIsntAnEvent(t *testing.T) {
	t.Parallel()
	if _, err := core.EncodePayload(foreign{}); core.CodeOf(err) != core.Internal {
		t.Errorf("a type that isn't registered: %v", err)
	}
	if _, err := (core.Event{Type: "foreign.made", Data: []byte(`{}`)}).Payload(); core.CodeOf(err) != core.Unsupported || core.HintOf(err) == "" {
		t.Errorf("a type of a newer build: %v", err)
	}
	if _, err := (core.Event{Type: "app.started", Data: []byte(`{"number":"x"}`)}).Payload(); core.CodeOf(err) != core.Invalid {
		t.Errorf("a body that doesn't decode: %v", err)
	}
	bad := core.ToolSettled{Data: json.RawMessage(`{`)}
	if _, err := core.EncodePayload(bad); err == nil {
		t.Error("data that isn't JSON is encoded")
	}
}

func TestAnEventOnTheWire(t *testing.T) {
	t.Parallel()
	e := core.Event{
		ID: "evt_a", Org: "org_a", Project: "prj_a", Stream: "tsk_a", Version: 1, Position: 2, Type: "app.deleted",
		At: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Actor: core.Actor{Kind: core.ActorUser, ID: "u"}, Data: json.RawMessage(`{}`),
	}
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"evt_a","org":"org_a","project":"prj_a","stream":"tsk_a","version":1,"position":2,"type":"app.deleted",` +
		`"at":"2026-01-02T03:04:05.000006Z","actor":{"kind":"user","id":"u"},"data":{}}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}

// FuzzDecodePayload sees that no bytes panic, and that what decodes encodes to
// something that decodes to the same.
func FuzzDecodePayload(f *testing.F) {
	for _, p := range every {
		data, err := core.EncodePayload(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p.EventType(), []byte(data))
	}
	f.Add("tool.settled", []byte(`{"data":{"a":1},"undo":{"arguments":[]}}`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		p, err := core.Event{Type: name, Data: data}.Payload()
		if err != nil {
			if c := core.CodeOf(err); c != core.Invalid && c != core.Unsupported {
				t.Fatal(err)
			}
			return
		}
		once, err := core.EncodePayload(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := core.Event{Type: name, Data: once}.Payload()
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := core.EncodePayload(again); err != nil || string(twice) != string(once) {
			t.Fatalf("%s, then %s: %v", once, twice, err)
		}
	})
}
