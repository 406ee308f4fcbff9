package watch

import (
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/isekai-run/isekai/internal/core"
)

// mostEvery is how seldom a watch may look.
const mostEvery = 31 * 24 * time.Hour

// looked is how many of a cron expression's times are compared to the least distance.
const looked = 60

// parseSchedule reads "every DURATION" or a cron expression. invalid: it isn't one, looks more
// often than least, or never.
func parseSchedule(s string, least time.Duration, now time.Time) (cron.Schedule, error) {
	refuse := func(why string) (cron.Schedule, error) {
		return nil, core.E(core.Invalid, "watch", "the schedule "+why).WithHint(`as in "every 30m", "0 8 * * 1-5", or "CRON_TZ=Europe/Berlin 0 8 * * *"`)
	}
	s = strings.TrimSpace(s)
	if every, ok := strings.CutPrefix(s, "every "); ok {
		d, err := time.ParseDuration(strings.TrimSpace(every))
		switch {
		case err != nil || d > mostEvery:
			return refuse("can't be read")
		case d < least:
			return refuse("is more often than every " + least.String())
		}
		return cron.Every(d), nil
	}
	if strings.HasPrefix(s, "@") || len(s) > 100 || strings.HasPrefix(s, "TZ=") || strings.HasPrefix(s, "CRON_TZ=") && !strings.Contains(s, " ") {
		return refuse("can't be read") // the parser takes other words that say less, and panics at a zone alone
	}
	sched, err := cron.ParseStandard(s)
	if err != nil {
		return refuse("can't be read")
	}
	at := sched.Next(now.UTC())
	if at.IsZero() {
		return refuse("names a time that never comes")
	}
	for range looked {
		next := sched.Next(at)
		if next.IsZero() {
			break
		}
		if next.Sub(at) < least {
			return refuse("is more often than every " + least.String())
		}
		at = next
	}
	return sched, nil
}

// following returns when a watch looks next, after a look at now: by its schedule, later the
// more often it failed, and not before the site wants.
func (w watchDoc) following(sched cron.Schedule, now time.Time, notBefore time.Time) time.Time {
	next := sched.Next(now.UTC())
	if w.Failures > 0 {
		pause := min(pauseLeast<<min(w.Failures-1, 12), pauseMost)
		next = latest(next, now.Add(pause))
	}
	if limit := now.Add(pauseMost); notBefore.After(limit) {
		notBefore = limit
	}
	return latest(next, notBefore).UTC().Truncate(time.Second)
}

// How long a watch that fails waits, at least: twice as long each time, up to a day.
const (
	pauseLeast = 5 * time.Minute
	pauseMost  = 24 * time.Hour
)

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
