//go:build linux

package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"
)

const (
	clients = 32  // that ask again at once
	steady  = 200 // requests a second
	streams = 50  // streams a second
	callers = 64  // connections that these are spread over
)

var (
	wrkCount  = regexp.MustCompile(`(\d+) requests in ([\d.]+)(s|m)`)
	wrkFailed = regexp.MustCompile(`Non-2xx or 3xx responses: .*|Socket errors: .*`)
)

// rush has 32 clients ask, each again as soon as it is answered, and returns how many
// requests a second were answered and what one cost the contender and wrk in CPU time.
func (c *contender) rush(ctx context.Context, shop *workshop, a ask, length time.Duration) (rate float64, own, wrk time.Duration, err error) {
	script := filepath.Join(shop.dir, "ask.lua")
	text := "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nwrk.body = [==[" + a.body() + "]==]\n"
	for name, value := range c.header {
		text += fmt.Sprintf("wrk.headers['%s'] = '%s'\n", name, value)
	}
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		return 0, 0, 0, err
	}
	before, err := c.process.cpu()
	if err != nil {
		return 0, 0, 0, err
	}
	// wrk knows whole seconds.
	cmd := exec.CommandContext(ctx, shop.wrk, "-t1", "-c"+strconv.Itoa(clients), "--timeout", patience.String(), "-d"+strconv.Itoa(max(1, int(length.Seconds())))+"s", "-s", script, c.url+path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, 0, 0, fmt.Errorf("wrk: %w: %s", err, out)
	}
	after, err := c.process.cpu()
	if err != nil {
		return 0, 0, 0, err
	}
	found := wrkCount.FindSubmatch(out)
	if found == nil || wrkFailed.Match(out) {
		return 0, 0, 0, fmt.Errorf("wrk: %s", out)
	}
	n, _ := strconv.ParseFloat(string(found[1]), 64)
	seconds, _ := strconv.ParseFloat(string(found[2]), 64)
	if n == 0 {
		return 0, 0, 0, nil // so slow
	}
	c.answers += int(n)
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return n / seconds, time.Duration(float64(after-before) / n), time.Duration(float64(used) / n), nil
}

// taken is how long requests took: until the first byte of what was answered since they
// were sent, and until the last since they were due.
type taken struct{ first, last []time.Duration }

// pace has a request sent whenever one is due, whether or not those before it are
// answered. How long a whole answer took counts from when it was due, so that a stall is
// seen in all that it held up. What isn't sent after twice the time is given up, and has taken until
// then at least.
func (c *contender) pace(ctx context.Context, a ask, rate int, length time.Duration) (taken, error) {
	var (
		all   [callers]taken
		errs  [callers]error
		group sync.WaitGroup
		body  = a.body()
		n     = int(length.Seconds() * float64(rate))
	)
	lines := make([]*caller, callers)
	for i := range lines {
		line, err := c.call()
		if err != nil {
			return taken{}, err
		}
		defer line.Close()
		lines[i] = line
	}
	begin := time.Now().Add(10 * time.Millisecond)
	for i, line := range lines {
		group.Go(func() {
			for k := i; k < n && ctx.Err() == nil && errs[i] == nil; k += callers {
				due := begin.Add(time.Duration(k) * time.Second / time.Duration(rate))
				time.Sleep(time.Until(due))
				sent := time.Now()
				first, last := sent, sent
				if sent.Sub(begin) < 2*length {
					first, last, errs[i] = line.ask(body)
					all[i].first = append(all[i].first, first.Sub(sent))
				}
				all[i].last = append(all[i].last, last.Sub(due))
			}
		})
	}
	group.Wait()
	var sum taken
	for _, t := range all {
		sum.first, sum.last = append(sum.first, t.first...), append(sum.last, t.last...)
	}
	c.answers += len(sum.first)
	return sum, cmp.Or(append(errs[:], context.Cause(ctx))...) // one says it
}
