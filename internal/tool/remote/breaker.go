package remote

import (
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// breakers keep a service that fails from being asked all the time: one for each host, whose
// projects share it.
type breakers struct {
	mu  sync.Mutex
	all map[string]circuitbreaker.CircuitBreaker[any]
}

const (
	maxHosts = 256 // one that is forgotten begins anew
	failures = 8   // in a row
	openFor  = 30 * time.Second
)

func newBreakers() *breakers {
	return &breakers{all: map[string]circuitbreaker.CircuitBreaker[any]{}}
}

func (b *breakers) of(host string) circuitbreaker.CircuitBreaker[any] {
	b.mu.Lock()
	defer b.mu.Unlock()
	if one, ok := b.all[host]; ok {
		return one
	}
	for other := range b.all {
		if len(b.all) < maxHosts {
			break
		}
		delete(b.all, other)
	}
	one := circuitbreaker.NewBuilder[any]().WithFailureThreshold(failures).WithDelay(openFor).Build()
	b.all[host] = one
	return one
}
