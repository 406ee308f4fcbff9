package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/conversation"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
)

// talking gives a rig conversations and an app that can say something.
func talking(b *box) func(*httpapi.Config) {
	return func(cfg *httpapi.Config) {
		cfg.Conversations = conversation.New(conversation.Config{Events: cfg.Events, IDs: core.NewID})
		if b != nil {
			cfg.Apps = b.apps(cfg)
		}
	}
}

const talk = "cnv_talk"

var (
	began  = core.ConversationStarted{Title: "x"}
	spoken = core.MessageAdded{Message: "msg_x", Role: "user", Text: core.Content{Text: "hello"}}
)

// TestLiveCarriesWhatItsChannelsHave: the same ids and data as their own streams, then what
// comes; each says once that all that was there has come.
func TestLiveCarriesWhatItsChannelsHave(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	r := newRig(t, talking(b))
	r.happens(scope, talk, began, spoken)
	r.append(core.TaskCancelRequested{Reason: "x"})
	b.start(r)
	b.say("one", "two")
	task, logs := "task:"+string(r.task), "logs:"+string(r.app)
	live := r.live(task + "@1,conversation:" + talk + "," + logs + ",events@0")
	own := map[string]*frames{
		task:                   r.frames("/v1/tasks/"+string(r.task)+"/events", "Last-Event-ID", "1"),
		"conversation:" + talk: r.frames("/v1/conversations/" + talk + "/events"),
		logs:                   r.frames("/v1/apps/" + string(r.app) + "/logs/stream"),
		"events":               r.frames("/v1/events", "Last-Event-ID", "0"),
	}
	whole := map[string]int{}
	take := func(m frame) {
		t.Helper()
		if m.event == "place" {
			var p client.LivePlace
			if err := json.Unmarshal([]byte(m.data), &p); err != nil || m.id != p.Channel+"@"+strconv.FormatInt(p.Place, 10) {
				t.Errorf("%s, %v", m, err)
			}
			if p.Whole {
				whole[p.Channel]++
			}
			return
		}
		want := own[m.event].get()
		for want.event == "position" {
			want = own[m.event].get()
		}
		if m.id != m.event+"@"+want.id || m.data != want.data {
			t.Errorf("%s, want %s", m, want)
		}
	}
	for len(whole) < 4 {
		take(live.get())
	}
	r.happens(scope, talk, core.ConversationChanged{})
	r.append(core.TaskCancelRequested{Reason: "y"})
	b.say("three")
	for seen := map[string]bool{}; len(seen) < 4; {
		m := live.get()
		seen[m.event] = true
		take(m)
	}
	for c, n := range whole {
		if c != "events" && n != 1 {
			t.Errorf("%s was whole %d times", c, n)
		}
	}
}

// TestLiveChannelsEnd one by one, and the stream with the last.
func TestLiveChannelsEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t, talking(nil))
	r.happens(scope, talk, began)
	task, conv := "task:"+string(r.task), "conversation:"+talk
	live := r.live(task + "," + conv)
	live.want(task, "task.created")
	live.want("place", `{"channel":"`+task+`","place":1,"whole":true}`)
	live.want(conv, "conversation.started")
	live.want("place", conv)
	r.append(core.TaskFinished{Status: core.StatusCanceled})
	live.want(task, "task.finished")
	if m := live.want("end", ""); m.data != `{"channel":"`+task+`"}` || m.id != "" {
		t.Error(m)
	}
	r.happens(scope, talk, spoken)
	live.want(conv, "message.added")
	r.happens(scope, talk, core.ConversationDeleted{})
	live.want(conv, "conversation.deleted")
	live.want("end", `{"channel":"`+conv+`"}`)
	if m := live.want("end", ""); m.data != "{}" {
		t.Error(m)
	}
	if m := live.get(); m != (frame{}) {
		t.Error(m)
	}
	for _, after := range []string{"", "@1", "@2", "@9"} { // it has ended already
		live := r.live(task + after)
		all := live.until("end")
		if n := map[string]int{"": 2, "@1": 1}[after] + 2; len(all) != n || all[n-2].event != "place" || !strings.Contains(all[n-2].data, `"whole":true`) {
			t.Errorf("%s: %q", after, all)
		}
		live.want("end", "{}")
	}
}

// TestLiveRefusesAChannel that isn't there, or isn't for who asks, in the words of the API; the
// others go on.
func TestLiveRefusesAChannel(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	key := ours
	key.Key, key.Scopes, key.Session = "key_a", []string{"conversations:read"}, ""
	r := newRig(t, talking(b), func(cfg *httpapi.Config) {
		cfg.Authenticate = known(map[string]identity.Principal{token: ours, "key": key})
	})
	r.happens(scope, talk, began)
	r.happens(theirs, "tsk_other", core.TaskCreated{Kind: core.KindTask, Prompt: "a secret"})
	r.happens(neighbour, "tsk_next", core.TaskCreated{Kind: core.KindTask, Prompt: "a secret"})
	r.happens(neighbour, "cnv_next", began)
	conv := "conversation:" + talk
	asked := []string{
		"task:tsk_none", "task:tsk_", "task:" + talk, "task:x'*", "task:tsk_other", "task:tsk_next", "conversation:cnv_none", "conversation:cnv_next", "conversation:" + string(r.task), "logs:app_none", "logs:nobody",
	}
	live := r.live(strings.Join(asked, ",") + "," + conv)
	for _, c := range asked {
		live.refusal(c, core.NotFound, 404)
	}
	live.want(conv, "conversation.started")
	live.want("place", conv)
	r.happens(scope, talk, spoken)
	live.want(conv, "message.added")

	held := r.live("task:"+string(r.task)+",logs:"+string(r.app)+","+conv+",events@0", "Authorization", "Bearer key")
	held.refusal("task:"+string(r.task), core.Denied, 403)
	held.refusal("logs:"+string(r.app), core.Denied, 403)
	held.want(conv, "conversation.started")
	for _, m := range held.until("events") {
		if m.event == "events" && !strings.Contains(m.data, "conversation.started") {
			t.Error(m)
		}
	}
	none := r.live("task:tsk_none,prj_b/events")
	none.refusal("task:tsk_none", core.NotFound, 404)
	none.refusal("prj_b/events", core.Denied, 403) // the credential is of prj_a, whatever was asked for
	none.want("end", "{}")
}

// TestLiveTakesWhatItCanFollow.
func TestLiveTakesWhatItCanFollow(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	many := func(n int) string {
		all := make([]string, n)
		for i := range all {
			all[i] = "task:tsk_" + strconv.Itoa(i)
		}
		return strings.Join(all, ",")
	}
	for _, bad := range []string{
		"", ",", "task", "task:", "tasks:tsk_x", "events:x", "events:", "logs", "x", "@5", "task:tsk_x@", "task:tsk_x@x", "task:tsk_x@-1", "task:tsk_x@+1", "task:tsk_x@1@2", "task:tsk_x@9223372036854775808",
		"events@1.5", "/events", "prj_a/", "prj_a/prj_b/events", "events,events", "events@1,events@2", "task:tsk_x,events,", "task:tsk%0Ax", "task:tsk%20x", "task:tsk_%C3%A4", "task:tsk_" + strings.Repeat("x", 200), many(65),
	} {
		if a := r.do("GET", "/v1/live?follow="+bad, ""); a.status != 422 || a.problem.Code != core.Invalid || a.problem.Hint == "" {
			t.Errorf("%s: %d %s", bad, a.status, a.body)
		}
	}
	if a := r.do("GET", "/v1/live", ""); a.status != 422 {
		t.Errorf("nothing: %d %s", a.status, a.body)
	}
	live := r.live(many(64))
	for i := range 64 {
		live.refusal("task:tsk_"+strconv.Itoa(i), core.NotFound, 404)
	}
	live.want("end", "{}")
}

// TestLiveIsOfItsReadersRight: a channel whose right has gone is lost, and the others go on; when
// the credential has gone, so has the stream.
func TestLiveIsOfItsReadersRight(t *testing.T) {
	t.Parallel()
	var now atomic.Pointer[map[core.ProjectID]identity.Principal]
	key := func(p core.ProjectID, scopes ...string) identity.Principal {
		k := ours
		k.Key, k.Scopes, k.Session, k.Scope.Project = "key_a", scopes, "", p
		return k
	}
	may := func(all ...identity.Principal) {
		next := map[core.ProjectID]identity.Principal{}
		for _, p := range all {
			next[p.Scope.Project] = p
		}
		now.Store(&next)
	}
	both := []string{"tasks:read", "conversations:read"}
	may(key("prj_a", both...), key("prj_b", both...))
	r := newRigBy(t, httpapi.Impatient(0, 0, time.Nanosecond), talking(nil), func(cfg *httpapi.Config) {
		cfg.Authenticate = func(_ context.Context, c identity.Credential) (identity.Principal, error) {
			if c.Project == "" {
				c.Project = "prj_a"
			}
			p, ok := (*now.Load())[c.Project]
			if !ok {
				return p, core.E(core.NotFound, "test", "no such project")
			}
			return p, nil
		}
	})
	r.happens(scope, talk, began)
	r.happens(neighbour, "cnv_next", began)
	task, conv, next := "task:"+string(r.task), "conversation:"+talk, "prj_b/conversation:cnv_next"
	live := r.live(task + "," + conv + "," + next)
	live.until("place")
	live.until("place")
	live.want(next, "conversation.started")
	live.want("place", next)

	may(key("prj_a", "conversations:read"), key("prj_b", both...))
	r.append(core.TaskCancelRequested{Reason: "a secret"})
	live.refusal(task, core.Denied, 403)
	r.happens(neighbour, "cnv_next", spoken)
	live.want(next, "message.added")

	may(key("prj_a", "conversations:read"))
	r.happens(neighbour, "cnv_next", core.ConversationChanged{Title: new(string)})
	live.refusal(next, core.NotFound, 404)
	r.happens(scope, talk, spoken)
	live.want(conv, "message.added")

	may()
	r.happens(scope, talk, core.ConversationChanged{})
	if m := live.get(); m != (frame{}) {
		t.Errorf("after the credential's end there is %s", m)
	}
}

// TestLiveStops with the server, without a word that it is complete.
func TestLiveStops(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	r := newRig(t, talking(b))
	b.start(r)
	live := r.live("task:" + string(r.task) + ",logs:" + string(r.app) + ",events")
	seen := map[string]bool{}
	for len(seen) < 3 {
		if m := live.get(); m.event == "place" {
			seen[m.data[:20]] = true
		}
	}
	r.stop()
	if m := live.get(); m != (frame{}) {
		t.Error(m)
	}
}

// TestLiveMissesNothing of any channel, and repeats nothing, wherever it is cut: everything
// comes once and in order, whatever was taken of it before.
func TestLiveMissesNothing(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	r := newRig(t, talking(b))
	r.happens(scope, talk, began)
	b.start(r)
	b.say("a", "b")
	task, conv, logs := "task:"+string(r.task), "conversation:"+talk, "logs:"+string(r.app)
	var writing sync.WaitGroup
	const each = 25
	writing.Go(func() {
		for i := range each {
			r.append(core.TaskCancelRequested{Reason: strconv.Itoa(i)})
			b.say("line " + strconv.Itoa(i))
			r.happens(scope, talk, core.ConversationChanged{})
		}
	})
	writing.Go(func() {
		for i := range each {
			r.happens(scope, core.StreamID("tsk_new"+strconv.Itoa(i)), core.TaskCreated{Kind: core.KindTask, Prompt: "x"})
		}
	})
	read := func(draw func() int) map[string][]string {
		got, at := map[string][]string{}, map[string]int64{task: 0, conv: 0, logs: 0, "events": 0}
		done := func() bool {
			return len(got[task]) > each && len(got[conv]) > each && slices.ContainsFunc(got[logs], func(s string) bool { return strings.Contains(s, `"line `+strconv.Itoa(each-1)+`"`) }) && len(got["events"]) >= 3*each
		}
		for !done() {
			var asked []string
			for name, after := range at {
				asked = append(asked, fmt.Sprintf("%s@%d", name, after))
			}
			live := r.live(strings.Join(asked, ","))
			for n := draw(); n > 0 && !done(); n-- {
				m := live.get()
				name, _, _ := strings.Cut(m.id, "@")
				if m.event != "place" && m.event != name || at[name] > m.place(t) || m.event == name && at[name] == m.place(t) {
					t.Fatalf("%s after %d", m, at[name])
				}
				if at[name] = m.place(t); m.event == name {
					got[name] = append(got[name], m.data)
				}
			}
			live.stop()
		}
		return got
	}
	cut := read(func() int { return 9 }) // while it is written
	writing.Wait()
	whole := read(func() int { return 1 << 30 })
	for most := range 12 { // frames that are read at once: few, and more and more
		again := read(func() int { return 1 + rand.IntN(8+most*most) })
		for name, want := range whole {
			for _, got := range [][]string{again[name], cut[name]} {
				if n := min(len(got), len(want)); n == 0 || !slices.Equal(got[:n], want[:n]) {
					t.Fatalf("%s: %d events, want the same as %d", name, len(got), len(want))
				}
			}
		}
	}
}

// TestLiveByTheClient: it follows each channel to its end, over cuts.
func TestLiveByTheClient(t *testing.T) {
	t.Parallel()
	r := newRigBy(t, httpapi.New, talking(nil))
	r.happens(scope, talk, began, spoken)
	task, conv := "task:"+string(r.task), "conversation:"+talk
	got, ended := map[string][]int64{}, map[string]bool{}
	one := int64(1)
	for m, err := range client.New(r.url, token, nil).Live(t.Context(), client.LiveChannel{Name: task}, client.LiveChannel{Name: conv, After: &one}, client.LiveChannel{Name: "logs:nobody"}) {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case m.Refused != nil:
			if m.Channel != "logs:nobody" || m.Refused.Code != core.NotFound {
				t.Errorf("%+v", m)
			}
		case m.Whole && m.Channel == conv:
			r.append(core.TaskFinished{Status: core.StatusCanceled})
			r.happens(scope, talk, core.ConversationDeleted{})
		case m.Data != nil:
			got[m.Channel] = append(got[m.Channel], m.Place)
		case m.Ended:
			ended[m.Channel] = true
		}
	}
	if !slices.Equal(got[task], []int64{1, 2}) || !slices.Equal(got[conv], []int64{2, 3}) || !ended[task] || !ended[conv] {
		t.Errorf("%v, ended %v", got, ended)
	}
}
