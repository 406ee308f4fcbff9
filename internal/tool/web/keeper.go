package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool/web/robots"
)

const (
	robotsWait  = 10 * time.Second // for a file
	robotsLife  = time.Hour        // of a file that was read: RFC 9309, section 2.4, has it at most a day
	robotsRetry = time.Minute      // after one that couldn't be
	robotsKept  = 8 << 20          // bytes of rules, of all sites
)

// keeper gets and keeps what sites say to crawlers.
type keeper struct {
	client *http.Client
	kept   *cache[robots.Rules] // by origin
}

func newKeeper(client *http.Client, now func() time.Time) *keeper {
	return &keeper{client: client, kept: newCache[robots.Rules](robotsKept, now)}
}

// allows returns nil if a site lets crawlers get an address. denied: it doesn't, or its
// robots.txt can't be read for now (RFC 9309, section 2.3.1.4); other errors are of the way
// there, which the page would share.
func (k *keeper) allows(ctx context.Context, u *url.URL) error {
	origin := u.Scheme + "://" + u.Host
	rules, ok := k.kept.get(origin)
	if !ok {
		var life time.Duration
		var err error
		if rules, life, err = k.fetch(ctx, origin); err != nil {
			return err
		}
		k.kept.put(origin, rules, rules.Size(), life)
	}
	switch {
	case rules.Allowed(u.RequestURI()):
		return nil
	case rules.Unread():
		return core.E(core.Denied, "robots", "robots.txt of "+u.Host+" can't be read for now, so that programs may get nothing there").WithHint("try again later")
	}
	return core.E(core.Denied, "robots", "robots.txt of "+u.Host+" doesn't let programs get this page").WithHint("take another source, or ask the person to open the page")
}

// fetch gets an origin's rules, and says how long they are good for.
func (k *keeper) fetch(ctx context.Context, origin string) (robots.Rules, time.Duration, error) {
	within, cancel := context.WithTimeout(ctx, robotsWait)
	defer cancel()
	req, err := http.NewRequestWithContext(within, http.MethodGet, origin+"/robots.txt", nil)
	if err != nil {
		return robots.Rules{}, 0, badAddress(origin)
	}
	req.Header.Set("User-Agent", Agent)
	resp, err := k.client.Do(req)
	if err != nil {
		switch {
		case ctx.Err() != nil:
			return robots.Rules{}, 0, slow(ctx.Err())
		case core.CodeOf(err) == core.Unavailable: // as the page will be
			return robots.Rules{}, 0, slow(err)
		case core.CodeOf(err) == core.Exhausted:
			return robots.Closed(), robotsRetry, nil
		}
		return robots.Rules{}, 0, nil // the page can't be reached either, or the file has led astray
	}
	defer resp.Body.Close()
	switch status := resp.StatusCode; {
	case status >= 500, status == http.StatusTooManyRequests:
		return robots.Closed(), robotsRetry, nil
	case status >= 300:
		return robots.Rules{}, robotsLife, nil // there is none (section 2.3.1.3)
	}
	file, err := io.ReadAll(io.LimitReader(resp.Body, robots.MaxBytes))
	if err != nil && core.CodeOf(err) != core.Exhausted {
		if ctx.Err() != nil {
			return robots.Rules{}, 0, slow(ctx.Err())
		}
		return robots.Closed(), robotsRetry, nil
	}
	return robots.Parse(file, Token), robotsLife, nil
}
