package h1

import (
	"cmp"
	"time"
)

// keep puts a connection aside for another call.
func (t *Transport) keep(c *conn) {
	i := &t.idle
	c.since = time.Now()
	i.mu.Lock()
	list := i.hosts[c.addr]
	full := i.n >= cmp.Or(t.MaxIdle, DefaultMaxIdle) || len(list) >= cmp.Or(t.MaxIdlePerHost, DefaultMaxIdlePerHost)
	if !full {
		if i.hosts == nil {
			i.hosts = map[string][]*conn{}
		}
		i.hosts[c.addr] = append(list, c)
		i.n++
		t.arm(t.idleTimeout())
	}
	i.mu.Unlock()
	if full {
		c.close()
	}
}

func (t *Transport) idleTimeout() time.Duration { return cmp.Or(t.IdleTimeout, DefaultIdleTimeout) }

// take returns the connection to an address that was used last and can be used; nil if there
// is none.
func (t *Transport) take(addr string) *conn {
	for {
		c := t.pop(addr)
		if c == nil || time.Since(c.since) < t.idleTimeout() && c.fresh() {
			return c
		}
		c.close()
	}
}

func (t *Transport) pop(addr string) *conn {
	i := &t.idle
	i.mu.Lock()
	defer i.mu.Unlock()
	list := i.hosts[addr]
	last := len(list) - 1
	if last < 0 {
		return nil
	}
	c := list[last]
	list[last] = nil
	i.hosts[addr] = list[:last]
	i.n--
	return c
}

// arm has the sweeper run after a time, unless it is about to anyway. The caller holds the lock.
func (t *Transport) arm(after time.Duration) {
	i := &t.idle
	switch {
	case i.armed:
		return
	case i.sweep == nil:
		i.sweep = time.AfterFunc(after, t.sweep)
	default:
		i.sweep.Reset(after)
	}
	i.armed = true
}

// sweep closes the connections that have been idle for too long.
func (t *Transport) sweep() {
	now, limit := time.Now(), t.idleTimeout()
	t.idle.mu.Lock()
	t.idle.armed = false
	next := limit
	old := t.cut(func(list []*conn) int {
		for n, c := range list {
			if age := now.Sub(c.since); age < limit {
				next = min(next, limit-age)
				return n
			}
		}
		return len(list)
	})
	if t.idle.n > 0 {
		t.arm(next)
	}
	t.idle.mu.Unlock()
	for _, c := range old {
		c.close()
	}
}

// cut removes the first connections of each address, as many as a function says, and returns
// them. An address without any is forgotten. The caller holds the lock.
func (t *Transport) cut(many func([]*conn) int) (old []*conn) {
	for addr, list := range t.idle.hosts {
		n := many(list)
		old = append(old, list[:n]...)
		if n == len(list) {
			delete(t.idle.hosts, addr)
		} else if n > 0 {
			t.idle.hosts[addr] = append([]*conn(nil), list[n:]...)
		}
	}
	t.idle.n -= len(old)
	return old
}

// CloseIdleConnections closes the connections that no call uses, those of Else, too, and stops
// the sweeper. The Transport can be used afterwards.
func (t *Transport) CloseIdleConnections() {
	t.idle.mu.Lock()
	all := t.cut(func(list []*conn) int { return len(list) })
	if t.idle.armed {
		t.idle.sweep.Stop()
		t.idle.armed = false
	}
	t.idle.mu.Unlock()
	for _, c := range all {
		c.close()
	}
	if e, ok := t.Else.(interface{ CloseIdleConnections() }); ok {
		e.CloseIdleConnections()
	}
}
