package core_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

func TestIDsAreValidUniqueAndSortByTime(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				id := core.NewID("tsk")
				mu.Lock()
				if seen[id] || !core.ValidID("tsk", id) || len(id) != len("tsk_")+26 {
					t.Errorf("%s is there twice, or isn't valid", id)
				}
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	before := core.NewID("x")
	for start := time.Now().UnixMilli(); time.Now().UnixMilli() == start; {
		time.Sleep(100 * time.Microsecond) // ids of one millisecond are in no order
	}
	if after := core.NewID("x"); after <= before {
		t.Errorf("%s is made after %s, and sorts before it", after, before)
	}
}

func FuzzValidID(f *testing.F) {
	for _, s := range []string{"tsk_a", "tsk_", "tsk", "app_1", "tsk_A", "tsk_../x", "tsk_a\x00", "tsk_é", "tsk_" + strings.Repeat("a", 41)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !core.ValidID("tsk", s) {
			return
		}
		if len(s) > 44 || !strings.HasPrefix(s, "tsk_") || strings.Trim(s[4:], "abcdefghijklmnopqrstuvwxyz0123456789") != "" || len(s) == 4 {
			t.Errorf("%q is taken for an id", s)
		}
	})
}

func TestScope(t *testing.T) {
	t.Parallel()
	s := core.Scope{Org: "org_a", Project: "prj_a", Actor: core.Actor{Kind: core.ActorUser, ID: "u"}}
	if err := s.Valid(); err != nil {
		t.Error(err)
	}
	if w := s.As(core.ActorWorker, "w"); w.Org != s.Org || w.Project != s.Project || w.Actor.ID != "w" || s.Actor.ID != "u" {
		t.Errorf("%+v from %+v", w, s)
	}
	for name, bad := range map[string]core.Scope{
		"org": {Project: s.Project, Actor: s.Actor}, "project": {Org: s.Org, Actor: s.Actor}, "actor": {Org: s.Org, Project: s.Project},
	} {
		if core.CodeOf(bad.Valid()) != core.Internal {
			t.Errorf("a scope without %s is valid", name)
		}
	}
	if core.TaskID("tsk_a").Stream() != "tsk_a" || core.AppID("app_a").Stream() != "app_a" {
		t.Error("a stream isn't named by its aggregate")
	}
}
