package gateway

import (
	"errors"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// An answer is in memory as far as its reader hasn't taken it: a whole one, an event of a stream,
// what is kept of it to be looked at or told again. Who has a provider of his own says how large
// these are, so that a bound of each isn't enough: there is one for all of an org's, and one for a
// node's. One key, or person, has half of the org's at most, unless it is the owner of an embedded
// installation, who shares with nobody.

// How many bytes of large answers may be in memory on a node, unless Config says so. The first
// smallAnswer of each don't count.
const (
	smallAnswer = 128 << 10
	orgLarge    = 512 << 20
	nodeLarge   = 2 << 30

	fullWait = 10 * time.Second // before it is of use to ask again
)

// errFull is that of an answer for which there is no room.
var errFull = errors.New("too much of large answers is in memory")

// noRoom is the error for a caller whose answer there is no room for.
func noRoom() error {
	return errors.Join(core.E(core.Exhausted, op, "too much of large answers is in memory at once").WithHint("ask for less, or for fewer at a time"), Wait(fullWait))
}

// pool is the room for large answers on a node. Safe for concurrent use.
type pool struct {
	most, orgMost int64

	mu   sync.Mutex
	all  int64
	orgs map[core.OrgID]int64 // none has 0
	ones map[one]int64        // likewise
}

// one is who calls.
type one struct {
	org core.OrgID
	core.Actor
}

func newPool(most, orgMost int64) *pool {
	return &pool{most: most, orgMost: orgMost, orgs: map[core.OrgID]int64{}, ones: map[one]int64{}}
}

// take takes n bytes for a call, or gives back as many if n is below 0, which always works.
func (p *pool) take(by *Call, n int64) bool {
	org := by.Scope.Org
	who := one{org, by.Scope.Actor}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n > 0 && (p.all+n > p.most || p.orgs[org]+n > p.orgMost || !by.Free && p.ones[who]+n > p.orgMost/2) {
		return false
	}
	p.all += n
	if p.orgs[org] += n; p.orgs[org] == 0 {
		delete(p.orgs, org)
	}
	if p.ones[who] += n; p.ones[who] == 0 {
		delete(p.ones, who)
	}
	return true
}

// share is what one answer has of a pool. It is for one goroutine at a time. end has to be called.
type share struct {
	of         *pool
	by         *Call // whose it is
	read, rest int   // bytes that are read, and what is made and kept of them
	has        int64 // of the pool
}

// Hold says how many bytes are read and not gone, as sse.Room has it. false: there is no room
// for them.
func (s *share) Hold(n int) bool {
	s.read = n
	return s.fit()
}

// also says how many bytes are made of them, and kept. false: there is no room for them.
func (s *share) also(n int) bool {
	s.rest = n
	return s.fit()
}

func (s *share) fit() bool {
	n := max(int64(s.read)+int64(s.rest)-smallAnswer, 0)
	if n != s.has {
		if !s.of.take(s.by, n-s.has) {
			return false
		}
		s.has = n
	}
	return true
}

// end gives back all that the answer has.
func (s *share) end() { s.read, s.rest = 0, 0; s.fit() }
