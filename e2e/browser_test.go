package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium is the one browser of all tests, started by the first that needs it
// and ended after the last. Each page has a profile of its own in it.
var chromium struct {
	once sync.Once
	ctx  context.Context
	stop func()
	err  error
}

func startChromium() {
	path, err := exec.LookPath("chromium")
	if err != nil {
		chromium.err = fmt.Errorf("these tests need Debian's Chromium (scripts/setup installs it): %w", err)
		return
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.UserDataDir(filepath.Join(bin, "chromium-profile")),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(patience),
	)
	ctx, shut := chromedp.NewContext(allocator)
	chromium.ctx, chromium.stop = ctx, func() { shut(); stop() }
	chromium.err = chromedp.Do(ctx)
}

// stopChromium ends the browser, if one was started.
func stopChromium() {
	if chromium.stop != nil {
		chromium.stop()
	}
}

// page is a page in the browser that must have nothing to complain about.
type page struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
	asked    []string // the addresses of every request
}

// browse opens an address. At its end the test fails with what the browser said
// was wrong: an exception, a console message, a violation of the policy, a request
// that failed.
func browse(t *testing.T, address string) *page {
	t.Helper()
	runs(t, "a browser")
	chromium.once.Do(startChromium)
	if chromium.err != nil {
		t.Fatal(chromium.err)
	}
	p := &page{t: t}
	ctx, shut := chromedp.NewContext(chromium.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.hear))
	p.ctx = ctx
	t.Cleanup(func() {
		shut()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, problem := range p.problems {
			t.Errorf("%s: the browser says: %s", address, problem)
		}
	})
	p.run(chromedp.Navigate(address))
	p.until(`document.readyState === "complete"`)
	return p
}

// hear collects what is wrong.
func (p *page) hear(event any) {
	problem := ""
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		problem = (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error()
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
			problem = fmt.Sprintf("console.%s %s", e.Type, words(e.Args))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" || e.Entry.Level == "warning" || e.Entry.Source == "security" {
			problem = e.Entry.Text + " " + e.Entry.URL
		}
	case *network.EventRequestWillBeSent:
		p.asked = append(p.asked, e.Request.URL)
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			problem = fmt.Sprintf("%d for %s", e.Response.Status, e.Response.URL)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled {
			problem = fmt.Sprintf("a %s didn't load: %s %s", e.Type, e.ErrorText, e.BlockedReason)
		}
	}
	if problem != "" {
		p.problems = append(p.problems, problem)
	}
}

func words(args []*runtime.RemoteObject) string {
	var all []string
	for _, a := range args {
		all = append(all, a.Description+string(a.Value))
	}
	return strings.Join(all, " ")
}

// run does actions in order.
func (p *page) run(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if chromedp.FromContext(p.ctx).Target == nil { // the first run's context is the page's life
		if err := chromedp.Do(p.ctx); err != nil {
			p.t.Fatal(err)
		}
	}
	ctx, stop := context.WithTimeout(p.ctx, patience)
	defer stop()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%v\n%s", err, p.text())
	}
}

// value evaluates an expression in the page.
func value[T any](p *page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits for a condition in the page.
func (p *page) until(condition string) {
	p.t.Helper()
	until(p.t, func() bool {
		ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
		return err == nil && ok // a page that is being replaced has no answer
	}, func() string { return condition + " in\n" + p.text() })
}

// says waits until an element shows the text, wherever it breaks its lines.
func (p *page) says(selector, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`[...document.querySelectorAll(%q)].some((e) => e.innerText.replace(/\s+/g, " ").includes(%q))`, selector, text))
}

func (p *page) text() string {
	ctx, stop := context.WithTimeout(p.ctx, 5*time.Second)
	defer stop()
	s, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		return err.Error()
	}
	return s
}

// addEntry fills the app's form, a field by its name, and sends it.
func (p *page) addEntry(kind string, fields map[string]string) {
	p.t.Helper()
	p.run(chromedp.Click("//button[.='Add " + kind + "']"))
	p.until(`document.querySelector("dialog[open] form")`)
	for name, text := range fields {
		p.run(chromedp.SendKeys("#field-"+name, text))
	}
	p.run(chromedp.Click(`dialog[open] form [type="submit"]`))
	p.until(`!document.querySelector("dialog[open]")`)
}

// staysAtHome fails the test if the page asked another origin for anything.
func (p *page) staysAtHome(origin string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	home, err := url.Parse(origin)
	if err != nil || len(p.asked) == 0 {
		p.t.Fatalf("%v, and %d requests", err, len(p.asked))
	}
	for _, a := range p.asked {
		if u, err := url.Parse(a); err != nil || u.Scheme != "data" && u.Host != home.Host {
			p.t.Errorf("the page asked for %s", a)
		}
	}
}
