package notify_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/store"
)

// Who has a page watched hears of it, without what turns it around; an answer of a conversation,
// and a part of a task, are nobody's news.
func TestWhatIsNews(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, nodes [2]store.Store) {
		s := newService(t, nodes[0], newClock())
		watcher := scope
		watcher.Actor = core.Actor{Kind: core.ActorSystem, ID: "watch"}
		handle(t, s, appendTo(t, nodes[0], watcher, "wch_1", 0,
			core.WatchChanged{Watch: "wch_1", Name: "tea", URL: "https://example.com/tea", Before: "3", After: "4\u202e", By: scope.Actor},
			core.WatchFailing{Watch: "wch_1", Name: "tea", URL: "https://example.com/tea", Failures: 5, Why: "404", By: scope.Actor})...)
		handle(t, s, appendTo(t, nodes[0], scope, "tsk_turn", 0, core.TaskCreated{Kind: core.KindChat, Prompt: "hello"},
			core.TaskFinished{Status: core.StatusSucceeded, Turn: &core.Turn{}})...)
		handle(t, s, appendTo(t, nodes[0], scope, "tsk_part", 0, core.TaskCreated{Kind: core.KindTask, Prompt: "a part"},
			core.TaskFinished{Status: core.StatusSucceeded, Parent: &core.Parent{Task: "tsk_1"}})...)
		in, _, err := s.Inbox(t.Context(), scope.Org, "usr_ann", func(notify.Notice) bool { return true }, false, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, e := range in {
			said = append(said, e.Notice.Title+" | "+e.Notice.Detail)
		}
		slices.Sort(said) // they are of one moment
		want := []string{"tea: it can't be looked at | https://example.com/tea\n5 times in a row: 404", "tea: it has changed | https://example.com/tea\nbefore: 3\nnow: 4"}
		if !slices.Equal(said, want) {
			t.Errorf("the inbox has\n%s", strings.Join(said, "\n"))
		}
	})
}
