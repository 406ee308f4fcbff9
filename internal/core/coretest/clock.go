// Package coretest has what tests of many packages stand on. Suites and tests alone import it.
package coretest

import (
	"sync"
	"time"
)

// Clock is a time that only a test moves. Safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// Noon returns a clock that stands at noon of a day, in UTC.
func Noon() *Clock { return At(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)) }

// At returns a clock that stands at a time.
func At(at time.Time) *Clock { return &Clock{at: at} }

// Now is the time at which it stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves it by d, back if that is below zero.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Set has it stand at another time.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}
