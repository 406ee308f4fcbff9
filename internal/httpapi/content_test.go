package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
)

// TestAnEventWithItsTexts: what is too long for an event is shown with it; what a tool has made look
// like that isn't.
func TestAnEventWithItsTexts(t *testing.T) {
	t.Parallel()
	var cfg httpapi.Config
	r := newRig(t, func(c *httpapi.Config) { cfg = *c })
	put := func(text string) core.Content {
		d, size, err := cfg.Blobs.Put(t.Context(), scope.Org, strings.NewReader(text), 8<<20)
		if err != nil {
			t.Fatal(err)
		}
		return core.Content{Blob: d, Size: size}
	}
	long, longer := strings.Repeat("long ", 1000), strings.Repeat("é", 1<<20)
	said := put(long)
	st, err := r.tasks.Get(t.Context(), scope, r.task)
	if err != nil {
		t.Fatal(err)
	}
	data := json.RawMessage(fmt.Sprintf(`{"blob":%q,"size":%d}`, said.Blob, said.Size))
	r.append(
		core.ToolSettled{Call: "c", Output: said, Data: data},
		core.ModelSettled{Call: "m", Text: core.Content{Text: "short"}, Calls: []core.CallContent{{ID: "c1", Tool: "write", Arguments: put(longer)}}},
	)
	show := func(version int64) core.Payload {
		a := r.do("GET", fmt.Sprintf("/v1/tasks/%s/events/%d", r.task, version), "")
		var e client.Event
		if err := json.Unmarshal([]byte(a.body), &e); err != nil || a.status != 200 || e.Version != version {
			t.Fatalf("%d %v %.200s", a.status, err, a.body)
		}
		p, err := e.Payload()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	tool := show(st.Version + 1).(core.ToolSettled)
	if tool.Output.Text != long || tool.Output.Blob != said.Blob || string(tool.Data) != string(data) {
		t.Errorf("%d bytes, %s", len(tool.Output.Text), tool.Data)
	}
	model := show(st.Version + 2).(core.ModelSettled)
	if got := model.Calls[0].Arguments; model.Text.Text != "short" || len(got.Text) != 1<<20 || got.Size != 2<<20 {
		t.Errorf("%q, %d of %d bytes", model.Text.Text, len(got.Text), got.Size)
	}
	for _, path := range []string{"/events/99", "/events/0", "/events/x"} {
		if a := r.do("GET", "/v1/tasks/"+string(r.task)+path, ""); a.status != 404 && a.status != 422 && a.status != 400 || a.problem.Hint == "" {
			t.Errorf("%s: %d %+v", path, a.status, a.problem)
		}
	}
	if a := r.do("GET", fmt.Sprintf("/v1/tasks/%s/events/1", r.task), "", "Authorization", "Bearer theirs"); a.status != 404 {
		t.Errorf("another org's: %d", a.status)
	}
}

// TestAFileOfAMessage: it comes back as it was sent.
func TestAFileOfAMessage(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	talk := must(w.olga.CreateConversation(ctx, client.NewConversation{}, ""))(t)
	m := must(w.olga.SendMessage(ctx, talk.ID, client.NewMessage{Text: "look", Files: []client.NewFile{{Name: "<b>.svg", Content: []byte("<svg onload=alert(1)>")}}}, ""))(t)
	path := "/v1/conversations/" + string(talk.ID) + "/messages/" + string(m.ID) + "/files/"
	a := w.do("GET", path+"0", "", "Authorization", "Bearer "+w.access("olga"))
	if a.status != 200 || a.body != "<svg onload=alert(1)>" || a.header.Get("Content-Type") != "application/octet-stream" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	if a := w.do("GET", path+"1", "", "Authorization", "Bearer "+w.access("olga")); a.status != 404 {
		t.Errorf("one that there isn't: %d", a.status)
	}
}
