package generate

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var shots = flag.String("shots", "", "write screenshots of the apps into this `folder`")

// browser starts a Chromium that ends with the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(func() { cancel(); stop() })
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("chromium: %v", err)
	}
	return ctx
}

// tab is a page whose complaints are collected.
type tab struct {
	t      *testing.T
	ctx    context.Context
	name   string
	mu     sync.Mutex
	errors []string
}

func newTab(t *testing.T, browser context.Context, name string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(func() { stop(); cancel() })
	p := &tab{t: t, ctx: ctx, name: name}
	err := chromedp.Listen(ctx, func(event any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			p.errors = append(p.errors, fmt.Sprintf("%s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
		case *runtime.EventConsoleAPICalled:
			p.errors = append(p.errors, fmt.Sprintf("console.%s %v", e.Type, e.Args))
		case *log.EventEntryAdded:
			p.errors = append(p.errors, e.Entry.Text+" "+e.Entry.URL)
		}
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return p
}

func (p *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v\n%s", p.name, err, strings.Join(p.complaints(), "\n"))
	}
}

// until waits for a JavaScript condition.
func (p *tab) until(condition string) {
	p.t.Helper()
	p.run(chromedp.Poll[chromedp.Void](condition, chromedp.WithPollingTimeout(20*time.Second)))
}

// redraws does what makes the page draw the element anew, and waits until it has.
func (p *tab) redraws(selector string, action chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	p.run(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).dataset.old = true", selector)), action)
	p.until(fmt.Sprintf("document.querySelector(%q)?.dataset.old === undefined", selector))
}

// js evaluates and returns.
func js[T any](p *tab, expression string) T {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %s: %v", p.name, expression, err)
	}
	return value
}

func (p *tab) complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.errors...)
}

// quiet fails the test if the page complained.
func (p *tab) quiet() {
	p.t.Helper()
	for _, e := range p.complaints() {
		p.t.Errorf("%s: console: %s", p.name, e)
	}
}

// shoot writes pictures of the page, wide and narrow, light and dark, if asked to.
func (p *tab) shoot(name string) {
	p.t.Helper()
	if *shots == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 360} {
			media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
			if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, media); err != nil {
				p.t.Fatal(err)
			}
			p.run(chromedp.EmulateViewport(width, 800))
			png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				p.t.Fatal(err)
			}
			path := filepath.Join(*shots, fmt.Sprintf("%s-%s-%d.png", name, scheme, width))
			if err := os.WriteFile(path, png, 0o644); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	p.run(chromedp.EmulateViewport(1280, 800))
}

// fits fails the test if the page is wider than a phone.
func (p *tab) fits() {
	p.t.Helper()
	p.run(chromedp.EmulateViewport(360, 740))
	if width := js[int](p, "document.documentElement.scrollWidth"); width > 360 {
		p.t.Errorf("%s: %d pixels wide on a phone", p.name, width)
	}
	p.run(chromedp.EmulateViewport(1280, 800))
}
