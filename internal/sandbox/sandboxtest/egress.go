package sandboxtest

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

func egressTests(w *world) tests {
	return tests{
		"a box without egress has no proxy":      noProxy,
		"an egress must allow something":         badEgress,
		"programs are told of the proxy":         w.toldOfProxy,
		"programs reach what is allowed":         w.programs,
		"what isn't allowed is refused and told": w.refused,
		"stars are for what is below":            w.below,
		"each box has its own egress":            w.apart,
		"the observer has counted all at kill":   w.counted,
		"bytes are bounded":                      w.spent,
		"connections at once are bounded":        w.crowded,
		"kill ends connections outside":          w.cut,
		"half of a tunnel can be closed":         w.half,
		"a box has the roots of the host":        w.hostRoots,
	}
}

func noProxy(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	wantNoConn(t, box, "tcp", sandbox.ProxyAddress)
	if env := ok(t, run(t, box, program("env"))); strings.Contains(strings.ToLower(env), "proxy") {
		t.Errorf("the environment has %s", env)
	}
}

func badEgress(t *testing.T, g rig) {
	bad := allowed(t, nil, "example.com")
	bad.Bytes = -1
	for _, e := range []*sandbox.Egress{{}, bad} {
		box, err := g.driver.Create(t.Context(), scope(), sandbox.Spec{Egress: e})
		wantCode(t, "create", err, core.Invalid)
		if err == nil {
			wantKilled(t, box)
		}
	}
}

func (w *world) toldOfProxy(t *testing.T, g rig) {
	box := w.online(t, g, allowed(t, nil, "example.com"), sandbox.Limits{})
	c := program("env")
	c.Env = map[string]string{"http_proxy": "http://127.0.0.1:1", "MINE": "1"}
	env := "\n" + ok(t, run(t, box, c)) + "\n"
	for _, want := range []string{"HTTPS_PROXY=http://127.0.0.1:3128", "https_proxy=http://127.0.0.1:3128", "ALL_PROXY=http://127.0.0.1:3128", "npm_config_https_proxy=http://127.0.0.1:3128", "http_proxy=http://127.0.0.1:1", "MINE=1"} {
		if !strings.Contains(env, "\n"+want+"\n") {
			t.Errorf("%s isn't in%s", want, env)
		}
	}
}

// programs are those that users run, over TLS and without.
func (w *world) programs(t *testing.T, g rig) {
	box := w.online(t, g, allowed(t, nil, "programs.example.com", "programs.example.com:80"), sandbox.Limits{CPU: 2})
	for _, scheme := range []string{"http", "https"} {
		url := scheme + "://programs.example.com/" + scheme
		if got := ok(t, run(t, box, fetch(url))); got != "outside /"+scheme {
			t.Errorf("python got %q", got)
		}
		curl := sandbox.Command{Argv: []string{"sh", "-c", "if command -v curl >/dev/null; then curl -sS --max-time 20 " + url + "; else printf 'outside /" + scheme + "'; fi"},
			Env: map[string]string{"CURL_CA_BUNDLE": "/roots/roots.pem"}}
		if got := ok(t, run(t, box, curl)); got != "outside /"+scheme {
			t.Errorf("curl got %q", got)
		}
	}
}

func (w *world) refused(t *testing.T, g rig) {
	var o told
	box := w.online(t, g, allowed(t, &o, "good.example.com"), sandbox.Limits{CPU: 2})
	for _, url := range []string{"https://bad.example.com/", "http://good.example.com/", "https://lost.example.com/"} {
		if r := run(t, box, fetch(url)); r.OK() || !strings.Contains(r.err, "403") {
			t.Errorf("%s: %+v\n%s", url, r.Exit, clip(r.err))
		}
	}
	all := o.list()
	if len(all) != 3 || all[0].Host != "bad.example.com" || all[0].Port != 443 || all[1].Port != 80 {
		t.Errorf("told of %+v", all)
	}
	for _, c := range all {
		wantCode(t, c.Host, c.Err, core.Denied)
	}
	if asked := append(w.had(&w.asked, "bad.example.com"), w.had(&w.asked, "good.example.com")...); len(asked) > 0 {
		t.Errorf("the outlet was asked for %q", asked)
	}
}

func (w *world) below(t *testing.T, g rig) {
	box := w.online(t, g, allowed(t, nil, "*.example.com", "lost.example.net:443"), sandbox.Limits{})
	for to, want := range map[string]int{
		"below.example.com:443": 200, "BELOW.example.com.:443": 200, "a.below.example.com:443": 200, "example.com:443": 403, "badexample.com:443": 403,
		"below.example.com:80": 403, "lost.example.net:443": 502,
	} {
		if _, status := tunnel(t, box, to); status != want {
			t.Errorf("%s is answered with %d, want %d", to, status, want)
		}
	}
}

func (w *world) apart(t *testing.T, g rig) {
	one := w.online(t, g, allowed(t, nil, "one.example.com"), sandbox.Limits{})
	two := w.online(t, g, allowed(t, nil, "two.example.com"), sandbox.Limits{})
	for _, c := range []struct {
		box  sandbox.Box
		to   string
		want int
	}{{one, "one.example.com:443", 200}, {one, "two.example.com:443", 403}, {two, "one.example.com:443", 403}, {two, "two.example.com:443", 200}} {
		if _, status := tunnel(t, c.box, c.to); status != c.want {
			t.Errorf("%s is answered with %d, want %d", c.to, status, c.want)
		}
	}
}

func (w *world) counted(t *testing.T, g rig) {
	var o told
	box := w.online(t, g, allowed(t, &o, "counted.example.com"), sandbox.Limits{CPU: 2, Output: -1})
	c := fetch("https://counted.example.com/long")
	c.Stdout = io.Discard
	ok(t, run(t, box, c))
	_, _ = tunnel(t, box, "counted.example.com:443") // open when the box is killed
	wantKilled(t, box)
	all := o.list()
	if len(all) != 2 {
		t.Fatalf("told of %+v", all)
	}
	var sent, received int64
	for _, c := range all {
		if c.Err != nil || c.Host != "counted.example.com" || c.Port != 443 || c.Began.IsZero() || c.Took <= 0 {
			t.Errorf("told of %+v", c)
		}
		sent, received = sent+c.Sent, received+c.Received
	}
	if sent < 200 || received < 4<<20 || received > 5<<20 {
		t.Errorf("%d bytes sent and %d received", sent, received)
	}
}

func (w *world) spent(t *testing.T, g rig) {
	var o told
	e := allowed(t, &o, "spent.example.com:80")
	e.Bytes = 1 << 20
	box := w.online(t, g, e, sandbox.Limits{CPU: 2})
	if got := say(t, box, "GET http://spent.example.com/long HTTP/1.1\r\nHost: x\r\n\r\n"); len(got) > 2<<20 || len(got) < 1<<19 {
		t.Errorf("%d bytes came", len(got))
	}
	if got := say(t, box, "GET http://spent.example.com/more HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 403") {
		t.Errorf("afterwards: %s", clip(got))
	}
	for _, c := range o.list() {
		wantCode(t, "told", c.Err, core.Exhausted)
	}
}

func (w *world) crowded(t *testing.T, g rig) {
	var o told
	e := allowed(t, &o, "crowded.example.com")
	e.Open = 2
	box := w.online(t, g, e, sandbox.Limits{})
	first, _ := tunnel(t, box, "crowded.example.com:443")
	_, _ = tunnel(t, box, "crowded.example.com:443")
	third := proxyConn(t, box)
	askTunnel(t, third, "crowded.example.com:443")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if status := tunnelStatus(t, third); status != http.StatusOK {
		t.Errorf("the third is answered with %d", status)
	}
	wantKilled(t, box)
	all := o.list()
	if len(all) != 3 {
		t.Fatalf("told of %+v", all)
	}
	ended := all[0].Began.Add(all[0].Took) // the first to be told is the first to end
	for _, c := range all[1:] {
		if c.Began.After(ended) {
			return
		}
	}
	t.Errorf("three were open at once: %+v", all)
}

func (w *world) cut(t *testing.T, g rig) {
	box := w.online(t, g, allowed(t, nil, "cut.example.com:80"), sandbox.Limits{})
	c := proxyConn(t, box)
	if _, err := io.WriteString(c, "GET http://cut.example.com/hang HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 15)); err != nil {
		t.Fatal(err)
	}
	wantKilled(t, box)
	_, _ = io.ReadAll(c) // which ends, however
	// The other side has ended, too: when the suite closes its server, that waits for /hang.
}

func (w *world) half(t *testing.T, g rig) {
	box := w.online(t, g, allowed(t, nil, "half.example.com:80"), sandbox.Limits{})
	c, status := tunnel(t, box, "half.example.com:80")
	if status != http.StatusOK {
		t.Fatal(status)
	}
	if _, err := io.WriteString(c, "GET /half HTTP/1.1\r\nHost: half.example.com\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil { // dialHalf says that it can
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(b), "outside /half") {
		t.Errorf("%q, %v", b, err)
	}
}

func (w *world) hostRoots(t *testing.T, g rig) {
	box := w.online(t, g, allowed(t, nil, "roots.example.com"), sandbox.Limits{CPU: 2})
	c := fetch("https://roots.example.com/")
	c.Env = nil // no roots of the world's: its certificate is nobody's
	if o := run(t, box, c); o.OK() || !strings.Contains(o.err, "CERTIFICATE_VERIFY_FAILED") {
		t.Errorf("%+v\n%s", o.Exit, clip(o.err))
	}
	count := sandbox.Command{Argv: []string{"python3", "-c", "import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 0)"}}
	sh(t, box, "cat "+sandbox.RootsFile+" > /dev/null || ! test -e "+sandbox.RootsFile)
	if out := ok(t, run(t, box, count)); out != "True" {
		t.Errorf("there are roots: %s", out)
	}
}
