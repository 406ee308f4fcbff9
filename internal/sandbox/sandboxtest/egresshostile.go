package sandboxtest

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/sandbox"
)

func egressAttacks(w *world) tests {
	return tests{
		"leave without the proxy":              w.around,
		"ask the proxy for what isn't allowed": w.forbidden,
		"name another host in TLS":             w.fronting,
		"smuggle a request":                    w.smuggled,
		"send the host in two forms":           w.twoHosts,
		"be redirected":                        w.redirected,
		"take the proxy's place":               w.usurped,
		"flood the proxy":                      w.flooded,
		"say too much":                         w.hugeHeader,
		"find the proxy's descriptors":         w.descriptors,
	}
}

// around tries what networkTests try, in a box that has a proxy.
func (w *world) around(t *testing.T, g rig) {
	targets := []string{
		"tcp", w.plain.Listener.Addr().String(), "tcp", "169.254.169.254:80", "tcp", "[fd00:ec2::254]:80", "tcp", "198.51.100.1:53", "tcp", "[::ffff:169.254.169.254]:80",
		"tcp", "10.0.0.1:80", "tcp", "127.0.0.1:53", "tcp", "[::1]:3128", "tcp", "127.0.0.2:3128", "tcp", "around.example.com:443",
	}
	wantDone(t, g.attackOutside(t, false, "dial", "tcp", w.plain.Listener.Addr().String()))
	box := w.online(t, g, allowed(t, nil, "around.example.com"), sandbox.Limits{})
	wantRefused(t, attackIn(t, box, append([]string{"dial"}, targets...)...))
	wantRefused(t, attackIn(t, box, "route", "169.254.169.254:80", "[fd00:ec2::254]:80", "198.51.100.1:53", "[2001:db8::1]:53", "8.8.8.8:53"))
	if got := ok(t, run(t, box, program("interfaces"))); got != "lo up" {
		t.Errorf("there are the interfaces %q", got)
	}
}

// forbidden asks in every way for hosts that mustn't be reached. None may even come to the
// Outlet, which would look at addresses.
func (w *world) forbidden(t *testing.T, g rig) {
	box := w.online(t, g, allowed(t, nil, "forbidden.example.com", "forbidden.example.com:80", "*.stars.example.com"), sandbox.Limits{})
	hosts := []string{
		"169.254.169.254", "127.0.0.1", "localhost", "[::1]", "[::]", "0.0.0.0", "0", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]",
		"[64:ff9b::a9fe:a9fe]", "[fd00:ec2::254]", "[fe80::1%25lo]", "10.0.0.1", "192.168.0.1", "metadata.google.internal", "forbidden.example.com.evil.example",
		"forbidden.example.com@127.0.0.1", "127.0.0.1#forbidden.example.com", "forbidden.example.com%00.evil.example", "forbidden.example.com\t", "stars.example.com", "..stars.example.com", "a/b.stars.example.com", "", "*", "evil.example",
	}
	var targets []string
	for _, host := range hosts {
		targets = append(targets, host+":443", host+":80")
	}
	for _, port := range []string{":22", ":0", ":65536", ":-1", ":+443", ":0443", ":http"} {
		targets = append(targets, "forbidden.example.com"+port)
	}
	for _, target := range targets {
		for _, raw := range []string{
			"CONNECT " + target + " HTTP/1.1\r\nHost: forbidden.example.com:443\r\n\r\n",
			"GET http://" + target + "/ HTTP/1.1\r\nHost: forbidden.example.com\r\n\r\n",
		} {
			if got := say(t, box, raw); !strings.HasPrefix(got, "HTTP/1.1 40") {
				t.Errorf("%q is answered with %q", raw, clip(got))
			}
		}
	}
	for _, raw := range []string{
		"GET / HTTP/1.1\r\nHost: forbidden.example.com\r\n\r\n", "GET https://forbidden.example.com/ HTTP/1.1\r\nHost: forbidden.example.com\r\n\r\n",
		"GET ftp://forbidden.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT / HTTP/1.1\r\nHost: forbidden.example.com:443\r\n\r\n", "CONNECT http://forbidden.example.com:443/ HTTP/1.1\r\nHost: x\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50", "\x16\x03\x01\x00\x05hello", "\x00\x00\x00\x00\r\n\r\n",
	} {
		if got := sayAll(t, box, raw); got != "" && !strings.HasPrefix(got, "HTTP/1.1 40") && !strings.HasPrefix(got, "HTTP/1.1 50") {
			t.Errorf("%q is answered with %q", raw, clip(got))
		}
	}
	for _, asked := range append(append(w.had(&w.asked, "forbidden"), w.had(&w.asked, "stars.example.com")...), w.had(&w.asked, "127.0.0.1")...) {
		t.Errorf("the outlet was asked for %q", asked)
	}
}

// fronting begins TLS for another host than the tunnel is for.
func (w *world) fronting(t *testing.T, g rig) {
	var o told
	box := w.online(t, g, allowed(t, &o, "fronting.example.com"), sandbox.Limits{})
	const to = "fronting.example.com:443"
	for name, want := range map[string]bool{"fronting.example.com": true, "FRONTING.example.com": true, "": true, "other.example.com": false, "fronting.example.com.evil.example": false} {
		c, status := tunnel(t, box, to)
		if status != http.StatusOK {
			t.Fatal(status)
		}
		// A certificate for another name is what the server has in either case.
		err := tls.Client(c, &tls.Config{ServerName: name, InsecureSkipVerify: true}).HandshakeContext(t.Context())
		if (err == nil) != want {
			t.Errorf("a handshake for %q: %v", name, err)
		}
		_ = c.Close() // it may be closed already
	}
	// Byte by byte, it is the same.
	c, _ := tunnel(t, box, to)
	hello := clientHello("other.example.com")
	for i := range hello {
		if _, err := c.Write(hello[i : i+1]); err != nil {
			break // the proxy has seen enough
		}
	}
	if b, _ := io.ReadAll(c); len(b) > 0 {
		t.Errorf("the server says %q", b)
	}
	wantKilled(t, box)
	cut := 0
	for _, c := range o.list() {
		if c.Err != nil {
			cut++
			if c.Sent != 0 {
				t.Errorf("the server was sent %d bytes", c.Sent)
			}
		}
	}
	if cut != 3 {
		t.Errorf("told of %+v", o.list())
	}
}

// clientHello returns what a TLS client says first.
func clientHello(name string) []byte {
	client, server := net.Pipe()
	go func() {
		_ = tls.Client(client, &tls.Config{ServerName: name, InsecureSkipVerify: true}).Handshake() // it gets no answer
		_ = client.Close()
	}()
	defer server.Close()
	header := make([]byte, 5)
	if _, err := io.ReadFull(server, header); err != nil {
		return nil
	}
	body := make([]byte, int(header[3])<<8|int(header[4]))
	_, _ = io.ReadFull(server, body) // a client writes what it has announced
	return append(header, body...)
}

// smuggled sends requests within others. Of each raw text one request goes on, or none.
func (w *world) smuggled(t *testing.T, g rig) {
	box := w.online(t, g, allowed(t, nil, "smuggled.example.com:80"), sandbox.Limits{})
	const first, second = "http://smuggled.example.com/first HTTP/1.1\r\nHost: smuggled.example.com\r\n", "GET http://smuggled.example.com/second HTTP/1.1\r\nHost: smuggled.example.com\r\n\r\n"
	for _, raw := range []string{
		"GET " + first + "\r\n" + second,
		"POST " + first + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + second,
		"POST " + first + "Content-Length: 4\r\nContent-Length: 0\r\n\r\nbody" + second,
		"POST " + first + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + second,
		"POST " + first + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + second,
		"POST " + first + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + second,
		"POST " + first + "Content-Length: +0\r\n\r\n" + second,
		"POST " + first + "Transfer-Encoding: chunked\r\n\r\n0;x=\r\n\r\n" + second,
		"GET " + first + "Connection: keep-alive, Host\r\nProxy-Connection: keep-alive\r\n\r\n" + second,
		"GET http://smuggled.example.com/first\r\n\r\n" + second,
		"GET http://smuggled.example.com/first%0d%0aGET%20/second HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET http://smuggled.example.com/first HTTP/1.1\r\nHost: x\r\nX: a\n\nGET /second HTTP/1.1\r\n\r\n",
	} {
		_ = say(t, box, raw)
	}
	for _, path := range w.had(&w.paths, "second") {
		if strings.HasSuffix(path, "/second") && !strings.Contains(path, "GET") {
			t.Errorf("the server was asked for %q", path)
		}
	}
	for _, path := range w.had(&w.paths, "smuggled") {
		if !strings.HasPrefix(path, "smuggled.example.com/first") {
			t.Errorf("the server was asked for %q", path)
		}
	}
}

// twoHosts names one host in the line and another in the header. The line's counts.
func (w *world) twoHosts(t *testing.T, g rig) {
	box := w.online(t, g, allowed(t, nil, "line.example.com:80"), sandbox.Limits{})
	for _, header := range []string{"Host: header.example.com\r\n", "Host: line.example.com\r\nHost: header.example.com\r\n", "Host:\r\n", ""} {
		got := say(t, box, "GET http://line.example.com/two HTTP/1.1\r\n"+header+"X-Forwarded-Host: a.example\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 200") && !strings.HasPrefix(got, "HTTP/1.1 400") {
			t.Errorf("%q is answered with %q", header, clip(got))
		}
	}
	if paths := w.had(&w.paths, "header.example.com"); len(paths) > 0 {
		t.Errorf("the server was asked for %q", paths)
	}
	if paths := w.had(&w.paths, "line.example.com/two"); len(paths) == 0 {
		t.Error("nothing has come to the server")
	}
}

// redirected: the proxy follows none, and whoever follows one asks it again.
func (w *world) redirected(t *testing.T, g rig) {
	box := w.online(t, g, allowed(t, nil, "redirected.example.com:80"), sandbox.Limits{CPU: 2})
	for _, to := range []string{"http://169.254.169.254/latest/meta-data/", "http://localhost/", "https://redirected.example.com/", "http://metadata.google.internal/"} {
		got := say(t, box, "GET http://redirected.example.com/redirect?"+to+" HTTP/1.1\r\nHost: x\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 302") {
			t.Errorf("the proxy itself answers with %s", clip(got))
		}
		if to == "http://localhost/" {
			continue // programs don't ask the proxy for that, and the box's own loopback has nobody
		}
		if o := run(t, box, fetch("http://redirected.example.com/redirect?"+to)); o.OK() || !strings.Contains(o.err, "403") {
			t.Errorf("%s: %+v\n%s", to, o.Exit, clip(o.err))
		}
	}
	for _, asked := range w.had(&w.asked, "redirected") {
		if asked != "redirected.example.com:80" {
			t.Errorf("the outlet was asked for %q", asked)
		}
	}
}

// usurped: the workload can't listen where the proxy does, nor end it.
func (w *world) usurped(t *testing.T, g rig) {
	box := w.online(t, g, allowed(t, nil, "usurped.example.com"), sandbox.Limits{CPU: 2})
	steal := `import socket
for host in ("127.0.0.1", "0.0.0.0"):
    for opts in ((), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,), (socket.SO_REUSEADDR, socket.SO_REUSEPORT)):
        s = socket.socket()
        for o in opts:
            s.setsockopt(socket.SOL_SOCKET, o, 1)
        try:
            s.bind((host, 3128))
            s.listen()
            print("stolen", host, opts)
        except OSError:
            pass
print("tried")`
	if got := ok(t, run(t, box, sandbox.Command{Argv: []string{"python3", "-c", steal}})); got != "tried" {
		t.Error(got)
	}
	_ = run(t, box, sandbox.Command{Argv: []string{"sh", "-c", "kill -9 1 -1; exit 0"}}) // it ends itself, too
	if got := ok(t, run(t, box, fetch("https://usurped.example.com/still"))); got != "outside /still" {
		t.Errorf("afterwards: %q", got)
	}
}

// flooded: connections by the hundred cost the server a bounded number of descriptors, and
// the proxy works on when they have ended.
func (w *world) flooded(t *testing.T, g rig) {
	e := allowed(t, nil, "flooded.example.com")
	e.Open = 8
	box := w.online(t, g, e, sandbox.Limits{CPU: 2, OpenFiles: 1024})
	flood := `import socket,sys
held=[]
for i in range(500):
    s = socket.socket(); s.setblocking(False); s.connect_ex(("127.0.0.1", 3128)); held.append(s)
    if i % 3 == 0:
        try: s.send(b"CONNECT flooded.example.com:443 HTTP/1.1\r\n")
        except OSError: pass
print('{"try":"flood","done":true,"got":"held"}', flush=True)
sys.stdin.read()`
	before := descriptorCount(t)
	in, hold := io.Pipe()
	announced(t, box, sandbox.Command{Argv: []string{"python3", "-c", flood}, Stdin: in})
	if now := descriptorCount(t); now > before+400 { // other tests have some, too
		t.Errorf("there are %d descriptors, %d before", now, before)
	}
	if err := hold.Close(); err != nil {
		t.Fatal(err)
	}
	if got := ok(t, run(t, box, fetch("https://flooded.example.com/after"))); got != "outside /after" {
		t.Errorf("afterwards: %q", got)
	}
}

func descriptorCount(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// hugeHeader: a request that doesn't end is refused, and goes nowhere.
func (w *world) hugeHeader(t *testing.T, g rig) {
	box := w.online(t, g, allowed(t, nil, "huge.example.com:80", "huge.example.com"), sandbox.Limits{})
	for _, head := range []string{"GET http://huge.example.com/ HTTP/1.1\r\n", "CONNECT huge.example.com:443 HTTP/1.1\r\n", "GET http://huge.example.com/" + strings.Repeat("a", 1<<20)} {
		var raw bytes.Buffer
		raw.WriteString(head)
		for range 40 {
			raw.WriteString("X-Long: " + strings.Repeat("a", 8<<10) + "\r\n")
		}
		if got := say(t, box, raw.String()+"\r\n"); strings.HasPrefix(got, "HTTP/1.1 2") {
			t.Errorf("it is answered with %q", clip(got))
		}
	}
	if asked := w.had(&w.asked, "huge.example.com"); len(asked) > 0 {
		t.Errorf("the outlet was asked for %q", asked)
	}
}

// descriptors: what serves the proxy isn't in the box.
func (w *world) descriptors(t *testing.T, g rig) {
	box := w.online(t, g, allowed(t, nil, "descriptors.example.com"), sandbox.Limits{})
	for _, f := range attackIn(t, box, "fds") {
		if f.Done {
			t.Error(f)
		}
	}
}
