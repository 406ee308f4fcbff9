package platform

import (
	"cmp"
	"context"
	"encoding/json"
	"net"
	"strconv"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/egress/hosts"
)

// Egress says what this installation may reach for what users and models aim: OAuth
// providers, pages, webhooks. Without more it is what is public, at the ports of the web. It
// takes no proxy.
type Egress struct {
	Allow     string        `koanf:"allow" json:"allow"`         // hosts, addresses and networks that may be reached besides, separated by commas: see egress.Config
	Ports     string        `koanf:"ports" json:"ports"`         // that are open everywhere, separated by commas
	MaxBody   int64         `koanf:"max_body" json:"max_body"`   // bytes of an answer
	Timeout   time.Duration `koanf:"timeout" json:"timeout"`     // of a request with all that follows
	Redirects int           `koanf:"redirects" json:"redirects"` // that are followed; 0: none
}

// MarshalJSON writes durations as the file has them: "30s".
func (e Egress) MarshalJSON() ([]byte, error) {
	type plain Egress
	return json.Marshal(struct {
		plain
		Timeout string `json:"timeout"`
	}{plain(e), e.Timeout.String()})
}

// The bounds of what operators may set.
const (
	mostBody      = 1 << 30
	mostTime      = time.Hour
	mostRedirects = 20
)

func (e Egress) check() error {
	const op = "config"
	switch {
	case e.MaxBody < 1 || e.MaxBody > mostBody:
		return core.E(core.Invalid, op, "egress.max_body must be from 1 to 1073741824 bytes").WithHint(configHint)
	case e.Timeout < time.Second || e.Timeout > mostTime:
		return core.E(core.Invalid, op, "egress.timeout must be from 1s to 1h").WithHint(configHint)
	case e.Redirects < 0 || e.Redirects > mostRedirects:
		return core.E(core.Invalid, op, "egress.redirects must be from 0 to 20").WithHint(configHint)
	}
	_, err := e.guard()
	return err
}

// guard is the way out that this says.
func (e Egress) guard() (*egress.Guard, error) { return e.guardWith(func(*egress.Config) {}) }

// guardWith is guard with a change.
func (e Egress) guardWith(change func(*egress.Config)) (*egress.Guard, error) {
	cfg := egress.Config{Allow: commas(e.Allow), MaxBody: e.MaxBody, Timeout: e.Timeout, Redirect: e.Redirects}
	if e.Redirects == 0 {
		cfg.Redirect = -1
	}
	for _, s := range commas(e.Ports) {
		port, err := strconv.Atoi(s)
		if err != nil {
			return nil, core.E(core.Invalid, "config", "egress.ports: "+strconv.Quote(s)+" isn't a port").WithHint("as in 80,443")
		}
		cfg.Ports = append(cfg.Ports, port)
	}
	change(&cfg)
	g, err := egress.New(cfg)
	if err != nil {
		return nil, core.E(core.Invalid, "config", "egress.allow or egress.ports can't be used").WithHint(cmp.Or(core.HintOf(err), configHint)).Because(err)
	}
	return g, nil
}

// streams is the way out for what answers for long: with the same rules, and without a bound on
// how long an answer lasts; it begins within silence.
func (e Egress) streams(silence time.Duration) (*egress.Guard, error) {
	return e.guardWith(func(cfg *egress.Config) { cfg.Timeout, cfg.Silence = -1, silence })
}

// openEgress opens the one way out for what users and models aim.
func (n *node) openEgress(context.Context) (err error) {
	if n.outside, err = n.cfg.Egress.guard(); err != nil {
		return err
	}
	n.reachable = hosts.New(n.store)
	n.stages.add("outbound connections", func(context.Context) error { n.outside.Close(); return nil })
	return nil
}

// within bounds how long dialing takes.
func within(limit time.Duration, dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return dial(ctx, network, address)
	}
}

// unread bounds how many bytes the system takes from a connection that nobody has read.
func unread(most int, dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if tcp, ok := c.(interface{ SetReadBuffer(bytes int) error }); ok && err == nil {
			_ = tcp.SetReadBuffer(most) // else there is the system's own bound
		}
		return c, err
	}
}

// dialer connects to an address.
type dialer = func(ctx context.Context, network, address string) (net.Conn, error)
