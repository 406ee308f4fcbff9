package h1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// raw sends a request to a server that notes its bytes.
func raw(t *testing.T, req *http.Request) (sent string, err error) {
	t.Helper()
	got := make(chan string, 1)
	p := listen(t, func(_ int, c *net.TCPConn, r *bufio.Reader) {
		var b bytes.Buffer
		if req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(r, &b))); err == nil {
			_, _ = io.Copy(io.Discard, req.Body)
		}
		got <- b.String()
		_, _ = io.WriteString(c, hello)
	})
	req.URL.Host = strings.TrimPrefix(p.url, "http://")
	if _, _, err := do(newTransport(t), req); err != nil {
		return "", err
	}
	return <-got, nil
}

func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	head := func(r *http.Request, kv ...string) *http.Request {
		for n := 0; n < len(kv); n += 2 {
			r.Header[kv[n]] = append(r.Header[kv[n]], kv[n+1])
		}
		return r
	}
	const url = "http://h.example/v1/x?a=b%20c"
	get := post(t, url, "")
	get.Method = ""
	closing := post(t, url, "ab")
	closing.Close = true
	silent := post(t, url, "")
	silent.Header["Idempotency-Key"] = nil
	zone := post(t, url, "")
	zone.Host = "[fe80::1%eth0]:80"
	for _, c := range []struct {
		name string
		req  *http.Request
		want []string // lines
	}{
		{"a body", head(post(t, url, "ab"), "Content-Type", "application/json", "X-A", "1", "X-A", " 2\t"), []string{"POST /v1/x?a=b%20c HTTP/1.1", "Host: h.example", "Content-Type: application/json", "X-A: 1", "X-A: 2", "Content-Length: 2", "", "ab"}},
		{"no body", post(t, url, ""), []string{"POST /v1/x?a=b%20c HTTP/1.1", "Host: h.example", "Content-Length: 0", "", ""}},
		{"no method", get, []string{"GET /v1/x?a=b%20c HTTP/1.1", "Host: h.example", "", ""}},
		{"close", closing, []string{"POST /v1/x?a=b%20c HTTP/1.1", "Host: h.example", "Connection: close", "Content-Length: 2", "", "ab"}},
		{"a header without value", silent, []string{"POST /v1/x?a=b%20c HTTP/1.1", "Host: h.example", "Content-Length: 0", "", ""}},
		{"a zone is this machine's", zone, []string{"POST /v1/x?a=b%20c HTTP/1.1", "Host: [fe80::1]:80", "Content-Length: 0", "", ""}},
		{"hop-by-hop, in any case", head(post(t, url, "ab"),
			"Connection", "close, X-B", "keep-alive", "timeout=5", "proxy-authorization", "Basic x", "Proxy-Connection", "close", "te", "trailers", "Trailer", "X",
			"transfer-encoding", "chunked", "TRANSFER-ENCODING", "chunked", "Upgrade", "h2c", "content-length", "0", "Content-Length", "7", "host", "other", "X-B", "1"),
			[]string{"POST /v1/x?a=b%20c HTTP/1.1", "Host: h.example", "Content-Length: 2", "X-B: 1", "", "ab"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := raw(t, c.req)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(got, "\r\n")
			if len(lines) > 3 {
				slices.Sort(lines[2 : len(lines)-2]) // a map's order
			}
			want := slices.Clone(c.want)
			slices.Sort(want[2 : len(want)-2])
			if d := cmp.Diff(want, lines); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// Nothing is sent of a request that a server could take for more than one, and its body is closed.
func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	opaque := func(s string) *url.URL { return &url.URL{Scheme: "http", Host: "h", Opaque: s} }
	for name, spoil := range map[string]func(*http.Request){
		"line feed in a value":   func(r *http.Request) { r.Header["X"] = []string{"a\nTransfer-Encoding: chunked"} },
		"return in a value":      func(r *http.Request) { r.Header["X"] = []string{"a\rb"} },
		"zero in a value":        func(r *http.Request) { r.Header["X"] = []string{"a\x00b"} },
		"line feed in a name":    func(r *http.Request) { r.Header["X: y\r\nZ"] = []string{"a"} },
		"space in a name":        func(r *http.Request) { r.Header["Transfer-Encoding "] = []string{"chunked"} },
		"colon in a name":        func(r *http.Request) { r.Header["X:"] = []string{"a"} },
		"no name":                func(r *http.Request) { r.Header[""] = []string{"a"} },
		"space in the method":    func(r *http.Request) { r.Method = "GET /a HTTP/1.1\r\nX:" },
		"space in the address":   func(r *http.Request) { r.URL = opaque("/a HTTP/1.1 b") },
		"return in the address":  func(r *http.Request) { r.URL = opaque("/a\r\nX: y") },
		"space in the query":     func(r *http.Request) { r.URL.RawQuery = "a b" },
		"line feed in the host":  func(r *http.Request) { r.Host = "h\nX: y" },
		"space in the host":      func(r *http.Request) { r.Host = "h x" },
		"no host":                func(r *http.Request) { r.URL.Host = "" },
		"another scheme":         func(r *http.Request) { r.URL.Scheme = "ftp" },
		"no address":             func(r *http.Request) { r.URL = nil },
		"a body that is short":   func(r *http.Request) { r.ContentLength++ },
		"a body that is long":    func(r *http.Request) { r.ContentLength-- },
		"a body of no length":    func(r *http.Request) { r.ContentLength = -1 },
		"a body that comes once": func(r *http.Request) { r.GetBody = nil },
		"a body that breaks":     func(r *http.Request) { r.Body.(*watched).Reader = io.MultiReader(strings.NewReader("a"), broken{}) },
		"a trailer":              func(r *http.Request) { r.Trailer = http.Header{"X": {"y"}} },
		"chunks":                 func(r *http.Request) { r.TransferEncoding = []string{"chunked"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := listen(t, always(hello))
			req := post(t, p.url, "ab")
			body := &watched{Reader: req.Body}
			req.Body = body
			spoil(req)
			if res, err := newTransport(t).RoundTrip(req); err == nil {
				res.Body.Close()
				t.Fatal("sent")
			}
			if p.accepted() != 0 || body.closed != 1 {
				t.Fatalf("%d connections; the body was closed %d times", p.accepted(), body.closed)
			}
		})
	}
}

// A large body that isn't as long as said ends its call: the server isn't left waiting.
func TestLargeBodyOfAnotherLength(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]int64{"short": 1, "long": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := listen(t, always(hello))
			req := post(t, p.url, strings.Repeat("x", 300_000))
			req.ContentLength += by
			if _, _, err := do(newTransport(t), req); !errors.Is(err, errLength) {
				t.Fatal(err)
			}
			within(t, "the connection closed", func() bool { return p.openNow() == 0 })
		})
	}
}

type watched struct {
	io.Reader
	closed int
}

func (w *watched) Close() error { w.closed++; return nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

// What isn't simple goes to the other transport.
func TestElse(t *testing.T) {
	t.Parallel()
	var got []string
	tr := &Transport{Else: elseFunc(func(r *http.Request) (*http.Response, error) {
		got = append(got, r.URL.Scheme+" "+r.Method)
		return &http.Response{StatusCode: 299, Body: http.NoBody}, nil
	})}
	tr.Proxy = func(r *http.Request) (*url.URL, error) {
		if r.URL.Host == "far.example" {
			return url.Parse("http://proxy.example")
		}
		return nil, nil
	}
	secure, once, connect := post(t, "https://h.example/", "a"), post(t, "http://h.example/", "a"), post(t, "http://h.example/", "")
	once.GetBody, connect.Method = nil, http.MethodConnect
	for _, req := range []*http.Request{secure, once, connect, post(t, "http://far.example/", "a")} {
		if res, _, err := do(tr, req); err != nil || res.StatusCode != 299 {
			t.Fatal(res, err)
		}
	}
	if d := cmp.Diff([]string{"https POST", "http POST", "http CONNECT", "http POST"}, got); d != "" {
		t.Fatal(d)
	}
}

type elseFunc func(*http.Request) (*http.Response, error)

func (f elseFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"http://a.example":             "a.example:80",
		"http://a.example:":            "a.example:80",
		"http://a.example:8000/x":      "a.example:8000",
		"http://[::1]/x":               "[::1]:80",
		"http://[::1]:8000":            "[::1]:8000",
		"http://[fe80::1%25eth0]:8000": "[fe80::1%eth0]:8000",
		"http://bücher.example":        "xn--bcher-kva.example:80",
		"http://bücher.example:81":     "xn--bcher-kva.example:81",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := address(u); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
