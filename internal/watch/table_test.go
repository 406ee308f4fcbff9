package watch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

func TestSchedules(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 1, 30, 0, time.UTC)
	for s, want := range map[string]string{
		"every 5m": "10:06:30", "every 1h30m": "11:31:30", " every  10m ": "10:11:30", "*/10 * * * *": "10:10:00", "0 8 * * 1-5": "08:00:00", "CRON_TZ=Europe/Berlin 0 12 * * *": "11:00:00",
	} {
		sched, err := parseSchedule(s, 5*time.Minute, now)
		if err != nil {
			t.Errorf("%q: %v", s, err)
		} else if got := sched.Next(now).UTC().Format(time.TimeOnly); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
	for _, s := range []string{
		"", "every", "every 4m59s", "every 1h1x", "every 1000h", "every -1h", "* * * * *", "0,1 8 * * *", "@every 1s", "@hourly", "TZ=", "TZ=0", "CRON_TZ=x", "CRON_TZ=../../etc/passwd 0 8 * * *", "0 0 30 2 *", "* * * * * *", "0 8 * *", strings.Repeat("*", 200),
	} {
		if _, err := parseSchedule(s, 5*time.Minute, now); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func FuzzSchedule(f *testing.F) {
	f.Add("CRON_TZ=Europe/Berlin 0 8 * * 1-5")
	f.Add("every 5m")
	now := time.Date(2026, 3, 2, 10, 1, 30, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		sched, err := parseSchedule(s, 5*time.Minute, now)
		if err == nil && !sched.Next(now).After(now) {
			t.Fatalf("%q: %v", s, sched.Next(now))
		}
	})
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]float64{
		"12": 12, "12.5": 12.5, "-3": -3, "1e3": 1000, "12,5": 12.5, "1,299.50": 1299.5, "1.299,50 €": 1299.5, "$1,299.00": 1299, "1,299": 1299, "1.299.000": 1299000, "1'299.50 CHF": 1299.5, "1 299,50 kr": 1299.5,
		"Price: 3 €.": 3, "EUR 0,99": 0.99, "1.5 of 10": 1.5, "-12,34": -12.34, "12,345,678": 12345678,
	} {
		if got, ok := number(s); !ok || got != want {
			t.Errorf("%q: %v %t, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "none", "NaN", "Inf", "--", strings.Repeat("1", 50)} {
		if got, ok := number(s); ok && s != strings.Repeat("1", 50) {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func TestParts(t *testing.T) {
	t.Parallel()
	page := `<html><head><meta name=price content="12.50"><title>T</title></head><body><h1 class="a b">The <b>title</b></h1><ul><li>one<li>two</ul><div id=p>x<script>bad()</script><style>x</style><p>y</p></div></body></html>`
	data := `{"items":[{"price":12.50,"a/b":"slash","m~n":true,"":"none"}],"big":12345678901234567890,"s":"text\u200b"}`
	for _, c := range []struct {
		part Part
		body string
		want string
	}{
		{Part{Selector: "h1.a"}, page, "The title"}, {Part{Selector: "ul > li:nth-child(2)"}, page, "two"}, {Part{Selector: "#p"}, page, "x y"}, {Part{Selector: "meta[name=price]"}, page, "12.50"},
		{Part{Selector: "ul"}, page, "one two"}, {Part{Selector: "ul", Pattern: "t(.)o"}, page, "w"}, {Part{Selector: "ul", Pattern: "t.o"}, page, "two"}, {Part{Pattern: "<h1 class=\"(.*?)\""}, page, "a b"},
		{Part{Pointer: "/items/0/price"}, data, "12.50"}, {Part{Pointer: "/items/0/a~1b"}, data, "slash"}, {Part{Pointer: "/items/0/m~0n"}, data, "true"}, {Part{Pointer: "/items/0/"}, data, "none"}, {Part{Pointer: "/big"}, data, "12345678901234567890"}, {Part{Pointer: "/s"}, data, "text"},
		{Part{Pointer: "/items", Pattern: `"price":([\d.]+)`}, data, "12.50"}, {Part{}, "a \n b", "a b"},
	} {
		if err := c.part.check(); err != nil {
			t.Errorf("%+v: %v", c.part, err)
		}
		if got, err := c.part.find(Page{Body: []byte(c.body), Text: c.body}); err != nil || got != c.want {
			t.Errorf("%+v: %q, %v, want %q", c.part, got, err, c.want)
		}
	}
	for _, p := range []Part{{Selector: ".none"}, {Pointer: "/items/1"}, {Pointer: "/items/00"}, {Pointer: "/items/-1"}, {Pointer: "/s/0"}, {Pointer: "/none"}, {Pattern: "none here"}} {
		for _, body := range []string{data, "not JSON", "", strings.Repeat("[", 100_000), strings.Repeat("<div>", 10_000)} {
			if got, err := p.find(Page{Body: []byte(body), Text: body}); core.CodeOf(err) != core.NotFound {
				t.Errorf("%+v: %q, %v", p, got, err)
			}
		}
	}
	for _, p := range []Part{{Selector: "a", Pointer: "/a"}, {Selector: "["}, {Selector: "p:has(a)"}, {Pointer: "items"}, {Pattern: "("}, {Pattern: strings.Repeat("a", 2000)}} {
		if err := p.check(); core.CodeOf(err) != core.Invalid {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

// TestCostlySelectors are refused on pages on which they would take for ever.
func TestCostlySelectors(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("<div class=a>", 480) + strings.Repeat("<p class=a>x</p>", 20_000)
	wide := strings.Repeat("<p>x</p>", 50_000)
	for _, c := range []struct{ selector, page string }{
		{".z .a .a .a .a .a .a .a .a p", deep}, {".z ~ p", wide}, {"p:nth-child(49999)", wide}, {".z ~ p ~ p ~ p ~ p", wide},
	} {
		start := time.Now()
		_, err := Part{Selector: c.selector}.find(Page{Body: []byte(c.page)})
		if core.CodeOf(err) != core.NotFound || time.Since(start) > 10*time.Second {
			t.Errorf("%s: %v after %v", c.selector, err, time.Since(start))
		}
	}
	if got, err := (Part{Selector: "body .row .price"}).find(Page{Body: []byte(strings.Repeat("<div class=row>", 20) + "<b class=price>3</b>")}); err != nil || got != "3" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestSpecs(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 1, 30, 0, time.UTC)
	good := Spec{Name: "x", URL: "https://example.com/", Schedule: "every 10m"}
	if err := good.check(5*time.Minute, now); err != nil || good.When.Kind != Changes {
		t.Errorf("%+v, %v", good, err)
	}
	for name, change := range map[string]func(*Spec){
		"no name": func(s *Spec) { s.Name = " " }, "two lines": func(s *Spec) { s.Name = "a\nb" }, "a long name": func(s *Spec) { s.Name = strings.Repeat("x", 200) },
		"no address": func(s *Spec) { s.URL = "" }, "a file": func(s *Spec) { s.URL = "file:///etc/passwd" }, "a password": func(s *Spec) { s.URL = "https://u:p@example.com" }, "a long prompt": func(s *Spec) { s.Prompt = strings.Repeat("x", 5000) },
		"no condition": func(s *Spec) { s.When.Kind = "sometimes" }, "a change with a threshold": func(s *Spec) { s.When.Than = 1 }, "less than nothing": func(s *Spec) { s.When.By = -1 }, "above by": func(s *Spec) { s.When = When{Kind: Above, By: 1} },
		"a selector": func(s *Spec) { s.Part.Selector = "[" }, "a schedule": func(s *Spec) { s.Schedule = "now" },
	} {
		s := good
		change(&s)
		if err := s.check(5*time.Minute, now); core.CodeOf(err) != core.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLongValues(t *testing.T) {
	t.Parallel()
	a, b := sight(strings.Repeat("é", 2000)+"a"), sight(strings.Repeat("é", 2000)+"b")
	if a.Text != b.Text || a.Digest == b.Digest || len(a.Text) > MaxValue {
		t.Errorf("%d bytes, %s", len(a.Text), fmt.Sprint(a.Digest == b.Digest))
	}
}
