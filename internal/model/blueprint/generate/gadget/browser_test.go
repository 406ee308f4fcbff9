package gadget_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// shots is where to look at the pages: go test -run TestPlay -args -shots DIR.
var shots = flag.String("shots", "", "folder for screenshots of the pages")

// serve builds the app, starts it and returns its address.
func serve(t *testing.T, a spec.App) string {
	t.Helper()
	dir := build(t, a)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	_, port, _ := net.SplitHostPort(address)

	argv := manifest(t, dir).Start
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PORT="+port, "DATA_DIR="+t.TempDir(), "PYTHONDONTWRITEBYTECODE=1")
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for begin := time.Now(); time.Since(begin) < 20*time.Second; {
		if res, err := http.Get("http://" + address + "/healthz"); err == nil {
			res.Body.Close()
			return "http://" + address
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the app ended: %v\n%s", err, output.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatal("the app doesn't answer")
	return ""
}

// browser is a Chromium of its own for a test and its parts.
type browser struct{ ctx context.Context }

func start(t *testing.T) browser {
	t.Helper()
	flags := []chromedp.ExecAllocatorOption{
		chromedp.NoFirstRun, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), flags...)
	ctx, shut := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		shut()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return browser{ctx}
}

// tab is a page that a test looks at.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// open shows the address. The test fails with whatever the page's console says
// is wrong.
func (b browser) open(t *testing.T, address string) *tab {
	t.Helper()
	var mu sync.Mutex
	var problems []string
	ctx, shut := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(func(event any) {
		if problem := problemOf(event); problem != "" {
			mu.Lock()
			defer mu.Unlock()
			problems = append(problems, problem)
		}
	}))
	p := &tab{t, ctx}
	t.Cleanup(func() {
		if !t.Failed() {
			p.fits()
		}
		shut()
		mu.Lock()
		defer mu.Unlock()
		for _, p := range problems {
			t.Errorf("the browser says: %s", p)
		}
	})
	p.run(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, log.Enable, cdp.Empty{})
		return chromedp.Void{}, err
	}, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(address))
	return p
}

// problemOf returns what an event says is wrong in the page, or nothing.
func problemOf(event any) string {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		return (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error()
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
			return fmt.Sprintf("console.%s: %v", e.Type, e.Args)
		}
	case *log.EventEntryAdded:
		// Chromium itself logs every 422; the page says what it means.
		if e.Entry.Level == "error" && !strings.Contains(e.Entry.Text, "422") {
			return e.Entry.Text + " " + e.Entry.URL
		}
	}
	return ""
}

// run does the actions, in order, within a time.
func (p *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx := p.ctx
	if chromedp.FromContext(ctx).Target != nil { // the first run's context is the tab's life
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
	}
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%v\n%s", err, p.text())
	}
}

// do runs a statement in the page.
func (p *tab) do(statement string) {
	p.t.Helper()
	value[bool](p, "(() => {"+statement+"; return true})()")
}

// fill types the text into a field that is empty then.
func (p *tab) fill(selector, text string) {
	p.t.Helper()
	p.do(fmt.Sprintf(`document.querySelector(%q).value = ""`, selector))
	p.run(chromedp.SendKeys(selector, text))
}

// choose picks an option of a select.
func (p *tab) choose(selector, option string) {
	p.t.Helper()
	p.do(fmt.Sprintf(`const s = document.querySelector(%q); s.value = %q`, selector, option) +
		`; for (const e of ["input", "change"]) s.dispatchEvent(new Event(e, { bubbles: true }))`)
}

// wait blocks until the expression is true in the page.
func (p *tab) wait(expression string) {
	p.t.Helper()
	for begin := time.Now(); time.Since(begin) < 15*time.Second; time.Sleep(15 * time.Millisecond) {
		ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && ok {
			return
		}
	}
	p.t.Fatalf("never true: %s\n%s", expression, p.text())
}

// says blocks until the element shows the text, wherever it breaks its lines.
func (p *tab) says(selector, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`document.querySelector(%q)?.innerText.replace(/\s+/g, " ").includes(%q)`, selector, text))
}

// fits checks that the page, as the test leaves it, needs no scrolling to the
// side on a desk or a phone, in the light or the dark.
func (p *tab) fits() {
	for _, width := range []int64{1280, 360} {
		for _, scheme := range []string{"light", "dark"} {
			p.run(chromedp.EmulateViewport(width, 800), prefer(scheme))
			if wide := value[int64](p, "document.documentElement.scrollWidth"); wide > width {
				p.t.Errorf("the page is %d wide in a window of %d", wide, width)
			}
			if *shots == "" {
				continue
			}
			png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
			if err == nil {
				name := fmt.Sprintf("%s-%d-%s.png", strings.ReplaceAll(p.t.Name(), "/", "-"), width, scheme)
				err = os.WriteFile(filepath.Join(*shots, name), png, 0o644)
			}
			if err != nil {
				p.t.Error(err)
			}
		}
	}
}

func prefer(scheme string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		feature := &emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme}
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{feature}})
		return chromedp.Void{}, err
	}
}

func (p *tab) text() string {
	text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.body?.innerText ?? ''"))
	return text
}

// value returns what the expression is in the page.
func value[T any](p *tab, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}
