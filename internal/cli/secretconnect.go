package cli

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) secretProviders() *cobra.Command {
	return &cobra.Command{Use: "providers", Short: "List the services that secret connect can connect to", Args: cobra.NoArgs, Example: "  isekai secret providers",
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.Provider, error) { return c.Providers(ctx) }, func(w io.Writer, all []client.Provider) {
				for _, p := range all {
					fmt.Fprintln(w, p.Name)
				}
				if len(all) == 0 {
					fmt.Fprintln(w, "None; an operator configures them (connections.providers).")
				}
			})
		}}
}

func (sh *shell) secretConnect() *cobra.Command {
	var n client.NewConnection
	var wait time.Duration
	c := &cobra.Command{Use: "connect PROVIDER [NAME]", Short: "Connect to a service by OAuth, with a browser; also to mend a connection that is broken", Args: cobra.RangeArgs(1, 2),
		Long: "Connect to a service by OAuth. It prints the address at which you agree, with a browser on this machine, and waits until you have. The tokens stay with the server.\n" +
			"Over SSH let the browser's machine reach this one: ssh -L 8976:127.0.0.1:8976, and --port 8976.",
		Example: "  isekai secret connect github\n  isekai secret connect github deploys --shared --scope repo",
		RunE: func(c *cobra.Command, a []string) error {
			if n.Provider = a[0]; len(a) > 1 {
				n.Name = a[1]
			}
			if wait <= 0 {
				return core.E(core.Invalid, "", "it has to wait for a while").WithHint("--wait 10m, as without it")
			}
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				if conn.Embedded {
					return core.E(core.Unavailable, "", "no server runs to which the provider could send the browser back").WithHint("isekai serve, and then this again")
				}
				s, err := sh.connectBy(c.Context(), conn.Client, "isekai secret connect "+n.Provider, n.Port, wait, func(port int) (client.Redirect, error) {
					n.Port = port
					return conn.Client.BeginConnection(c.Context(), n)
				})
				if err != nil {
					return err
				}
				return sh.print(s, func(w io.Writer) { printSecret(w, s) })
			})
		}}
	f := c.Flags()
	f.StringVar(&n.Note, "note", "", "for people")
	f.StringSliceVar(&n.Scopes, "scope", nil, "scope to ask for; may be given several times (default: all that are configured)")
	f.BoolVar(&n.Shared, "shared", false, "for all projects of the org")
	f.IntVar(&n.Port, "port", 0, "port of 127.0.0.1 at which the browser comes back (default: a free one)")
	f.DurationVar(&wait, "wait", 10*time.Minute, "how long to wait")
	return c
}

// connectBy has a person agree with a browser on this machine, to which it comes back at a port (0:
// a free one), and finishes with what that brings back. command begins it again.
func (sh *shell) connectBy(ctx context.Context, c *client.Client, command string, port int, wait time.Duration, begin func(port int) (client.Redirect, error)) (client.Secret, error) {
	again := command + " begins again; what was there before stays as it was"
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return client.Secret{}, core.E(core.Unavailable, "", "the browser can't come back to port "+strconv.Itoa(port)).WithHint("take another --port").Because(err)
	}
	defer l.Close()
	to, err := begin(l.Addr().(*net.TCPAddr).Port)
	if err != nil {
		return client.Secret{}, err
	}
	at, err := url.Parse(to.URL)
	if err != nil || at.Query().Get("state") == "" {
		return client.Secret{}, core.E(core.Internal, "", "the server gave no address to go to")
	}
	fmt.Fprintf(plain{sh.io.Err}, "Open this with a browser on this machine, and agree:\n\n  %s\n\n", to.URL)
	bounded, done := context.WithTimeout(ctx, wait)
	defer done()
	s, err := (&landing{state: at.Query().Get("state"), finish: c.FinishConnection}).wait(bounded, l)
	switch {
	case ctx.Err() != nil:
		return s, core.E(core.Canceled, "", "stopped before anything was connected").WithHint(again)
	case errors.Is(err, context.DeadlineExceeded) && bounded.Err() != nil:
		return s, core.E(core.Unavailable, "", "nobody agreed within "+wait.String()).WithHint(again)
	}
	return s, err
}

// landing is where the browser comes back to, once.
type landing struct {
	state  string
	finish func(context.Context, client.ConnectionAnswer) (client.Secret, error)
}

// landed is what came of it.
type landed struct {
	secret client.Secret
	err    error
}

// wait serves at l until the browser has come back, or ctx ends.
func (d *landing) wait(ctx context.Context, l net.Listener) (client.Secret, error) {
	came := make(chan client.ConnectionAnswer)
	result := make(chan landed, 1)
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method != http.MethodGet || q.Get("state") != d.state { // a browser asks for icons, too
			http.NotFound(w, r)
			return
		}
		select {
		case came <- client.ConnectionAnswer{State: q.Get("state"), Code: q.Get("code"), Error: q.Get("error"), Issuer: q.Get("iss")}:
			got := <-result
			page(w, got)
		case <-r.Context().Done():
		case <-ctx.Done():
		}
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	var got landed
	select {
	case a := <-came:
		got.secret, got.err = d.finish(ctx, a)
		result <- got
	case err := <-served:
		return client.Secret{}, err
	case <-ctx.Done():
		got.err = ctx.Err()
	}
	bye, done := context.WithTimeout(context.WithoutCancel(ctx), time.Second) // for the browser's page
	defer done()
	if err := server.Shutdown(bye); err != nil {
		_ = server.Close()
	}
	<-served
	return got.secret, got.err
}

// page tells the person at the browser.
func page(w http.ResponseWriter, got landed) {
	text := "Connected: " + got.secret.Name + ". You can close this window."
	if got.err != nil {
		text = "Not connected: the command says why."
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; img-src data:")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Connection", "close")
	fmt.Fprintf(w, `<!doctype html><meta charset=utf-8><link rel=icon href="data:,"><title>Isekai</title><p id=said>%s`, html.EscapeString(text))
}
