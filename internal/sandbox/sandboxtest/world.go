package sandboxtest

import (
	"bufio"
	"context"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

// world is what boxes reach: servers on the host's loopback, by names that only the suite's
// Outlet knows. Each test has names of its own below example.com, for which the certificate
// is good.
type world struct {
	secure, plain *httptest.Server
	roots         string // PEM

	mu    sync.Mutex
	asked []string // HOST:PORT that came to the Outlet
	paths []string // HOST/PATH that came to the servers, as they were told
}

func newWorld(t *testing.T) *world {
	w := &world{}
	w.secure, w.plain = httptest.NewUnstartedServer(w), httptest.NewServer(w)
	w.secure.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that tests break off
	w.secure.StartTLS()
	t.Cleanup(func() { w.secure.Close(); w.plain.Close() })
	w.roots = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.secure.Certificate().Raw}))
	return w
}

// ServeHTTP answers with the path; /long with a lot, /redirect with whereto the query says,
// and /hang with the beginning of an answer.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.paths = append(w.paths, r.Host+r.URL.Path)
	w.mu.Unlock()
	switch r.URL.Path {
	case "/long":
		b := make([]byte, 64<<10)
		for range 64 {
			if _, err := rw.Write(b); err != nil {
				return
			}
		}
	case "/redirect":
		http.Redirect(rw, r, r.URL.RawQuery, http.StatusFound)
	case "/hang":
		_, _ = io.WriteString(rw, "hanging")
		rw.(http.Flusher).Flush() // a server's writer is one
		<-r.Context().Done()
	default:
		_, _ = io.WriteString(rw, "outside "+r.URL.Path)
	}
}

// outlet is the Outlet of the suite's driver. At port 80 is the plain server, at 443 the one
// with TLS; a host that begins with "lost." is nowhere.
func (w *world) outlet(ctx context.Context, host string, port uint16) (net.Conn, error) {
	w.mu.Lock()
	w.asked = append(w.asked, net.JoinHostPort(host, strconv.Itoa(int(port))))
	w.mu.Unlock()
	server := map[uint16]*httptest.Server{80: w.plain, 443: w.secure}[port]
	if server == nil || strings.HasPrefix(host, "lost.") {
		return nil, core.E(core.NotFound, "world", "there is no host "+host)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
}

// had returns what of a list holds a text.
func (w *world) had(list *[]string, text string) (found []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range *list {
		if strings.Contains(s, text) {
			found = append(found, s)
		}
	}
	return found
}

// told collects what an observer is told.
type told struct {
	mu  sync.Mutex
	all []sandbox.Connection
}

func (o *told) observe(c sandbox.Connection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, c)
}

func (o *told) list() []sandbox.Connection {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.all)
}

// allowed makes an Egress of what is allowed.
func allowed(t *testing.T, o *told, hosts ...string) *sandbox.Egress {
	t.Helper()
	e := &sandbox.Egress{Rate: 10_000}
	if o != nil {
		e.Observe = o.observe
	}
	for _, h := range hosts {
		d, err := sandbox.ParseDestination(h)
		if err != nil {
			t.Fatal(err)
		}
		e.Allow = append(e.Allow, d)
	}
	return e
}

// online is a box with an Egress, and the roots of the world's certificates at /roots.
func (w *world) online(t *testing.T, g rig, e *sandbox.Egress, l sandbox.Limits) sandbox.Box {
	t.Helper()
	dir := folder(t)
	put(t, dir+"/roots.pem", w.roots)
	return g.box(t, sandbox.Spec{Egress: e, Limits: l, Mounts: []sandbox.Mount{{Host: dir, Target: "/roots"}}})
}

// fetch is a command that gets a URL with Python, as pip would.
func fetch(url string) sandbox.Command {
	return sandbox.Command{
		Argv: []string{"python3", "-c", "import sys,urllib.request as u\nsys.stdout.write(u.urlopen(sys.argv[1],timeout=20).read().decode())", url},
		Env:  map[string]string{"SSL_CERT_FILE": "/roots/roots.pem"},
	}
}

// proxyConn connects to the box's proxy, which takes it for the box.
func proxyConn(t *testing.T, box sandbox.Box) net.Conn {
	t.Helper()
	c, err := box.Dial(t.Context(), "tcp", sandbox.ProxyAddress)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	return c
}

// say sends raw bytes to the box's proxy and returns all that it answers.
func say(t *testing.T, box sandbox.Box, raw string) string {
	t.Helper()
	return listen(proxyConn(t, box), raw, false)
}

// sayAll is say by somebody who then has no more to say.
func sayAll(t *testing.T, box sandbox.Box, raw string) string {
	t.Helper()
	return listen(proxyConn(t, box), raw, true)
}

func listen(c net.Conn, raw string, last bool) string {
	go func() {
		_, _ = io.WriteString(c, raw) // it may be refused before all is said
		if half, able := c.(interface{ CloseWrite() error }); able && last {
			_ = half.CloseWrite() // as above
		}
	}()
	b, _ := io.ReadAll(c) // what is refused may be reset
	return string(b)
}

// tunnel asks the box's proxy for a tunnel, and returns it with the status.
func tunnel(t *testing.T, box sandbox.Box, to string) (net.Conn, int) {
	t.Helper()
	c := proxyConn(t, box)
	askTunnel(t, c, to)
	return c, tunnelStatus(t, c)
}

func askTunnel(t *testing.T, c net.Conn, to string) {
	t.Helper()
	if _, err := io.WriteString(c, "CONNECT "+to+" HTTP/1.1\r\nHost: "+to+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
}

func tunnelStatus(t *testing.T, c net.Conn) int {
	t.Helper()
	in := bufio.NewReader(c)
	r, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect})
	if err != nil {
		t.Fatal(err)
	}
	if n := in.Buffered(); n > 0 && r.StatusCode == http.StatusOK {
		t.Fatalf("%d bytes came before anything was asked", n)
	}
	return r.StatusCode
}
