package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/conversation"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// shownContents bounds the texts of one event that are shown with it, in bytes: of all together.
const shownContents = 4 << 20

type (
	taskEventPath struct {
		TaskPath
		Version int64 `path:"version" minimum:"1"`
	}
	attachmentPath struct {
		MessagePath
		File int `path:"file" minimum:"0" maximum:"9" doc:"which of the message's, from 0"`
	}
)

// contents are the routes to what is too long to stand in an event.
func (s *server) contents() {
	handle(s, identity.TaskRead, huma.Operation{
		OperationID: "show-task-event", Method: http.MethodGet, Path: "/v1/tasks/{task}/events/{version}", Summary: "Show an event of a task with its texts", Tags: []string{"tasks"},
		Description: "In the stream of events a long text is the digest and the size of a blob. Here it has its text, too: as much of it as is shown, of up to a mebibyte.",
	}, func(ctx context.Context, scope core.Scope, in *taskEventPath) (*reply[client.Event], error) {
		if _, err := s.cfg.Tasks.Get(ctx, scope, in.Task); err != nil { // ownership
			return nil, err
		}
		events, err := s.cfg.Events.ReadStream(ctx, scope.Org, in.Task.Stream(), in.Version-1, 1)
		if err != nil {
			return nil, err
		}
		if len(events) == 0 || events[0].Version != in.Version {
			return nil, core.E(core.NotFound, "event", "the task has no such event").WithHint("the task says how many it has")
		}
		e, err := s.withTexts(ctx, scope, events[0])
		return &reply[client.Event]{e}, err
	})
	handle(s, identity.ConversationRead, stream(huma.Operation{
		OperationID: "read-attachment", Method: http.MethodGet, Path: conversationsPath + "/{conversation}/messages/{msg}/files/{file}", Summary: "Read a file that came with a message", Tags: []string{"conversations"},
	}, "application/octet-stream"), s.readAttachment)
}

// withTexts returns an event whose contents have their texts. Only what the platform has put there
// as a content is one: in what models and tools have said nothing is looked up.
func (s *server) withTexts(ctx context.Context, scope core.Scope, e core.Event) (core.Event, error) {
	p, err := e.Payload()
	if err != nil {
		return e, err
	}
	v := reflect.New(reflect.TypeOf(p)).Elem()
	v.Set(reflect.ValueOf(p))
	room := shownContents
	if err := eachContent(v, func(c *core.Content) error {
		if c.Blob == "" || room <= 0 {
			return nil
		}
		text, err := s.text(ctx, scope, *c)
		c.Text = strings.ToValidUTF8(text[:min(len(text), room)], "")
		room -= len(c.Text)
		return err
	}); err != nil {
		return e, err
	}
	e.Data, err = core.EncodePayload(v.Interface().(core.Payload))
	return e, err
}

var contentType = reflect.TypeFor[core.Content]()

// eachContent calls f for each content of a payload, wherever it is.
func eachContent(v reflect.Value, f func(*core.Content) error) error {
	switch {
	case v.Type() == contentType:
		return f(v.Addr().Interface().(*core.Content))
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return eachContent(v.Elem(), f)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			if err := eachContent(v.Field(i), f); err != nil {
				return err
			}
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		for i := range v.Len() {
			if err := eachContent(v.Index(i), f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *server) readAttachment(ctx context.Context, scope core.Scope, in *attachmentPath) (*huma.StreamResponse, error) {
	st, err := s.cfg.Conversations.Get(ctx, scope, in.Conversation)
	if err != nil {
		return nil, err
	}
	m, ok := st.Message(in.Message)
	if !ok || in.File >= len(m.Files) {
		return nil, core.E(core.NotFound, "conversation", "the message has no such file").WithHint("show the conversation for its messages")
	}
	b, _, err := blob.Head(ctx, s.cfg.Blobs, scope.Org, m.Files[in.File].Digest, conversation.MaxFiles)
	return bytesOf(b, err)
}
