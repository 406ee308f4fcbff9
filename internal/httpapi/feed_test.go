package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/conversation"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

// message is one server-sent event of a live stream.
type message struct {
	id    int64
	event string
	core.Event
}

// listen opens the live stream and reads it until the test's end, or the stream's.
func (r *rig) listen(query string, headers ...string) <-chan message {
	r.t.Helper()
	ctx, stop := context.WithCancel(r.t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", r.url+"/v1/events"+query, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != 200 {
		r.t.Fatalf("%v, %v", res, err)
	}
	out := make(chan message, 1000)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(out)
		var m message
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				m.id, _ = strconv.ParseInt(value, 10, 64)
			case "event":
				m.event = value
			case "data":
				if err := json.Unmarshal([]byte(value), &m.Event); err != nil {
					r.t.Error(err)
				}
				out <- m
				m = message{}
			}
		}
	})
	r.t.Cleanup(func() { stop(); res.Body.Close(); reading.Wait() })
	return out
}

// next returns the next event that isn't about a position.
func next(t *testing.T, from <-chan message) message {
	t.Helper()
	for {
		select {
		case m, ok := <-from:
			if !ok {
				t.Fatal("the stream has ended")
			}
			if m.event == "" {
				return m
			}
		case <-time.After(time.Minute):
			t.Fatal("nothing comes")
		}
	}
}

// place waits for the next word about a position: what is appended from then on is shown.
func place(t *testing.T, from <-chan message) int64 {
	t.Helper()
	for m := range from {
		if m.event == "position" {
			return m.id
		}
	}
	t.Fatal("the stream has ended")
	return 0
}

// happens appends facts to a stream.
func (r *rig) happens(who core.Scope, stream core.StreamID, facts ...core.Payload) {
	r.t.Helper()
	var events []store.NewEvent
	for _, p := range facts {
		data, err := core.EncodePayload(p)
		if err != nil {
			r.t.Fatal(err)
		}
		events = append(events, store.NewEvent{ID: core.EventID(core.NewID("evt")), Type: p.EventType(), Data: data})
	}
	had, err := r.store.ReadStream(r.t.Context(), who.Org, stream, 0, 100)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.store.Append(r.t.Context(), who, store.Append{Stream: stream, Expected: int64(len(had)), Events: events}); err != nil {
		r.t.Fatal(err)
	}
}

// TestEveryEventIsShownOrNot: each type has a right that it takes, or a reason why nobody sees
// it in the live stream.
func TestEveryEventIsShownOrNot(t *testing.T) {
	t.Parallel()
	known := core.EventTypes()
	for _, e := range known {
		_, shown := httpapi.ShownBy[e]
		why, hidden := httpapi.ShownNowhere[e]
		if shown == hidden || hidden && why == "" {
			t.Errorf("%s: shown %t, hidden %t for %q", e, shown, hidden, why)
		}
	}
	for e := range httpapi.ShownBy {
		if !slices.Contains(known, e) {
			t.Errorf("there is no event %s", e)
		}
	}
}

// TestLiveStream: it begins with what comes, shows the project's events in order, resumes where
// it was, and can be narrowed.
func TestLiveStream(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	live := r.listen("")
	begun := place(t, live)
	r.happens(neighbour, "tsk_next", core.TaskCreated{Kind: core.KindTask, Prompt: "theirs"})
	r.happens(theirs, "tsk_other", core.TaskCreated{Kind: core.KindTask, Prompt: "theirs"})
	r.happens(scope, "tsk_new", core.TaskCreated{Kind: core.KindTask, Prompt: "ours"}, core.CreditsRequested{Amount: 1}, core.CreditsHeld{Amount: 1}, core.TaskPlanned{})
	r.happens(scope, "aud_log", core.AuditRecorded{Hashes: []string{"x"}})
	r.happens(scope, "app_new", core.AppCreated{Name: "x", Title: "X"})
	var seen []string
	var last message
	for range 3 {
		last = next(t, live)
		if last.id != last.Position || last.id <= begun || last.Org != scope.Org || last.Project != scope.Project {
			t.Errorf("%+v", last)
		}
		seen = append(seen, last.Type)
	}
	if !slices.Equal(seen, []string{"task.created", "task.planned", "app.created"}) {
		t.Errorf("%q", seen)
	}
	again := r.listen("", "Last-Event-ID", strconv.FormatInt(begun, 10))
	if m := next(t, again); m.Stream != "tsk_new" || m.Type != "task.created" {
		t.Errorf("it resumes with %+v", m)
	}
	all := r.listen("", "Last-Event-ID", "0")
	if m := next(t, all); m.Type != "app.created" || m.Position >= begun {
		t.Errorf("from the first on there is %+v", m)
	}
	narrow := r.listen("?type=app.*,task.planned&stream=tsk_new", "Last-Event-ID", "0")
	if m := next(t, narrow); m.Type != "task.planned" || m.Stream != "tsk_new" {
		t.Errorf("%+v", m)
	}
	for _, bad := range []string{"x", "-1", "99999999999999999999"} {
		if a := r.do("GET", "/v1/events", "", "Last-Event-ID", bad); a.status != 422 && a.status != 400 {
			t.Errorf("Last-Event-ID %s: %d", bad, a.status)
		}
	}
}

// TestLiveStreamMissesNothing of many appenders, though it is cut off and resumes all the time.
func TestLiveStreamMissesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := client.New(r.url, token, nil)
	const appenders, each = 8, 25
	var appending sync.WaitGroup
	for i := range appenders {
		appending.Go(func() {
			for j := range each {
				id := core.StreamID("tsk_" + strconv.Itoa(i) + "x" + strconv.Itoa(j))
				r.happens(scope, id, core.TaskCreated{Kind: core.KindTask, Prompt: "x"})
			}
		})
	}
	got, after := map[core.StreamID]int{}, int64(0)
	for len(got) < appenders*each {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		n := 0
		for e, err := range c.Events(ctx, client.EventOptions{Types: []string{"task.created"}, After: &after}) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Position <= after {
				t.Fatalf("position %d after %d", e.Position, after)
			}
			after = e.Position
			if e.Stream != r.task.Stream() {
				got[e.Stream]++
			}
			if n++; n == 7 || len(got) == appenders*each {
				break // and resume
			}
		}
		stop()
	}
	appending.Wait()
	for s, n := range got {
		if n != 1 {
			t.Errorf("%s came %d times", s, n)
		}
	}
}

// TestLiveStreamOfConversations: they are in it as long as they are there; of one that was deleted,
// that is. What a model says piece by piece is sent to who names it.
func TestLiveStreamOfConversations(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(cfg *httpapi.Config) {
		cfg.Conversations = conversation.New(conversation.Config{Events: cfg.Events, IDs: core.NewID})
	})
	live := r.listen("")
	begun := place(t, live)
	resumed := func(query string) (types []string) {
		t.Helper()
		r.happens(scope, core.StreamID(core.NewID("app")), core.AppCreated{Name: "x", Title: "X"})
		for from := r.listen(query, "Last-Event-ID", strconv.FormatInt(begun, 10)); ; {
			m := next(t, from)
			if m.Type == "app.created" {
				return types
			}
			types = append(types, m.Type)
		}
	}
	keeps, goes := core.NewID("cnv"), core.NewID("cnv")
	for _, id := range []string{keeps, goes} {
		r.happens(scope, core.StreamID(id), core.ConversationStarted{Title: "x"}, core.MessageAdded{Message: core.MessageID(core.NewID("msg")), Role: "user", Text: core.Content{Text: "hello"}})
		for _, want := range []string{"conversation.started", "message.added"} {
			if m := next(t, live); m.Type != want || string(m.Stream) != id {
				t.Errorf("%+v, want %s", m, want)
			}
		}
	}
	r.happens(neighbour, core.StreamID(core.NewID("cnv")), core.ConversationStarted{Title: "theirs"})
	r.happens(scope, "tsk_x", core.TaskCreated{Kind: core.KindChat, Prompt: "hello"}, core.ModelStreamed{Call: "c", Text: "well"})
	r.happens(scope, core.StreamID(goes), core.ConversationDeleted{})
	if got, want := resumed(""), []string{"conversation.started", "message.added", "task.created", "conversation.deleted"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := resumed("?type=model.streamed,app.created&stream="), []string{"model.streamed"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := resumed("?type=model.*,app.created"); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// TestLiveStreamShowsWhatARightCovers: a key sees what its scopes cover, whoever is held to
// projects sees their budgets, and a notice is for whom it concerns.
func TestLiveStreamShowsWhatARightCovers(t *testing.T) {
	t.Parallel()
	key := func(scopes ...string) identity.Principal {
		p := ours
		p.Key, p.Scopes, p.Session = "key_a", scopes, ""
		return p
	}
	held, viewer := ours, ours
	held.Role, held.Projects, held.User = core.Member, []core.ProjectID{"prj_a"}, "usr_held"
	viewer.Role, viewer.User = core.Viewer, "usr_viewer"
	r := newRig(t, func(cfg *httpapi.Config) {
		cfg.Authenticate = known(map[string]identity.Principal{
			token: ours, "tasks": key("tasks:read"), "apps": key("apps:read", "credits:read"), "none": key("usage:read"), "held": held, "viewer": viewer,
		})
	})
	after := strconv.FormatInt(must(r.store.Head(t.Context(), scope.Org))(t), 10)
	r.happens(scope, "tsk_new", core.TaskCreated{Kind: core.KindTask, Prompt: "ours"})
	r.happens(scope, "app_new", core.AppCreated{Name: "x", Title: "X"})
	r.happens(neighbour, "bgt_org", core.BudgetReached{Budget: "org"})
	r.happens(neighbour, "bgt_b", core.BudgetReached{Budget: "project/prj_b"})
	r.happens(scope, "bgt_a", core.BudgetReached{Budget: "project/prj_a"})
	r.happens(scope, "bgt_k", core.BudgetReached{Budget: "key/key_x"})
	r.happens(scope, "ntc_admins", core.NoticeRaised{Type: "x"})
	r.happens(scope, "ntc_viewer", core.NoticeRaised{Type: "x", User: "usr_viewer"})
	end := must(r.store.Head(t.Context(), scope.Org))(t)
	for who, want := range map[string]string{
		token:    "tsk_new app_new bgt_org bgt_b bgt_a bgt_k ntc_admins",
		"tasks":  "tsk_new",
		"apps":   "app_new bgt_org bgt_b bgt_a bgt_k",
		"none":   "",
		"held":   "tsk_new app_new bgt_org bgt_a",
		"viewer": "tsk_new app_new bgt_org bgt_b bgt_a bgt_k ntc_viewer",
	} {
		live := r.listen("", "Authorization", "Bearer "+who, "Last-Event-ID", after)
		var seen []string
		for at := int64(0); at < end; {
			m := <-live
			if at = m.id; m.event == "" {
				seen = append(seen, string(m.Stream))
			}
			if m.id == 0 {
				t.Fatal("the stream has ended")
			}
			if m.event == "" && m.Position == end {
				break
			}
		}
		if got := strings.Join(seen, " "); got != want {
			t.Errorf("%s sees %q, want %q", who, got, want)
		}
	}
}
