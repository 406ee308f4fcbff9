package cli

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// browserTime is how long a sign-in by a browser may take, as long as the server lets it.
const browserTime = 10 * time.Minute

// loginByIssuer signs in by a browser (RFC 8252): it goes to the issuer by way of the
// server, and comes back to a port of this machine with a code that only this process can
// use, which alone has the verifier (RFC 7636).
func (sh *shell) loginByIssuer(ctx context.Context, k kept, server string, f loginFlags) error {
	at := client.New(server, "", nil)
	issuer, err := oneIssuer(ctx, at, f.issuer)
	if err != nil {
		return err
	}
	wait, err := newHomecoming(ctx)
	if err != nil {
		return err
	}
	defer wait.close()
	verifier := randomText()
	sum := sha256.Sum256([]byte(verifier))
	to := at.ProgramURL(issuer, wait.port, wait.state, base64.RawURLEncoding.EncodeToString(sum[:]))
	if f.noBrowser || startBrowser(to) != nil {
		fmt.Fprintln(sh.io.Err, "Sign in with a browser on this machine, at\n  "+to)
	} else {
		fmt.Fprintln(sh.io.Err, "A browser signs in now. If none shows, go to\n  "+to)
	}
	code, err := wait.code(ctx)
	if err != nil {
		return err
	}
	t, err := at.RedeemOIDC(ctx, client.Redemption{Code: code, Verifier: verifier, Org: core.OrgID(f.org)})
	if err != nil {
		return err
	}
	return sh.signedIn(ctx, k, server, t)
}

// oneIssuer returns the issuer that is asked for, or the only one that the server has.
func oneIssuer(ctx context.Context, at *client.Client, asked string) (string, error) {
	all, err := at.Issuers(ctx)
	if err != nil {
		return "", err
	}
	for _, name := range all {
		if name == asked || asked == anyIssuer && len(all) == 1 {
			return name, nil
		}
	}
	switch {
	case len(all) == 0:
		return "", core.E(core.NotFound, "", "nobody signs in to this server by an issuer").WithHint("sign in with a password: leave --oidc out")
	case asked == anyIssuer:
		return "", core.E(core.Invalid, "", "the server has several issuers").WithHint("name one, as in --oidc " + all[0] + "; there are " + strings.Join(all, ", "))
	}
	return "", core.E(core.NotFound, "", "the server has no issuer "+asked).WithHint("there are " + strings.Join(all, ", "))
}

// randomText returns 256 random bits.
func randomText() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // crypto/rand.Read never returns an error
	return base64.RawURLEncoding.EncodeToString(b)
}

// startBrowser has the system show a page, and doesn't wait for it.
func startBrowser(to string) error {
	argv := map[string][]string{"darwin": {"open"}, "windows": {"rundll32", "url.dll,FileProtocolHandler"}}[runtime.GOOS]
	if argv == nil {
		argv = []string{"xdg-open"}
	}
	cmd := exec.Command(argv[0], append(argv[1:], to)...)
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // ends with the program, which doesn't last
	return nil
}

// homecoming is where the browser comes back to.
type homecoming struct {
	port   int
	state  string
	server *http.Server
	came   chan url.Values // the one answer
}

func newHomecoming(ctx context.Context) (*homecoming, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, core.E(core.Unavailable, "", "nothing can listen on 127.0.0.1 for the browser").Because(err).WithHint("sign in with a password, or an API key")
	}
	w := &homecoming{port: l.Addr().(*net.TCPAddr).Port, state: randomText(), came: make(chan url.Values, 1)}
	w.server = &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() { _ = w.server.Serve(l) }() // ends with close
	return w, nil
}

func (w *homecoming) close() {
	ctx, done := context.WithTimeout(context.Background(), time.Second) // for the page to get to the browser
	defer done()
	if w.server.Shutdown(ctx) != nil {
		_ = w.server.Close()
	}
}

// ServeHTTP takes the answer to this very sign-in, once; others are told nothing.
func (w *homecoming) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	out.Header().Set("Cache-Control", "no-store")
	out.Header().Set("Referrer-Policy", "no-referrer")
	out.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if r.Method != http.MethodGet || r.URL.Path != "/" || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(w.state)) != 1 {
		http.NotFound(out, r)
		return
	}
	select {
	case w.came <- q:
		_, _ = io.WriteString(out, "Isekai has what it needs. Close this page and go back to the terminal.\n")
	default:
		http.NotFound(out, r)
	}
}

// code waits for the browser.
func (w *homecoming) code(ctx context.Context) (string, error) {
	limit, done := context.WithTimeout(ctx, browserTime)
	defer done()
	select {
	case q := <-w.came:
		if said := q.Get("error"); said != "" || q.Get("code") == "" {
			return "", refusedThere(core.Code(said))
		}
		return q.Get("code"), nil
	case <-limit.Done():
		if err := ctx.Err(); err != nil {
			return "", core.E(core.CodeOf(err), "", "stopped before the browser came back").Because(err)
		}
		return "", core.E(core.Unavailable, "", "the browser hasn't come back").WithHint("repeat the command; the browser has to run on this machine")
	}
}

// refusedThere is what a program learns of a sign-in that was refused: the browser's
// address bar is no place for more.
func refusedThere(code core.Code) error {
	e := core.E(core.Unauthenticated, "", "the sign-in was refused").WithHint("the server's log and audit log say why")
	if code == core.Denied {
		e = core.E(core.Denied, "", "the sign-in was refused: this person is no user there, belongs to no org, or didn't agree").WithHint("ask an admin of an org for an invitation; the server's log says more")
	}
	return e
}
