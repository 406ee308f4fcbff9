//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// contender is what answers requests.
type contender struct {
	name    string
	url     string
	header  map[string]string
	process *process
	figures
	memory int64 // bytes, at most
	// charged reports whether so many answers were paid for; nil: it takes nothing.
	charged func(ctx context.Context, answers int) error
}

// figures are what was measured, one of each round.
type figures struct {
	answers         int             // of all rounds
	plain, streamed []float64       // answers a second, of 32 clients
	own, wrk        []time.Duration // of CPU, for an answer that isn't streamed
	steady          []taken         // at 200 requests a second
	first           map[int][]taken // streams, by the milliseconds before each chunk
}

// delays are the milliseconds before each chunk of a stream.
var delays = []int{0, 20}

// ready waits until it answers, for two minutes at most.
func (c *contender) ready(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	for {
		err := c.try(ask{})
		if err == nil {
			return c.try(ask{stream: true})
		}
		if r, ok := errors.AsType[refusal](err); ok && r.status < http.StatusInternalServerError {
			return err // and it will again
		}
		if gone := c.process.gone(); gone != nil {
			return gone
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it isn't ready: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c *contender) try(a ask) error {
	line, err := c.call()
	if err != nil {
		return err
	}
	defer line.Close()
	_, _, err = line.ask(a.body())
	return err
}

// round measures everything once. What a contender can't keep up with it isn't asked for: that
// would measure a queue.
func (c *contender) round(ctx context.Context, shop *workshop, length time.Duration) error {
	rate, own, wrk, err := c.rush(ctx, shop, ask{}, length)
	if err != nil {
		return err
	}
	c.plain, c.own, c.wrk = append(c.plain, rate), append(c.own, own), append(c.wrk, wrk)
	if rate, _, _, err = c.rush(ctx, shop, ask{stream: true}, length); err != nil {
		return err
	}
	c.streamed = append(c.streamed, rate)
	if c.plain[len(c.plain)-1] > steady {
		t, err := c.pace(ctx, ask{}, steady, length)
		if err != nil {
			return err
		}
		c.steady = append(c.steady, t)
	}
	if c.first == nil {
		c.first = map[int][]taken{}
	}
	for _, millis := range delays {
		if c.streamed[len(c.streamed)-1] < streams {
			continue
		}
		t, err := c.pace(ctx, ask{stream: true, millis: millis}, streams, length)
		if err != nil {
			return err
		}
		c.first[millis] = append(c.first[millis], t)
	}
	return nil
}
