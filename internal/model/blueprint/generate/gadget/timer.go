package gadget

import (
	"fmt"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// timing is what the timers' templates are filled with.
type timing struct {
	Variant        string
	Minutes, Break int
}

// Clock is how the page shows the time before its script runs.
func (t timing) Clock() string {
	if t.Minutes >= 60 {
		return fmt.Sprintf("%d:%02d:00", t.Minutes/60, t.Minutes%60)
	}
	return fmt.Sprintf("%d:00", t.Minutes)
}

// maxMinutes is the longest that a timer runs: a minute less than 100 hours.
const maxMinutes = 100*60 - 1

// timer writes a timer. Without a variant it is a countdown; without lengths a
// pomodoro has 25 minutes and a break of 5, a countdown 5 minutes.
func (w *writer) timer(g spec.Gadget) {
	t := timing{Variant: g.Variant, Minutes: g.Minutes, Break: g.Break}
	if t.Variant == "" {
		t.Variant = "countdown"
	}
	switch t.Variant {
	case "pomodoro":
		t.Minutes, t.Break = orElse(t.Minutes, 25), orElse(t.Break, 5)
	case "countdown":
		t.Minutes = orElse(t.Minutes, 5)
	case "stopwatch":
	default:
		w.fail("unknown timer: " + t.Variant)
		return
	}
	if t.Minutes < 0 || t.Minutes > maxMinutes || t.Break < 0 || t.Break > maxMinutes {
		w.fail("a timer runs for 1 minute to 99 hours and 59 minutes")
		return
	}
	w.body(t, t.Variant)
	w.file("static/gadget.js", t, "static/"+t.Variant+"_page.js")
	w.file("static/"+t.Variant+".js", t, "static/"+t.Variant+".js")
	w.file("static/saved.js", t, "static/saved.js")
	if t.Variant == "stopwatch" {
		w.file("static/clock.js", t, "static/clock_hundredths.js")
	} else {
		w.file("static/clock.js", t, "static/clock.js")
		w.file("static/ticker.js", t, "static/ticker.js")
		w.file("static/bell.js", t, "static/bell.js")
	}
	w.file("static/gadget.css", t, "static/timer.css")
	w.test("page", nil)
	if w.runtime == "python" {
		w.file("tests/test_timer.py", t, "python/test_timer.py")
	} else {
		w.file("tests/"+t.Variant+".test.js", t, "node/"+t.Variant+".test.js")
	}
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}
