package egress_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
)

func refuse(context.Context, string, string) (net.Conn, error) { return nil, errDown }

// TestRedirects lead nowhere that a first request couldn't go.
func TestRedirects(t *testing.T) {
	t.Parallel()
	secret := serve(t, "127.0.0.9", hello)
	port := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		if n, err := strconv.Atoi(r.URL.Query().Get("n")); err == nil && n > 0 {
			http.Redirect(w, r, "/?n="+strconv.Itoa(n-1), http.StatusFound)
			return
		}
		hello(w, r)
	})
	n := &names{answers: map[string][]string{"rebound.example": {"127.0.0.9"}}}
	g := newGuard(t, egress.Config{Allow: []string{at("127.0.0.1", port)}, Resolver: n, Ports: []int{80, 443, secret}})
	base := "http://" + at("127.0.0.1", port)
	for to, code := range map[string]core.Code{
		"http://" + at("127.0.0.9", secret): core.Denied, "http://" + at("rebound.example", secret): core.Denied, "http://169.254.169.254/latest": core.Denied,
		"http://" + at("::ffff:127.0.0.9", secret): core.Denied, "//" + at("127.0.0.9", secret): core.Denied, "http://2130706441:" + strconv.Itoa(secret): core.Invalid,
		"file:///etc/passwd": core.Invalid, "gopher://" + at("127.0.0.1", port): core.Invalid, "http://user:pw@" + at("127.0.0.1", port): core.Invalid,
		base + "/?to=" + base + "/%3Fto=http://" + at("127.0.0.9", secret): core.Denied,
	} {
		text, err := get(t, g, base+"/?to="+strings.ReplaceAll(to, "&", "%26"))
		wantCode(t, "to "+to+": "+text, err, code)
	}
	if text, err := get(t, g, base+"/?n=5"); err != nil || !strings.HasPrefix(text, "hello") {
		t.Errorf("five redirects: %q, %v", text, err)
	}
	_, err := get(t, g, base+"/?n=6")
	wantCode(t, "six redirects", err, core.Exhausted)
	none := newGuard(t, egress.Config{Allow: []string{at("127.0.0.1", port)}, Redirect: -1})
	if text, err := get(t, none, base+"/?n=1"); err != nil || strings.HasPrefix(text, "hello") {
		t.Errorf("a redirect is followed: %q, %v", text, err)
	}
}

// TestCredentialsStay with the origin that they are for, also when a redirect leads back.
func TestCredentialsStay(t *testing.T) {
	t.Parallel()
	show := func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Authorization", "Cookie", "X-Api-Key", "Referer", "User-Agent"} {
			fmt.Fprintf(w, "%s=%s;", name, r.Header.Get(name))
		}
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "body=%s;", b)
	}
	other := serve(t, "127.0.0.2", func(w http.ResponseWriter, r *http.Request) {
		if back := r.URL.Query().Get("back"); back != "" {
			http.Redirect(w, r, back, http.StatusTemporaryRedirect)
			return
		}
		show(w, r)
	})
	port := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			return
		}
		show(w, r)
	})
	// The second server is another origin by its address, and by its port on the first's name.
	n := &names{answers: map[string][]string{"a.example": {"127.0.0.1"}, "sub.a.example": {"127.0.0.2"}}}
	g := newGuard(t, egress.Config{Allow: []string{"127.0.0.0/8"}, Ports: []int{port, other}, Resolver: n})
	base, foreign := "http://"+at("a.example", port), "http://"+at("sub.a.example", other)
	ask := func(method, url, body string) (string, error) {
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		ok(t, err)
		req.Header = http.Header{
			"Authorization": {"Bearer x"}, "Cookie": {"session=x"}, "X-Api-Key": {"x"}, "Referer": {"http://x"}, "User-Agent": {"isekai"},
		}
		resp, err := g.Client().Do(req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return string(b), err
	}
	const all, nothing = "Authorization=Bearer x;Cookie=session=x;X-Api-Key=x;", "Authorization=;Cookie=;X-Api-Key=;Referer=;User-Agent=isekai;body=;"
	if got, err := ask("GET", base+"/?to="+base+"/x", ""); err != nil || !strings.HasPrefix(got, all) {
		t.Errorf("the same origin: %q, %v", got, err)
	}
	if got, err := ask("GET", base+"/?to="+foreign, ""); err != nil || got != nothing {
		t.Errorf("another origin: %q, %v", got, err)
	}
	if got, err := ask("GET", base+"/?to="+foreign+"/%3Fback="+base, ""); err != nil || got != nothing {
		t.Errorf("there and back: %q, %v", got, err)
	}
	if got, err := ask("POST", base+"/?to="+base+"/x", "text"); err != nil || !strings.HasSuffix(got, "body=text;") {
		t.Errorf("a body for the same origin: %q, %v", got, err)
	}
	_, err := ask("POST", base+"/?to="+foreign, "text")
	wantCode(t, "a body for another origin", err, core.Denied)
}

func TestBounds(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := z.Write(make([]byte, 1<<20))
	ok(t, errors.Join(err, z.Close()))
	port := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		switch r.URL.Path {
		case "/known":
			w.Header().Set("Content-Length", strconv.Itoa(n))
			_, _ = w.Write(make([]byte, n))
		case "/streamed":
			for range n {
				_, _ = w.Write([]byte{'x'})
			}
			w.(http.Flusher).Flush()
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(zipped.Bytes())
		case "/header":
			w.Header().Set("X-Long", strings.Repeat("x", n))
		case "/silent":
			<-release
		case "/slow":
			_, _ = w.Write([]byte("beginning"))
			w.(http.Flusher).Flush()
			<-release
		}
	})
	t.Cleanup(func() { close(release) })
	base := "http://" + at("127.0.0.1", port)
	allow := []string{at("127.0.0.1", port)}
	g := newGuard(t, egress.Config{Allow: allow, MaxBody: 1000, Header: 8 << 10})
	for _, kind := range []string{"/known", "/streamed"} {
		for n, code := range map[int]core.Code{0: "", 999: "", 1000: "", 1001: core.Exhausted, 100_000: core.Exhausted} {
			text, err := get(t, g, base+kind+"?n="+strconv.Itoa(n))
			if core.CodeOf(err) != code || len(text) > 1000 || code == "" && len(text) != n {
				t.Errorf("%s of %d bytes: %d bytes, %v", kind, n, len(text), err)
			}
		}
	}
	if text, err := get(t, g, base+"/bomb"); core.CodeOf(err) != core.Exhausted || len(text) > 1000 {
		t.Errorf("a bomb: %d bytes, %v", len(text), err)
	}
	head, err := g.Client().Head(base + "/known?n=5000")
	if err != nil || head.ContentLength != 5000 {
		t.Errorf("the size of a long answer: %v", err)
	} else {
		_ = head.Body.Close()
	}
	_, err = get(t, g, base+"/header?n=100000")
	wantCode(t, "a long header", err, core.Unavailable)
	quick := newGuard(t, egress.Config{Allow: allow, Silence: 20 * time.Millisecond})
	_, err = get(t, quick, base+"/silent")
	wantCode(t, "silence", err, core.Unavailable)
	quick = newGuard(t, egress.Config{Allow: allow, Timeout: 100 * time.Millisecond})
	_, err = get(t, quick, base+"/slow")
	wantCode(t, "a body that doesn't end", err, core.Unavailable)
}

// TestNoProxy has a proxy in the environment that nobody asks.
func TestNoProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	n := &names{answers: map[string][]string{"a.example": {"127.0.0.1"}}}
	port := serve(t, "127.0.0.1", hello)
	g := newGuard(t, egress.Config{Allow: []string{at("127.0.0.1", port)}, Resolver: n})
	if text, err := get(t, g, "http://"+at("a.example", port)); err != nil || !strings.HasPrefix(text, "hello") {
		t.Errorf("%q, %v", text, err)
	}
}

// TestTheHostIsTheURLs whatever the request says.
func TestTheHostIsTheURLs(t *testing.T) {
	t.Parallel()
	port := serve(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) })
	g := newGuard(t, egress.Config{Allow: []string{at("127.0.0.1", port)}})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at("127.0.0.1.", port), nil)
	ok(t, err)
	req.Host = "internal.example"
	resp, err := g.Client().Do(req)
	ok(t, err)
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != at("127.0.0.1", port) {
		t.Errorf("%s, %v", b, err)
	}
}

func ExampleGuard_Client() {
	g, err := egress.New(egress.Config{Allow: []string{"ollama.lan:11434"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := g.Client().Get("http://169.254.169.254/latest/meta-data")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resp.Status, resp.Body.Close())
	// Output: Get "http://169.254.169.254/latest/meta-data": egress: 169.254.169.254 is refused: its address 169.254.169.254 is link-local, where clouds keep their metadata
}
