package conversation_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/conversation"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

var scope = core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorUser, ID: "usr_a"}}

// rig is conversations on a real store, with turns that the test answers.
type rig struct {
	*conversation.Service
	store store.Store
	blobs *local.Store

	mu       sync.Mutex
	begun    map[core.TaskID]conversation.Turn
	times    int // that a turn was begun, also again
	over     map[core.TaskID]*core.TaskFinished
	files    map[core.TaskID]core.Digest
	canceled []core.TaskID
	forgot   []core.TaskID
	lost     bool // the process ends between a message and its task
	refuses  bool // there is no turn of any message
}

// both runs a test on SQLite, and unless tests are to be quick on PostgreSQL.
func both(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, newRig(t, sqlitetest.Open(t, sqlite.Config{})))
	})
	if cluster == nil {
		return
	}
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, newRig(t, pgtest.Open(t, cluster.Database(t))))
	})
}

func newRig(t testing.TB, st store.Store) *rig {
	t.Helper()
	r := &rig{store: st, begun: map[core.TaskID]conversation.Turn{}, over: map[core.TaskID]*core.TaskFinished{}, files: map[core.TaskID]core.Digest{}}
	var err error
	if r.blobs, err = local.Open(filepath.Join(t.TempDir(), "blobs")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.blobs.Close() })
	r.Service = conversation.New(conversation.Config{
		Events: r.store, Views: r.store, Blobs: r.blobs, Turns: r, IDs: core.NewID,
		Model: func(_ context.Context, _ core.OrgID, asked string) (string, error) {
			if asked == "none" {
				return "", core.E(core.NotFound, "model", "there is no model none").WithHint("isekai model list")
			}
			return "m", nil
		},
		Forget: func(_ context.Context, _ core.Scope, task core.TaskID) error {
			r.forgot = append(r.forgot, task)
			return nil
		},
	})
	return r
}

func (r *rig) Task(_ core.Scope, m core.MessageID) core.TaskID {
	return core.TaskID("tsk_of" + strings.TrimPrefix(string(m), "msg_"))
}

func (r *rig) Begin(_ context.Context, s core.Scope, t conversation.Turn) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuses {
		return core.E(core.Unsupported, "test", "it can't be").WithHint("say something else")
	}
	if r.lost {
		return core.E(core.Unavailable, "test", "the process ends here")
	}
	r.begun[r.Task(s, t.Turn.Message)] = t
	r.times++
	return nil
}

func (r *rig) Files(_ context.Context, _ core.Scope, task core.TaskID) (core.Digest, error) {
	return r.files[task], nil
}

func (r *rig) Over(_ context.Context, _ core.Scope, task core.TaskID) (*core.TaskFinished, error) {
	return r.over[task], nil
}

func (r *rig) Cancel(_ context.Context, _ core.Scope, task core.TaskID) error {
	r.canceled = append(r.canceled, task)
	return nil
}

// answer has a turn end with a text, as its task does.
func (r *rig) answer(t testing.TB, m conversation.Message, text string) {
	t.Helper()
	r.finish(t, m, core.TaskFinished{Status: core.StatusSucceeded, Summary: "About " + text, Answer: core.Content{Text: text}, Turn: m.Turn})
}

func (r *rig) finish(t testing.TB, m conversation.Message, f core.TaskFinished) {
	t.Helper()
	data, err := core.EncodePayload(f)
	if err == nil {
		_, err = r.store.Append(t.Context(), scope, store.Append{Stream: m.Task.Stream(), Events: []store.NewEvent{{ID: core.EventID(core.NewID("evt")), Type: f.EventType(), Data: data}}})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// carry brings all events to the consumers, in an order, each twice.
func (r *rig) carry(t testing.TB, backwards bool) {
	t.Helper()
	for range 2 { // what the first round appends, too
		events, err := r.store.ReadOrg(t.Context(), scope.Org, 0, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		if backwards {
			slices.Reverse(events)
		}
		for _, e := range events {
			if err := r.Handler()(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := conversation.NewProjector(r.store)
	if _, err := p.CatchUp(t.Context(), scope.Org, 0); err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (r *rig) start(t testing.TB) core.ConversationID {
	t.Helper()
	return must(r.Start(t.Context(), scope, core.ConversationStarted{}, ""))(t).ID
}

func (r *rig) send(t testing.TB, id core.ConversationID, n conversation.NewMessage) conversation.Message {
	t.Helper()
	return must(r.Send(t.Context(), scope, id, n, ""))(t)
}

// What is said is answered by a turn that knows what was said before it, in its own branch alone.
func TestBranches(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		id := r.start(t)
		one := r.send(t, id, conversation.NewMessage{Text: "one"})
		r.answer(t, one, "1")
		r.carry(t, false)
		two := r.send(t, id, conversation.NewMessage{Text: "two"})
		r.answer(t, two, "2")
		r.carry(t, true)
		instead := r.send(t, id, conversation.NewMessage{Parent: &two.Parent, Text: "two, in other words"})
		said := must(r.Messages(t.Context(), scope, *instead.Turn))(t)
		var words []string
		for _, m := range said {
			words = append(words, string(m.Role)+" "+m.Text)
		}
		if got := strings.Join(words, "; "); got != "user one; assistant 1; user two, in other words" {
			t.Errorf("it knows %s", got)
		}
		st := must(r.Get(t.Context(), scope, id))(t)
		if len(st.Messages) != 5 || st.Title != "About 1" || r.times < 3 || len(r.begun) != 3 {
			t.Errorf("%d messages in %q, %d turns", len(st.Messages), st.Title, len(r.begun))
		}
	})
}

// Whatever is lost between a message and its task is made up for, and nothing is answered twice.
func TestATurnIsMadeOnce(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		id := r.start(t)
		r.lost = true
		if _, err := r.Send(t.Context(), scope, id, conversation.NewMessage{Text: "one"}, "key"); core.CodeOf(err) != core.Unavailable {
			t.Fatal(err)
		}
		r.lost = false
		r.carry(t, false)
		m := must(r.Send(t.Context(), scope, id, conversation.NewMessage{Text: "one"}, "key"))(t)
		if len(r.begun) != 1 || r.begun[m.Task].Prompt != "one" || r.begun[m.Task].Model != "m" {
			t.Fatalf("begun: %+v", r.begun)
		}
		r.answer(t, m, "1")
		r.carry(t, false)
		r.carry(t, true)
		if st := must(r.Get(t.Context(), scope, id))(t); len(st.Messages) != 2 || st.Messages[1].Text.Text != "1" {
			t.Errorf("%+v", st.Messages)
		}
	})
}

// Who sees a turn end goes on at once, before the bus has brought its answer.
func TestGoingOnAtOnce(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		id := r.start(t)
		one := r.send(t, id, conversation.NewMessage{Text: "one"})
		if _, err := r.Send(t.Context(), scope, id, conversation.NewMessage{Text: "two"}, ""); core.CodeOf(err) != core.Conflict || !strings.Contains(core.HintOf(err), string(one.Task)) {
			t.Errorf("while it is being answered: %v", err)
		}
		r.over[one.Task] = &core.TaskFinished{Status: core.StatusFailed, Error: &core.Failure{Code: core.Unavailable, Msg: "no"}, Turn: one.Turn}
		two := r.send(t, id, conversation.NewMessage{Text: "two"})
		st := must(r.Get(t.Context(), scope, id))(t)
		if len(st.Messages) != 3 || st.Messages[1].Status != core.StatusFailed || two.Parent != st.Messages[1].MessageAdded.Message || st.Title != "one" {
			t.Errorf("%q: %+v", st.Title, st.Messages)
		}
	})
}

// A message that no turn can answer has an answer that says why, and the talk goes on.
func TestATurnThatCantBe(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		id := r.start(t)
		r.refuses = true
		if _, err := r.Send(t.Context(), scope, id, conversation.NewMessage{Text: "one"}, "key"); core.CodeOf(err) != core.Unsupported {
			t.Fatal(err)
		}
		r.refuses = false
		r.carry(t, false)
		if _, err := r.Send(t.Context(), scope, id, conversation.NewMessage{Text: "another"}, "key"); core.CodeOf(err) != core.Conflict {
			t.Errorf("the key of another message: %v", err)
		}
		two := r.send(t, id, conversation.NewMessage{Text: "two"})
		st := must(r.Get(t.Context(), scope, id))(t)
		if len(st.Messages) != 3 || st.Messages[1].Error == nil || two.Parent != st.Messages[1].MessageAdded.Message || len(r.begun) != 1 {
			t.Errorf("%+v", st.Messages)
		}
	})
}

// Files come with a message, and are there with what the turns before have left.
func TestFiles(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		id := r.start(t)
		one := r.send(t, id, conversation.NewMessage{Files: []conversation.NewFile{{Name: "a.csv", Content: []byte("1,2")}}})
		tree := must(blob.Load(t.Context(), r.blobs, scope.Org, r.begun[one.Task].Tree))(t)
		if got := tree.Paths(); !slices.Equal(got, []string{"files/a.csv"}) || r.begun[one.Task].Prompt != "(see the attached files)" {
			t.Errorf("it begins with %q", got)
		}
		said := must(r.Messages(t.Context(), scope, *one.Turn))(t)
		if len(said) != 1 || said[0].Role != model.User || said[0].Text != "Attached: files/a.csv (3 bytes)" {
			t.Errorf("%+v", said)
		}
		tree.Files["made.txt"] = tree.Files["files/a.csv"]
		r.files[one.Task] = must(tree.Save(t.Context(), r.blobs, scope.Org))(t)
		r.answer(t, one, "1")
		r.carry(t, false)
		two := r.send(t, id, conversation.NewMessage{Text: "two", Files: []conversation.NewFile{{Name: "b.csv", Content: []byte("3")}}})
		tree = must(blob.Load(t.Context(), r.blobs, scope.Org, r.begun[two.Task].Tree))(t)
		if got := tree.Paths(); !slices.Equal(got, []string{"files/a.csv", "files/b.csv", "made.txt"}) {
			t.Errorf("the next begins with %q", got)
		}
	})
}

// A long text is kept whole, and found by how it begins.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		id := r.start(t)
		long := "Zebra " + strings.Repeat("ö", conversation.MaxText-10)
		m := r.send(t, id, conversation.NewMessage{Text: long})
		if got := must(r.Text(t.Context(), scope.Org, m))(t); got != long {
			t.Errorf("%d bytes of %d", len(got), len(long))
		}
		d, size, err := r.blobs.Put(t.Context(), scope.Org, strings.NewReader("Giraffe "+long), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		r.finish(t, m, core.TaskFinished{Status: core.StatusSucceeded, Answer: core.Content{Blob: d, Size: size}, Turn: m.Turn})
		r.carry(t, false)
		for query, want := range map[string]int{"zebra": 1, "giraffe ZEBRA": 1, "lion": 0, "": 1} {
			found, next, err := r.List(t.Context(), scope, query, "", 10)
			if err != nil || len(found) != want || next != "" || want == 1 && found[0].Said != "" {
				t.Errorf("%q: %+v, %q, %v", query, found, next, err)
			}
		}
	})
}

// A search looks at page after page, and goes on where it ended.
func TestSearch(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		for i := range 30 {
			title := fmt.Sprintf("about %d", i%3)
			if _, err := r.Start(t.Context(), scope, core.ConversationStarted{Title: title}, ""); err != nil {
				t.Fatal(err)
			}
		}
		r.carry(t, false)
		seen, cursor := map[core.ConversationID]bool{}, ""
		for range 20 {
			found, next, err := r.List(t.Context(), scope, "about 1", cursor, 4)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				if seen[f.ID] || f.Title != "about 1" {
					t.Errorf("found %+v", f)
				}
				seen[f.ID] = true
			}
			if cursor = next; next == "" {
				break
			}
		}
		if len(seen) != 10 || cursor != "" {
			t.Errorf("found %d", len(seen))
		}
	})
}

// What is deleted is gone for everybody, what is under way for it is canceled, and what comes late
// changes nothing.
func TestDelete(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		id := r.start(t)
		m := r.send(t, id, conversation.NewMessage{Text: "secret"})
		if err := r.Delete(t.Context(), scope, id); err != nil {
			t.Fatal(err)
		}
		if want := []core.TaskID{m.Task}; !slices.Equal(r.canceled, want) || !slices.Equal(r.forgot, want) {
			t.Errorf("canceled: %v, forgotten: %v", r.canceled, r.forgot)
		}
		r.canceled, r.forgot = nil, nil
		r.answer(t, m, "late")
		r.carry(t, false) // as after a crash within Delete; and what ends late is forgotten again
		if !slices.Contains(r.canceled, m.Task) || len(r.forgot) < 2 {
			t.Errorf("canceled: %v, forgotten: %v", r.canceled, r.forgot)
		}
		if found, _, err := r.List(t.Context(), scope, "", "", 10); err != nil || len(found) != 0 {
			t.Errorf("%+v, %v", found, err)
		}
		if _, err := r.Get(t.Context(), scope, id); core.CodeOf(err) != core.NotFound {
			t.Error(err)
		}
		if err := r.Delete(t.Context(), scope, id); core.CodeOf(err) != core.NotFound {
			t.Error(err)
		}
	})
}

// Others see nothing.
func TestTenants(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		id := r.start(t)
		r.send(t, id, conversation.NewMessage{Text: "one"})
		r.carry(t, false)
		for _, other := range []core.Scope{{Org: "org_b", Project: scope.Project, Actor: scope.Actor}, {Org: scope.Org, Project: "prj_b", Actor: scope.Actor}} {
			_, get := r.Get(t.Context(), other, id)
			_, send := r.Send(t.Context(), other, id, conversation.NewMessage{Text: "x"}, "")
			_, change := r.Change(t.Context(), other, id, core.ConversationChanged{})
			for what, err := range map[string]error{"get": get, "send": send, "change": change, "delete": r.Delete(t.Context(), other, id)} {
				if core.CodeOf(err) != core.NotFound {
					t.Errorf("%s by %+v: %v", what, other, err)
				}
			}
			if found, _, err := r.List(t.Context(), other, "", "", 10); err != nil || len(found) != 0 {
				t.Errorf("%+v finds %+v, %v", other, found, err)
			}
		}
	})
}

func TestMessagesThatCantBe(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		id := r.start(t)
		file := func(name string, size int) []conversation.NewFile {
			return []conversation.NewFile{{Name: name, Content: make([]byte, size)}}
		}
		none, other := core.MessageID("msg_none"), core.MessageID("")
		for name, c := range map[string]struct {
			n    conversation.NewMessage
			code core.Code
		}{
			"nothing":           {conversation.NewMessage{Text: " \n"}, core.Invalid},
			"no text":           {conversation.NewMessage{Text: "a\x00"}, core.Invalid},
			"an escape":         {conversation.NewMessage{Text: "\x1b[2J"}, core.Invalid},
			"too long":          {conversation.NewMessage{Text: strings.Repeat("x", conversation.MaxText+1)}, core.Invalid},
			"a folder":          {conversation.NewMessage{Files: file("a/b", 1)}, core.Invalid},
			"up":                {conversation.NewMessage{Files: file("..", 1)}, core.Invalid},
			"too large":         {conversation.NewMessage{Files: file("a", conversation.MaxFiles+1)}, core.Invalid},
			"twice":             {conversation.NewMessage{Files: append(file("a", 1), file("a", 1)...)}, core.Invalid},
			"a skill alone":     {conversation.NewMessage{Text: "x", Skill: "s"}, core.Invalid},
			"no skill":          {conversation.NewMessage{Text: "x", Route: core.RouteSkill}, core.Invalid},
			"no such model":     {conversation.NewMessage{Text: "x", Model: "none"}, core.NotFound},
			"after no message":  {conversation.NewMessage{Text: "x", Parent: &none}, core.NotFound},
			"begins, as it may": {conversation.NewMessage{Text: "x", Parent: &other}, ""},
		} {
			_, err := r.Send(t.Context(), scope, id, c.n, "")
			if core.CodeOf(err) != c.code || err != nil && core.HintOf(err) == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := r.Start(t.Context(), scope, core.ConversationStarted{Title: "a\nb"}, ""); core.CodeOf(err) != core.Invalid {
			t.Error(err)
		}
	})
}

// The same call with the same key is the same conversation, however that has changed since; another
// one is a conflict, as is a message that is to lead elsewhere.
func TestAKeyIsForOneRequest(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		begin := core.ConversationStarted{Title: "A shelf", Model: "m"}
		first := must(r.Start(t.Context(), scope, begin, "key"))(t)
		title := "Another"
		must(r.Change(t.Context(), scope, first.ID, core.ConversationChanged{Title: &title}))(t)
		if again := must(r.Start(t.Context(), scope, begin, "key"))(t); again.ID != first.ID || again.Title != "Another" {
			t.Errorf("again it is %+v", again)
		}
		for _, other := range []core.ConversationStarted{{}, {Title: "Another", Model: "m"}, {Title: "A shelf"}, {Title: "A shelf", Model: "m", Remember: true}} {
			if _, err := r.Start(t.Context(), scope, other, "key"); core.CodeOf(err) != core.Conflict || core.HintOf(err) == "" {
				t.Errorf("%+v: %v", other, err)
			}
		}
		if other := must(r.Start(t.Context(), scope, core.ConversationStarted{}, "another"))(t); other.ID == first.ID {
			t.Error("another key is the same conversation")
		}
		said := must(r.Send(t.Context(), scope, first.ID, conversation.NewMessage{Text: "hi"}, "key"))(t)
		if again := must(r.Send(t.Context(), scope, first.ID, conversation.NewMessage{Text: "hi"}, "key"))(t); again.MessageAdded.Message != said.MessageAdded.Message {
			t.Errorf("again it is %+v", again)
		}
		if _, err := r.Send(t.Context(), scope, first.ID, conversation.NewMessage{Text: "hi", Route: core.RouteTask}, "key"); core.CodeOf(err) != core.Conflict {
			t.Errorf("to lead elsewhere: %v", err)
		}
	})
}

// However messages are sent, answered and brought, each branch alternates, begins where nothing
// was said, and a message has one answer.
func TestTreeLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t, sqlitetest.Open(t, sqlite.Config{})) // whichever store: it is about the tree
		id := r.start(t)
		var open []conversation.Message
		for i := range rapid.IntRange(1, 12).Draw(rt, "steps") {
			if len(open) > 0 && rapid.Bool().Draw(rt, "answer") {
				k := rapid.IntRange(0, len(open)-1).Draw(rt, "which")
				r.answer(t, open[k], fmt.Sprint("answer ", i))
				open = slices.Delete(open, k, k+1)
				r.carry(t, rapid.Bool().Draw(rt, "backwards"))
				continue
			}
			n := conversation.NewMessage{Text: fmt.Sprint("message ", i)}
			if st := must(r.Get(t.Context(), scope, id))(t); rapid.Bool().Draw(rt, "elsewhere") {
				all := []core.MessageID{""}
				for _, m := range st.Messages {
					all = append(all, m.MessageAdded.Message)
				}
				n.Parent = &all[rapid.IntRange(0, len(all)-1).Draw(rt, "parent")]
			}
			m, err := r.Send(t.Context(), scope, id, n, "")
			if err == nil {
				open = append(open, m)
			} else if core.CodeOf(err) != core.Conflict {
				rt.Fatal(err)
			}
		}
		st := must(r.Get(t.Context(), scope, id))(t)
		answers := map[core.MessageID]int{}
		for _, m := range st.Messages {
			branch := st.Branch(m.MessageAdded.Message)
			for i, b := range branch {
				if (b.Role == conversation.User) != (i%2 == 0) {
					rt.Fatalf("a branch doesn't alternate: %+v", branch)
				}
			}
			if m.Role == conversation.Assistant {
				answers[m.Parent]++
			}
		}
		for m, n := range answers {
			if n != 1 {
				rt.Fatalf("%s has %d answers", m, n)
			}
		}
	})
}
