package gateway

import (
	"net/http"
	"sync"
	"time"
)

// Way is a transport.
type Way interface {
	http.RoundTripper
	CloseIdleConnections()
}

// ways are the transports to providers: few, as all that connect alike share one, in which
// each address has its own connections. Safe for concurrent use.
type ways struct {
	make func(ofOrg bool, connect time.Duration) Way
	mu   sync.RWMutex
	all  map[wayKey]Way
}

type wayKey struct {
	ofOrg   bool
	connect time.Duration // whole seconds, so that there are few
}

func newWays(f func(bool, time.Duration) Way) *ways {
	return &ways{make: f, all: map[wayKey]Way{}}
}

func (w *ways) of(ofOrg bool, connect time.Duration) Way {
	key := wayKey{ofOrg, connect.Truncate(time.Second) + time.Second}
	if connect == key.connect-time.Second {
		key.connect = connect
	}
	w.mu.RLock()
	t := w.all[key]
	w.mu.RUnlock()
	if t != nil {
		return t
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if t = w.all[key]; t == nil {
		t = w.make(key.ofOrg, key.connect)
		w.all[key] = t
	}
	return t
}

func (w *ways) close() {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, t := range w.all {
		t.CloseIdleConnections()
	}
}
