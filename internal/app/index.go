package app

import (
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// ref is where an app is kept.
type ref struct {
	org     core.OrgID
	project core.ProjectID
	app     core.AppID
}

func (s State) ref() ref { return ref{org: s.Org, project: s.Project, app: s.ID} }

// scope returns the scope in which the platform itself acts on the app.
func (r ref) scope() core.Scope {
	return core.Scope{Org: r.org, Project: r.project, Actor: core.Actor{Kind: core.ActorSystem, ID: "preview"}}
}

// index finds an app by its name, over all tenants, for Proxy: one entry of
// about 200 bytes for each app that isn't deleted. Safe for concurrent use.
type index struct {
	mu     sync.RWMutex
	byName map[string]ref
	newest map[core.OrgID]int64 // the place in the list of the newest app that was learned
	asked  time.Time            // when all orgs were looked at for a name
}

func newIndex() *index { return &index{byName: map[string]ref{}, newest: map[core.OrgID]int64{}} }

func (x *index) learned(org core.OrgID) int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.newest[org]
}

func (x *index) learn(org core.OrgID, newest int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.newest[org] = max(x.newest[org], newest)
}

// ask reports whether all orgs may be looked at for a name: not again at once, for
// anybody can ask for any name.
func (x *index) ask(now time.Time) bool {
	const pause = 2 * time.Second
	x.mu.Lock()
	defer x.mu.Unlock()
	if now.Sub(x.asked) < pause {
		return false
	}
	x.asked = now
	return true
}

// put follows an app's state. A name belongs to the app that had it first.
func (x *index) put(st State) {
	r := st.ref()
	x.mu.Lock()
	defer x.mu.Unlock()
	have, taken := x.byName[st.Name]
	switch {
	case !taken && st.Exists():
		x.byName[st.Name] = r
	case taken && have == r && !st.Exists():
		delete(x.byName, st.Name)
	}
}

// drop forgets an org's apps and returns them.
func (x *index) drop(org core.OrgID) (all []ref) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for name, r := range x.byName {
		if r.org == org {
			delete(x.byName, name)
			all = append(all, r)
		}
	}
	delete(x.newest, org)
	return all
}

func (x *index) find(name string) (ref, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	r, ok := x.byName[name]
	return r, ok
}
