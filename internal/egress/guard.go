package egress

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Resolver finds the addresses of a name. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Config configures a Guard. Zero fields have the defaults that are named.
type Config struct {
	// Allow opens what would be refused: addresses, ranges and hosts, each with or without
	// a port. "*.corp.example" is every host below it. Neither a host's rule nor a range's
	// opens link-local, metadata, multicast and unspecified addresses: a rule of the very
	// address does.
	Allow    []string
	Ports    []int         // that are open; 80 and 443
	MaxBody  int64         // bytes of an answer, unpacked; 10 MiB
	Timeout  time.Duration // of a request with its redirects and the reading of its answer; 30 s. Negative: none, for streams
	Silence  time.Duration // until the answer's header has come; 15 s
	Connect  time.Duration // for one address; 5 s
	Redirect int           // how many are followed; 5. Negative: none
	Header   int64         // bytes of an answer's header; 64 KiB
	Resolver Resolver      // net.DefaultResolver
}

// maxAddresses bounds how many addresses of a host are looked at.
const maxAddresses = 32

// Guard decides what can be reached, and reaches it. Safe for concurrent use.
type Guard struct {
	cfg    Config
	rules  []rule
	ports  []uint16
	client *http.Client
}

// New returns a Guard. invalid: a rule or a port isn't one.
func New(cfg Config) (*Guard, error) {
	defaults(&cfg)
	g := &Guard{cfg: cfg}
	for _, s := range cfg.Allow {
		r, err := parseRule(s)
		if err != nil {
			return nil, err
		}
		g.rules = append(g.rules, r)
	}
	for _, p := range cfg.Ports {
		if p < 1 || p > 65535 {
			return nil, core.E(core.Invalid, "egress.ports", strconv.Itoa(p)+" isn't a port")
		}
		g.ports = append(g.ports, uint16(p))
	}
	g.client = g.newClient()
	return g, nil
}

func defaults(cfg *Config) {
	if len(cfg.Ports) == 0 {
		cfg.Ports = []int{80, 443}
	}
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = 10 << 20
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.Silence <= 0 {
		cfg.Silence = 15 * time.Second
	}
	if cfg.Connect <= 0 {
		cfg.Connect = 5 * time.Second
	}
	if cfg.Redirect == 0 {
		cfg.Redirect = 5
	}
	if cfg.Header <= 0 {
		cfg.Header = 64 << 10
	}
	if cfg.Resolver == nil {
		cfg.Resolver = net.DefaultResolver
	}
}

// DialContext connects to a host and port over TCP, as the client does: for what isn't
// HTTP. denied: the host has an address that is refused, though it may have others, too;
// not_found: it has none; unavailable: none of them answers.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" {
		return nil, core.E(core.Unsupported, "egress", "only TCP goes out")
	}
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, badURL("it has no port").Because(err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 {
		return nil, badURL("its port is out of range")
	}
	if host, err = normalHost(host); err != nil {
		return nil, err
	}
	addresses, err := g.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		if err := g.allows(host, a, uint16(port)); err != nil {
			return nil, err
		}
	}
	return g.dial(ctx, host, addresses, uint16(port))
}

// resolve returns the addresses of a host.
func (g *Guard) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	addresses, err := g.cfg.Resolver.LookupNetIP(ctx, "ip", host)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound, err == nil && len(addresses) == 0:
		return nil, core.E(core.NotFound, "egress", "there is no host "+host).WithHint("check its spelling").Because(err)
	case err != nil:
		return nil, core.E(core.Unavailable, "egress", "the host "+host+" can't be looked up").WithHint("try again").Because(err)
	case len(addresses) > maxAddresses:
		return nil, denied(host + " is refused: it has " + strconv.Itoa(len(addresses)) + " addresses")
	}
	return addresses, nil
}

// dial connects to the first of the addresses that answers: these, and not what the name
// may stand for by now.
func (g *Guard) dial(ctx context.Context, host string, addresses []netip.Addr, port uint16) (net.Conn, error) {
	var failed []error
	d := net.Dialer{Timeout: g.cfg.Connect, FallbackDelay: -1}
	for _, a := range addresses {
		conn, err := d.DialContext(ctx, "tcp", netip.AddrPortFrom(plain(a), port).String())
		if err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		failed = append(failed, err)
	}
	return nil, core.E(core.Unavailable, "egress", host+" doesn't answer").WithHint("try again").Because(errors.Join(failed...))
}
